"""Integral relations of dielectric functions: Kramers-Kronig, sum rules, similarity."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray

PLASMA_ENERGY_SQUARED = 1378.8423
"""Square of the plasma energy of one electron per cubic angstrom, eV^2: hbar^2 e^2 / (eps0 m)."""

IMAGINARY_TAIL_EXPONENT = 3.0
REAL_TAIL_EXPONENT = 2.0
TAIL_RANGE = 20.0
TAIL_POINTS = 60


def real_from_imaginary(energies: ArrayLike, eps2: ArrayLike) -> FloatArray:
    """Return the real part that belongs to an imaginary part (Kramers-Kronig).

    ``eps1(w) = 1 + 2/pi P int_0^inf w' eps2(w') / (w'^2 - w^2) dw'``, integrated exactly for the piecewise-linear
    function through the points. Below the first point eps2 falls linearly to zero at zero energy; above the last it
    falls as ``w^-3``, as the sum of Lorentz oscillators does.

    Parameters
    ----------
    energies
        Shape ``(n_energies,)``, eV, increasing.
    eps2
        Shape ``(..., n_energies)``.

    Returns
    -------
    array, shape ``(..., n_energies)``
    """
    grid = np.ascontiguousarray(energies, float)
    values = np.asarray(eps2, float)
    return 1.0 + values @ _hilbert_matrix(grid.tobytes(), -1.0, IMAGINARY_TAIL_EXPONENT).T


def imaginary_from_real(energies: ArrayLike, eps1: ArrayLike) -> FloatArray:
    """Return the imaginary part that belongs to a real part (Kramers-Kronig).

    ``eps2(w) = -2 w/pi P int_0^inf (eps1(w') - 1) / (w'^2 - w^2) dw'``. Below the first point ``eps1 - 1`` is taken as
    constant; above the last it falls as ``w^-2``. A window of 20 eV cuts valence transitions, so that values
    within a few eV of its end are unreliable.

    Parameters
    ----------
    energies
        Shape ``(n_energies,)``, eV, increasing.
    eps1
        Shape ``(..., n_energies)``.

    Returns
    -------
    array, shape ``(..., n_energies)``
    """
    grid = np.ascontiguousarray(energies, float)
    values = np.asarray(eps1, float) - 1.0
    return -values @ _hilbert_matrix(grid.tobytes(), 1.0, REAL_TAIL_EXPONENT).T


@lru_cache(maxsize=8)
def _hilbert_matrix(grid_bytes: bytes, parity: float, tail_exponent: float) -> FloatArray:
    """Return the matrix of ``f -> 1/pi P int f(w') / (w' - w) dw'`` for f of given parity, shape ``(n, n)``.

    For a piecewise-linear f that vanishes at both ends and changes its slope by ``c_j`` at the nodes ``x_j`` the
    integral is ``sum_j c_j (x_j - w) ln|x_j - w|``, as two integrations by parts show. Written for the values ``f_j``
    instead of the slope changes, their weights are the divided second differences of that kernel along the nodes.
    """
    energies = np.frombuffer(grid_bytes, float)
    end = energies[-1]
    tail = end * np.geomspace(1.0, TAIL_RANGE, TAIL_POINTS + 1)[1:]
    positive = np.concatenate([energies[energies > 0], tail])
    nodes = np.concatenate([-positive[::-1], [0.0], positive])
    distance = nodes - energies[:, None]
    kernel = distance * np.log(np.abs(np.where(distance == 0, 1.0, distance)))
    slopes = np.diff(kernel, axis=1) / np.diff(nodes)
    weights = np.diff(slopes, axis=1, prepend=0.0, append=0.0)

    # Fold the weights of the extended function onto the values it is made of.
    middle = len(positive)
    folded = weights[:, middle + 1 :] + parity * weights[:, middle - 1 :: -1]
    n_inside = len(positive) - len(tail)
    decay = (end / tail) ** tail_exponent
    decay[-1] = 0.0
    matrix = np.zeros((len(energies), len(energies)))
    matrix[:, len(energies) - n_inside :] = folded[:, :n_inside]
    matrix[:, -1] += folded[:, n_inside:] @ decay
    if parity > 0:  # an even function keeps its first value down to zero; an odd one vanishes there
        matrix[:, 0] += weights[:, middle]
    matrix /= np.pi
    matrix.setflags(write=False)
    return matrix


def effective_electrons(energies: ArrayLike, eps2: ArrayLike, volume: float) -> FloatArray:
    """Return the number of electrons per cell that take part in absorption up to each energy (f-sum rule).

    ``N_eff(E) = 2 V / (pi E_p1^2) int_0^E w eps2(w) dw`` with the squared plasma energy ``E_p1^2`` of one electron per
    unit volume. It tends to the number of electrons of the cell.

    Parameters
    ----------
    energies, eps2
        Photon energies (eV) and imaginary part, each of shape ``(n_energies,)``.
    volume
        Cell volume in cubic angstrom.

    Returns
    -------
    array, shape ``(n_energies,)``
        Cumulative electron number by the trapezoid rule.
    """
    grid, values = np.asarray(energies, float), np.asarray(eps2, float)
    integrand = grid * values
    steps = np.diff(grid) * (integrand[1:] + integrand[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)]) * 2 * volume / (np.pi * PLASMA_ENERGY_SQUARED)


def plasma_energy(volume: float, n_electrons: float) -> float:
    """Return the free-electron plasma energy in eV of `n_electrons` in `volume` cubic angstrom."""
    return float(np.sqrt(PLASMA_ENERGY_SQUARED * n_electrons / volume))


def quantum_weight(energies: ArrayLike, eps2: ArrayLike) -> float:
    """Return the integral of eps2 over the window in eV, the measure of the quantum weight used by the paper.

    The quantum weight of Onishi and Fu (Phys. Rev. X 14, 011052, 2024) is this integral over all energies times a
    constant.
    """
    return float(np.trapezoid(np.asarray(eps2, float), np.asarray(energies, float)))


def similarity(prediction: ArrayLike, reference: ArrayLike, energies: ArrayLike) -> FloatArray:
    """Return the similarity coefficient ``SC = 1 - int |a - b| / int |b|`` with b the reference (trapezoid rule).

    Parameters
    ----------
    prediction, reference
        Spectra of shape ``(..., n_energies)``.
    energies
        Shape ``(n_energies,)``, eV.

    Returns
    -------
    array, shape ``(...)``
        1 for equality; 0 for a prediction of zero; can be negative.
    """
    a, b, grid = (np.asarray(values, float) for values in (prediction, reference, energies))
    return np.asarray(1.0 - np.trapezoid(np.abs(a - b), grid) / np.trapezoid(np.abs(b), grid))
