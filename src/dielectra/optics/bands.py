"""Bands of any quantity of a spectrum, from the members of the ensemble that predicted it.

The members are carried through whatever is derived from the spectrum: a curve such as n, or a number such as an
efficiency. Without a calibration the band is the range of the members. With one it is a conformal band, pointwise: the
curve plus and minus the members' spread times a factor, such that the band holds known curves of other crystals at a
stated share of the energies (A. N. Angelopoulos, S. Bates, Found. Trends Mach. Learn. 16, 494, 2023, on conformal
prediction scaled by a spread). A band that holds 90 % of the curves as a whole would be four times as wide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray
from dielectra.optics.quantities import QUANTITIES, find_quantity, quantity_curve
from dielectra.spectrum import Spectrum

Derived = str | Callable[[Spectrum], ArrayLike]
"""Name of an optical quantity, or a function of a spectrum."""


SMOOTHING = 0.5
"""Standard deviation in eV of the Gaussian that the members' variance is averaged with."""


class Band(NamedTuple):
    """An interval around a curve or a number.

    Attributes
    ----------
    lower, upper
        Its ends, of the shape of the curve.
    coverage
        Share of the energies at which it holds the true curve, a mean over crystals; None where it is not calibrated.
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
        Share of the energies at which a band holds the true curve, a mean over crystals.
    factors
        By name of the quantity: the quantile of :func:`misfits` over energies and known spectra.
    floor
        Spread that members are given at least, as a fraction of the largest spread of the curve.
    """

    coverage: float
    factors: Mapping[str, float] = field(default_factory=dict)
    floor: float = 0.05


def known_calibration(spectrum: Spectrum) -> Calibration | None:
    """Return the calibration that a predicted spectrum carries in its provenance, None where it has none."""
    known = spectrum.provenance.get("calibration")
    return None if known is None else Calibration(**known)


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


def misfits(spectrum: Spectrum, reference: Spectrum, quantity: str, floor: float = Calibration.floor) -> FloatArray:
    """Return the distance of a known curve from a predicted one in units of the members' spread, at each energy.

    A band with a factor holds the known curve where the misfit is not larger.
    """
    centre, spread = _centre_and_spread(spectrum, quantity, floor)
    known = quantity_curve(reference.resample(spectrum.energies), quantity)
    return np.asarray(np.abs(known - centre) / spread)


def _centre_and_spread(spectrum: Spectrum, quantity: str, floor: float) -> tuple[FloatArray, FloatArray]:
    """Return a curve and the deviation of its members, whose square is averaged over :data:`SMOOTHING`.

    Few members agree by chance at some energies; their neighbours tell.
    """
    from scipy.ndimage import gaussian_filter1d  # takes long to import

    centre = quantity_curve(spectrum, quantity)
    variance = np.var(find_quantity(quantity).formula(spectrum.energies, spectrum.member_means), axis=0)
    spacing = float(np.median(np.diff(spectrum.energies)))
    spread = np.sqrt(gaussian_filter1d(variance, SMOOTHING / spacing, mode="nearest"))
    smallest = max(floor * float(spread.max()), 1e-12 * float(np.abs(centre).max()), np.finfo(float).tiny)
    return centre, np.maximum(spread, smallest)


def _evaluate(spectrum: Spectrum, quantity: Derived) -> FloatArray:
    return quantity_curve(spectrum, quantity) if isinstance(quantity, str) else np.asarray(quantity(spectrum), float)
