"""Figures of crystals by several sources: levels, models, measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dielectra.optics.bands import band
from dielectra.optics.quantities import QUANTITIES, quantity_curve
from dielectra.plots.axes import set_energy_axis, shown_limits
from dielectra.plots.style import BLACK, CYCLE, Drawing, style
from dielectra.units import from_energies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dielectra.spectrum import Spectrum

SHOWN = ("eps2", "n", "k")
SHOWN_MEASURED = (0.0, 10.0)
"""Photon energies in eV that are shown where a curve is measured."""

NARROW_GAP = 0.15
"""Distance of labels on the upper axis of a narrow panel, as a fraction of its length."""

MEASURED_DASHES = ("--", ":", "-.")


def plot_comparison(
    rows: Sequence[tuple[str, Sequence[tuple[str, Spectrum]]]],
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
) -> Figure:
    """Draw Im eps, n and k of crystals, a row each, by several sources; measured curves are black and broken.

    Parameters
    ----------
    rows
        Name of each crystal, and its spectra with their labels.
    unit, limits
        Unit of the axis and its ends; by default 0 to 10 eV where a curve is measured.
    """
    spectra = [spectrum for _, curves in rows for _, spectrum in curves]
    if limits is None and unit == "ev" and any(spectrum.level == "experiment" for spectrum in spectra):
        limits = SHOWN_MEASURED
    ends = shown_limits(unit, [spectrum.energies for spectrum in spectra], limits)
    with style():
        figure = Drawing(figsize=(10.5, 0.5 + 2.5 * len(rows)))
        panels = figure.subplots(len(rows), len(SHOWN), squeeze=False)
        for line, (name, curves) in zip(panels, rows, strict=True):
            _draw_row(line, curves, unit)
            line[0].set_title(name, loc="left", fontsize=10)
            line[-1].legend(
                *line[0].get_legend_handles_labels(), fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5)
            )
        for position, axes in enumerate(panels.flat):
            set_energy_axis(axes, unit, ends, gap=NARROW_GAP)
            if position < len(SHOWN) * (len(rows) - 1):
                axes.set_xlabel("")
            if position >= len(SHOWN):
                axes.child_axes[0].set_xlabel("")
        return figure


def _draw_row(panels: Sequence[Axes], curves: Sequence[tuple[str, Spectrum]], unit: str) -> None:
    own = dict(zip((label for label, one in curves if one.level != "experiment"), CYCLE, strict=False))
    measured = [label for label, one in curves if one.level == "experiment"]
    for axes, name in zip(panels, SHOWN, strict=True):
        for label, spectrum in curves:
            above = spectrum.energies > 0
            points, values = from_energies(spectrum.energies[above], unit), quantity_curve(spectrum, name)[above]
            if label in own:
                axes.plot(points, values, color=own[label], label=label, linewidth=1.4)
                found = band(spectrum, name)
                if found is not None:
                    lower, upper = (end[above] for end in found[:2])
                    axes.fill_between(points, lower, upper, color=own[label], alpha=0.2, linewidth=0)
            else:
                dashes = MEASURED_DASHES[measured.index(label) % len(MEASURED_DASHES)]
                axes.plot(points, values, dashes, color=BLACK, label=label, linewidth=1.0)
        axes.set_ylabel(QUANTITIES[name].label)
        tops = [quantity_curve(one, name).max() for label, one in curves if label in own]
        axes.set_ylim(0, 1.25 * float(np.max(tops)))
