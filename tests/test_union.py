"""The script that joins data sets for training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dielectra.data.dataset import open_dataset

ROOT = Path(__file__).parents[1]


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
