from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import tiny_config
from dielectra.data.dataset import open_dataset
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.models.model import Model
from dielectra.models.store import load_model
from dielectra.training.recipes import train_model
from dielectra.training.state import STATE


def test_a_trained_folder_holds_model_card_and_log_but_no_state(small_data: Path, tmp_path: Path) -> None:
    train_model(small_data, "rpa", tiny_config("direct", n=10), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["card.json", "log.csv", "model.safetensors"]


def test_the_card_says_what_was_trained_on_what(small_data: Path, tiny_model: Model, tmp_path: Path) -> None:
    model = train_model(small_data, "rpa", tiny_config("climb", n=10, seed=2), tmp_path / "up", tiny_model)
    card = model.card
    assert (card.name, card.level, card.level_history) == ("up", "rpa", ["ipa", "rpa"])
    assert card.training["n_train"] + card.training["n_validation"] == 10
    assert card.training["config"]["seed"] == 2
    assert card.training["from"] == tiny_model.card.weights_sha256
    assert card.trained_on == f"{card.training['n_train']} rpa spectra of small from tiny-ipa"
    assert card.metrics["validation"]["n"] == card.training["n_validation"]
    assert set(tiny_model.card.elements) <= set(card.elements)
    assert card.target == open_dataset(small_data).target("rpa")
    assert len(card.data_hashes["part-0000.parquet"]) == 64


@pytest.mark.slow
def test_a_finished_run_is_returned_and_not_trained_again(small_data: Path, tmp_path: Path) -> None:
    first = train_model(small_data, "ipa", tiny_config("direct"), tmp_path / "run")
    stamp = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    again = train_model(small_data, "ipa", tiny_config("direct"), tmp_path / "run")
    assert again.card == first.card
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(InputError, match="holds a finished model trained with other settings"):
        train_model(small_data, "ipa", tiny_config("direct", seed=1), tmp_path / "run")


def test_a_finished_run_is_not_taken_for_one_on_data_that_have_grown(small_data: Path, tmp_path: Path) -> None:
    grown = tmp_path / "grown"
    shutil.copytree(small_data, grown)
    train_model(grown, "ipa", tiny_config("direct"), tmp_path / "run")
    more = [replace(record, id=f"{record.id}-more") for record in open_dataset(small_data).records()]
    write_part(more, grown / "part-0001.parquet", {"broadening_eV": "0.3"})
    with pytest.raises(InputError, match="of other data, or of fewer parts"):
        train_model(grown, "ipa", tiny_config("direct"), tmp_path / "run")


def test_a_climb_goes_up_only(small_data: Path, tiny_model: Model, tmp_path: Path) -> None:
    rpa = train_model(small_data, "rpa", tiny_config("climb"), tmp_path / "rpa", tiny_model)
    with pytest.raises(InputError, match="cannot climb from rpa to ipa; below it are none"):
        train_model(small_data, "ipa", tiny_config("climb"), tmp_path / "down", rpa)


def test_a_model_may_be_given_by_its_folder(small_data: Path, tiny_folder: Path, tmp_path: Path) -> None:
    train_model(small_data, "rpa", tiny_config("climb"), tmp_path / "up", tiny_folder, name="mine")
    assert load_model(tmp_path / "up").card.name == "mine"
    assert not (tmp_path / "up" / STATE).exists()
