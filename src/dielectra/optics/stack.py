"""Reflectance, transmittance and absorptance of thin-film stacks against photon energy, angle and polarisation.

Waves in each layer are ``exp(i q z)``, where ``q^2 = eps - (n sin(angle))^2`` with q in units of the vacuum wave number
and n that of the medium of incidence. Layers are joined by the star product of scattering matrices instead of transfer
matrices: only decaying exponentials occur, so that no thickness overflows. Layers that are not coherent are joined in
the same way with intensities in place of amplitudes. Formulas: S. J. Byrnes, arXiv:1603.02720 (Fresnel and power
coefficients, incoherent layers); L. Li, J. Opt. Soc. Am. A 13, 1024 (1996) (scattering matrices).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dielectra.errors import InputError
from dielectra.optics.constants import HBAR_C, refractive_index
from dielectra.spectrum import Spectrum
from dielectra.units import NANOMETRES_PER_CM

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

POLARISATIONS = ("s", "p", "unpolarised")
MINIMUM_INCOHERENT_NM = 1000.0
SMALLEST_EPS = 1e-12
"""What counts as a dielectric function of zero, at which p waves have no limit."""

Material = Spectrum | complex | ComplexArray
"""A spectrum (its isotropic average counts), a constant complex refractive index, or one per energy."""


class Layer(NamedTuple):
    """Hold one layer of a stack.

    Attributes
    ----------
    material
        A spectrum, of which the isotropic average counts; a constant complex refractive index n + i k; or an array of
        them, shape ``(n_energies,)``.
    thickness_nm
        Thickness in nm.
    coherent
        False for a layer so thick, or so uneven, that waves reflected at its two faces do not interfere; at least
        1000 nm. Adding powers is exact only where such a layer absorbs weakly (k << n) or all.
    """

    material: Material
    thickness_nm: float
    coherent: bool = True


class StackOptics(NamedTuple):
    """Hold what a stack does with light; arrays of shape ``(n_angles, n_energies)``, fractions of the incident power.

    Attributes
    ----------
    energies
        Photon energies, shape ``(n_energies,)``, eV.
    angles
        Angles of incidence, shape ``(n_angles,)``, degrees.
    reflectance, transmittance, absorptance
        Their sum is one.
    """

    energies: FloatArray
    angles: FloatArray
    reflectance: FloatArray
    transmittance: FloatArray
    absorptance: FloatArray


class _Scattering(NamedTuple):
    """Hold reflection and transmission, amplitudes or powers, for light from the front and from the back."""

    front_r: NDArray[np.inexact]
    front_t: NDArray[np.inexact]
    back_r: NDArray[np.inexact]
    back_t: NDArray[np.inexact]


def stack_optics(
    layers: Sequence[Layer],
    energies: ArrayLike,
    angles: ArrayLike = 0.0,
    polarisation: str = "unpolarised",
    incidence: float = 1.0,
    exit_medium: Material = 1.0,
) -> StackOptics:
    """Return reflectance, transmittance and absorptance of a stack of layers.

    Parameters
    ----------
    layers
        From the side of the light on; may be empty.
    energies
        Photon energies, shape ``(n_energies,)``, eV; spectra are interpolated linearly to them.
    angles
        Angles of incidence from the normal, a number or shape ``(n_angles,)``, degrees, 0 <= angle < 90.
    polarisation
        ``s`` (field across the plane of incidence), ``p`` (in it) or ``unpolarised``, the mean of both.
    incidence
        Refractive index of the medium the light comes from, real.
    exit_medium
        Material behind the last layer, without end. What enters it counts as transmitted also where it absorbs.

    Raises
    ------
    InputError
        If an energy, angle, thickness, index or polarisation is not allowed, or a spectrum does not cover the energies.
    """
    grid, degrees = np.atleast_1d(np.asarray(energies, float)), np.atleast_1d(np.asarray(angles, float))
    _check(grid, degrees, layers, incidence)
    if polarisation not in POLARISATIONS:
        raise InputError(f"unknown polarisation {polarisation!r}; allowed are {', '.join(POLARISATIONS)}")
    materials = [complex(incidence), *(layer.material for layer in layers), exit_medium]
    eps = np.array([material_index(material, grid) ** 2 for material in materials])
    eps = np.where(np.abs(eps) < SMALLEST_EPS, SMALLEST_EPS, eps)
    chosen = ("s", "p") if polarisation == "unpolarised" else (polarisation,)
    powers = [_powers(layers, grid, eps, incidence * np.sin(np.radians(degrees)), name) for name in chosen]
    reflectance = np.mean([power.front_r for power in powers], axis=0)
    transmittance = np.mean([power.front_t for power in powers], axis=0)
    return StackOptics(grid, degrees, reflectance, transmittance, 1.0 - reflectance - transmittance)


def material_index(material: Material, energies: FloatArray) -> ComplexArray:
    """Return the complex refractive index n + i k of a material at photon energies (eV), shape ``(n_energies,)``.

    Raises
    ------
    InputError
        If a spectrum does not cover the energies, an array has another length, or n or k is negative or not finite.
    """
    if isinstance(material, Spectrum):
        low, high = material.energies[0], material.energies[-1]
        if energies.min() < low - 1e-9 or energies.max() > high + 1e-9:
            raise InputError(
                f"a spectrum covers {low:g}-{high:g} eV and {energies.min():g}-{energies.max():g} eV are asked for; "
                "ask for energies inside"
            )
        return refractive_index(np.interp(energies, material.energies, material.mean))
    index = np.asarray(material, complex)
    if index.shape not in ((), energies.shape):
        raise InputError(
            f"a refractive index is one number or one per energy {energies.shape}; got shape {index.shape}"
        )
    if not np.isfinite(index).all() or np.any(index.real < 0) or np.any(index.imag < 0) or np.any(index == 0):
        raise InputError(f"a refractive index n + i k needs n >= 0, k >= 0 and not both zero; got {material}")
    return np.broadcast_to(index, energies.shape)


def _check(energies: FloatArray, angles: FloatArray, layers: Sequence[Layer], incidence: float) -> None:
    if energies.ndim != 1 or not np.isfinite(energies).all() or np.any(energies < 0):
        raise InputError("photon energies must be a list of numbers that are not negative (eV)")
    if angles.ndim != 1 or not np.isfinite(angles).all() or np.any(angles < 0) or np.any(angles >= 90):
        raise InputError(f"angles of incidence must be at least 0 and below 90 degrees; got {angles.tolist()}")
    if np.iscomplexobj(incidence) or not np.isfinite(incidence) or incidence <= 0:
        raise InputError(f"the medium of incidence needs a real, positive refractive index; got {incidence}")
    for number, layer in enumerate(layers):
        if not np.isfinite(layer.thickness_nm) or layer.thickness_nm < 0:
            raise InputError(f"layer {number}: thickness {layer.thickness_nm} nm; give a number that is not negative")
        if not layer.coherent and layer.thickness_nm < MINIMUM_INCOHERENT_NM:
            raise InputError(
                f"layer {number}: {layer.thickness_nm:g} nm is too thin for an incoherent layer; "
                f"below {MINIMUM_INCOHERENT_NM:g} nm the waves of its two faces interfere"
            )


def _powers(
    layers: Sequence[Layer], energies: FloatArray, eps: ComplexArray, sine: FloatArray, polarisation: str
) -> _Scattering:
    """Return the powers a stack reflects and transmits, each of shape ``(n_angles, n_energies)``.

    `eps` has shape ``(n_layers + 2, n_energies)``, `sine`, that of the angle times the index, ``(n_angles,)``.
    """
    waves = np.sqrt(eps[:, None] - (sine**2)[:, None] + 0j)
    admittances = waves if polarisation == "s" else waves / eps[:, None]
    decay = np.exp(1j * waves[1:-1] * energies * _thicknesses(layers) / (HBAR_C * NANOMETRES_PER_CM))
    amplitudes = _interface(admittances[0], admittances[1])
    front, powers = admittances[0], None
    for number, layer in enumerate(layers):
        if layer.coherent:
            amplitudes = _cross(amplitudes, decay[number])
        else:
            group = _intensities(amplitudes, front, admittances[number + 1])
            powers = group if powers is None else _star(powers, group)
            powers = _cross(powers, np.abs(decay[number]) ** 2)
            front = admittances[number + 1]
        following = _interface(admittances[number + 1], admittances[number + 2])
        amplitudes = _star(amplitudes, following) if layer.coherent else following
    group = _intensities(amplitudes, front, admittances[-1])
    return group if powers is None else _star(powers, group)


def _thicknesses(layers: Sequence[Layer]) -> FloatArray:
    return np.array([layer.thickness_nm for layer in layers], float)[:, None, None]


def _interface(first: ComplexArray, second: ComplexArray) -> _Scattering:
    """Return the Fresnel coefficients between media of given admittance (p waves: of the magnetic field)."""
    total = first + second
    reflection = (first - second) / total
    return _Scattering(reflection, 2 * first / total, -reflection, 2 * second / total)


def _cross(scattering: _Scattering, decay: NDArray[np.inexact]) -> _Scattering:
    """Add the way through the layer behind: every wave that crosses it is multiplied by `decay`."""
    front_r, front_t, back_r, back_t = scattering
    return _Scattering(front_r, front_t * decay, back_r * decay**2, back_t * decay)


def _star(first: _Scattering, second: _Scattering) -> _Scattering:
    """Join two scatterers, all waves that go to and fro between them summed (Redheffer's star product).

    Where both reflect all, nothing gets between them and the sum does not matter.
    """
    lost = 1.0 - first.back_r * second.front_r
    echoes = np.divide(1.0, lost, out=np.ones_like(lost), where=lost != 0)
    return _Scattering(
        first.front_r + first.front_t * second.front_r * first.back_t * echoes,
        first.front_t * second.front_t * echoes,
        second.back_r + second.back_t * first.back_r * second.front_t * echoes,
        second.back_t * first.back_t * echoes,
    )


def _intensities(amplitudes: _Scattering, front: ComplexArray, back: ComplexArray) -> _Scattering:
    """Return power coefficients; no power enters a medium in which the wave is evanescent.

    Seen from inside an absorbing medium, where powers to and fro do not just add up, reflection and transmission can
    exceed one together; they are limited to what conserves power.
    """
    front_r, back_r = (np.minimum(np.abs(r) ** 2, 1.0) for r in (amplitudes.front_r, amplitudes.back_r))
    front_t = np.abs(amplitudes.front_t) ** 2 * _ratio(back.real, front.real)
    back_t = np.abs(amplitudes.back_t) ** 2 * _ratio(front.real, back.real)
    return _Scattering(front_r, np.minimum(front_t, 1.0 - front_r), back_r, np.minimum(back_t, 1.0 - back_r))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
