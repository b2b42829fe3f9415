"""Figures of spectra and of the data sets that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.optics.bands import Band, band, known_calibration
from dielectra.optics.constants import optical_constants
from dielectra.optics.quantities import Quantity, distinct_components, find_quantity, interpolate
from dielectra.plots.axes import set_energy_axis, shown_limits
from dielectra.plots.style import BLUE, CYCLE, GREY, RED, Drawing, style
from dielectra.units import from_energies, parse_unit, to_energies

if TYPE_CHECKING:
    from dielectra.spectrum import Component, Spectrum

PAIRS = {"eps": ("eps1", "eps2"), "nk": ("n", "k")}
MOST_IN_LEGEND = 21
"""Crystals that a figure names one by one."""

MOST_FAINT = 300
"""Curves that are drawn beside the median of many."""

DASHES = ("-", "--", ":")
PAIR_LABELS = {"eps": "dielectric function", "nk": "complex refractive index"}


def plot_predictions(
    named: Sequence[tuple[str, Spectrum]],
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
) -> Figure:
    """Draw eps, n and k, absorption and loss of spectra with their names; one crystal shows real parts too.

    More than :data:`MOST_IN_LEGEND` crystals are drawn faintly, with their median and the range of the middle 80 %.

    Parameters
    ----------
    unit, limits
        Unit of the axis and its ends, for instance ``nm`` and ``400:800``.
    """
    with style():
        figure = Drawing(figsize=(9.0, 6.0))
        panels = figure.subplots(2, 2)
        ends = shown_limits(unit, [spectrum.energies for _, spectrum in named], limits)
        if len(named) > MOST_IN_LEGEND:
            _draw_many(panels, [spectrum for _, spectrum in named], unit, ends)
        else:
            _draw_each(panels, named, unit, ends)
        (dielectric, index), (absorption, loss) = panels
        parts = r"$\varepsilon_2$ (solid), $\varepsilon_1$ (dotted)" if len(named) <= 2 else r"$\varepsilon_2$"
        dielectric.set_ylabel(parts)
        index.set_ylabel("n (solid), k (dashed)")
        absorption.set_ylabel("absorption coefficient (1/cm)")
        absorption.set_ylim(1e3, 5e6)
        loss.set_ylabel(r"energy loss $-\mathrm{Im}\,1/\varepsilon$")
        for axes in panels.flat:
            set_energy_axis(axes, unit, ends)
        for upper, lower in panels.T:
            upper.set_xlabel("")
            lower.child_axes[0].set_xlabel("")
        if 2 < len(named) <= MOST_IN_LEGEND:
            figure.legend(*dielectric.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
        else:
            dielectric.legend(loc="upper right" if len(named) > MOST_IN_LEGEND else "best")
        return figure


def _draw_each(
    panels: NDArray[Any], named: Sequence[tuple[str, Spectrum]], unit: str, ends: tuple[float, float]
) -> None:
    (dielectric, index), (absorption, loss) = panels
    levels = {spectrum.level for _, spectrum in named}
    for position, (name, spectrum) in enumerate(named):
        colour, dashes = CYCLE[position % len(CYCLE)], DASHES[position // len(CYCLE) % len(DASHES)]
        energies = _shown_energies(spectrum, unit, ends)
        points, constants = from_energies(energies, unit), optical_constants(spectrum.resample(energies))
        label = f"{name} {spectrum.level.upper()}" if len(levels) > 1 or len(named) == 1 else name
        dielectric.plot(points, constants.eps2, dashes, color=colour, label=label)
        index.plot(points, constants.n, color=colour)
        index.plot(points, constants.k, color=colour, linestyle="--")
        if len(named) <= 2:
            dielectric.plot(points, constants.eps1, color=colour, linestyle=":", linewidth=1.1)
        absorption.semilogy(points, np.maximum(constants.absorption, 1.0), dashes, color=colour)
        loss.plot(points, constants.loss, dashes, color=colour)


def _draw_many(panels: NDArray[Any], spectra: Sequence[Spectrum], unit: str, ends: tuple[float, float]) -> None:
    """Draw curves faintly, with median and range at each energy of the first spectrum that all of them cover."""
    shown = ((("eps2", "-"),), (("n", "-"), ("k", "--")), (("absorption", "-"),), (("loss", "-"),))
    low = max(float(spectrum.energies[0]) for spectrum in spectra)
    high = min(float(spectrum.energies[-1]) for spectrum in spectra)
    energies = _shown_energies(spectra[0], unit, ends)
    energies = energies[(energies >= low) & (energies <= high)]
    points = from_energies(energies, unit)
    tables = [optical_constants(spectrum.resample(energies)) for spectrum in spectra]
    faintness = max(0.1, min(0.4, 8 / len(spectra)))
    for axes, quantities in zip(panels.flat, shown, strict=True):
        tops = []
        for name, dashes in quantities:
            curves = np.array([getattr(table, name) for table in tables])
            colour = BLUE if dashes == "-" else RED
            axes.plot(points, curves[:MOST_FAINT].T, color=GREY, linewidth=0.6, alpha=faintness, zorder=1)
            lower, median, upper = np.quantile(curves, [0.1, 0.5, 0.9], axis=0)
            axes.fill_between(points, lower, upper, color=colour, alpha=0.2, linewidth=0, label="middle 80 %")
            axes.plot(points, median, dashes, color=colour, label=f"median of {len(spectra)} crystals")
            tops.append(float(np.quantile(curves.max(axis=1), 0.95)))
        axes.set_ylim(0, 1.1 * max(tops))
    panels.flat[2].set_yscale("log")


def plot_quantity(
    named: Sequence[tuple[str, Spectrum]],
    quantity: str = "eps",
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
    components: Sequence[Component] | None = None,
    size: tuple[float, float] = (5.2, 3.4),
) -> Figure:
    """Draw one quantity of spectra, or a pair of them, with a band around it where there are members.

    The band has the coverage of the calibration that a predicted spectrum carries, else it is the range of the members.

    Parameters
    ----------
    quantity
        A name of :data:`~dielectra.optics.quantities.QUANTITIES`, or the pairs ``eps`` (eps1, eps2) and ``nk`` (n, k).
    unit, limits
        Unit of the axis and its ends, for instance ``nm`` and ``400:800``.
    components
        See :func:`~dielectra.optics.quantities.dielectric_function`; by default those that differ.

    Raises
    ------
    InputError
        If quantity, unit or component is unknown.
    """
    parts = [find_quantity(name) for name in PAIRS.get(quantity, (quantity,))]
    with style():
        figure = Drawing(figsize=size)
        axes = figure.subplots()
        ends = shown_limits(unit, [spectrum.energies for _, spectrum in named], limits)
        curves = [
            (name, spectrum, component)
            for name, spectrum in named
            for component in (components or distinct_components(spectrum))
        ]
        for position, (name, spectrum, component) in enumerate(curves):
            energies = _shown_energies(spectrum, unit, ends)
            points, eps = from_energies(energies, unit), interpolate(spectrum, energies, component)
            for number, part in enumerate(parts):
                colour = CYCLE[(position if len(curves) > 1 else number) % len(CYCLE)]
                label = _curve_label(name, component, part, len(named), len(curves), len(parts))
                dashes = "--" if number and len(curves) > 1 else "-"
                axes.plot(points, part.formula(energies, eps), dashes, color=colour, label=label)
                calibration = known_calibration(spectrum)
                found = band(spectrum.resample(energies), part.name, calibration) if component == "mean" else None
                if found is not None:
                    members = _band_label(spectrum, found) if not (position or number) else None
                    axes.fill_between(points, *found[:2], color=colour, alpha=0.2, linewidth=0, label=members)
        if quantity == "absorption":
            axes.set_yscale("log")
            axes.set_ylim(bottom=max(1e2, axes.get_ylim()[0]))
        axes.set_ylabel(", ".join(part.label for part in parts) if len(parts) < 2 else PAIR_LABELS[quantity])
        set_energy_axis(axes, unit, ends)
        if len(axes.get_legend_handles_labels()[1]) > 1:
            axes.legend(fontsize=8)
        return figure


def _curve_label(name: str, component: Component, part: Quantity, n_named: int, n_curves: int, n_parts: int) -> str:
    words = [name] if n_named > 1 else []
    if n_curves > n_named or component != "mean":
        words.append(component if isinstance(component, str) else "along " + " ".join(f"{x:g}" for x in component))
    if n_parts > 1:
        words.append(part.label.split()[-1])
    return ", ".join(words)


def _band_label(spectrum: Spectrum, found: Band) -> str:
    return f"{len(spectrum.members)} members" if found.coverage is None else f"{found.coverage:.0%} band"


def _shown_energies(spectrum: Spectrum, unit: str, ends: tuple[float, float]) -> FloatArray:
    """Return the photon energies (eV) of the points on the axis, and of one beyond each end."""
    energies = np.sort(to_energies(np.array([end for end in ends if end > 0 or unit == "ev"]), unit))
    low = energies[0] if len(energies) > 1 else 0.0
    first = max(int(np.searchsorted(spectrum.energies, low, "right")) - 1, 0)
    last = int(np.searchsorted(spectrum.energies, energies[-1], "left")) + 1
    grid = spectrum.energies[first:last]
    grid = grid[grid > 0] if parse_unit(unit).is_wavelength else grid
    if len(grid) < 2:
        raise InputError(f"nothing of the spectrum lies on the axis {ends[0]:g} to {ends[1]:g} {unit}")
    return np.asarray(grid)
