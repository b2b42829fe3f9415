"""Scores beside those of spectra: by chemistry and element, of gaps, and of the verdict on metals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel

from dielectra.arrays import FloatArray
from dielectra.data.chemistry import classes_of
from dielectra.data.dataset import DataSet
from dielectra.data.labels import Labels
from dielectra.elements import SYMBOLS
from dielectra.levels import GAP_COLUMNS, gap_columns
from dielectra.models.ensemble import Ensemble
from dielectra.models.model import ModelLike, Outputs
from dielectra.symmetry import standard_form

SMALLEST_GROUP = 5
"""Number of materials from which an element has a score."""


class GroupScore(BaseModel):
    """The scores of the materials of a chemistry class, or with an element."""

    n: int
    sc_median: float
    sc_mean: float


class GapScore(BaseModel):
    """Mean absolute errors in eV of the direct and the fundamental gap at the level of the spectra."""

    n: int
    direct_mae: float
    fundamental_mae: float


class MetalScore(BaseModel):
    """How many metals of a split are not refused, and how many crystals with a gap are refused as metals."""

    metals: int
    answered: int
    insulators: int
    refused: int


def by_chemistry(labels: Labels, sc: FloatArray) -> dict[str, GroupScore]:
    """Return the scores of each chemistry class; a material may be in several."""
    return _grouped([classes_of(crystal.elements) for crystal in labels.crystals], sc, 1)


def by_element(labels: Labels, sc: FloatArray) -> dict[str, GroupScore]:
    """Return the scores of the materials with each element, where there are at least :data:`SMALLEST_GROUP`."""
    elements = [[SYMBOLS[number] for number in sorted(crystal.elements)] for crystal in labels.crystals]
    return _grouped(elements, sc, SMALLEST_GROUP)


def gap_deviations(gaps: FloatArray, labels: Labels, level: str) -> FloatArray:
    """Return how far predicted gaps are from those of a level, direct and fundamental, ``(n, 2)``, eV; NaN if unknown.

    A model of levels with PBE gaps alone has its gaps compared with those.
    """
    columns = gap_columns(level)
    predicted = gaps[:, columns] if columns.stop <= gaps.shape[1] else gaps[:, GAP_COLUMNS["pbe"]]
    return np.asarray(np.abs(predicted - labels.gaps[:, columns]))


def gap_score(outputs: Outputs, labels: Labels) -> GapScore | None:
    """Return the errors of predicted gaps at the level of the labels; None without predictions or known gaps."""
    if outputs.gaps is None:
        return None
    errors = gap_deviations(outputs.gaps, labels, labels.level)
    errors = errors[np.isfinite(errors).all(axis=1)]
    if len(errors) == 0:
        return None
    direct, fundamental = errors.mean(axis=0)
    return GapScore(n=len(errors), direct_mae=float(direct), fundamental_mae=float(fundamental))


def metal_score(model: ModelLike, data: DataSet, split: str) -> MetalScore | None:
    """Return how a split's metals and crystals with a gap are told apart; None from a model that tells no metals."""
    if not isinstance(model, Ensemble) or model.domain is None:
        return None
    metals = [metal.crystal for metal in data.metals() if metal.split == split]
    insulators = data.labels(data.target(*data.levels)).of_split(split).crystals
    forms = [[standard_form(crystal).crystal for crystal in group] for group in (metals, insulators)]
    verdicts = [[bool(reason) for reason in model.why_metal(group)] for group in forms]
    return MetalScore(
        metals=len(metals),
        answered=verdicts[0].count(False),
        insulators=len(insulators),
        refused=verdicts[1].count(True),
    )


def _grouped(names: Sequence[Iterable[str]], sc: FloatArray, smallest: int) -> dict[str, GroupScore]:
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for found, value in zip(names, sc, strict=True):
        for name in found:
            groups[name].append(float(value))
    return {
        name: GroupScore(n=len(values), sc_median=float(np.median(values)), sc_mean=float(np.mean(values)))
        for name, values in groups.items()
        if len(values) >= smallest
    }
