from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase.build import bulk, fcc111, molecule

import dielectra
from conftest import conventional, make_aln, make_gaas, make_mgo, make_triclinic, rattled, repeated, rotated
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.models.store import CARD, WEIGHTS, Model, load_model
from dielectra.optics.constants import optical_constants
from dielectra.prediction import (
    Predicted,
    Prediction,
    Refusal,
    admit,
    predict_each,
    predict_files,
    predict_many,
)
from dielectra.prediction.batches import BATCH
from dielectra.predictor import PredictionWarning, predict
from dielectra.structures import Refused

EXAMPLES = Path("examples")


@pytest.mark.parametrize("name", ["MgO", "NaCl", "GaAs"])
@pytest.mark.parametrize("level", ["ipa", "rpa"])
def test_known_crystals_get_a_physical_spectrum_without_warnings(name: str, level: str) -> None:
    spectrum = predict(EXAMPLES / f"{name}.cif", level=level)
    constants = optical_constants(spectrum)
    assert spectrum.provenance["warnings"] == []
    assert spectrum.level == level
    assert spectrum.tensor.shape == (3, 3, 401)
    assert (constants.eps2 >= 0).all()
    assert (constants.reflectivity >= 0).all()
    assert (constants.reflectivity <= 1).all()
    assert constants.eps2[0] < 0.05 * constants.eps2.max()
    assert 1.5 < constants.static_eps < 20


@pytest.mark.slow
def test_semiconductor_insulator_and_their_order() -> None:
    static = {name: optical_constants(predict(EXAMPLES / f"{name}.cif")).static_eps for name in ("GaAs", "MgO", "NaCl")}
    assert static["GaAs"] > 1.5 * static["MgO"]
    assert static["GaAs"] > 1.5 * static["NaCl"]
    peaks = {
        name: predict(EXAMPLES / f"{name}.cif").energies[predict(EXAMPLES / f"{name}.cif").mean.imag.argmax()]
        for name in ("GaAs", "MgO")
    }
    assert peaks["GaAs"] < peaks["MgO"]


@pytest.mark.parametrize("make", [make_mgo, make_gaas, make_aln, make_triclinic])
@pytest.mark.parametrize("change", [repeated, conventional, rotated])
def test_another_cell_gives_the_same_spectrum(
    make: Callable[[], Crystal], change: Callable[[Crystal], Crystal]
) -> None:
    first, second = predict_many([make(), change(make())])
    np.testing.assert_allclose(
        second.spectrum.tensor, first.spectrum.tensor, atol=1e-4 * first.spectrum.tensor.imag.max()
    )


def test_relaxation_noise_hardly_changes_the_spectrum() -> None:
    first, second = predict_many([make_mgo(), rattled(repeated(make_mgo()))])
    assert second.crystal.n_atoms == 2
    difference = np.abs(second.spectrum.mean.imag - first.spectrum.mean.imag).max()
    assert difference < 0.01 * first.spectrum.mean.imag.max()


def test_a_batch_answers_like_single_calls(tiny_model: Model) -> None:
    crystals = [make_mgo(), make_aln(), make_triclinic()] * 30
    batch = predict_many(crystals, model=tiny_model)
    for crystal, found in list(zip(crystals, batch, strict=True))[-3:]:
        alone = predict_many([crystal], model=tiny_model)[0]
        np.testing.assert_allclose(found.spectrum.tensor, alone.spectrum.tensor, atol=1e-5)


def test_elements_without_features_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"SrTiO3: .*no features for Ti; it covers the main-group elements"):
        predict(EXAMPLES / "SrTiO3.cif")


def test_an_element_unseen_in_training_is_warned_of(tiny_model: Model) -> None:
    model = Model(tiny_model.network, tiny_model.card.model_copy(update={"elements": [8]}))
    with pytest.warns(PredictionWarning, match="Mg not among the elements the model was trained on"):
        warnings = predict(make_mgo(), model=model).provenance["warnings"]
    assert any(warning.startswith("Mg not among the elements the model was trained on") for warning in warnings)


@pytest.mark.filterwarnings("ignore:.*isotropic average:dielectra.PredictionWarning")
def test_slab_molecule_and_lone_atom_are_warned_of() -> None:
    slab = fcc111("Al", (1, 1, 3), vacuum=10.0)
    slab.pbc = True
    with pytest.warns(PredictionWarning, match="empty layer of"):
        predict(slab)
    box = molecule("H2O", vacuum=6.0)
    box.pbc = True
    with pytest.warns(PredictionWarning, match="empty layer of"):
        predict(box)
    argon = make_crystal(np.eye(3) * 6.0, ["Ar"], [[0.0, 0.0, 0.0]])
    with pytest.warns(PredictionWarning, match="no neighbour within 5 angstrom"):
        predict(argon)


def test_anisotropy_is_said_to_be_averaged() -> None:
    with pytest.warns(PredictionWarning, match="isotropic average"):
        predict(make_aln())


def test_a_huge_cell_is_refused() -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.64) * (7, 7, 6)
    atoms.rattle(0.3, seed=0)
    with pytest.raises(InputError, match=r"588 atoms in the primitive cell; .*up to 500"):
        predict(atoms)


def test_the_public_names_do_what_the_readme_says(tmp_path: Path) -> None:
    spectrum = dielectra.predict(bulk("MgO", "rocksalt", a=4.212), level="ipa")
    assert isinstance(spectrum, dielectra.Spectrum)
    assert dielectra.load_model("ladder-ipa").card.level == "ipa"
    assert dielectra.read_structure(EXAMPLES / "MgO.cif").formula == "MgO"
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        dielectra.predicts  # noqa: B018


def with_titanium(crystal: Crystal) -> Crystal:
    """Return a crystal with titanium in place of its first element, which the models refuse."""
    numbers = np.where(crystal.numbers == crystal.numbers[0], 22, crystal.numbers)
    return Crystal(crystal.cell, numbers, crystal.frac_coords)


def test_every_crystal_costs_one_symmetry_search_refused_or_not(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[object] = []
    search = spglib.get_symmetry_dataset

    def counted(cell: object, **options: float) -> object:
        searches.append(cell)
        return search(cell, **options)

    monkeypatch.setattr(spglib, "get_symmetry_dataset", counted)
    crystals = [make_mgo(), make_gaas(), make_aln(), make_triclinic()] * 32
    crystals[::8] = [with_titanium(crystal) for crystal in crystals[::8]]
    outcomes = list(predict_each(crystals, tiny_model))
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 16
    assert sum(isinstance(outcome, Prediction) for outcome in outcomes) == 112
    assert len(searches) == 128


def test_refusals_and_predictions_keep_the_order_of_the_crystals(tiny_model: Model) -> None:
    crystals = [make_mgo(), with_titanium(make_mgo()), make_gaas(), with_titanium(make_gaas())] * 40
    outcomes = list(predict_each(crystals, tiny_model))
    for crystal, outcome in zip(crystals, outcomes, strict=True):
        if 22 in crystal.elements:
            assert isinstance(outcome, Refusal)
            assert outcome.reason.startswith(f"{crystal.formula}: model tiny-ipa has no features for Ti")
        else:
            assert isinstance(outcome, Prediction)
            assert outcome.given is crystal


def test_many_crystals_are_refused_with_all_reasons() -> None:
    with pytest.raises(InputError, match=r"TiO: .*\nTiAs: .*"):
        predict_many([with_titanium(make_mgo()), make_mgo(), with_titanium(make_gaas())])


def test_a_crystal_without_symmetry_data_is_refused(tiny_model: Model) -> None:
    overlapping = Crystal(np.eye(3) * 4, np.array([12, 12]), np.array([[0.0, 0, 0], [0, 0, 1e-4]]))
    refusal = admit(overlapping, tiny_model)
    assert isinstance(refusal, Refusal)
    assert "overlapping atoms" in refusal.reason or "symmetry" in refusal.reason


def test_files_give_predictions_and_refusals_in_their_order(tiny_model: Model, tmp_path: Path) -> None:
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 4.0\n")
    names = [str(EXAMPLES / "MgO.cif"), str(broken), str(EXAMPLES / "SrTiO3.cif"), str(EXAMPLES / "NaCl.cif")]
    outcomes = list(predict_files(names, tiny_model))
    assert [outcome.name for outcome in outcomes] == names
    assert [type(outcome) for outcome in outcomes] == [Predicted, Refused, Refused, Predicted]
    assert "no features for Ti" in outcomes[2].reason
    with pytest.raises(InputError, match="3 crystals; up to 2 are predicted at a time"):
        list(predict_files(names, tiny_model, maximum=2))


def test_files_are_predicted_as_they_are_read(tiny_model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(BATCH + 1):
        (folder / f"{index:03d}.cif").write_bytes((EXAMPLES / "MgO.cif").read_bytes())
    outcomes = predict_files([folder], tiny_model)
    next(outcomes)
    (folder / f"{BATCH:03d}.cif").write_text("changed before its turn")
    assert [type(outcome) for outcome in outcomes] == [Predicted] * (BATCH - 1) + [Refused]


@pytest.mark.filterwarnings("ignore:.*trained on:dielectra.PredictionWarning")
def test_weights_are_read_once_per_process(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, mgo: Crystal) -> None:
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        if path.name == WEIGHTS:
            reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    for _ in range(3):
        predict(mgo, model=str(tiny_folder))
    assert len(reads) == 1
    os.utime(tiny_folder / CARD)
    predict(mgo, model=str(tiny_folder))
    assert len(reads) == 2


@pytest.mark.filterwarnings("ignore:.*trained on:dielectra.PredictionWarning")
def test_a_model_on_request_replaces_the_default(tiny_model: Model) -> None:
    assert predict(make_mgo(), model="ladder-ipa").level == "ipa"
    assert predict(make_mgo(), model=load_model("ladder-ipa")).provenance["model"] == "ladder-ipa"
    assert predict(make_mgo(), model=tiny_model).energies.shape == (81,)
