"""Direct gap estimated from a spectrum alone, for spectra whose broadening puts absorption below the gap.

Ab initio spectra are the dielectric function at ``E + i eta`` (Lorentzian broadening ``eta``). The function is analytic
above the real axis, so that its Taylor series leads back down to ``E``; below the gap, where nothing absorbs, the sum
of the first terms is nearly real and the onset stands out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.levels import LEVELS
from dielectra.optics.constants import absorption_coefficient, static_or_none
from dielectra.spectrum import Spectrum

ONSET_ABSORPTION = 1e4
"""Absorption coefficient in 1/cm that marks the onset, the convention of the E04 gap of amorphous semiconductors."""

BROADENED_ONSET_ABSORPTION = 3e4
"""The same for a broadened spectrum that cannot be continued to the real axis."""

FUNDAMENTAL_ABSORPTION = (10.0, 100.0, 1000.0)
"""Absorption coefficients in 1/cm that mark the fundamental gap of measured crystals, the lowest that is crossed."""

GAP_CORRECTION = 9.0
"""Energy in eV that, divided by eps_infinity, gaps of density functional theory lack (V. Fiorentini and A. Baldereschi,
Phys. Rev. B 51, 17196, 1995): the less a crystal screens, the more its gap is too small."""

CONTINUATION_ORDER = 2
CONTINUED_OFFSET = 0.5
"""What remains of the broadening after the continuation, in units of eta."""

ALLOWED_GAIN = 0.02
"""Negative eps2, as a fraction of its maximum, up to which a continued spectrum counts as passive."""


def estimate_gap(spectrum: Spectrum) -> float:
    """Return the direct gap in eV estimated from the isotropic average of a spectrum.

    A spectrum with known broadening eta is continued to the real axis to second order in eta; the gap is the energy at
    which its absorption coefficient reaches 1e4/cm, plus eta/2. Where the continuation is not passive, as for spectra
    of a network that are not smooth, the gap is the energy at which the spectrum as it is reaches 3e4/cm. A spectrum
    without known broadening is taken to be sharp: the energy at which it reaches 1e4/cm.

    The constants were chosen on all of ladder-1; ``docs/optics.md`` states the errors.

    Raises
    ------
    InputError
        If the absorption stays below that threshold on the whole grid, or is above it from the start.
    """
    energies, eps = spectrum.energies, spectrum.mean
    if not spectrum.broadening:
        return _crossing(energies, absorption_coefficient(energies, eps), ONSET_ABSORPTION)
    continued = continue_to_real_axis(energies, eps, spectrum.broadening)
    if not is_passive(continued):
        return _crossing(energies, absorption_coefficient(energies, eps), BROADENED_ONSET_ABSORPTION)
    onset = _crossing(energies, absorption_coefficient(energies, continued), ONSET_ABSORPTION)
    return onset + CONTINUED_OFFSET * spectrum.broadening


def gap_or_none(spectrum: Spectrum) -> float | None:
    """Return the predicted gap of a spectrum (eV), else that estimated from its absorption, else None."""
    predicted = spectrum.provenance.get("gap_ev")
    if predicted is not None:
        return float(predicted)
    try:
        return estimate_gap(spectrum)
    except InputError:
        return None


def gap_error(spectrum: Spectrum) -> float:
    """Return by how much the gap of a predicted spectrum is too small, eV: ``9 eV / eps_infinity``.

    Zero for spectra of quasiparticles, and where the gap was not predicted: what was computed or measured is taken as
    it is.
    """
    is_predicted = "model" in spectrum.provenance and spectrum.provenance.get("gap_ev") is not None
    static = static_or_none(spectrum.energies, spectrum.mean)
    if not is_predicted or LEVELS[spectrum.level].quasiparticles or static is None:
        return 0.0
    return GAP_CORRECTION / max(1.0, static)


def fundamental_gap(spectrum: Spectrum) -> float | None:
    """Return the energy in eV from which a measured crystal absorbs at all, by phonons too; None for other spectra.

    It is where the absorption coefficient reaches 10/cm; where the table begins above that, 100 or 1000/cm. In silicon
    that is 1.17 eV (gap 1.12 eV) while the direct transitions, at 1e4/cm, set in at 2.4 eV. Spectra of other levels
    have no phonons, and below their direct gap only broadening.
    """
    if spectrum.level != "experiment" or spectrum.broadening:
        return None
    absorption = absorption_coefficient(spectrum.energies, spectrum.mean)
    for threshold in FUNDAMENTAL_ABSORPTION:
        if absorption[0] < threshold <= absorption.max():
            return _crossing(spectrum.energies, absorption, threshold)
    return None


def transparent_below(spectrum: Spectrum, gap: float) -> Spectrum:
    """Return a broadened spectrum without the absorption that its Lorentzian puts below the direct gap (eV).

    A Lorentzian of half width eta leaves ``eta d eps1 / dE`` there, to first order, in Im eps, and nothing in Re eps.
    Im eps and that of the members is 0 below the gap and rises to what it was within eta above it.
    """
    if not spectrum.broadening:
        return spectrum
    share = np.clip((spectrum.energies - gap) / spectrum.broadening, 0.0, 1.0)

    def cut(tensor: ComplexArray) -> ComplexArray:
        return np.asarray(tensor.real + 1j * share * tensor.imag)

    return replace(spectrum, tensor=cut(spectrum.tensor), members=tuple(map(cut, spectrum.members)))


def continue_to_real_axis(
    energies: FloatArray, eps: ComplexArray, broadening: float, order: int = CONTINUATION_ORDER
) -> ComplexArray:
    """Return ``sum_k (-i eta)^k / k! d^k eps / dE^k`` up to `order`, shape ``(n_energies,)``.

    Parameters
    ----------
    energies, eps
        Photon energies (eV) and dielectric function at ``energies + i broadening``, shape ``(n_energies,)``.
    broadening
        Half width eta of the Lorentzian, eV.
    """
    term, continued = eps, eps
    for k in range(1, order + 1):
        term = np.gradient(term, energies) * (-1j * broadening / k)
        continued = continued + term
    return np.asarray(continued)


def is_passive(eps: ComplexArray) -> bool:
    """Return whether eps2 stays positive, but for a small fraction of its maximum, up to that maximum."""
    peak = int(eps.imag.argmax())
    return bool(eps.imag[: peak + 1].min() >= -ALLOWED_GAIN * eps.imag[peak])


def _crossing(energies: FloatArray, absorption: FloatArray, threshold: float) -> float:
    """Return the energy at which the absorption first reaches a threshold, by linear interpolation."""
    above = absorption >= threshold
    first = int(above.argmax())
    if not above.any() or first == 0:
        where = "below" if not above.any() else "above"
        raise InputError(
            f"no gap can be estimated: the absorption is {where} {threshold:g}/cm on the grid "
            f"{energies[0]:g}-{energies[-1]:g} eV; give the gap"
        )
    return float(np.interp(threshold, absorption[first - 1 : first + 1], energies[first - 1 : first + 1]))
