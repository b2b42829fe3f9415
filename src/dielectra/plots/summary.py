"""The figure of a data set: histograms, a periodic table of its training materials, chemistry classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from dielectra.plots.periodic_table import draw_periodic_table
from dielectra.plots.style import BLUE, GREY, style


def plot_summary(summary: Mapping[str, Any]) -> Figure:
    """Draw the histograms of a data-set summary, its elements as a periodic table, and its chemistry classes."""
    histograms, census = summary["histograms"], summary["census"]
    with style():
        figure = Figure(figsize=(11.0, 8.4))
        halves = figure.add_gridspec(2, 1, height_ratios=[1, 1.5])
        row = halves[0].subgridspec(1, len(histograms))
        for column, (title, histogram) in enumerate(histograms.items()):
            _draw_histogram(figure.add_subplot(row[0, column]), title, histogram)
        parts = halves[1].subgridspec(1, 2, width_ratios=[2.2, 1])
        _draw_elements(figure.add_subplot(parts[0]), census["training_elements"])
        _draw_classes(figure.add_subplot(parts[1]), census["classes"], sum(census["metals"].values()))
        return figure


def _draw_histogram(axes: Axes, title: str, histogram: Mapping[str, int]) -> None:
    bins = range(len(histogram))
    axes.bar(bins, list(histogram.values()), color=BLUE)
    axes.set_xticks(bins, list(histogram), rotation=60 if len(histogram) > 7 else 0, fontsize=7)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_ylabel("materials")
    axes.grid(visible=False, axis="x")


def _draw_elements(axes: Axes, elements: Mapping[str, int]) -> None:
    axes.set_title("training materials with each element", loc="left", fontsize=9)
    if elements:
        draw_periodic_table(axes, elements, LogNorm(1, max(2, *elements.values())), "{:.0f}")
    else:
        axes.axis("off")


def _draw_classes(axes: Axes, classes: Mapping[str, Mapping[str, int]], n_metals: int) -> None:
    """Draw bars of all materials of each class, and of those for training within them."""
    names = [*classes, "metals (no spectrum)"]
    totals = [*(counts["materials"] for counts in classes.values()), n_metals]
    places = range(len(names))
    axes.barh(places, totals, color=GREY, label="all splits")
    axes.barh(places[:-1], [counts["training"] for counts in classes.values()], color=BLUE, label="training")
    for place, total in zip(places, totals, strict=True):
        axes.text(total, place, f" {total}", va="center", fontsize=7)
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(right=1.15 * max(1, *totals))
    axes.set_xlabel("materials")
    axes.legend(fontsize=8)
    axes.grid(visible=False, axis="y")
