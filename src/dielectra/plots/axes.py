"""Photon-energy axes of figures: any unit below, its counterpart above, the visible range shaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from dielectra.arrays import FloatArray
from dielectra.units import EV, HC, NM, UM, VISIBLE_NM, Unit, from_energies, parse_range, parse_unit, to_energies

VISIBLE_SHADE = "#f5efd6"
LEADING_DIGITS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
SMALLEST_GAP = 0.09
"""Distance of tick labels on the upper axis, as a fraction of its length."""

_SHOWN = {"nm": (200.0, 2000.0), "um": (0.2, 2.0), "cm-1": (0.0, 50_000.0), "thz": (0.0, 1500.0)}


def shown_limits(
    unit: str | Unit, energies: Sequence[FloatArray], limits: tuple[float, float] | str | None = None
) -> tuple[float, float]:
    """Return the ends of an axis in its unit.

    Parameters
    ----------
    energies
        Photon energies (eV) of each curve.
    limits
        As asked for, numbers or ``400:800``; by default all of the curves in eV, and in other units that part of the
        infrared, visible and ultraviolet which fits on a linear axis.
    """
    unit = parse_unit(unit)
    if limits is not None:
        return parse_range(limits, unit) if isinstance(limits, str) else limits
    low = min(float(grid[0]) for grid in energies)
    high = max(float(grid[-1]) for grid in energies)
    if unit is EV:
        return low, high
    ends = sorted(float(from_energies(end, unit)) for end in (low, high))
    first, last = _SHOWN[unit.name]
    inside = max(ends[0], first), min(ends[1], last)
    return inside if inside[0] < inside[1] else (ends[0], ends[1])


def set_energy_axis(
    axes: Axes, unit: str | Unit, limits: tuple[float, float], above: bool = True, gap: float = SMALLEST_GAP
) -> None:
    """Set limits and title of the axis below, shade the visible range, and draw the counterpart above.

    The counterpart of photon energies is the wavelength in nm, of wavelengths the photon energy, of wavenumbers and
    frequencies the wavelength in micrometre. `gap` is the distance of its labels, as a fraction of its length.
    """
    unit = parse_unit(unit)
    axes.set_xlim(*limits)
    axes.set_xlabel(unit.label)
    shade_visible(axes, unit)
    if not above:
        return
    other = EV if unit.is_wavelength else NM if unit is EV else UM
    positions, labels = upper_ticks(unit, other, limits, gap)
    upper = axes.secondary_xaxis("top")
    upper.set_xticks(positions, labels)
    upper.tick_params(labelsize=7, length=2.5)
    upper.set_xlabel(other.label, fontsize=7)


def shade_visible(axes: Axes, unit: str | Unit) -> None:
    """Shade 380-780 nm where the axis shows a part of it."""
    ends = np.sort(from_energies(HC / np.array(VISIBLE_NM), unit))
    low, high = axes.get_xlim()
    if ends[0] < high and ends[1] > low:
        axes.axvspan(max(ends[0], low), min(ends[1], high), color=VISIBLE_SHADE, zorder=0, linewidth=0)


def upper_ticks(
    unit: Unit, other: Unit, limits: tuple[float, float], gap: float = SMALLEST_GAP
) -> tuple[list[float], list[str]]:
    """Return positions in `unit` and labels in `other` of round numbers that stand apart, the largest energy first."""
    low, high = limits
    inside = np.array([max(low, 1e-4 * high), high])
    ends = np.sort(from_energies(to_energies(inside, unit), other))
    powers = np.arange(np.floor(np.log10(ends[0])), np.ceil(np.log10(ends[1])) + 1)
    values = np.array([digit * 10.0**power for power in powers for digit in LEADING_DIGITS])
    values = values[(values >= ends[0]) & (values <= ends[1])]
    positions = from_energies(to_energies(values, other), unit)
    # Round numbers first, so that 500 nm wins over 600 nm where both do not fit.
    rank = [LEADING_DIGITS.index(round(float(v / 10 ** np.floor(np.log10(v) + 1e-9)), 6)) for v in values]
    preferred = sorted(range(len(values)), key=lambda i: ((0, 4, 1, 6, 3, 5, 2, 7).index(rank[i]), values[i]))
    kept: list[int] = []
    for index in preferred:
        gaps = [abs(positions[index] - positions[other_index]) for other_index in kept]
        if not gaps or min(gaps) >= gap * (high - low):
            kept.append(index)
    kept.sort(key=lambda index: float(positions[index]))
    return [float(positions[index]) for index in kept], [f"{values[index]:g}" for index in kept]
