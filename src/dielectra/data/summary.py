"""What a data set holds: counts, elements, cell sizes, gaps, similarity between levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.census import compare_with_floors, take_census
from dielectra.data.dataset import open_dataset
from dielectra.data.labels import Labels
from dielectra.elements import SYMBOLS
from dielectra.spectrum import similarity

GAP_EDGES = np.arange(0.0, 11.0, 1.0)
SIMILARITY_EDGES = np.linspace(0.0, 1.0, 11)


def summarise(source: str | Path, floors: bool = False) -> dict[str, Any]:
    """Return counts and histograms of a data set as plain data.

    Parameters
    ----------
    source
        Name, folder or file of a data set.
    floors
        Whether to compare the census with what the ladder aims at.

    Raises
    ------
    InputError
        If the data set is missing or damaged.
    """
    data = open_dataset(source)
    levels = data.levels
    labels = {level: data.labels(level) for level in levels}
    first = labels[levels[0]]
    gaps = [gap for gap in data.properties("gap_direct").values() if gap is not None]
    elements = Counter(number for crystal in first.crystals for number in crystal.elements)
    histograms = {
        "atoms per cell": _counted(Counter(crystal.n_atoms for crystal in first.crystals)),
        "direct gap (eV)": _binned(gaps, GAP_EDGES),
    }
    summary: dict[str, Any] = {
        "parts": len(data.parts),
        "materials": len({name for group in labels.values() for name in group.ids}),
        "records": {level: len(group) for level, group in labels.items()},
        "splits": {level: dict(Counter(group.splits)) for level, group in labels.items()},
        "formulas": len(set(first.formulas)),
        "energies_ev": [float(first.energies[0]), float(first.energies[-1]), len(first.energies)],
        "broadening_ev": data.broadening,
        "elements": {SYMBOLS[number]: count for number, count in sorted(elements.items())},
        "cpu_hours": round(sum(seconds or 0.0 for seconds in data.properties("cpu_s").values()) / 3600, 2),
    }
    if "ipa" in labels and "rpa" in labels:
        values = level_similarity(labels["ipa"], labels["rpa"])
        histograms["SC of IPA as RPA"] = _binned(values, SIMILARITY_EDGES)
        summary["ipa_rpa_sc_median"] = float(np.median(values)) if len(values) else None
    census = take_census(data)
    compared = {"floors": compare_with_floors(census)} if floors else {}
    return summary | {"census": census | compared, "histograms": histograms}


def level_similarity(lower: Labels, upper: Labels) -> Sequence[float]:
    """Return the SC of the lower level's spectrum taken as the upper's, for the materials that have both."""
    position = {name: index for index, name in enumerate(lower.ids)}
    pairs = [(position[name], index) for index, name in enumerate(upper.ids) if name in position]
    if not pairs:
        return []
    first, second = zip(*pairs, strict=True)
    values: list[float] = similarity(lower.eps2[list(first)], upper.eps2[list(second)], upper.energies).tolist()
    return values


def _counted(counts: Counter[int]) -> dict[str, int]:
    return {str(key): counts[key] for key in sorted(counts)}


def _binned(values: Sequence[float], edges: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, int]:
    counts, _ = np.histogram(values, edges)
    names = [f"{low:g}-{high:g}" for low, high in zip(edges[:-1].round(3), edges[1:].round(3), strict=True)]
    return {name: int(count) for name, count in zip(names, counts, strict=True)}
