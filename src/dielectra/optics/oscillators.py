"""Lorentz and Drude-Lorentz oscillators fitted to a spectrum, for simulations in the time domain.

``eps(E) = eps_inf + sum_j f_j E_j^2 / (E_j^2 - E^2 - i g_j E) - E_p^2 / (E^2 + i g E)`` with eps_inf >= 1 and
all other parameters above zero: each term, hence the sum, is causal and passive (C. F. Bohren and D. R. Huffman,
*Absorption and Scattering of Light by Small Particles*, Wiley, 1983, chapter 9).

The tail of a Lorentz pole absorbs at every energy, and ab initio spectra are broadened. So that a crystal stays
transparent below its gap, the fit is asked for no absorption there, with more weight than elsewhere; and where the
fitted window ends below the gap, its poles have no width and lie above it (Sellmeier's formula).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import refractive_index
from dielectra.optics.onset import gap_or_none
from dielectra.spectrum import Spectrum

MAXIMUM_POLES = 40
MAXIMUM_STEPS = 100
SELLMEIER_POLES = 3
"""Most poles of a fit below the gap, where more follow noise."""

NEAREST_POLE, FARTHEST_POLE = 0.05, 4.0
"""Distance of poles from the end of a window below the gap, as multiples of that end; far ones need fine time steps."""

BELOW_GAP_WEIGHT = 1.5
"""Weight of an absorption below the gap: the fit above hardly suffers; 10 and more make crystals clearer."""
ROUNDING = 1e-9
"""Difference in eV that photon energies have by rounding."""

LOGARITHM_RANGE = (-27.0, 9.0)
"""Where the logarithms of the parameters may go: far beyond any eV or strength, within what a float squares."""

LORENTZ_FORMULA = "eps_infinity + sum strength energy_ev^2 / (energy_ev^2 - E^2 - i width_ev E)"
DRUDE_FORMULA = " - drude.energy_ev^2 / (E^2 + i drude.width_ev E)"


class BelowGap(NamedTuple):
    """The error of a fit below the gap, over the fitted energies there.

    Attributes
    ----------
    n_error
        Largest difference of the refractive index from that of the spectrum.
    largest_k
        Largest extinction coefficient of the fit, which is to be zero.
    spectrum_k
        The same of the spectrum: its broadening.
    """

    n_error: float
    largest_k: float
    spectrum_k: float


class Oscillators(NamedTuple):
    """A sum of oscillators.

    Attributes
    ----------
    eps_infinity
        Constant term, at least 1.
    strengths
        Shape ``(n_poles,)``: what each Lorentz pole adds to the static dielectric constant.
    energies, widths
        Resonance energies and full widths, shape ``(n_poles,)``, eV.
    drude_energy, drude_width
        Plasma energy and damping of free carriers, eV; zero without them.
    rms_error
        Root mean square of ``|fit - eps|`` over the fitted range, relative to that of ``|eps|``.
    gap
        Gap in eV below which the crystal is to be transparent; None where it was not asked for.
    below_gap
        What is wrong below the gap; None without a gap or without energies there.
    """

    eps_infinity: float
    strengths: FloatArray
    energies: FloatArray
    widths: FloatArray
    drude_energy: float
    drude_width: float
    rms_error: float
    gap: float | None = None
    below_gap: BelowGap | None = None


def oscillator_eps(oscillators: Oscillators, energies: ArrayLike) -> ComplexArray:
    """Return the dielectric function of oscillators at photon energies (eV), shape ``(n_energies,)``.

    Raises
    ------
    InputError
        If an energy is 0 and there are free carriers, whose term diverges there.
    """
    grid = np.asarray(energies, float)
    if oscillators.drude_energy > 0 and np.any(grid == 0):
        raise InputError("the Drude term diverges at 0 eV; ask for photon energies above zero")
    eps = oscillators.eps_infinity + _lorentz(grid, oscillators.energies, oscillators.widths) @ oscillators.strengths
    if oscillators.drude_energy > 0:
        eps = eps - oscillators.drude_energy**2 / (grid**2 + 1j * oscillators.drude_width * grid)
    return np.asarray(eps)


def fit_oscillators(
    spectrum: Spectrum,
    n_poles: int = 10,
    drude: bool = False,
    component: str = "mean",
    maximum_energy: float | None = None,
    minimum_energy: float | None = None,
    gap: float | None = None,
    weight: float = BELOW_GAP_WEIGHT,
) -> Oscillators:
    """Fit oscillators to a spectrum by least squares on real and imaginary part.

    The fit starts from poles that share ``int eps2 dE`` evenly, with the widths of their shares, and varies the
    logarithms of all parameters with analytic derivatives (MINPACK's Levenberg-Marquardt).

    Parameters
    ----------
    n_poles
        Number of Lorentz poles, 1 to 40.
    drude
        Add a term of free carriers.
    component
        ``mean``, ``xx``, ``yy`` or ``zz``.
    maximum_energy
        Fit up to this photon energy, eV; by default the whole spectrum. What lies above adds to eps_infinity.
    minimum_energy
        Fit from this photon energy on, eV.
    gap
        Energy in eV below which the crystal is to stay transparent, however broadened the spectrum is. By default the
        gap of a spectrum of known broadening (:func:`~dielectra.optics.onset.gap_or_none`), else, or for 0, none.
    weight
        How much more an absorption below the gap counts than another error; the more, the worse the fit above it.

    Raises
    ------
    InputError
        If there are too few energies for that many poles, no absorption to fit, or the component is off-diagonal.
    """
    if component not in ("mean", "xx", "yy", "zz"):
        raise InputError(f"oscillators are fitted to mean, xx, yy or zz; got {component!r}")
    inside = spectrum.energies > 0
    if maximum_energy is not None:
        inside &= spectrum.energies <= maximum_energy + ROUNDING
    if minimum_energy is not None:
        inside &= spectrum.energies >= minimum_energy - ROUNDING
    energies, eps = spectrum.energies[inside], spectrum.component(component)[inside]
    if gap is None and spectrum.broadening:
        gap = gap_or_none(spectrum)
    below = energies < (gap or 0.0)
    if below.all():
        n_poles = min(n_poles, SELLMEIER_POLES, max(1, len(energies) // 3))
    most = min(MAXIMUM_POLES, len(energies) // 3)
    if most < 1:
        raise InputError(
            f"only {len(energies)} energies to fit from {minimum_energy or 0:g} to {maximum_energy or np.inf:g} eV; "
            f"the spectrum has {len(spectrum.energies)} from {spectrum.energies[0]:g} to {spectrum.energies[-1]:g} eV"
        )
    if not 1 <= n_poles <= most:
        raise InputError(f"{n_poles} poles for {len(energies)} energies; give 1 to {most} poles")
    if not 0 < weight < np.inf:
        raise InputError(f"the weight of an absorption below the gap is a positive number; got {weight}")
    if below.all():
        return _stated(_fit_transparent(energies, eps, n_poles), energies, eps, gap)
    target = np.where(below, eps.real, eps)
    if not np.any(target.imag > 0):
        raise InputError("the spectrum does not absorb in the fitted range; there is nothing to fit oscillators to")
    start = _start(energies, target, n_poles, drude)
    weights = np.where(below, weight, 1.0)
    return _stated(_refine(start, energies, target, n_poles, drude, weights), energies, eps, gap)


def quality(oscillators: Oscillators) -> str:
    """Return how good a fit is, in a sentence."""
    text, below = f"relative error {oscillators.rms_error:.2g}", oscillators.below_gap
    if below is None:
        return text
    index, k = f"n differs by up to {below.n_error:.2g}", f"k, which is to be zero, reaches {below.largest_k:.2g}"
    return f"{text}; below the gap of {oscillators.gap:.2f} eV {index} and {k}"


def _stated(fit: Oscillators, energies: FloatArray, eps: ComplexArray, gap: float | None) -> Oscillators:
    """Return a fit with its errors over the fitted range and below the gap."""
    found = oscillator_eps(fit, energies)
    error = float(np.sqrt(np.mean(np.abs(found - eps) ** 2) / np.mean(np.abs(eps) ** 2)))
    below = energies < (gap or 0.0)
    if not below.any():
        return fit._replace(rms_error=error, gap=gap or None)
    ours, theirs = refractive_index(found[below]), refractive_index(eps[below])
    stated = BelowGap(float(np.abs(ours.real - theirs.real).max()), float(ours.imag.max()), float(theirs.imag.max()))
    return fit._replace(rms_error=error, gap=gap, below_gap=stated)


def _fit_transparent(energies: FloatArray, eps: ComplexArray, n_poles: int) -> Oscillators:
    """Fit poles without width above the window to the real part: ``eps_inf + sum f E_j^2 / (E_j^2 - E^2)``."""
    from scipy.optimize import least_squares

    end = energies[-1]

    def unpacked(logarithms: FloatArray) -> Oscillators:
        values = np.exp(np.clip(logarithms, *LOGARITHM_RANGE))
        strengths, distances = values[1 : n_poles + 1], values[n_poles + 1 :]
        return Oscillators(1.0 + float(values[0]), strengths, end * (1 + distances), np.zeros(n_poles), 0.0, 0.0, 0.0)

    def residuals(logarithms: FloatArray) -> FloatArray:
        return np.asarray(oscillator_eps(unpacked(logarithms), energies).real - eps.real)

    share = max(float(eps.real[0]) - 1.0, 0.1) / (n_poles + 1)
    start = np.log(np.concatenate([np.full(n_poles + 1, share), np.geomspace(0.3, 0.8 * FARTHEST_POLE, n_poles)]))
    high = np.append(np.full(n_poles + 1, LOGARITHM_RANGE[1]), np.full(n_poles, np.log(FARTHEST_POLE)))
    low = np.append(np.full(n_poles + 1, LOGARITHM_RANGE[0]), np.full(n_poles, np.log(NEAREST_POLE)))
    answer = least_squares(residuals, start, bounds=(low, high), ftol=1e-8, xtol=1e-8, max_nfev=MAXIMUM_STEPS)
    return unpacked(answer.x)


def describe_oscillators(oscillators: Oscillators) -> dict[str, Any]:
    """Return oscillators as plain data for JSON, energies and widths in eV."""
    poles = zip(oscillators.strengths, oscillators.energies, oscillators.widths, strict=True)
    document: dict[str, Any] = {
        "formula": LORENTZ_FORMULA + (DRUDE_FORMULA if oscillators.drude_energy > 0 else ""),
        "eps_infinity": oscillators.eps_infinity,
        "lorentz": [{"strength": float(f), "energy_ev": float(e), "width_ev": float(g)} for f, e, g in poles],
        "relative_rms_error": oscillators.rms_error,
    }
    if oscillators.gap is not None:
        document["gap_ev"] = oscillators.gap
    if oscillators.below_gap is not None:
        document["below_gap"] = oscillators.below_gap._asdict()
    if oscillators.drude_energy > 0:
        document["drude"] = {"energy_ev": oscillators.drude_energy, "width_ev": oscillators.drude_width}
    return document


def _lorentz(grid: FloatArray, energies: FloatArray, widths: FloatArray) -> ComplexArray:
    """Return ``E_j^2 / (E_j^2 - E^2 - i g_j E)``, shape ``(n_energies, n_poles)``."""
    squared = energies**2
    return np.asarray(squared / (squared - grid[:, None] ** 2 - 1j * widths * grid[:, None]))


def _start(energies: FloatArray, eps: ComplexArray, n_poles: int, drude: bool) -> FloatArray:
    """Return first parameters; strengths by non-negative least squares for poles of equal shares of ``int eps2 dE``."""
    from scipy.optimize import nnls

    drude_energy, drude_width = _start_drude(energies, eps) if drude else (0.0, 1.0)
    bound = eps + drude_energy**2 / (energies**2 + 1j * drude_width * energies)
    absorbed = np.cumsum(np.maximum(bound.imag, 0.0) * np.gradient(energies))
    shares = np.interp(np.linspace(0, absorbed[-1], 2 * n_poles + 1), absorbed, energies)
    centres, widths = shares[1::2], np.maximum(np.diff(shares[::2]), 2 * np.diff(energies).min())
    matrix = np.column_stack([np.ones(len(energies)), _lorentz(energies, centres, widths)])
    target = bound - 1.0
    amplitudes, _ = nnls(np.vstack([matrix.real, matrix.imag]), np.concatenate([target.real, target.imag]))
    values = [np.maximum(amplitudes, 1e-3), centres, widths]
    return np.asarray(np.log(np.concatenate([*values, [drude_energy, drude_width] if drude else []])))


def _start_drude(energies: FloatArray, eps: ComplexArray) -> tuple[float, float]:
    """Return plasma energy and damping (eV) that a metal's first point implies: ``E eps2 / (1 - eps1)`` is the damping.

    Where eps1 is positive there, free carriers do not rule and small values serve.
    """
    energy, below_one = energies[0], 1.0 - eps.real[0]
    if below_one <= 1.0:
        return 0.1, 0.1
    width = max(energy * eps.imag[0] / below_one, 1e-3)
    return float(np.sqrt(below_one * (energy**2 + width**2))), float(width)


def _refine(
    start: FloatArray, energies: FloatArray, eps: ComplexArray, n_poles: int, drude: bool, weights: FloatArray
) -> Oscillators:
    from scipy.optimize import least_squares

    # Below the gap an absorption costs more, and so does the index, less strongly.
    of_imaginary, of_real = weights, np.sqrt(weights)
    scale = float(np.sqrt(np.mean(np.abs(eps) ** 2)))

    def unpacked(logarithms: FloatArray) -> Oscillators:
        values = np.exp(np.clip(logarithms, *LOGARITHM_RANGE))
        strengths, centres, widths = values[1 : 3 * n_poles + 1].reshape(3, n_poles)
        drude_energy, drude_width = values[-2:] if drude else (0.0, 0.0)
        return Oscillators(
            1.0 + float(values[0]), strengths, centres, widths, float(drude_energy), float(drude_width), 0.0
        )

    def residuals(logarithms: FloatArray) -> FloatArray:
        difference = (oscillator_eps(unpacked(logarithms), energies) - eps) / scale
        return np.asarray(np.concatenate([of_real * difference.real, of_imaginary * difference.imag]))

    def jacobian(logarithms: FloatArray) -> FloatArray:
        model, grid = unpacked(logarithms), energies[:, None]
        terms = model.strengths * _lorentz(energies, model.energies, model.widths)
        denominator = model.energies**2 - grid**2 - 1j * model.widths * grid
        columns = [
            np.full((len(energies), 1), model.eps_infinity - 1.0, complex),
            terms,
            2 * terms * (1 - model.energies**2 / denominator),
            terms * 1j * model.widths * grid / denominator,
        ]
        if drude:
            free = -(model.drude_energy**2) / (grid**2 + 1j * model.drude_width * grid)
            columns += [2 * free, -free * 1j * model.drude_width / (grid + 1j * model.drude_width)]
        derivatives = np.hstack(columns) / scale
        return np.asarray(np.vstack([of_real[:, None] * derivatives.real, of_imaginary[:, None] * derivatives.imag]))

    answer = least_squares(
        residuals, start, jacobian, method="lm", ftol=1e-4, xtol=1e-4, gtol=1e-6, max_nfev=MAXIMUM_STEPS
    )
    return unpacked(answer.x)
