"""Every figure, in one style; colours are those of Okabe and Ito, distinct to colour-blind readers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from dielectra.errors import InputError
from dielectra.optics.constants import optical_constants

if TYPE_CHECKING:
    from dielectra.spectrum import Spectrum
    from dielectra.training.evaluation import Evaluation

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#222222",
)
CYCLE = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
LEVEL_COLOURS = {"ipa": ORANGE, "rpa": BLUE, "bse": GREEN, "experiment": BLACK}
FORMATS = (".png", ".pdf", ".svg")
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
}
SCORES_BY = "SC with the reference"


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, PDF or SVG; the file appears whole or not at all.

    Raises
    ------
    InputError
        If the file name ends otherwise.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: figures are written as {', '.join(FORMATS)}; choose one of these endings")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    figure.savefig(temporary)
    temporary.replace(path)
    return path


def plot_predictions(named: Sequence[tuple[str, Spectrum]]) -> Figure:
    """Draw eps, n and k, absorption and loss of spectra with their names; one crystal shows real parts too."""
    with _style():
        figure = Figure(figsize=(9.0, 5.4))
        (dielectric, index), (absorption, loss) = figure.subplots(2, 2, sharex=True)
        levels = {spectrum.level for _, spectrum in named}
        for position, (name, spectrum) in enumerate(named):
            colour = CYCLE[position % len(CYCLE)]
            constants = optical_constants(spectrum)
            label = f"{name} {spectrum.level.upper()}" if len(levels) > 1 or len(named) == 1 else name
            dielectric.plot(spectrum.energies, constants.eps2, color=colour, label=label)
            index.plot(spectrum.energies, constants.n, color=colour)
            index.plot(spectrum.energies, constants.k, color=colour, linestyle="--")
            if len(named) <= 2:
                dielectric.plot(spectrum.energies, constants.eps1, color=colour, linestyle=":", linewidth=1.1)
            absorption.semilogy(spectrum.energies, np.maximum(constants.absorption, 1.0), color=colour)
            loss.plot(spectrum.energies, constants.loss, color=colour)
        parts = r"$\varepsilon_2$ (solid), $\varepsilon_1$ (dotted)" if len(named) <= 2 else r"$\varepsilon_2$"
        dielectric.set_ylabel(parts)
        dielectric.legend(ncols=1 if len(named) <= 4 else 2)
        index.set_ylabel("n (solid), k (dashed)")
        absorption.set_ylabel("absorption coefficient (1/cm)")
        absorption.set_ylim(1e3, 5e6)
        loss.set_ylabel(r"energy loss $-\mathrm{Im}\,1/\varepsilon$")
        for axes in (absorption, loss):
            axes.set_xlabel("photon energy (eV)")
            axes.set_xlim(named[0][1].energies[0], named[0][1].energies[-1])
        return figure


def plot_spectra_panels(energies: NDArray[np.float64], panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw computed (filled) and predicted (line) eps2 of materials at both levels, one panel each.

    Parameters
    ----------
    energies
        Shape ``(n_energies,)``, eV.
    panels
        Each with ``formula``, ``sc_ipa_rpa``, and by level ``computed``, ``predicted`` ``(n_energies,)`` and ``sc``.
    """
    with _style():
        n_columns = min(3, len(panels))
        n_rows = -(-len(panels) // n_columns)
        figure = Figure(figsize=(3.1 * n_columns, 2.3 * n_rows))
        axes_list = np.atleast_1d(figure.subplots(n_rows, n_columns, sharex=True)).ravel()
        for axes, panel in zip(axes_list, panels, strict=False):
            for level in ("ipa", "rpa"):
                colour = LEVEL_COLOURS[level]
                axes.fill_between(energies, panel["computed"][level], color=colour, alpha=0.25, linewidth=0)
                label = f"{level.upper()}, SC {panel['sc'][level]:.2f}"
                axes.plot(energies, panel["predicted"][level], color=colour, label=label)
            axes.set_title(f"{panel['formula']}   SC[IPA; RPA] {panel['sc_ipa_rpa']:.2f}", loc="left", fontsize=9)
            axes.legend(fontsize=7, title="predicted", title_fontsize=7)
            axes.set_xlim(0, energies[-1])
            axes.set_ylim(bottom=0)
        for axes in axes_list[len(panels) :]:
            axes.set_visible(False)
        figure.supxlabel("photon energy (eV)", fontsize=9)
        figure.supylabel(r"$\varepsilon_2$ (filled: computed)", fontsize=9)
        return figure


def plot_training_log(path: str | Path) -> Figure:
    """Draw losses and validation SC against optimiser steps from a run's ``log.csv``."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    column = {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}
    with _style():
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
    with _style():
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


def plot_summary(summary: Mapping[str, Any]) -> Figure:
    """Draw the histograms of a data-set summary and its elements."""
    with _style():
        histograms = summary["histograms"]
        figure = Figure(figsize=(3.2 * len(histograms), 5.2))
        grid = figure.add_gridspec(2, len(histograms))
        for column, (title, histogram) in enumerate(histograms.items()):
            axes = figure.add_subplot(grid[0, column])
            bins = range(len(histogram))
            axes.bar(bins, list(histogram.values()), color=BLUE)
            axes.set_xticks(bins, list(histogram), rotation=60 if len(histogram) > 7 else 0, fontsize=7)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_ylabel("materials")
            axes.grid(visible=False, axis="x")
        elements = figure.add_subplot(grid[1, :])
        elements.bar(list(summary["elements"]), list(summary["elements"].values()), color=GREEN)
        elements.set_title("materials with each element", loc="left", fontsize=9)
        elements.grid(visible=False, axis="x")
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
    with _style():
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
