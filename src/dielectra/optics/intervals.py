"""Intervals of the numbers that are told of a predicted spectrum: its gaps, eps_infinity and n at 589 nm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dielectra.optics.bands import GAPS, Calibration, band, gap_interval
from dielectra.optics.constants import STATIC_LIMIT
from dielectra.optics.quantities import SODIUM_NM
from dielectra.spectrum import Spectrum
from dielectra.units import HC

LEAST_EPS = 1.0
"""Electronic dielectric constant of nothing; no crystal has less."""


class Interval(NamedTuple):
    """Ends of an interval around a number.

    Attributes
    ----------
    lower, upper
        Its ends.
    coverage
        Share of known crystals (of a gap) or of their energies (of a curve) that such intervals hold; None where it is
        the range of the members.
    """

    lower: float
    upper: float
    coverage: float | None


def number_intervals(spectrum: Spectrum, calibration: Calibration | None) -> dict[str, Interval]:
    """Return the intervals that there are, by ``gap_ev``, ``gap_direct_ev``, ``eps_infinity`` and ``n_589nm``.

    Those of gaps hold the gaps of known crystals; those of ``eps_infinity`` and n are the bands of the curves there.
    """
    found: dict[str, Interval] = {}
    for key in GAPS:
        gap = spectrum.provenance.get(key)
        ends = None if gap is None else gap_interval(float(gap), calibration, key)
        if ends is not None and calibration is not None:
            found[key] = Interval(*ends, calibration.coverage)
    energies, places = spectrum.energies, {"n_589nm": ("n", HC / SODIUM_NM)}
    if energies[0] <= STATIC_LIMIT:
        places["eps_infinity"] = ("eps1", float(energies[0]))
    for key, (quantity, energy) in places.items():
        one = band(spectrum, quantity, calibration) if energies[0] <= energy <= energies[-1] else None
        if one is not None:
            least = LEAST_EPS if key == "eps_infinity" else 0.0
            lower, upper = (max(float(np.interp(energy, energies, end)), least) for end in one[:2])
            found[key] = Interval(lower, upper, one.coverage)
    return found
