from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.crystal import make_crystal
from dielectra.data.census import FLOORS, compare_with_floors, take_census
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.store import write_part
from dielectra.spectrum import Spectrum

ENERGIES = np.linspace(0.0, 2.0, 5)


def record(name: str, species: list[str], level: str, split: str | None, **properties: object) -> Record:
    crystal = make_crystal(np.eye(3) * 4.0, species, [0, 0, 0, 0.5, 0.5, 0.5])
    tensor = np.einsum("ij,w->ijw", np.eye(3), np.full(5, 2.0 + 0.1j))
    return Record(name, crystal.formula, split, crystal, Spectrum(ENERGIES, tensor, level, 0.3), properties)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return a data set of four materials at some levels and two metals."""
    lone = record("b", ["Ca", "O"], "rpa", "test")
    metal = Metal("m1", "CuZn", "train", make_crystal(np.eye(3) * 3.0, ["Cu", "Zn"], [0, 0, 0, 0.5, 0.5, 0.5]), "rpa")
    records = [
        record("a", ["Mg", "O"], "ipa", "train"),
        record("a", ["Mg", "O"], "rpa", "train", gap_gllb=7.1),
        lone,
        record("c", ["La", "N"], "ipa", "train"),
        record("c", ["La", "N"], "rpa", "train"),
        record("d", ["Li", "H"], "bse", None),
        metal,
        replace(metal, id="m2", split=None),
    ]
    return write_part(records, tmp_path / "mixed" / "part-0000.parquet").parent


def test_a_census_counts_by_level_split_element_and_class(mixed: Path) -> None:
    census = take_census(open_dataset(mixed))
    assert census["materials"] == 4
    assert census["splits"] == {"ipa": {"train": 2}, "rpa": {"train": 2, "test": 1}, "bse": {"none": 1}}
    assert census["metals"] == {"train": 1, "none": 1}
    assert census["training_elements"] == {"N": 1, "O": 1, "Mg": 1, "La": 1}  # no element of a metal
    assert census["classes"]["oxides"] == {"materials": 2, "training": 1}
    assert census["classes"]["nitrides, carbides, borides"] == {"materials": 1, "training": 1}
    assert census["classes"]["with d-block elements"] == {"materials": 1, "training": 1}
    assert census["classes"]["chalcogenides"] == {"materials": 0, "training": 0}
    compared = {entry["name"]: (entry["found"], entry["floor"]) for entry in compare_with_floors(census)}
    assert compared["materials at IPA and RPA"] == (2, 2600)
    assert compared["metals"] == (2, 300)
    assert compared["materials with a GLLB-SC gap"] == (1, 1000)
    assert compared["materials at BSE"] == (1, 30)
    assert compared["elements in 10 or more training materials"] == (0, 65)
    assert list(compared) == [floor.name for floor in FLOORS]


@pytest.mark.slow
def test_the_census_of_the_ladder_adds_up() -> None:
    data = open_dataset("ladder")
    census, labels = take_census(data), data.labels("rpa")
    trained = labels.of_split("train")
    assert census["splits"]["rpa"]["train"] == len(trained)
    assert census["training_elements"]["O"] == sum(8 in crystal.elements for crystal in trained.crystals)
    assert census["classes"]["oxides"]["materials"] == sum(8 in crystal.elements for crystal in labels.crystals)


@pytest.mark.slow
def test_data_info_prints_the_census_and_floors_where_asked(mixed: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("data", "info", str(mixed), "--json")
    assert code == 0
    assert "floors" not in json.loads(out)["census"]
    figure = tmp_path / "census.png"
    code, out, _ = run("data", "info", str(mixed), "--json", "--floors", "--plot", str(figure))
    assert json.loads(out)["census"]["floors"][0] == {"name": "materials at IPA and RPA", "found": 2, "floor": 2600}
    assert figure.stat().st_size > 10_000
    code, out, _ = run("data", "info", str(mixed), "--floors")
    assert code == 0
    assert "floors of the ladder" in out
    lines = out.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("     Mg"))
    assert lines[place + 1] == "     1"  # second column of the periodic table
