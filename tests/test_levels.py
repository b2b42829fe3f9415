from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conftest import tiny_config
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.levels import LEVELS, Level, check_level, levels_below
from dielectra.models.model import Model
from dielectra.models.store import load_model
from dielectra.prediction import predict_many
from dielectra.spectrum import isotropic_spectrum
from dielectra.training.evaluation import evaluate
from dielectra.training.recipes import train_model


def test_the_ladder_goes_from_cheap_to_expensive() -> None:
    assert list(LEVELS) == ["ipa", "rpa", "alda", "lrc", "bse", "experiment"]
    assert list(levels_below("bse")) == ["lrc", "rpa", "ipa"]
    assert list(levels_below("alda")) == ["rpa", "ipa"]
    assert list(levels_below("ipa")) == []


def test_a_lower_level_is_a_row_before() -> None:
    names = list(LEVELS)
    for name, level in LEVELS.items():
        assert name == level.name
        assert level.lower is None or names.index(level.lower) < names.index(name)


def test_an_unknown_level_is_answered_with_those_that_are() -> None:
    with pytest.raises(InputError, match="unknown level 'gw'; allowed are ipa, rpa, alda, lrc, bse, experiment"):
        check_level("gw")


def test_a_new_level_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVELS, "tdhf", Level("tdhf", "TDHF", "rpa", "time-dependent Hartree-Fock"))
    assert isotropic_spectrum([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], "tdhf").level == "tdhf"
    assert list(levels_below("tdhf")) == ["rpa", "ipa"]
    with pytest.raises(InputError, match="holds no tdhf spectrum; its levels are ipa, rpa"):
        open_dataset("ladder").labels("tdhf")


@pytest.mark.slow
def test_a_new_level_is_trained_predicted_and_scored(
    monkeypatch: pytest.MonkeyPatch, small_data: Path, tiny_model: Model, mgo: Crystal, tmp_path: Path
) -> None:
    monkeypatch.setitem(LEVELS, "tdhf", Level("tdhf", "TDHF", "rpa", "time-dependent Hartree-Fock"))
    raised = [
        replace(record, spectrum=replace(record.spectrum, level="tdhf", tensor=1.2 * record.spectrum.tensor))
        for record in open_dataset(small_data).records("rpa")
    ]
    part = write_part([*open_dataset(small_data).records(), *raised], tmp_path / "p.parquet", {"broadening_eV": "0.3"})
    assert open_dataset(part).levels == ("ipa", "rpa", "tdhf")
    model = train_model(part, "tdhf", tiny_config("climb"), tmp_path / "run", tiny_model)
    assert model.card.level_history == ["ipa", "tdhf"]
    assert load_model(tmp_path / "run").card.level == "tdhf"
    assert predict_many([mgo], model=model)[0].spectrum.level == "tdhf"
    baseline = evaluate(model, part, "tdhf").baseline["lower_level_sc_median"]
    assert baseline == pytest.approx(1 - 0.2 / 1.2, abs=1e-3)
