"""Make the pool of this data set: python datasets/lrc/pool.py > pool.jsonl.

Measured crystals that have a record in `datasets/experiment` come first, then other measured compounds, then the
materials of `datasets/ladder-2`, the cheap ones first in each group, and the dear measured ones last. Ids are those of
the other data sets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dielectra.abinitio.computation import RefusedError
from dielectra.abinitio.gpaw import estimate_cpu_seconds
from dielectra.abinitio.protocol import GLLB_LRC_1
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.splits import sorted_formula
from dielectra.optics.measured import measured_formulas
from dielectra.structures import read_structure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ladder-2"))

from pool import SUSPECT, TEXTBOOK, entry_of  # noqa: E402
from textbook import measured_crystals  # noqa: E402

LONGEST_CPU_SECONDS = 150.0
"""Of the estimate for ladder-2; GLLB-SC takes about three times as long."""


DEAR = 40.0
"""Estimate above which a measured crystal waits for all others, as do those to be tried for magnetism."""


def measured() -> Iterator[tuple[tuple[int, float], dict[str, Any]]]:
    """Yield the measured crystals, each with its place: those with a record of level ``experiment`` first."""
    with_record = {name.removeprefix("exp-") for name in open_dataset(HERE.parent / "experiment").ids}
    formulas = {sorted_formula(formula) for formula in measured_formulas()}
    for name, atoms in measured_crystals():
        crystal = read_structure(atoms)
        if sorted_formula(crystal.formula) in formulas:
            seconds = _seconds(crystal)
            dear = seconds > DEAR or bool(set(atoms.symbols) & SUSPECT)
            place = 3 if dear else 0 if name.removeprefix("tb-") in with_record else 1
            yield (place, seconds), entry_of(name, crystal, TEXTBOOK)


def others() -> Iterator[tuple[tuple[int, float], dict[str, Any]]]:
    """Yield the materials of ladder-2, by what they cost there."""
    for record in open_dataset(HERE.parent / "ladder-2").records("rpa"):
        source = (str(record.properties["source"]), str(record.properties["licence"]))
        seconds = float(record.properties["cpu_s"] or LONGEST_CPU_SECONDS)
        yield (2, seconds), entry_of(record.id, record.crystal, source)


def _seconds(crystal: Crystal) -> float:
    try:
        return estimate_cpu_seconds(crystal, GLLB_LRC_1)
    except RefusedError:
        return LONGEST_CPU_SECONDS


def main() -> None:
    """Print the pool in its order."""
    seen: set[str] = set()
    entries = sorted([*measured(), *others()], key=lambda item: item[0])
    for position, ((_, seconds), entry) in enumerate(entries):
        if entry["id"] not in seen and seconds < LONGEST_CPU_SECONDS:
            seen.add(entry["id"])
            sys.stdout.write(json.dumps(entry | {"priority": -position}) + "\n")


if __name__ == "__main__":
    main()
