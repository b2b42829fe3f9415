"""Scattering matrices of layers, for amplitudes and for powers alike.

Waves in each layer are ``exp(i q z)``, where ``q^2 = eps - (n sin(angle))^2`` with q in units of the vacuum wave number
and n the index of the medium of incidence. Layers are joined by the star product instead of transfer matrices: only
decaying exponentials occur, so that no thickness overflows. Formulas: L. Li, J. Opt. Soc. Am. A 13, 1024 (1996);
S. J. Byrnes, arXiv:1603.02720 (power coefficients).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dielectra.arrays import ComplexArray, FloatArray

Numbers = NDArray[np.inexact]


class Scattering(NamedTuple):
    """Reflection and transmission, amplitudes or powers, for light from the front and from the back."""

    front_r: Numbers
    front_t: Numbers
    back_r: Numbers
    back_t: Numbers


class Inside(NamedTuple):
    """What travels in a layer, amplitudes or powers, per unit of what falls on the front of the stack.

    Attributes
    ----------
    front_forward, front_backward
        Just behind the front face of the layer.
    back_forward, back_backward
        Just before its back face.
    """

    front_forward: Numbers
    front_backward: Numbers
    back_forward: Numbers
    back_backward: Numbers


def interface(first: ComplexArray, second: ComplexArray) -> Scattering:
    """Return the Fresnel coefficients between media of given admittance (p waves: of the magnetic field)."""
    total = first + second
    reflection = (first - second) / total
    return Scattering(reflection, 2 * first / total, -reflection, 2 * second / total)


def cross(scattering: Scattering, decay: Numbers) -> Scattering:
    """Add the way through the layer behind: every wave that crosses it is multiplied by `decay`."""
    front_r, front_t, back_r, back_t = scattering
    return Scattering(front_r, front_t * decay, back_r * decay**2, back_t * decay)


def join(first: Scattering, second: Scattering) -> Scattering:
    """Join two scatterers, all waves that go to and fro between them summed (Redheffer's star product)."""
    echoes = _echoes(first.back_r, second.front_r)
    return Scattering(
        first.front_r + first.front_t * second.front_r * first.back_t * echoes,
        first.front_t * second.front_t * echoes,
        second.back_r + second.back_t * first.back_r * second.front_t * echoes,
        second.back_t * first.back_t * echoes,
    )


def join_all(scatterers: Sequence[Scattering], decays: Sequence[Numbers]) -> Scattering:
    """Join scatterers with a layer between each two, whose `decays` are one fewer."""
    total = scatterers[0]
    for decay, following in zip(decays, scatterers[1:], strict=True):
        total = join(cross(total, decay), following)
    return total


def look_inside(scatterers: Sequence[Scattering], decays: Sequence[Numbers]) -> list[Inside]:
    """Return what travels in each layer between scatterers; arguments as for :func:`join_all`."""
    ahead = [scatterers[-1]]
    for decay, scatterer in zip(reversed(decays[1:]), reversed(scatterers[1:-1]), strict=True):
        ahead.append(join(cross(scatterer, decay), ahead[-1]))
    ahead.reverse()
    behind, found = scatterers[0], []
    for number, decay in enumerate(decays):
        returned = ahead[number].front_r * decay**2
        forward = behind.front_t * _echoes(behind.back_r, returned)
        found.append(Inside(forward, forward * returned, forward * decay, forward * decay * ahead[number].front_r))
        behind = join(cross(behind, decay), scatterers[number + 1])
    return found


def powers_of(amplitudes: Scattering, front: ComplexArray, back: ComplexArray) -> Scattering:
    """Return power coefficients; no power enters a medium in which the wave is evanescent.

    Seen from inside an absorbing medium, where powers to and fro do not just add up, reflection and transmission can
    exceed one together; they are limited to what conserves power.
    """
    front_r, back_r = (np.minimum(np.abs(r) ** 2, 1.0) for r in (amplitudes.front_r, amplitudes.back_r))
    front_t = np.abs(amplitudes.front_t) ** 2 * _ratio(back.real, front.real)
    back_t = np.abs(amplitudes.back_t) ** 2 * _ratio(front.real, back.real)
    return Scattering(front_r, np.minimum(front_t, 1.0 - front_r), back_r, np.minimum(back_t, 1.0 - back_r))


def flux(admittance: ComplexArray, forward: Numbers, backward: Numbers, incidence: ComplexArray) -> FloatArray:
    """Return the power that flows towards the back, per unit of that of a forward wave in the medium of incidence."""
    flow = np.real(admittance * (forward - backward) * np.conj(forward + backward))
    return _ratio(np.asarray(flow), np.broadcast_to(incidence.real, flow.shape))


def _echoes(first: Numbers, second: Numbers) -> Numbers:
    """Return ``1 / (1 - r1 r2)``; where both reflect all, nothing gets between them and the sum does not matter."""
    lost = 1.0 - first * second
    return np.asarray(np.divide(1.0, lost, out=np.ones_like(lost), where=lost != 0))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
