"""Symmetry of a crystal by spglib: the one standard cell of all its cells, space group, rotations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import spglib
from numpy.typing import NDArray

from dielectra.errors import InputError
from dielectra.structures import Crystal, FloatArray

SYMMETRY_TOLERANCE = 1e-2
"""Distance in angstrom within which two atomic positions count as related by symmetry."""

CENTRINGS: dict[str, FloatArray] = {
    "P": np.eye(3),
    "A": np.array([[2, 0, 0], [0, 1, 1], [0, -1, 1]]) / 2,
    "C": np.array([[1, -1, 0], [1, 1, 0], [0, 0, 2]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
"""Primitive vectors, as rows, in the conventional cell of each centring, in the choice of spglib's documentation."""


def standardise(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> Crystal:
    """Return the idealised primitive cell that stands for every choice of cell of a crystal.

    Parameters
    ----------
    crystal
        Any cell of the crystal: a supercell, a conventional cell, a cell with relaxation noise below `symprec`.
    symprec
        Distance tolerance in angstrom of the symmetry search (spglib).

    Returns
    -------
    Crystal
        Standardised primitive cell with atoms exactly on their symmetry positions.

    Raises
    ------
    InputError
        If spglib finds no space group, as happens when atoms overlap.
    """
    return standard_form(crystal, symprec)[0]


def standard_form(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> tuple[Crystal, int]:
    """Return the cell of :func:`standardise` and the number of the space group (1-230), for one call of spglib."""
    symmetry = _symmetry_dataset(crystal, symprec)
    return _primitive_cell(symmetry), symmetry.number


def standard_form_in_place(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> tuple[Crystal, int]:
    """Return the cell of :func:`standardise` in the Cartesian axes of the given cell, and the space group's number.

    A tensor that was given together with `crystal` belongs to this cell as it stands.
    """
    symmetry = _symmetry_dataset(crystal, symprec)
    primitive = _primitive_cell(symmetry)
    rotation = np.asarray(symmetry.std_rotation_matrix, float)  # from the given axes to the standard ones
    return Crystal(primitive.cell @ rotation, primitive.numbers, primitive.frac_coords), symmetry.number


def space_group(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> int:
    """Return the number of the space group (1-230)."""
    return int(_symmetry_dataset(crystal, symprec).number)


def lattice_rotations(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> NDArray[np.int64]:
    """Return the rotation parts of the space group in the lattice basis, shape ``(n, 3, 3)``, without repetition."""
    return np.unique(np.asarray(_symmetry_dataset(crystal, symprec).rotations, np.int64), axis=0)


def point_group_rotations(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> FloatArray:
    """Return the orthogonal matrices of the point group in Cartesian axes, shape ``(n, 3, 3)``."""
    basis = crystal.cell.T
    rotations = np.einsum("ij,njk,kl->nil", basis, lattice_rotations(crystal, symprec), np.linalg.inv(basis))
    return np.asarray(rotations)


def _symmetry_dataset(crystal: Crystal, symprec: float) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            answer = spglib.get_symmetry_dataset(spglib_cell(crystal), symprec=symprec)
        except Exception as error:  # spglib >= 2.7 can raise its own error type instead of returning None
            raise InputError(f"{crystal.formula}: spglib could not determine the symmetry ({error})") from error
    if answer is None:
        raise InputError(
            f"{crystal.formula}: spglib found no space group within {symprec} angstrom; check for overlapping atoms"
        )
    return answer


def _primitive_cell(symmetry: Any) -> Crystal:
    """Return the idealised primitive cell in the standard axes, with atoms inside the cell."""
    centring = CENTRINGS[symmetry.international[0]]
    _, first = np.unique(symmetry.std_mapping_to_primitive, return_index=True)
    frac_coords = np.asarray(symmetry.std_positions, float)[first] @ np.linalg.inv(centring)
    numbers = np.asarray(symmetry.std_types, np.int64)[first]
    return Crystal(centring @ np.asarray(symmetry.std_lattice, float), numbers, frac_coords % 1.0)


def spglib_cell(crystal: Crystal) -> Any:
    """Return the (lattice, positions, numbers) triple that spglib takes."""
    return crystal.cell, crystal.frac_coords, crystal.numbers
