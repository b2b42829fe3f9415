"""Predict many CIFs by one call of the command line: time, memory, and whether the table is right.

    python benchmarks/many.py [--files 2000] [--model ladder-ensemble] [--folder many-cifs] [--single 20]

The files hold the crystals of the shipped data sets in P 1; once these are used up, copies with their cells stretched
by 1 % more each time. The table is checked row by row: names, formulas, space groups, and for some crystals the numbers
of a prediction alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyarrow import parquet

from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.documents.row import row_of
from dielectra.elements import SYMBOLS
from dielectra.prediction import loaded_model, predict_many

SETS = ("ladder", "ladder-2")


def crystals() -> Iterator[tuple[str, Crystal]]:
    """Give the crystals of the data sets with their names, again and again, each time stretched by 1 % more."""
    known = {r.id: r.crystal for name in SETS for r in open_dataset(name).records("ipa")}
    for turn in range(100):
        for identifier, crystal in known.items():
            stretched = Crystal(crystal.cell * (1 + 0.01 * turn), crystal.numbers, crystal.frac_coords)
            yield f"{identifier}-{turn}", stretched


def cif(name: str, crystal: Crystal) -> str:
    """Return a crystal as a CIF in P 1."""
    lengths = np.linalg.norm(crystal.cell, axis=1)
    a, b, c = crystal.cell / lengths[:, None]
    angles = np.degrees(np.arccos([b @ c, a @ c, a @ b]))
    lines = [f"data_{name}", "_symmetry_space_group_name_H-M 'P 1'"]
    lines += [f"_cell_length_{axis} {length:.8f}" for axis, length in zip("abc", lengths, strict=True)]
    lines += [
        f"_cell_angle_{angle} {degrees:.8f}" for angle, degrees in zip(("alpha", "beta", "gamma"), angles, strict=True)
    ]
    lines += ["loop_", *(f"_atom_site_{key}" for key in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))]
    for index, (number, coords) in enumerate(zip(crystal.numbers, crystal.frac_coords, strict=True)):
        symbol = SYMBOLS[number]
        lines.append(f"{symbol}{index} {symbol} " + " ".join(f"{x:.9f}" for x in coords))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the files, run the command, check what it wrote."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--model", default="ladder-ensemble")
    parser.add_argument("--folder", type=Path, default=Path("many-cifs"))
    parser.add_argument("--single", type=int, default=20)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    written = dict(zip((f"{index:05d}.cif" for index in range(options.files)), crystals(), strict=False))
    for file, (name, crystal) in written.items():
        (options.folder / file).write_text(cif(name, crystal))
    table, piped = options.folder.with_suffix(".parquet"), options.folder.with_suffix(".tsv")
    command = [sys.executable, "-m", "dielectra", "predict", str(options.folder), "--model", options.model]
    start = time.monotonic()
    with piped.open("w") as stdout:
        done = subprocess.run([*command, "-o", str(table)], stdout=stdout, stderr=subprocess.PIPE, text=True)
    seconds, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"exit code {done.returncode}, {seconds:.0f} s on {os.cpu_count()} shared cores, "
        f"{used.ru_utime + used.ru_stime:.0f} s of CPU, {used.ru_maxrss / 2**20:.2f} GiB at most"
    )
    print(done.stderr.strip()[-1500:])
    rows = parquet.read_table(table).to_pylist()
    assert [Path(row["file"]).name for row in rows] == sorted(written)
    for row in rows:
        _, crystal = written[Path(row["file"]).name]
        assert row["refused"] or row["formula"] == crystal.formula, row
    with piped.open(newline="") as file:
        lines = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    for row in rows:
        assert row["refused"] or abs(float(lines[row["file"]]["n_589nm"]) - row["n_589nm"]) < 1e-4, row
    answered = [row for row in rows if not row["refused"]]
    picked = answered[:: max(1, len(answered) // options.single)]
    model = loaded_model("rpa", options.model)
    for row in picked:
        (alone,) = predict_many([written[Path(row["file"]).name][1]], model=model)
        expected = row_of(alone, row["file"])
        assert expected.space_group == row["space_group"], row
        assert abs(expected.n_589nm - row["n_589nm"]) < 1e-3, row
    print(f"{len(rows)} rows, {len(answered)} predicted, {len(picked)} of them equal to predictions one by one")


if __name__ == "__main__":
    main()
