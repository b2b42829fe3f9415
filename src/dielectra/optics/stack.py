"""Reflectance, transmittance and absorptance of thin-film stacks against photon energy, angle and polarisation.

Scattering matrices are joined (:mod:`dielectra.optics.scattering`): those of amplitudes within groups of coherent
layers, those of powers from group to group across layers that are not coherent (S. J. Byrnes, arXiv:1603.02720).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import HBAR_C, refractive_index
from dielectra.optics.scattering import Numbers, Scattering, flux, interface, join_all, look_inside, powers_of
from dielectra.spectrum import Spectrum
from dielectra.units import NANOMETRES_PER_CM, NM, format_energy

POLARISATIONS = ("s", "p", "unpolarised")
MINIMUM_INCOHERENT_NM = 1000.0
SMALLEST_EPS = 1e-12
"""What counts as a dielectric function of zero, at which p waves have no limit."""

Material = Spectrum | complex | ComplexArray
"""A spectrum (its isotropic average counts), a constant complex refractive index, or one per energy."""


class Layer(NamedTuple):
    """One layer of a stack.

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
    """What a stack does with light; arrays of shape ``(n_angles, n_energies)``, fractions of the incident power.

    Attributes
    ----------
    energies
        Photon energies, shape ``(n_energies,)``, eV.
    angles
        Angles of incidence, shape ``(n_angles,)``, degrees.
    reflectance, transmittance, absorptance
        Their sum is one.
    layer_absorptance
        Part of the absorptance in each layer, shape ``(n_layers, n_angles, n_energies)``; its sum is the absorptance.
    """

    energies: FloatArray
    angles: FloatArray
    reflectance: FloatArray
    transmittance: FloatArray
    absorptance: FloatArray
    layer_absorptance: FloatArray


class StackAmplitudes(NamedTuple):
    """Complex amplitudes of the electric field of a coherent stack, each of shape ``(n_angles, n_energies)``.

    Time goes as ``exp(-i w t)``. For p waves, signs are those of S. J. Byrnes: at normal incidence r_p = -r_s.

    Attributes
    ----------
    energies, angles
        As in :class:`StackOptics`.
    reflection, transmission
        Relative to the incident field, at the front of the first and the back of the last layer.
    """

    energies: FloatArray
    angles: FloatArray
    reflection: ComplexArray
    transmission: ComplexArray


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
    prepared = _prepare(layers, energies, angles, polarisation, incidence, exit_medium)
    chosen = ("s", "p") if polarisation == "unpolarised" else (polarisation,)
    solved = [_solve(layers, prepared, name) for name in chosen]
    reflectance, transmittance, absorbed = (np.mean(part, axis=0) for part in zip(*solved, strict=True))
    absorptance = 1.0 - reflectance - transmittance
    return StackOptics(prepared.energies, prepared.angles, reflectance, transmittance, absorptance, absorbed)


def stack_amplitudes(
    layers: Sequence[Layer],
    energies: ArrayLike,
    angles: ArrayLike = 0.0,
    polarisation: str = "s",
    incidence: float = 1.0,
    exit_medium: Material = 1.0,
) -> StackAmplitudes:
    """Return the complex amplitudes that a stack of coherent layers reflects and transmits.

    Parameters are those of :func:`stack_optics`; the polarisation is ``s`` or ``p``.

    Raises
    ------
    InputError
        As :func:`stack_optics`, and if a layer is not coherent or the light not polarised.
    """
    if polarisation == "unpolarised" or not all(layer.coherent for layer in layers):
        raise InputError("amplitudes belong to coherent layers and light that is s or p polarised")
    prepared = _prepare(layers, energies, angles, polarisation, incidence, exit_medium)
    admittances, decays = _waves(layers, prepared, polarisation)
    total = join_all(_interfaces(admittances), decays)
    # Those of p waves are amplitudes of the magnetic field, which is n times the electric one.
    ratio = np.sqrt(prepared.eps[0] / prepared.eps[-1]) if polarisation == "p" else 1.0
    return StackAmplitudes(
        prepared.energies, prepared.angles, np.asarray(total.front_r), np.asarray(total.front_t * ratio)
    )


def material_index(material: Material, energies: FloatArray, what: str = "a material") -> ComplexArray:
    """Return the complex refractive index n + i k of a material at photon energies (eV), shape ``(n_energies,)``.

    Parameters
    ----------
    what
        Its place in error messages.

    Raises
    ------
    InputError
        If a spectrum does not cover the energies, an array has another length, or n or k is negative or not finite.
    """
    if isinstance(material, Spectrum):
        low, high = material.energies[0], material.energies[-1]
        if energies.min() < low - 1e-9 or energies.max() > high + 1e-9:
            raise InputError(
                f"{what}: its spectrum covers {_window(low, high)}, but {_window(energies.min(), energies.max())} are "
                "asked for; ask for energies inside"
            )
        return refractive_index(np.interp(energies, material.energies, material.mean))
    index = np.asarray(material, complex)
    if index.shape not in ((), energies.shape):
        raise InputError(
            f"{what}: a refractive index is one number or one per energy {energies.shape}; got shape {index.shape}"
        )
    if not np.isfinite(index).all() or np.any(index.real < 0) or np.any(index.imag < 0) or np.any(index == 0):
        raise InputError(f"{what}: a refractive index n + i k needs n >= 0, k >= 0 and not both zero; got {material}")
    return np.broadcast_to(index, energies.shape)


def _window(low: float, high: float) -> str:
    in_nm = f" ({format_energy(high, NM)} to {format_energy(low, NM)})" if low > 0 else ""
    return f"{low:g}-{high:g} eV{in_nm}"


class _Prepared(NamedTuple):
    """Checked input: energies, angles (degrees), eps ``(n_layers + 2, n_energies)`` and ``n sin(angle)``."""

    energies: FloatArray
    angles: FloatArray
    eps: ComplexArray
    sine: FloatArray


def _prepare(
    layers: Sequence[Layer],
    energies: ArrayLike,
    angles: ArrayLike,
    polarisation: str,
    incidence: float,
    exit_medium: Material,
) -> _Prepared:
    grid, degrees = np.atleast_1d(np.asarray(energies, float)), np.atleast_1d(np.asarray(angles, float))
    _check(grid, degrees, layers, incidence)
    if polarisation not in POLARISATIONS:
        raise InputError(f"unknown polarisation {polarisation!r}; allowed are {', '.join(POLARISATIONS)}")
    places = ["medium of incidence", *(f"layer {number}" for number in range(len(layers))), "exit medium"]
    materials = [complex(incidence), *(layer.material for layer in layers), exit_medium]
    indices = [material_index(material, grid, place) for material, place in zip(materials, places, strict=True)]
    eps = np.array(indices) ** 2
    eps = np.where(np.abs(eps) < SMALLEST_EPS, SMALLEST_EPS, eps)
    return _Prepared(grid, degrees, eps, incidence * np.sin(np.radians(degrees)))


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


def _waves(layers: Sequence[Layer], prepared: _Prepared, polarisation: str) -> tuple[ComplexArray, list[Numbers]]:
    """Return the admittances of all media and what a wave keeps in each layer, each ``(..., n_angles, n_energies)``."""
    eps = prepared.eps[:, None]
    waves = np.sqrt(eps - (prepared.sine**2)[:, None] + 0j)
    thicknesses = np.array([layer.thickness_nm for layer in layers], float)[:, None, None]
    decays = np.exp(1j * waves[1:-1] * prepared.energies * thicknesses / (HBAR_C * NANOMETRES_PER_CM))
    return (waves if polarisation == "s" else waves / eps), list(decays)


def _interfaces(admittances: ComplexArray) -> list[Scattering]:
    return [interface(first, second) for first, second in itertools.pairwise(admittances)]


def _solve(
    layers: Sequence[Layer], prepared: _Prepared, polarisation: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return reflectance and transmittance, ``(n_angles, n_energies)``, and the absorptance of each layer."""
    admittances, decays = _waves(layers, prepared, polarisation)
    thick = [number for number, layer in enumerate(layers) if not layer.coherent]
    # A group is what lies between two incoherent media: first and last medium, and the coherent layers between.
    ends = [0, *(number + 1 for number in thick), len(layers) + 1]
    groups = [_Group(admittances[a : b + 1], decays[a : b - 1]) for a, b in itertools.pairwise(ends)]
    powers = [group.powers for group in groups]
    losses: list[Numbers] = [np.abs(decays[number]) ** 2 for number in thick]
    total, inside = join_all(powers, losses), look_inside(powers, losses)
    shape = total.front_r.shape
    absorbed = np.zeros((len(layers), *shape))
    for number, light in zip(thick, inside, strict=True):
        gone = light.front_forward - light.front_backward - light.back_forward + light.back_backward
        absorbed[number] = gone.real
    for position, group in enumerate(groups):
        onto = inside[position - 1].back_forward.real if position else np.ones(shape)
        back = inside[position].front_backward.real if position < len(inside) else np.zeros(shape)
        first, last = ends[position], ends[position + 1] - 1
        parts, parts_back = group.absorbed(), group.reversed().absorbed()[::-1]
        absorbed[first:last] += onto * parts + back * parts_back
        if position:  # what an absorbing medium takes where waves to and fro overlap in it
            absorbed[first - 1] += onto * (group.lost - parts.sum(axis=0))
        if position < len(inside):
            absorbed[last] += back * (group.reversed().lost - parts_back.sum(axis=0))
    return total.front_r.real, total.front_t.real, np.maximum(absorbed, 0.0)


class _Group(NamedTuple):
    """Coherent layers between two media: all admittances, and what a wave keeps in each layer."""

    admittances: ComplexArray
    decays: list[Numbers]

    @property
    def powers(self) -> Scattering:
        total = join_all(_interfaces(self.admittances), self.decays)
        return powers_of(total, self.admittances[0], self.admittances[-1])

    @property
    def lost(self) -> FloatArray:
        powers = self.powers
        return np.asarray(1.0 - powers.front_r.real - powers.front_t.real)

    def reversed(self) -> _Group:
        return _Group(self.admittances[::-1], self.decays[::-1])

    def absorbed(self) -> FloatArray:
        """Return what each layer takes of light from the front, shape ``(n_layers, n_angles, n_energies)``."""
        front = self.admittances[0]
        found = [
            flux(admittance, light.front_forward, light.front_backward, front)
            - flux(admittance, light.back_forward, light.back_backward, front)
            for admittance, light in zip(
                self.admittances[1:-1], look_inside(_interfaces(self.admittances), self.decays), strict=True
            )
        ]
        return np.array(found).reshape(-1, *front.shape)
