"""Predictions against measured n and k, as they are and dressed: python benchmarks/measured.py [MODEL] [DATASET].

Every compound is dressed by parameters that the other compounds give (docs/validation.md).
"""

from __future__ import annotations

import sys

from dielectra.data.dataset import open_dataset
from dielectra.models.ensemble import load_predictor
from dielectra.training.dressing import Judgement, judge_dressing


def main(model: str = "ladder-ensemble", dataset: str = "experiment") -> None:
    """Print the table of errors of n and k by compound, their medians, and the parameters of all compounds."""
    found = judge_dressing(load_predictor(model), open_dataset(dataset), model)
    print(f"{model} on {dataset}; compounds in *italics* are in splits from which no model learns\n")
    print("| compound | n, as it is | k | n, dressed | k |\n|---|---:|---:|---:|---:|")
    for one in found.compounds:
        print(row(f"*{one.formula}*" if one.unseen else one.formula, [*one.base, *one.dressed]))
    print(row("median", medians(found, unseen=False)))
    print(row(f"median of the {sum(one.unseen for one in found.compounds)} unseen", medians(found, unseen=True)))
    shift, kernel = found.dressing.shift, found.dressing.kernel
    print(f"\nall compounds: shift {shift:g} eV / eps0, {kernel:g} times the bootstrap kernel")
    print("\n".join(found.refused))


def medians(found: Judgement, *, unseen: bool) -> list[float]:
    """Return the median errors of n and k, as they are and dressed."""
    return [*found.medians("base", unseen), *found.medians("dressed", unseen)]


def row(name: str, values: list[float]) -> str:
    """Return a line of the table."""
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


if __name__ == "__main__":
    main(*sys.argv[1:])
