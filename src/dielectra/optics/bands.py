"""Bands of any quantity of a spectrum, from the members of the ensemble that predicted it.

The members are carried through whatever is derived from the spectrum: a curve such as n, or a number such as an
efficiency. Without a calibration the band is the range of the members. With one it is a conformal band: the curve plus
and minus the members' spread times a factor for which a stated share of known curves lies inside as a whole
(J. Diquigiovanni, M. Fontana, S. Vantini, J. Multivar. Anal. 189, 104879, 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray
from dielectra.optics.quantities import QUANTITIES, quantity_curve
from dielectra.spectrum import Spectrum

Derived = str | Callable[[Spectrum], ArrayLike]
"""Name of an optical quantity, or a function of a spectrum."""


class Band(NamedTuple):
    """An interval around a curve or a number.

    Attributes
    ----------
    lower, upper
        Its ends, of the shape of the curve.
    coverage
        Probability that it holds the whole true curve; None where it is not calibrated.
    """

    lower: FloatArray
    upper: FloatArray
    coverage: float | None


@dataclass(frozen=True)
class Calibration:
    """What turns the spread of an ensemble into bands of a stated coverage.

    Attributes
    ----------
    coverage
        Probability that a band holds the whole true curve.
    factors
        By name of the quantity: the quantile of :func:`misfit` over known spectra that belongs to the coverage.
    floor
        Spread that members are given at least, as a fraction of the largest spread of the curve.
    """

    coverage: float
    factors: Mapping[str, float] = field(default_factory=dict)
    floor: float = 0.05


def member_spectra(spectrum: Spectrum) -> list[Spectrum]:
    """Return the spectra of the members, one each."""
    return [replace(spectrum, tensor=member, members=()) for member in spectrum.members]


def band(spectrum: Spectrum, quantity: Derived, calibration: Calibration | None = None) -> Band | None:
    """Return the band of a quantity; None without two members, or where the calibration does not know the quantity.

    Parameters
    ----------
    quantity
        Name of an optical quantity (``eps2``, ``n``, ``k``, ``absorption``, ...), of the isotropic average; or a
        function of a spectrum that returns a number or an array, for instance
        ``lambda s: solar_efficiency(s).slme``. Such functions have no calibration and give the range of the members.
    calibration
        From known spectra; by default the band is the range of the members and the curve itself.
    """
    if len(spectrum.members) < 2:
        return None
    if calibration is None or not isinstance(quantity, str):
        curves = np.array([_evaluate(one, quantity) for one in [spectrum, *member_spectra(spectrum)]])
        return Band(curves.min(axis=0), curves.max(axis=0), None)
    if quantity not in calibration.factors:
        return None
    centre, spread = _centre_and_spread(spectrum, quantity, calibration.floor)
    reach, bounds = calibration.factors[quantity] * spread, QUANTITIES[quantity]
    lower, upper = (np.clip(end, bounds.lowest, bounds.highest) for end in (centre - reach, centre + reach))
    return Band(lower, upper, calibration.coverage)


def misfit(spectrum: Spectrum, reference: Spectrum, quantity: str, floor: float = Calibration.floor) -> float:
    """Return the largest distance of a known curve from a predicted one, in units of the members' spread.

    A band with that factor just holds the known curve. The ``ceil((n + 1) coverage)``-th smallest of n of them is the
    factor of :class:`Calibration`.
    """
    centre, spread = _centre_and_spread(spectrum, quantity, floor)
    known = quantity_curve(reference.resample(spectrum.energies), quantity)
    return float(np.max(np.abs(known - centre) / spread))


def _centre_and_spread(spectrum: Spectrum, quantity: str, floor: float) -> tuple[FloatArray, FloatArray]:
    centre = quantity_curve(spectrum, quantity)
    spread = np.std([quantity_curve(one, quantity) for one in member_spectra(spectrum)], axis=0)
    smallest = max(floor * float(spread.max()), 1e-12 * float(np.abs(centre).max()), np.finfo(float).tiny)
    return centre, np.maximum(spread, smallest)


def _evaluate(spectrum: Spectrum, quantity: Derived) -> FloatArray:
    return quantity_curve(spectrum, quantity) if isinstance(quantity, str) else np.asarray(quantity(spectrum), float)
