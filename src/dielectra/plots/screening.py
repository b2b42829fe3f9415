"""The figure of a screening: how its properties are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from dielectra.arrays import FloatArray
from dielectra.plots.style import BLUE, style

COLUMNS = 3


def plot_distributions(histograms: Mapping[str, tuple[FloatArray, Sequence[int]]]) -> Figure:
    """Draw histograms: edges of the bins, shape ``(n + 1,)``, and counts, by the label of the axis."""
    with style():
        n_rows = -(-len(histograms) // COLUMNS)
        figure = Figure(figsize=(9.0, 2.3 * n_rows))
        panels = figure.subplots(n_rows, COLUMNS, squeeze=False).flatten()
        for axes, (label, (edges, counts)) in zip(panels, histograms.items(), strict=False):
            axes.stairs(counts, edges, fill=True, color=BLUE)
            axes.set_xlabel(label)
            axes.set_ylabel("crystals")
        for axes in panels[len(histograms) :]:
            axes.axis("off")
        return figure
