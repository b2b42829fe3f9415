"""Predictions against measured n and k, at each level and dressed: python benchmarks/measured.py [MODEL] [DATASET].

Every compound is dressed by parameters that the other compounds give (docs/validation.md).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import numpy as np

from dielectra.data.dataset import open_dataset
from dielectra.levels import LEVELS
from dielectra.models.ensemble import load_predictor
from dielectra.training.dressing import DRESSED, Errors, judge_dressing, measured_errors


def main(model: str = "ladder-ensemble", dataset: str = "experiment") -> None:
    """Print the table of errors of n and k by compound, their medians, and the parameters of all compounds."""
    predictor, data = load_predictor(model), open_dataset(dataset)
    found = judge_dressing(predictor, data, model)
    others = [level for level in predictor.target.levels if LEVELS[level].quasiparticles]
    by_level = {level: measured_errors(predictor, level, data) for level in others}
    print(f"{model} on {dataset}; compounds in *italics* are in splits from which no model learns\n")
    names = [DRESSED.upper(), *(level.upper() for level in others), f"{DRESSED.upper()}, dressed"]
    print("| compound |" + "".join(f" n, {name} | k |" for name in names))
    print("|---|" + "---:|" * 2 * len(names))
    rows = {
        one.id: [one.base, *(errors[one.id] for errors in by_level.values()), one.dressed] for one in found.compounds
    }
    for one in found.compounds:
        print(row(f"*{one.formula}*" if one.unseen else one.formula, rows[one.id]))
    unseen = [one.id for one in found.compounds if one.unseen]
    print(row("median", medians(rows.values())))
    print(row(f"median of the {len(unseen)} unseen", medians(rows[name] for name in unseen)))
    shift, kernel = found.dressing.shift, found.dressing.kernel
    print(f"\nall compounds: shift {shift:g} eV / eps0, {kernel:g} times the bootstrap kernel")
    print("\n".join(found.refused))


def medians(rows: Iterable[list[Errors]]) -> list[Errors]:
    """Return the median errors of each column."""
    return [Errors(*map(float, pair)) for pair in np.median(np.array(list(rows)), axis=0)]


def row(name: str, errors: list[Errors]) -> str:
    """Return a line of the table."""
    return f"| {name} | " + " | ".join(f"{value:.3f}" for pair in errors for value in pair) + " |"


if __name__ == "__main__":
    main(*sys.argv[1:])
