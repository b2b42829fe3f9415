"""Figures of trainings and of how well models do."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from dielectra.plots.style import BLACK, BLUE, ORANGE, RED, style

if TYPE_CHECKING:
    from dielectra.training.evaluation import Evaluation

SCORES_BY = "SC with the reference"


def plot_training_log(path: str | Path) -> Figure:
    """Draw losses and validation SC against optimiser steps from a run's ``log.csv``."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
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


def plot_learning_curve(
    curves: Mapping[str, Mapping[int, Sequence[float]]],
    baseline: float,
    title: str,
    published: Mapping[str, Mapping[int, float]] | None = None,
) -> Figure:
    """Draw 1 - median SC against the number of labels, mean and range over seeds.

    Parameters
    ----------
    curves
        For each learning strategy and number of labels, one median SC per seed.
    baseline
        Median SC of the level below taken as the answer.
    published
        The paper's curves, drawn dashed.
    """
    looks = {
        "paper-direct": (RED, "--", "s", "DL, published recipe"),
        "direct": (RED, "-", "o", "DL, ours"),
        "paper-climb": (BLUE, "--", "s", "TL, published recipe"),
        "climb": (BLUE, "-", "o", "TL, ours (climb)"),
    }
    with style():
        figure = Figure(figsize=(6.4, 4.0))
        axes: Axes = figure.subplots()
        for name, points in curves.items():
            colour, line, marker, label = looks.get(name, (BLACK, "-", "o", name))
            sizes = np.array(sorted(points))
            errors = [1 - np.array(points[size]) for size in sizes]
            axes.fill_between(sizes, [e.min() for e in errors], [e.max() for e in errors], color=colour, alpha=0.12)
            axes.plot(sizes, [e.mean() for e in errors], line, marker=marker, markersize=4, color=colour, label=label)
        for name, curve in (published or {}).items():
            sizes = np.array(sorted(curve))
            heights = [1 - curve[size] for size in sizes]
            axes.plot(sizes, heights, ":", color=RED if name == "DL" else BLUE, label=f"{name}, as published")
        axes.axhline(1 - baseline, color=ORANGE, linestyle="-.", label="IPA spectrum taken as RPA")
        axes.set_xscale("log")
        axes.set_yscale("log")
        ticks = sorted({size for points in curves.values() for size in points})
        axes.set_xticks(ticks, [str(size) for size in ticks])
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        low, high = axes.get_ylim()
        marks = [mark for mark in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8) if low <= mark <= high]
        axes.set_yticks(marks)
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.set_xlabel("number of RPA spectra")
        axes.set_ylabel("1 - median SC (lower is better)")
        axes.set_title(title, loc="left", fontsize=9)
        axes.legend(fontsize=8)
        return figure
