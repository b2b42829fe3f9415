"""The few directions of q -> 0 along which a response must be computed to know the whole tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray

Direction = tuple[int, int, int]
DIRECTIONS: tuple[Direction, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0))
"""Directions that fix any symmetric tensor: the Cartesian axes and the diagonals between them."""


def invariant_tensors(rotations: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the symmetric tensors that a point group leaves as they are.

    Parameters
    ----------
    rotations
        Orthogonal matrices of the group, shape ``(n, 3, 3)``.

    Returns
    -------
    array, shape ``(m, 3, 3)``
        One tensor for cubic groups, two for uniaxial ones, three, four and six for orthorhombic, monoclinic and
        triclinic ones.
    """
    images = []
    for row, column in zip(*np.triu_indices(3), strict=True):
        tensor = np.zeros((3, 3))
        tensor[row, column] = tensor[column, row] = 1.0
        tensor /= np.linalg.norm(tensor)
        images.append(np.einsum("nij,jk,nlk->il", rotations, tensor, rotations) / len(rotations))
    _, weights, basis = np.linalg.svd(np.reshape(images, (6, 9)))
    return np.asarray(basis[: int(np.sum(weights > 0.5))].reshape(-1, 3, 3))


def independent_directions(rotations: FloatArray) -> list[Direction]:
    """Return directions, as few as the point group allows, that fix the dielectric tensor: x alone for cubic groups."""
    return missing_directions([], rotations)


def missing_directions(given: Sequence[Sequence[float]], rotations: FloatArray) -> list[Direction]:
    """Return directions, as few as the point group allows, that fix the dielectric tensor together with those given.

    Parameters
    ----------
    given
        Cartesian directions of any length.
    """
    basis = invariant_tensors(rotations)
    chosen: list[Sequence[float]] = list(given)
    rank = _rank(basis, chosen)
    missing: list[Direction] = []
    for direction in DIRECTIONS:
        if _rank(basis, [*chosen, direction]) > rank:
            chosen.append(direction)
            missing.append(direction)
            rank += 1
    return missing


def tensor_from_directions(
    directions: Sequence[Sequence[float]], curves: ComplexArray, rotations: FloatArray
) -> ComplexArray:
    """Return the tensor, invariant under the point group, that a field along each direction sees as its curve.

    With more directions than the group asks for it is the one of least squares.

    Parameters
    ----------
    curves
        Macroscopic functions along the directions, shape ``(n_directions, n_energies)``.

    Returns
    -------
    array, shape ``(3, 3, n_energies)``
    """
    basis = invariant_tensors(rotations)
    weights = np.linalg.pinv(_projections(basis, directions)) @ curves
    return np.asarray(np.einsum("mij,mw->ijw", basis, weights))


def _rank(basis: FloatArray, directions: Sequence[Sequence[float]]) -> int:
    return int(np.linalg.matrix_rank(_projections(basis, directions), tol=1e-6)) if len(directions) else 0


def _projections(basis: FloatArray, directions: Sequence[Sequence[float]]) -> FloatArray:
    """Return what a field along each direction sees of each tensor, shape ``(n_directions, m)``."""
    units = np.array(directions, float)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return np.asarray(np.einsum("di,mij,dj->dm", units, basis, units))
