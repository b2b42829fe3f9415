"""Join data sets for training: python datasets/union.py OUTPUT FIRST SECOND...; a material of an earlier one wins.

NAME:LEVEL takes the records of one level only, and adds them to the materials that are there already.
With --published-elements only the crystals that the published network, OptiMate, can represent.
Measured compounds whose spectra no model may see get the split ``experiment-test``, by their formula.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.splits import sorted_formula, split_of_new
from dielectra.data.store import write_part
from dielectra.models.optimate import OptiMate
from dielectra.optics.measured import measured_formulas

MATERIALS_PER_PART = 200
PUBLISHED = "--published-elements"


def main(output: str, *sources: str, elements: frozenset[int] | None = None) -> None:
    """Write the joint data set, crystals with other elements left out; print how many materials come from each."""
    measured = {sorted_formula(formula) for formula in measured_formulas()}
    taken: dict[str, list[Record | Metal]] = {}
    for source in sources:
        fresh: dict[str, list[Record | Metal]] = {}
        name, _, level = source.partition(":")
        data = open_dataset(name)
        for one in chain(data.records(level or None), () if level else data.metals()):
            if (level or one.id not in taken) and (elements is None or one.crystal.elements <= elements):
                formula = sorted_formula(one.formula)
                new = split_of_new(formula, formula in measured)
                split = new if new == "experiment-test" else one.split
                fresh.setdefault(one.id, []).append(replace(one, split=split))
        for name, records in fresh.items():
            taken.setdefault(name, []).extend(records)
        print(source, len(fresh))  # noqa: T201
    first = open_dataset(sources[0].partition(":")[0])
    header = {"broadening_eV": f"{first.broadening:g}", "engine": str(first.engine)}
    groups = list(taken.values())
    for number, start in enumerate(range(0, len(groups), MATERIALS_PER_PART)):
        records = [record for group in groups[start : start + MATERIALS_PER_PART] for record in group]
        write_part(records, Path(output) / f"part-{number:04d}.parquet", header, first.grid)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != PUBLISHED]
    main(*arguments, elements=OptiMate.elements if PUBLISHED in sys.argv else None)
