"""Optical constants of a dielectric function: n, k, absorption, reflectivity, loss, static value.

All functions take a complex dielectric function of shape ``(..., n_energies)``. Formulas: M. Dressel and G. Gruener,
*Electrodynamics of Solids* (Cambridge, 2002), chapter 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.spectrum import OpticalConstants, Spectrum

STATIC_LIMIT = 0.1
"""Highest photon energy in eV at which the real part still counts as static."""

HBAR_C = 1.9732698045930252e-5
"""Reduced Planck constant times speed of light, eV cm."""

SAME_COMPONENT = 1e-6
"""Difference between components, relative to the largest one, below which it is numerical noise."""


def optical_constants(spectrum: Spectrum, component: str | Sequence[float] = "mean") -> OpticalConstants:
    """Return all optical constants of a spectrum along one direction.

    Parameters
    ----------
    component
        ``mean`` for the isotropic average, ``xx``, ``yy`` or ``zz``, or a Cartesian direction of the electric field.

    Raises
    ------
    InputError
        If the component is an off-diagonal one, which has no refractive index, or unknown.
    """
    if isinstance(component, str) and component in ("yz", "xz", "xy"):
        raise InputError(f"component {component} is off-diagonal and has no refractive index; give a direction instead")
    eps = spectrum.component(component) if isinstance(component, str) else spectrum.along(component)
    index = refractive_index(eps)
    return OpticalConstants(
        eps1=eps.real,
        eps2=eps.imag,
        n=index.real,
        k=index.imag,
        absorption=absorption_coefficient(spectrum.energies, eps),
        reflectivity=reflectivity(eps),
        loss=energy_loss(eps),
        eps_infinity=static_or_none(spectrum.energies, eps),
    )


def is_isotropic(spectrum: Spectrum) -> bool:
    """Return whether a tensor is a multiple of the unit matrix at every energy, within :data:`SAME_COMPONENT`."""
    deviation = np.abs(spectrum.tensor - np.eye(3)[:, :, None] * spectrum.mean).max()
    return bool(deviation <= SAME_COMPONENT * np.abs(spectrum.tensor).max())


def off_diagonals(spectrum: Spectrum) -> tuple[str, ...]:
    """Return the names of the off-diagonal components that do not vanish, within :data:`SAME_COMPONENT`."""
    noise = SAME_COMPONENT * np.abs(spectrum.tensor).max()
    return tuple(name for name in ("yz", "xz", "xy") if np.abs(spectrum.component(name)).max() > noise)


def interpolated(points: FloatArray, energies: FloatArray, eps: ComplexArray) -> ComplexArray:
    """Return functions ``(..., n_energies)`` at other energies inside the grid, linearly, shape ``(..., n_points)``."""
    right = np.clip(np.searchsorted(energies, points), 1, len(energies) - 1)
    share = (points - energies[right - 1]) / (energies[right] - energies[right - 1])
    return np.asarray(eps[..., right - 1] * (1 - share) + eps[..., right] * share)


def refractive_index(eps: ArrayLike) -> ComplexArray:
    """Return the complex refractive index n + i k, the root of eps with n, k >= 0.

    Negative imaginary parts, numerical noise in a passive crystal, count as zero.
    """
    values = np.asarray(eps, complex)
    return np.asarray(np.sqrt(values.real + 1j * np.maximum(values.imag, 0.0)))


def absorption_coefficient(energies: ArrayLike, eps: ArrayLike) -> FloatArray:
    """Return the absorption coefficient ``alpha = 2 k E / (hbar c)`` (that is ``4 pi k / lambda``) in 1/cm.

    Parameters
    ----------
    energies
        Photon energies, shape ``(n_energies,)``, eV.
    """
    return np.asarray(2.0 * np.asarray(energies, float) * refractive_index(eps).imag / HBAR_C)


def reflectivity(eps: ArrayLike) -> FloatArray:
    """Return the normal-incidence reflectivity ``|(N - 1) / (N + 1)|^2`` of a half-space in vacuum."""
    index = refractive_index(eps)
    return np.asarray(np.abs((index - 1) / (index + 1)) ** 2)


def energy_loss(eps: ArrayLike) -> FloatArray:
    """Return the energy loss function ``-Im 1/eps``; its peak marks the plasmon."""
    return np.asarray(0.0 - (1.0 / np.asarray(eps, complex)).imag)


def static_or_none(energies: FloatArray, eps: ArrayLike) -> float | None:
    """Return :func:`static_dielectric_constant`; None where the grid begins above 0.1 eV."""
    return static_dielectric_constant(energies, eps) if energies[0] <= STATIC_LIMIT else None


def static_dielectric_constant(energies: ArrayLike, eps: ArrayLike) -> float:
    """Return the electronic dielectric constant: the real part at the lowest photon energy (clamped ions).

    Raises
    ------
    InputError
        If the grid begins above 0.1 eV.
    """
    grid = np.asarray(energies, float)
    if grid[0] > STATIC_LIMIT:
        raise InputError(f"the grid begins at {grid[0]:g} eV; a static value needs a grid that begins at 0 eV")
    return float(np.asarray(eps, complex)[..., 0].real)
