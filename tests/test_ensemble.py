"""Ensembles, and models of several levels, used as any other model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dielectra
from conftest import Run, make_mgo, tiny_config
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.documents.elements import element_support
from dielectra.errors import InputError
from dielectra.models.admission import Admitted, Estimate
from dielectra.models.ensemble import Ensemble, combine, save_ensemble
from dielectra.models.model import Model
from dielectra.models.store import load_model
from dielectra.prediction import loaded_model, predict_many
from dielectra.training.evaluation import evaluate, predict_means
from dielectra.training.recipes import train_model
from dielectra.training.sampling import batches, choose_labels


@pytest.fixture(scope="module")
def members(small_data: Path, tiny_model: Model, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    other = train_model(small_data, "ipa", tiny_config("pretrain", seed=1), tmp_path_factory.mktemp("m") / "other")
    return [tiny_model, other]


def test_an_ensemble_predicts_the_mean_and_gives_its_members(
    members: list[Model], aln: Crystal, tmp_path: Path
) -> None:
    folder = save_ensemble(combine(members, "both"), tmp_path / "both")
    loaded = dielectra.load_model(folder)
    assert (loaded.card.name, loaded.card.members) == ("both", ["member-0", "member-1"])
    (together,) = predict_many([aln], model=loaded)
    alone = [predict_many([aln], model=model)[0].spectrum for model in members]
    for found, expected in zip(together.spectrum.members, alone, strict=True):
        np.testing.assert_allclose(found, expected.tensor, atol=1e-6)
    mean = (alone[0].mean.imag + alone[1].mean.imag) / 2
    np.testing.assert_allclose(together.spectrum.mean.imag, mean, atol=1e-6)
    assert together.bands["eps2"] is not None


def test_an_ensemble_is_evaluated_as_one_model(
    members: list[Model], small_data: Path, tmp_path: Path, run: Run
) -> None:
    ensemble = combine(members, "both")
    labels = open_dataset(small_data).labels("ipa").of_split("test")
    mean = np.mean([predict_means(model, labels) for model in members], axis=0)
    np.testing.assert_allclose(predict_means(ensemble, labels), mean, atol=1e-6)
    folders = [save_ensemble(combine(members, name), tmp_path / name) for name in ("one", "two")]
    scores = json.loads(run("evaluate", folders[0], small_data, "--level", "ipa", "--json")[1])
    assert scores["sc_median"] == pytest.approx(evaluate(ensemble, small_data, "ipa").sc_median)
    (predicted,) = json.loads(run("predict", "examples/MgO.cif", "--model", folders[1], "--json")[1])
    assert "eps2" in predicted["band"]


def test_models_of_different_targets_do_not_combine(members: list[Model], small_data: Path, tmp_path: Path) -> None:
    upper = train_model(small_data, "rpa", tiny_config("direct"), tmp_path / "rpa")
    with pytest.raises(InputError, match="predict different targets"):
        combine([members[0], upper], "mixed")
    with pytest.raises(InputError, match="at least two"):
        combine(members[:1], "lonely")


def test_a_climb_needs_one_member(members: list[Model], tmp_path: Path) -> None:
    folder = save_ensemble(combine(members, "both"), tmp_path / "both")
    with pytest.raises(InputError, match="is an ensemble; give one of its members, such as"):
        load_model(folder)


def test_two_levels_are_trained_and_scored_together(small_data: Path, aln: Crystal, tmp_path: Path) -> None:
    config = tiny_config("direct", "epochs=30", n=8)
    model = train_model(small_data, ["ipa", "rpa"], config, tmp_path / "both")
    assert model.target.levels == ("ipa", "rpa")
    assert model.card.trained_on.endswith("rpa spectra of small")
    assert model.card.training["n_train"] < 8
    for level in ("ipa", "rpa"):
        assert evaluate(model, small_data, level).sc_median > 0.2
    (predicted,) = predict_many([aln], model=model)
    assert predicted.spectrum.level == "rpa"


def test_half_of_each_batch_has_the_highest_level(small_data: Path) -> None:
    data = open_dataset(small_data)
    labels = data.labels(data.target("ipa", "rpa"))
    config = tiny_config("direct", "batch_size=6", n=5)
    training, validation = choose_labels(labels, config)
    assert validation.has("rpa").all()
    assert not set(training.formulas) & set(validation.formulas)
    assert training.has("rpa").sum() + len(validation) == 5
    assert training.has("ipa").all()
    for epoch in range(2):
        found = list(batches(training, config, epoch))
        assert sorted({index for batch in found for index in batch}) == list(range(len(training)))
        assert all(training.has("rpa")[batch].sum() == 3 for batch in found)
    assert list(batches(training, config, 0)) == list(batches(training, config, 0))


def test_an_ensemble_goes_into_a_new_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("mine")
    code, _, err = run("models", "combine", "ladder-ipa", "ladder-rpa", "-o", tmp_path)
    assert code == 2
    assert "exists already; give a new folder" in err
    assert (tmp_path / "card.json").read_text() == "mine"


def test_elements_without_a_spectrum_at_the_level_are_told() -> None:
    model = loaded_model("rpa")
    assert isinstance(model, Ensemble)
    known = {"ipa": model.card.elements, "rpa": [number for number in model.card.elements if number != 8]}
    card = model.card.model_copy(update={"level_elements": known})
    for level, expected in (("ipa", []), ("rpa", ["O in no rpa spectrum of the training, only at other levels"])):
        chosen = replace(model, card=card).at(level)
        admitted = chosen.admit(make_mgo())
        assert isinstance(admitted, Admitted)
        (estimate,) = chosen.predict([admitted])
        assert isinstance(estimate, Estimate)
        assert [warning for warning in estimate.warnings if "spectrum of the training" in warning] == expected
    support = {one.symbol: one.trained for one in element_support(replace(model, card=card), "rpa")}
    assert support["Mg"]
    assert not support["O"]


def test_a_level_of_poor_scores_is_doubted_aloud() -> None:
    model = loaded_model("rpa")
    assert isinstance(model, Ensemble)
    scores = {"validation": {"levels": {"ipa": {"sc_median": 0.7}, "rpa": {"sc_median": 0.9}}}}
    poor = replace(model, card=model.card.model_copy(update={"metrics": scores}))
    for level, expected in (("ipa", ["the level ipa is learnt from few spectra"]), ("rpa", [])):
        chosen = poor.at(level)
        admitted = chosen.admit(make_mgo())
        assert isinstance(admitted, Admitted)
        (estimate,) = chosen.predict([admitted])
        assert isinstance(estimate, Estimate)
        assert [warning.partition(":")[0] for warning in estimate.warnings if "level" in warning] == expected
