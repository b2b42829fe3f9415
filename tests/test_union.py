"""The script that joins data sets for training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dielectra.data.dataset import open_dataset
from dielectra.models.optimate import OptiMate

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_union_holds_every_material_once_and_the_metals(tmp_path: Path) -> None:
    joint = tmp_path / "joint"
    command = [sys.executable, ROOT / "datasets" / "union.py", joint, "ladder-2", "ladder"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found, new, old = open_dataset(joint), open_dataset("ladder-2"), open_dataset("ladder")
    names = [record.id for record in found.records("rpa")]
    assert len(names) == len(set(names))
    assert set(names) | {metal.id for metal in found.metals()} == {
        *(record.id for dataset in (new, old) for record in dataset.records("rpa")),
        *(metal.id for metal in new.metals()),
    }


@pytest.mark.slow
def test_a_union_may_be_limited_to_what_the_published_network_represents(tmp_path: Path) -> None:
    joint = tmp_path / "joint"
    command = [sys.executable, ROOT / "datasets" / "union.py", joint, "ladder-2", "--published-elements"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found = {element for record in open_dataset(joint).records("rpa") for element in record.crystal.elements}
    everything = {element for record in open_dataset("ladder-2").records("rpa") for element in record.crystal.elements}
    assert found == everything & OptiMate.elements < everything


@pytest.mark.slow
def test_one_level_of_a_data_set_joins_the_materials_that_are_there(tmp_path: Path) -> None:
    joint = tmp_path / "joint"
    command = [sys.executable, ROOT / "datasets" / "union.py", joint, "ladder-2", "lrc:lrc"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    found, lrc = open_dataset(joint), {record.id: record for record in open_dataset("lrc").records("lrc")}
    assert found.levels == ("ipa", "rpa", "lrc")
    assert {record.id for record in found.records("lrc")} == set(lrc)
    rpa = {record.id: record for record in found.records("rpa")}
    assert rpa.keys() & lrc.keys()
    labels = found.labels(found.target("rpa", "lrc", rank=2))
    gaps = dict(zip(labels.ids, labels.gaps, strict=True))
    for name in rpa.keys() & lrc.keys():  # each level keeps the gaps of its bands
        assert gaps[name][0] == pytest.approx(rpa[name].properties["gap_direct"], abs=1e-5)
        assert gaps[name][2] == pytest.approx(lrc[name].properties["gap_direct"], abs=1e-5)
        assert gaps[name][2] > gaps[name][0]
