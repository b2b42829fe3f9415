"""What computations cost, and how that grows with the cell and the k-points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.abinitio.task import record_path
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.jobs.table import JobTable

PAPER_CPU_HOURS = {"median": 7.8, "mean": 26.2}
"""Published cost of one RPA material (Grunert, Grossmann, Runge, Nat. Commun. 16, 8142, 2025)."""


class Cost(NamedTuple):
    """The cost of one material.

    ``volume`` is that of the cell in cubic angstrom, ``kpoints`` the number of points of the full grid, ``cpu_seconds``
    by part where known, else under ``total``.
    """

    id: str
    volume: float
    kpoints: int
    cpu_seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Return the CPU seconds of all parts."""
        return sum(self.cpu_seconds.values())


def campaign_costs(folder: str | Path) -> list[Cost]:
    """Return the cost, by part, of every material that a campaign has computed."""
    folder = Path(folder)
    found = []
    for job in JobTable(folder).jobs("done"):
        record = next(open_dataset(record_path(folder, job.id)).records(), None)
        if record is None:  # a metal
            continue
        kpoints = int(np.prod(record.properties["kgrid"]))
        found.append(Cost(record.id, record.crystal.volume, kpoints, job.cpu_seconds))
    return found


def dataset_costs(source: str | Path) -> list[Cost]:
    """Return the cost of every material of a data set whose records note it."""
    found = {}
    for record in open_dataset(source).records():
        properties = record.properties
        if properties["cpu_s"] and properties["kgrid"]:
            kpoints = int(np.prod(properties["kgrid"]))
            found[record.id] = Cost(record.id, record.crystal.volume, kpoints, {"total": float(properties["cpu_s"])})
    return list(found.values())


def median_by_part(cpu_seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median CPU seconds of each part of a computation, over materials; a part that one lacks took none."""
    parts = dict.fromkeys(part for seconds in cpu_seconds for part in seconds)
    return {part: float(np.median([seconds.get(part, 0.0) for seconds in cpu_seconds])) for part in parts}


def summarise_costs(costs: Sequence[Cost]) -> dict[str, Any]:
    """Return medians, quartiles and mean in CPU seconds, shares of the parts, and the growth with volume and k-points.

    The exponents are those of ``seconds = c volume^a kpoints^b``, by least squares of the logarithms; None below ten
    materials.

    Raises
    ------
    InputError
        If there is nothing to summarise.
    """
    if not costs:
        raise InputError("no computed material notes its cost yet")
    totals = np.array([cost.total for cost in costs])
    by_part = median_by_part([cost.cpu_seconds for cost in costs])
    exponents = None
    if len(costs) >= 10:
        features = np.log([[np.e, cost.volume, cost.kpoints] for cost in costs])
        _, by_volume, by_kpoints = np.linalg.lstsq(features, np.log(totals))[0]
        exponents = {"volume": round(float(by_volume), 2), "kpoints": round(float(by_kpoints), 2)}
    return {
        "materials": len(costs),
        "cpu_seconds": {
            "median": round(float(np.median(totals)), 1),
            "quartiles": [round(float(value), 1) for value in np.percentile(totals, [25, 75])],
            "mean": round(float(totals.mean()), 1),
        },
        "median_by_part": {part: round(seconds, 1) for part, seconds in by_part.items() if part != "total"},
        "exponents": exponents,
        "times_cheaper_than_paper": {
            "median": round(3600 * PAPER_CPU_HOURS["median"] / float(np.median(totals))),
            "mean": round(3600 * PAPER_CPU_HOURS["mean"] / float(totals.mean())),
        },
    }
