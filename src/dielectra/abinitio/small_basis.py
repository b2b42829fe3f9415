"""Bloch states from exact ones in a small plane-wave basis: most of an eigensolver's iterations saved.

GPAW starts unoccupied bands from random numbers, and a response needs far more of those than of occupied ones. The
Hamiltonian among the plane waves of lowest kinetic energy, a few times as many as there are bands, is small enough to
be diagonalised at once; its lowest states leave the solver about half as much to do.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from dielectra.abinitio.kpoint_solver import KPoint
from dielectra.arrays import ComplexArray, FloatArray, IntArray

PLANE_WAVES_PER_BAND = 6


def start_in_small_basis(
    kpoint: KPoint, n_bands: int, potential: FloatArray, plane_waves_per_band: float
) -> ComplexArray:
    """Return the lowest states of a k-point within the plane waves of lowest kinetic energy.

    Parameters
    ----------
    potential
        Local potential on the grid of the cell.

    Returns
    -------
    ComplexArray
        Coefficients, shape ``(n_bands, n_plane_waves)``.
    """
    lowest = lowest_plane_waves(kpoint.kinetic, plane_waves_per_band * n_bands)
    single = np.zeros((len(lowest), len(kpoint.kinetic)), complex)
    single[np.arange(len(lowest)), lowest] = 1.0
    overlap, nonlocal_part = kpoint.paw_corrections(single)
    local_part = local_matrix(potential, kpoint.positions(potential.shape)[lowest])
    states = np.zeros((n_bands, len(kpoint.kinetic)), complex)
    states[:, lowest] = lowest_states(
        n_bands, kpoint.kinetic[lowest], kpoint.volume_element, local_part, nonlocal_part, overlap
    )
    return states


def lowest_plane_waves(kinetic: FloatArray, n_plane_waves: float) -> IntArray:
    """Return the positions of the plane waves of lowest kinetic energy."""
    return np.argsort(kinetic, kind="stable")[: round(n_plane_waves)]


def lowest_states(
    n_bands: int,
    kinetic: FloatArray,
    weight: float,
    local_part: ComplexArray,
    nonlocal_part: ComplexArray,
    overlap_corrections: ComplexArray,
) -> ComplexArray:
    """Return the coefficients of the lowest states in a basis of plane waves, shape ``(n_bands, n_plane_waves)``.

    Parameters
    ----------
    kinetic
        Kinetic energies of the plane waves in hartree.
    weight
        Norm of a plane wave.
    local_part
        Of the Hamiltonian, as :func:`local_matrix` gives it.
    nonlocal_part, overlap_corrections
        PAW corrections of Hamiltonian and overlap.
    """
    hamiltonian = nonlocal_part + weight * local_part
    overlap = overlap_corrections.copy()
    diagonal = np.arange(len(kinetic))
    overlap[diagonal, diagonal] += weight
    hamiltonian[diagonal, diagonal] += weight * kinetic
    _, coefficients = eigh(hamiltonian, overlap, subset_by_index=[0, n_bands - 1], overwrite_a=True, overwrite_b=True)
    return np.asarray(coefficients.T)


def local_matrix(potential: FloatArray, positions: IntArray) -> ComplexArray:
    """Return V(G - G') between plane waves.

    Parameters
    ----------
    potential
        Local potential on the grid of the cell.
    positions
        Of the plane waves in the flattened array of the Fourier transform on that grid.
    """
    transform = np.fft.fftn(potential, norm="forward")
    vectors = np.stack(np.unravel_index(positions, potential.shape))
    differences = (vectors[:, :, None] - vectors[:, None, :]) % np.array(potential.shape)[:, None, None]
    matrix: ComplexArray = transform[tuple(differences)]
    return matrix
