from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, make_aln
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.documents.crystal import describe
from dielectra.errors import InputError
from dielectra.models.domain import disagreement
from dielectra.models.ensemble import Ensemble, load_predictor
from dielectra.optics.bands import Calibration, band, misfits
from dielectra.prediction import predict_many
from dielectra.training.config import TrainingConfig, load_config
from dielectra.training.domains import isotropic
from dielectra.training.ensembles import calibrate, member_configs, train_ensemble
from dielectra.training.evaluation import band_score, spectra_of_split

pytestmark = pytest.mark.slow

TINY = ("epochs=2", "network.width=8", "network.tensor_channels=4")
MEMBERS = ({"encoder": "sevennet-0"}, {"encoder": "sevennet-l3i5"})


def config() -> TrainingConfig:
    return load_config("encoder", overrides=TINY).model_copy(update={"members": MEMBERS})


@pytest.fixture(scope="module")
def folder(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("ensembles") / "pair"
    train_ensemble(small_data, ("ipa", "rpa"), config(), run)
    return run


@pytest.fixture(scope="module")
def ensemble(folder: Path) -> Ensemble:
    found = load_predictor(folder)
    assert isinstance(found, Ensemble)
    return found


def test_members_differ_in_seed_and_encoder() -> None:
    first, second = member_configs(config())
    assert (first.seed, second.seed) == (0, 1)
    assert (first.network["encoder"], second.network["encoder"]) == ("sevennet-0", "sevennet-l3i5")
    assert first.network["width"] == second.network["width"] == 8
    assert first.members == second.members == ()
    assert len(member_configs(load_config("ensemble"))) == 5


def test_ensemble_predicts_tensors_with_members_gap_and_bands_at_both_levels(ensemble: Ensemble) -> None:
    admitted = ensemble.admit(make_aln())
    for level in ("ipa", "rpa"):
        (estimate,) = ensemble.at(level).predict([admitted])
        spectrum = estimate.spectrum
        assert spectrum.level == level
        assert len(spectrum.members) == 2
        assert np.allclose(spectrum.tensor, np.mean(spectrum.members, axis=0), atol=1e-4)
        assert np.abs(spectrum.tensor[0, 0] - spectrum.tensor[1, 1]).max() < 1e-3 * np.abs(spectrum.tensor).max()
        assert np.abs(spectrum.tensor[0, 0] - spectrum.tensor[2, 2]).max() > 0
        assert estimate.gap is not None
        assert estimate.calibration is not None
        found = band(spectrum, "n", estimate.calibration)
        assert found is not None
        assert found.coverage == 0.9


def test_calibrated_band_holds_its_share_of_the_validation_split(ensemble: Ensemble, small_data: Path) -> None:
    data = open_dataset(small_data)
    pairs = spectra_of_split(ensemble, data, "rpa", "validation")
    found = np.array([misfits(predicted, known, "eps2") for predicted, known in pairs])
    for calibration in (ensemble.card.calibration["rpa"], calibrate(ensemble, data, "rpa", coverage=0.3)):
        assert np.mean(found <= calibration.factors["eps2"]) == pytest.approx(calibration.coverage, abs=1 / found.size)


def test_finished_ensemble_is_read_again_and_another_configuration_refused(folder: Path, small_data: Path) -> None:
    before = (folder / "card.json").read_bytes()
    again = train_ensemble(small_data, ("ipa", "rpa"), config(), folder)
    assert (folder / "card.json").read_bytes() == before
    assert again.card.name == "pair"
    with pytest.raises(InputError, match="other settings or data"):
        train_ensemble(small_data, ("ipa", "rpa"), config().model_copy(update={"epochs": 3}), folder)


def test_killed_ensemble_goes_on_with_the_missing_member(folder: Path, small_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "pair"
    (run / "member-0").mkdir(parents=True)
    for file in ("card.json", "model.safetensors"):
        (run / "member-0" / file).write_bytes((folder / "member-0" / file).read_bytes())
    train_ensemble(small_data, ("ipa", "rpa"), config(), run)
    for file in ("member-0/model.safetensors", "member-1/model.safetensors"):
        assert (run / file).read_bytes() == (folder / file).read_bytes()


def test_command_line_trains_scores_and_predicts(run: Run, small_data: Path, tmp_path: Path) -> None:
    settings = [f"--set={entry}" for entry in (*TINY, "members=[{encoder: sevennet-0}, {width: 4}]")]
    folder = tmp_path / "run"
    code, out, _ = run(
        "train", str(small_data), "--level", "ipa,rpa", "--recipe", "encoder", "-o", str(folder), "--json", *settings
    )
    assert code == 0
    assert json.loads(out)["members"] == ["member-0", "member-1"]
    code, out, _ = run("evaluate", str(folder), str(small_data), "--level", "ipa", "--json")
    assert code == 0
    scores = json.loads(out)
    assert scores["tensor"]["sc_median"] < 1
    assert 0 <= scores["band"]["coverage"] <= 1
    assert scores["band"]["width"] > 0
    assert 0 < scores["roughness"]["predicted"] < 1
    assert 0 < scores["roughness"]["reference"] < 1


def test_climb_without_a_start_learns_all_levels_together(run: Run, small_data: Path, tmp_path: Path) -> None:
    settings = [f"--set={entry}" for entry in TINY]
    code, out, _ = run(
        "climb", str(small_data), "--to", "rpa", "--n", "5", "-o", str(tmp_path / "run"), "--json", *settings
    )
    assert code == 0
    card = json.loads(out)
    assert card["target"]["levels"] == ["ipa", "rpa"]
    assert card["trained_on"] == "2 members, each: 16 ipa and 5 rpa spectra of small"


def test_members_learn_from_the_same_draw_of_labels(folder: Path) -> None:
    drawn = [one.draw for one in member_configs(load_config("joint", n=5, seed=3))]
    assert drawn == [3, 3]
    assert [one.draw for one in member_configs(config())] == [None, None]


def test_levels_of_a_joint_model_are_predicted_one_at_a_time(folder: Path) -> None:
    spectra = [predict_many([make_aln()], level, str(folder))[0].spectrum for level in ("ipa", "rpa", "bse")]
    assert [spectrum.level for spectrum in spectra] == ["ipa", "rpa", "rpa"]


def test_errors_of_gaps_are_part_of_the_calibration(ensemble: Ensemble) -> None:
    for calibration in ensemble.card.calibration.values():
        assert set(calibration.gap_errors) == {"gap_ev", "gap_direct_ev"}
        assert all(0 < error < 20 for error in calibration.gap_errors.values())


def test_energies_at_which_curves_are_inside_their_bands_are_counted(ensemble: Ensemble, small_data: Path) -> None:
    pairs = spectra_of_split(ensemble, open_dataset(small_data), "rpa", "validation")
    narrow = band_score(pairs, Calibration(0.9, {"eps2": 1e-6}))
    wide = band_score(pairs, Calibration(0.9, {"eps2": 1e6}))
    assert narrow.coverage < 0.05  # all curves start at 0
    assert wide.coverage == 1.0
    assert narrow.width < 1e-3 < wide.width


def test_a_level_of_quasiparticles_has_its_own_gap(small_data: Path, tmp_path: Path) -> None:
    def raised(record: Record) -> Record:
        gaps = {name: record.properties[name] + 2.0 for name in ("gap_direct", "gap_indirect")}
        return replace(
            record, spectrum=replace(record.spectrum, level="lrc"), properties=dict(record.properties) | gaps
        )

    records = list(open_dataset(small_data).records())
    more = [raised(record) for record in records if record.spectrum.level == "rpa"][::2]
    write_part([*records, *more], tmp_path / "data" / "part-0000.parquet", {"broadening_eV": "0.3"})
    settings = config().model_copy(update={"epochs": 60, "learning_rate": 1e-2, "highest_share": 0})
    model = train_ensemble(tmp_path / "data", ("ipa", "rpa", "lrc"), settings, tmp_path / "run")
    assert model.card.trained_on == "2 members, each: 16 ipa and 16 rpa and 9 lrc spectra of data"
    rpa, lrc = (predict_many([make_aln()], level, str(tmp_path / "run"))[0] for level in ("rpa", "lrc"))
    assert rpa.gap is not None
    assert lrc.gap is not None
    assert lrc.gap - rpa.gap == pytest.approx(2.0, abs=1.0)
    assert rpa.quasiparticle_gap == lrc.quasiparticle_gap == lrc.gap
    assert lrc.gap_direct is not None
    assert lrc.spectrum.mean.imag[lrc.spectrum.energies < lrc.gap_direct - 0.1].max() < 1e-3
    assert describe(rpa, "aln.cif").quasiparticle_gap_ev == rpa.quasiparticle_gap
    assert [describe(one, "aln.cif").gap_of for one in (rpa, lrc)] == ["pbe", "quasiparticles"]
    labels = open_dataset(tmp_path / "data").labels(model.target).of_split("validation")
    curves = isotropic(model, model.outputs(model.prepare(labels.crystals)).values, "rpa").swapaxes(0, 1)
    assert model.domain is not None  # what counts as disagreement is found at the level with most labels
    assert model.domain.disagreement == pytest.approx(np.quantile([disagreement(one) for one in curves], 0.95))
    assert model.card.metrics["test"]["levels"].keys() == {"ipa", "rpa", "lrc"}
    assert model.card.metrics["validation"]["levels"]["lrc"]["gaps"]["direct_mae"] < 2.5
