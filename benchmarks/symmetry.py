"""Compare moyo with spglib: space groups, sizes of primitive cells, CPU time; and where they differ, why.

moyo is asked at spglib's tolerance and at a quarter of it: where both answers agree, no atom lies near the tolerance.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

import spglib
from moyopy import Cell, MoyoDataset

from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.structures import Entry, scan
from dielectra.symmetry import SYMMETRY_TOLERANCE, spglib_cell


def by_spglib(crystal: Crystal) -> tuple[int, int]:
    """Return space group and number of atoms of the primitive cell."""
    found: Any = spglib.get_symmetry_dataset(spglib_cell(crystal), symprec=SYMMETRY_TOLERANCE)
    return found.number, len(set(found.std_mapping_to_primitive))


def by_moyo(crystal: Crystal, tolerance: float) -> tuple[int, int]:
    """Return the same by moyo."""
    cell = Cell(crystal.cell.tolist(), crystal.frac_coords.tolist(), crystal.numbers.tolist())
    found = MoyoDataset(cell, symprec=tolerance)
    return found.number, len(found.prim_std_cell.numbers)


def compare(name: str, crystals: list[Crystal]) -> None:
    """Print one line."""
    counts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for crystal in crystals:
        begin = time.process_time()
        expected = by_spglib(crystal)
        middle = time.process_time()
        found = by_moyo(crystal, SYMMETRY_TOLERANCE)
        end = time.process_time()
        tight = by_moyo(crystal, SYMMETRY_TOLERANCE / 4)
        seconds += Counter({"spglib": middle - begin, "moyo": end - middle})
        counts["differ"] += found != expected
        counts["near the tolerance"] += found != tight
        counts["differ, not near the tolerance"] += found != expected and found == tight
    times = ", ".join(f"{code} {1000 * total / len(crystals):.2f} ms" for code, total in seconds.items())
    print(f"{name}: {len(crystals)} crystals; {times}; {', '.join(f'{n} {what}' for what, n in counts.items())}")


def main() -> None:
    """Compare over data sets and a pool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path, nargs="*")
    for name in ("ladder", "ladder-2"):
        compare(name, list(open_dataset(name).labels("ipa").crystals))
    for path in parser.parse_args().pool:
        compare(path.name, [entry.crystal for entry in scan([path]) if isinstance(entry, Entry)])


if __name__ == "__main__":
    main()
