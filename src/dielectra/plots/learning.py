"""Figures of trainings and of how well models do."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from dielectra.arrays import FloatArray
from dielectra.files import read_text, reading
from dielectra.plots.style import BLACK, BLUE, GREEN, ORANGE, RED, style

if TYPE_CHECKING:
    from dielectra.training.evaluation import Evaluation

SCORES_BY = "SC with the reference"
LOOKS = {
    "paper-direct": (RED, ":", "s", "DL, published recipe"),
    "direct": (RED, "-", "o", "DL, our recipe"),
    "paper-climb": (BLUE, ":", "s", "TL, published recipe"),
    "climb": (BLUE, "-", "o", "TL, our recipe (climb)"),
    "equivariant": (GREEN, "--", "v", "both levels at once, from scratch (equivariant)"),
    "encoder": (GREEN, ":", "^", "both levels at once (encoder)"),
    "joint": (GREEN, "-", "D", "both levels at once (joint)"),
}
ERROR_TICKS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10)


def plot_training_log(path: str | Path) -> Figure:
    """Draw losses and validation SC against optimiser steps from a run's ``log.csv``."""
    with reading(path):
        rows = list(csv.DictReader(read_text(path).splitlines()))
    column = {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}
    with style():
        figure = Figure(figsize=(7.0, 2.9))
        losses, scores = figure.subplots(1, 2)
        losses.semilogy(column["step"], column["train_loss"], color=BLUE, label="training")
        losses.semilogy(column["step"], column["validation_loss"], color=RED, label="validation")
        losses.set_ylabel("loss")
        losses.legend()
        scores.plot(column["step"], column["validation_sc"], color=RED)
        scores.set_ylabel("median SC, validation")
        for axes in (losses, scores):
            axes.set_xlabel("optimiser steps")
        return figure


def plot_evaluation(result: Evaluation) -> Figure:
    """Draw the distribution of SC, and SC by the number of atoms in the cell."""
    with style():
        figure = Figure(figsize=(7.4, 3.0))
        histogram, sizes = figure.subplots(1, 2, width_ratios=(1.3, 1))
        values = np.array([score.sc for score in result.per_material])
        histogram.hist(np.clip(values, 0, 1), bins=list(np.linspace(0, 1, 26)), color=BLUE, alpha=0.85)
        histogram.axvline(result.sc_median, color=BLACK, label=f"median {result.sc_median:.3f}")
        baseline = result.baseline.get("lower_level_sc_median")
        if baseline is not None:
            histogram.axvline(baseline, color=ORANGE, linestyle="--", label=f"level below, median {baseline:.3f}")
        histogram.set_xlabel(SCORES_BY)
        histogram.set_ylabel("materials")
        histogram.set_title(f"{result.model}, {result.level}, {result.split} ({result.n})", loc="left", fontsize=9)
        histogram.legend()
        n_atoms = np.array([score.n_atoms for score in result.per_material])
        present = np.unique(n_atoms)
        sizes.boxplot([values[n_atoms == size] for size in present], tick_labels=[str(size) for size in present])
        sizes.set_xlabel("atoms per primitive cell")
        sizes.set_ylabel(SCORES_BY)
        return figure


def plot_learning_curve(part: Mapping[str, Any], title: str, published: Mapping[str, Any] | None = None) -> Figure:
    """Draw 1 - median SC and median MSE against the number of labels, mean and range over seeds.

    Parameters
    ----------
    part
        For ``sc_median`` and ``mse_median``: by learning strategy and number of labels, one value per seed; and
        ``baseline`` with those of the level below taken as the prediction (``lower_level_*``), None where unknown.
    published
        The paper's numbers of labels ``n`` and its values of DL and TL at them, by metric; drawn dashed.
    """
    with style():
        figure = Figure(figsize=(9.6, 4.2))
        similarity, squares = figure.subplots(1, 2)
        draw_curves(similarity, part, published, "sc_median", lambda values: 1 - np.asarray(values, float))
        draw_curves(squares, part, published, "mse_median", lambda values: np.asarray(values, float))
        similarity.set_ylabel("1 - median SC (lower is better)")
        squares.set_ylabel(r"median MSE of $\varepsilon_2$")
        similarity.set_title(title, loc="left", fontsize=9)
        similarity.legend(fontsize=7)
        return figure


def draw_curves(
    axes: Axes,
    part: Mapping[str, Any],
    published: Mapping[str, Any] | None,
    metric: str,
    error: Callable[[Sequence[float]], FloatArray],
) -> None:
    """Draw one metric of a learning curve; `error` turns values into what is drawn."""
    ticks: set[int] = set()
    for name, points in part[metric].items():
        colour, line, marker, label = LOOKS.get(name, (BLACK, "-", "o", name))
        sizes = sorted(points, key=int)
        numbers = [int(size) for size in sizes]
        errors = [error(points[size]) for size in sizes]
        axes.fill_between(numbers, [e.min() for e in errors], [e.max() for e in errors], color=colour, alpha=0.12)
        heights = [e.mean() for e in errors]
        axes.plot(numbers, heights, line, marker=marker, markersize=4, fillstyle="none", color=colour, label=label)
        ticks |= set(numbers)
    if published is not None:
        ticks |= set(published["n"])
        for name, colour in (("DL", RED), ("TL", BLUE)):
            line = error(published[metric][name])
            axes.plot(published["n"], line, "--*", color=colour, linewidth=1, label=f"{name}, as published")
    lower = part["baseline"].get(f"lower_level_{metric}")
    if lower is not None:
        axes.axhline(float(error([lower])[0]), color=ORANGE, linestyle="-.", label="IPA spectrum taken as RPA")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(_apart(sorted(ticks)), [str(size) for size in _apart(sorted(ticks))])
    low, high = axes.get_ylim()
    axes.set_yticks([mark for mark in ERROR_TICKS if low <= mark <= high])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("number of RPA spectra")


def _apart(ticks: Sequence[int]) -> list[int]:
    """Return the ticks whose labels do not run into those before, on a log axis."""
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick >= 1.6 * kept[-1]:
            kept.append(tick)
    return kept
