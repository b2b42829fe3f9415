"""Bands of any quantity of a spectrum, from the members of the ensemble that predicted it.

The members are carried through whatever is derived from the spectrum: a curve such as n, or a number such as an
efficiency. Without a calibration the band is the range of the members. With one it is a conformal band, pointwise: the
curve plus and minus the members' spread times a factor, such that the band holds known curves of other crystals at a
stated share of the energies (A. N. Angelopoulos, S. Bates, Found. Trends Mach. Learn. 16, 494, 2023, on conformal
prediction scaled by a spread). A band that holds 90 % of the curves as a whole would be four times as wide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


GAPS = ("gap_ev", "gap_direct_ev")
"""Keys of the predicted gaps in the provenance of a spectrum."""

LEAST_GAP = 0.02
"""Gap in eV above which an interval of a gap stays."""


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
    gap_errors
        Errors in eV that the predicted gaps of a share `coverage` of known crystals stay below, by :data:`GAPS`; empty
        for models without gaps.
    """

    coverage: float
    factors: Mapping[str, float] = field(default_factory=dict)
    floor: float = 0.05
    gap_errors: Mapping[str, float] = field(default_factory=dict)


def known_calibration(spectrum: Spectrum) -> Calibration | None:
    """Return the calibration that a predicted spectrum carries in its provenance, None where it has none."""
    known = spectrum.provenance.get("calibration")
    return None if known is None else Calibration(**known)


def member_spectra(spectrum: Spectrum) -> list[Spectrum]:
    """Return the spectra of the members, one each."""
    return [replace(spectrum, tensor=member, members=()) for member in spectrum.members]


def band(
    spectrum: Spectrum, quantity: Derived, calibration: Calibration | None = None, *, by_gap: bool = False
) -> Band | None:
    """Return the band of a quantity; None without two members, or where the calibration does not know the quantity.

    Parameters
    ----------
    quantity
        Name of an optical quantity (``eps2``, ``n``, ``k``, ``absorption``, ...), of the isotropic average; or a
        function of a spectrum that returns a number or an array, for instance
        ``lambda s: solar_efficiency(s).slme``. What is derived has no factor of its own: it gets the median of those
        of the calibration (``benchmarks/derived_bands.py`` counts how often such intervals hold).
    calibration
        From known spectra; by default the band is the range of the members and the curve itself.
    by_gap
        Whether a derived number follows the gap, as an efficiency or a colour does. What the error of the predicted
        gap makes of it is then added, as independent of the rest: the number of the spectrum moved along the energies.
    """
    if len(spectrum.members) < 2:
        return None
    if calibration is None or not isinstance(quantity, str):
        centre = _evaluate(spectrum, quantity)
        found = derived_band(centre, [_evaluate(one, quantity) for one in member_spectra(spectrum)], calibration)
        if calibration is None or isinstance(quantity, str) or not by_gap:
            return found
        return _widened_by_gap(spectrum, quantity, calibration, centre, found)
    if quantity not in calibration.factors:
        return None
    centre, spread = _centre_and_spread(spectrum, quantity, calibration.floor)
    reach, bounds = calibration.factors[quantity] * spread, QUANTITIES[quantity]
    lower, upper = (np.clip(end, bounds.lowest, bounds.highest) for end in (centre - reach, centre + reach))
    return Band(lower, upper, calibration.coverage)


def derived_band(centre: FloatArray, members: Sequence[FloatArray], calibration: Calibration | None) -> Band:
    """Return the band of what is derived from the mean of an ensemble, `centre`, and from its members.

    Without factors of a calibration it is the range of all of them.
    """
    if calibration is None or not calibration.factors:
        return Band(np.min([centre, *members], axis=0), np.max([centre, *members], axis=0), None)
    reach = float(np.median(list(calibration.factors.values()))) * np.std(members, axis=0)
    return Band(centre - reach, centre + reach, calibration.coverage)


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
    centre = quantity_curve(spectrum, quantity)
    variance = np.var(find_quantity(quantity).formula(spectrum.energies, spectrum.member_means), axis=0)
    spacing = float(np.median(np.diff(spectrum.energies)))
    spread = np.sqrt(_smooth(variance, SMOOTHING / spacing))
    smallest = max(floor * float(spread.max()), 1e-12 * float(np.abs(centre).max()), np.finfo(float).tiny)
    return centre, np.maximum(spread, smallest)


def _smooth(values: FloatArray, deviation: float) -> FloatArray:
    """Return values averaged with a Gaussian of a standard deviation in points; the ends go on as they are."""
    reach = int(4 * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _widened_by_gap(
    spectrum: Spectrum,
    quantity: Callable[[Spectrum], ArrayLike],
    calibration: Calibration,
    centre: FloatArray,
    narrow: Band,
) -> Band:
    """Return a band with what gaps that are wrong by up to their error make of the number, added in quadrature."""
    others = np.array([centre, *(_evaluate(one, quantity) for one in spectra_by_gap(spectrum, calibration))])
    below = np.hypot(centre - narrow.lower, centre - others.min(axis=0))
    above = np.hypot(narrow.upper - centre, others.max(axis=0) - centre)
    return Band(centre - below, centre + above, narrow.coverage)


def spectra_by_gap(spectrum: Spectrum, calibration: Calibration) -> list[Spectrum]:
    """Return a spectrum with gaps that are wrong by -1, -1/2, 1/2 and 1 times their error; empty without a gap."""
    gap, error = spectrum.provenance.get("gap_ev"), calibration.gap_errors.get("gap_ev")
    if gap is None or error is None:
        return []
    return [moved(spectrum, max(share * error, LEAST_GAP - gap)) for share in (-1.0, -0.5, 0.5, 1.0)]


def gap_interval(gap: float, calibration: Calibration | None, key: str = "gap_ev") -> tuple[float, float] | None:
    """Return the ends of the interval of a predicted gap (eV) of :data:`GAPS`; None where its error is not known."""
    error = None if calibration is None else calibration.gap_errors.get(key)
    return None if error is None else (max(gap - error, 0.0), gap + error)


def moved(spectrum: Spectrum, shift: float) -> Spectrum:
    """Return a spectrum moved up by an energy in eV, with its gaps; what is missing at its ends stays as it was."""
    places = np.clip(spectrum.energies - shift, spectrum.energies[0], spectrum.energies[-1])
    rows = [np.interp(places, spectrum.energies, row) for row in spectrum.tensor.reshape(9, -1)]
    gaps = {key: spectrum.provenance[key] + shift for key in GAPS if spectrum.provenance.get(key) is not None}
    provenance = {**spectrum.provenance, **gaps}
    return replace(spectrum, tensor=np.array(rows).reshape(3, 3, -1), members=(), provenance=provenance)


def _evaluate(spectrum: Spectrum, quantity: Derived) -> FloatArray:
    return quantity_curve(spectrum, quantity) if isinstance(quantity, str) else np.asarray(quantity(spectrum), float)
