"""Figures of spectra and of the data sets that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from dielectra.optics.constants import optical_constants
from dielectra.plots.style import BLUE, CYCLE, GREEN, style

if TYPE_CHECKING:
    from dielectra.spectrum import Spectrum


def plot_predictions(named: Sequence[tuple[str, Spectrum]]) -> Figure:
    """Draw eps, n and k, absorption and loss of spectra with their names; one crystal shows real parts too."""
    with style():
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


def plot_summary(summary: Mapping[str, Any]) -> Figure:
    """Draw the histograms of a data-set summary and its elements."""
    with style():
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
