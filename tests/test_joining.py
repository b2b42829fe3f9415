"""Data sets joined into one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.data.dataset import open_dataset
from dielectra.data.joining import join_datasets
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.models.optimate import OptiMate


def part(path: Path, records: list[Record], broadening: str = "0.3") -> str:
    return str(write_part(records, path, {"broadening_eV": broadening}))


@pytest.fixture(scope="module")
def few(small_data: Path) -> list[Record]:
    return list(open_dataset(small_data).records("rpa"))[:6]


def test_of_one_material_the_first_counts_and_a_level_joins_it(few: list[Record], tmp_path: Path) -> None:
    raised = [replace(one, spectrum=replace(one.spectrum, level="lrc")) for one in few[2:5]]
    first = part(tmp_path / "first.parquet", few[:4])
    second = part(tmp_path / "second.parquet", [replace(one, properties={"source": "second"}) for one in few[3:]])
    third = part(tmp_path / "third.parquet", [*raised, *few[:1]])
    assert join_datasets([first, second, f"{third}:lrc"], tmp_path / "joint") == {
        first: 4,
        second: len(few) - 4,
        f"{third}:lrc": 3,
    }
    joint = open_dataset(tmp_path / "joint")
    assert joint.levels == ("rpa", "lrc")
    assert joint.broadening == 0.3
    found = list(joint.records("rpa"))
    assert [one.id for one in found] == [one.id for one in few]
    assert ["second" in one.properties.values() for one in found] == [False] * 4 + [True] * (len(few) - 4)
    assert {one.id for one in joint.records("lrc")} == {one.id for one in few[2:5]}
    np.testing.assert_array_equal(found[0].spectrum.tensor, few[0].spectrum.tensor)
    assert join_datasets([first, f"{second}:rpa"], tmp_path / "again")[f"{second}:rpa"] == len(few) - 4


def test_a_formula_keeps_the_split_that_it_has_first(few: list[Record], tmp_path: Path) -> None:
    first = part(tmp_path / "first.parquet", [replace(few[0], split="experiment-test")])
    second = part(tmp_path / "second.parquet", [replace(few[0], id="polymorph", split="train")])
    join_datasets([first, second], tmp_path / "joint")
    assert {one.id: one.split for one in open_dataset(tmp_path / "joint").records("rpa")} == {
        few[0].id: "experiment-test",
        "polymorph": "experiment-test",
    }


def test_data_sets_that_do_not_fit_are_refused(few: list[Record], tmp_path: Path) -> None:
    first = part(tmp_path / "first.parquet", few[:1])
    sharper = part(tmp_path / "sharper.parquet", few[1:2], "0.1")
    energies = few[1].spectrum.energies[::2]
    coarse = replace(few[1], spectrum=few[1].spectrum.resample(energies))
    other = part(tmp_path / "other.parquet", [coarse])
    for given, why in ((sharper, "broadening"), (other, "--energies 0,20,")):
        with pytest.raises(InputError, match=why):
            join_datasets([first, given], tmp_path / "joint")
    with pytest.raises(InputError, match="give the data sets"):
        join_datasets([], tmp_path / "joint")
    with pytest.raises(InputError, match="nothing is left"):
        join_datasets([first], tmp_path / "joint", frozenset({2}))
    assert not (tmp_path / "joint").exists()


@pytest.mark.slow
def test_shipped_ladders_join_with_their_metals_and_their_gaps(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("data", "join", "ladder-2", "ladder", "lrc:lrc", "-o", tmp_path / "joint", "--json")
    assert code == 0
    assert list(json.loads(out)) == ["ladder-2", "ladder", "lrc:lrc"]
    joint, new, old, lrc = (open_dataset(name) for name in (tmp_path / "joint", "ladder-2", "ladder", "lrc"))
    rpa = {record.id: record for record in joint.records("rpa")}
    raised = {record.id: record for record in lrc.records("lrc")}
    assert set(rpa) == {record.id for data in (new, old) for record in data.records("rpa")}
    assert {metal.id for metal in joint.metals()} == {metal.id for metal in new.metals()}
    assert {record.id for record in joint.records("lrc")} == set(raised)
    labels = joint.labels(joint.target("rpa", "lrc", rank=2))
    gaps = dict(zip(labels.ids, labels.gaps, strict=True))
    assert rpa.keys() & raised.keys()
    for name in rpa.keys() & raised.keys():  # each level keeps the gaps of its bands
        assert gaps[name][0] == pytest.approx(rpa[name].properties["gap_direct"], abs=1e-5)
        assert gaps[name][2] == pytest.approx(raised[name].properties["gap_direct"], abs=1e-5)
        assert gaps[name][2] > gaps[name][0]


@pytest.mark.slow
def test_only_elements_of_an_architecture(run: Run, tmp_path: Path) -> None:
    assert run("data", "join", "ladder-2", "-o", tmp_path / "joint", "--architecture", "optimate")[0] == 0
    found, everything = (
        {element for record in open_dataset(source).records("rpa") for element in record.crystal.elements}
        for source in (tmp_path / "joint", "ladder-2")
    )
    assert found == everything & OptiMate.elements < everything
