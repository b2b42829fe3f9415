"""The comparison of static tensors with DFPT, by the script that prints it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dielectra.crystal import make_crystal
from dielectra.data.schema import Metal, Record
from dielectra.data.store import write_part
from dielectra.spectrum import Spectrum

ENERGIES = np.linspace(0.0, 20.0, 5)
CRYSTAL = make_crystal(np.eye(3) * 4.0, ["Mg", "O"], [0, 0, 0, 0.5, 0.5, 0.5])
PROPERTIES = {"gap_indirect": 4.5, "spacegroup": 221, "kgrid": [4, 4, 4]}


def record(name: str, static: list[float]) -> Record:
    tensor = np.diag(static)[:, :, None] * np.ones(5) + 0j
    return Record(name, "MgO", "train", CRYSTAL, Spectrum(ENERGIES, tensor, "rpa", 0.3), PROPERTIES)


@pytest.mark.slow
def test_deviations_and_outliers_are_printed(tmp_path: Path) -> None:
    factors = [0.94, 0.95, 0.95, 0.96, 0.97, 0.7]
    records: list[Record | Metal] = [record(f"mp-{i}", [factor * 4.0] * 3) for i, factor in enumerate(factors)]
    records[3] = record("mp-3", [3.0, 3.84, 4.68])  # the mean of the principal values counts
    metal = Metal("mp-9", "MgO", "train", CRYSTAL, "rpa", PROPERTIES)
    write_part([*records, record("agm-1", [9.0] * 3), metal], tmp_path / "set" / "part-0000.parquet")
    lines = [{"id": f"mp-{i}", "n_principal": [2.0, 2.0, 2.0], "gga_gap_eV": 4.4} for i in (0, 1, 2, 3, 4, 5, 9)]
    with gzip.open(tmp_path / "index.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    figure = tmp_path / "parity.png"
    command = [sys.executable, "benchmarks/static_index.py", tmp_path / "set", tmp_path / "index.jsonl.gz"]
    done = subprocess.run([*command, "--plot", figure], capture_output=True, text=True, check=True)
    head, rest, _, _, _, *outliers = done.stdout.splitlines()
    assert head == "6 crystals; RPA / DFPT - 1 of the static dielectric constant: median -0.050,"
    assert rest == "median of the absolute value 0.050, robust standard deviation 0.015"
    assert outliers == ["| mp-5 | MgO | 221 | 4x4x4 | 2.80 | 4.00 | -0.300 | 4.50, 4.40 | 0.00, 0.00 |"]
    assert figure.stat().st_size > 10_000
