"""Figures of spectra and of the data sets that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dielectra.optics.constants import optical_constants
from dielectra.plots.style import BLUE, CYCLE, GREEN, LEVEL_COLOURS, style

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


def plot_spectra_panels(energies: NDArray[np.float64], panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw computed (filled) and predicted (line) eps2 of materials at both levels, one panel each.

    Parameters
    ----------
    energies
        Shape ``(n_energies,)``, eV.
    panels
        Each with ``formula``, ``sc_ipa_rpa``, and by level ``computed``, ``predicted`` ``(n_energies,)`` and ``sc``.
    """
    with style():
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
