"""Symmetry of a crystal by spglib: standard cell with its rotation, space group, point group."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

import numpy as np
import spglib
from numpy.typing import NDArray

from dielectra.arrays import FloatArray, IntArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError

Number = TypeVar("Number", np.float64, np.complex128)

FIRST_CUBIC = 195
"""Number of the first cubic space group."""

SYMMETRY_TOLERANCE = 1e-2
"""Distance in angstrom within which two atomic positions count as related by symmetry."""

REMEMBERED = 64
"""Crystals whose symmetry a process remembers."""

CENTRINGS: dict[str, FloatArray] = {
    "P": np.eye(3),
    "A": np.array([[2, 0, 0], [0, 1, 1], [0, -1, 1]]) / 2,
    "C": np.array([[1, -1, 0], [1, 1, 0], [0, 0, 2]]) / 2,
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
"""Primitive vectors, as rows, in the conventional cell of each centring, in the choice of spglib's documentation."""


@dataclass(frozen=True, eq=False)
class StandardForm:
    """The one standard cell of all cells of a crystal, and how it lies to the cell that was given.

    Attributes
    ----------
    crystal
        Idealised primitive cell in the standard Cartesian axes, atoms exactly on their symmetry positions.
    space_group
        Number of the space group (1-230).
    rotation
        Proper rotation, shape ``(3, 3)``, that takes Cartesian vectors from the axes of the given cell to the standard
        axes: ``v_standard = rotation @ v_given``.
    point_group
        Orthogonal matrices of the point group in the standard axes, shape ``(n, 3, 3)``, without repetition.
    """

    crystal: Crystal
    space_group: int
    rotation: FloatArray
    point_group: FloatArray

    @property
    def cubic(self) -> bool:
        """Return whether the space group is cubic, so that every tensor of rank 2 is isotropic."""
        return self.space_group >= FIRST_CUBIC

    @property
    def in_place(self) -> Crystal:
        """Return the primitive cell in the Cartesian axes of the given cell, to which tensors of its file belong."""
        return Crystal(self.crystal.cell @ self.rotation, self.crystal.numbers, self.crystal.frac_coords)

    def to_given_axes(self, tensor: NDArray[Number]) -> NDArray[Number]:
        """Return tensors of rank 2, shape ``(3, 3, ...)``, in the given instead of the standard axes."""
        return np.asarray(np.einsum("ki,kl...,lj->ij...", self.rotation, tensor, self.rotation))

    def to_standard_axes(self, tensor: NDArray[Number]) -> NDArray[Number]:
        """Return tensors of rank 2, shape ``(3, 3, ...)``, in the standard instead of the given axes."""
        return np.asarray(np.einsum("ik,kl...,jl->ij...", self.rotation, tensor, self.rotation))


def standard_form(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> StandardForm:
    """Return the standard cell of a crystal with space group, point group and rotation, for one symmetry search.

    Parameters
    ----------
    crystal
        Any cell of the crystal: a supercell, a conventional cell, a cell with relaxation noise below `symprec`, a
        left-handed basis.
    symprec
        Distance tolerance in angstrom of the symmetry search (spglib).

    Raises
    ------
    InputError
        If spglib finds no space group, as happens when atoms overlap.
    """
    symmetry = _symmetry_dataset(crystal, symprec)
    # A cell with noise below the tolerance is idealised by a matrix that is a rotation only up to that noise.
    left, _, right = np.linalg.svd(np.asarray(symmetry.std_rotation_matrix, float))
    operations = _database_rotations(int(symmetry.hall_number))
    point_group = _in_cartesian_axes(operations, np.asarray(symmetry.std_lattice, float))
    return StandardForm(_primitive_cell(symmetry), int(symmetry.number), left @ right, point_group)


def standardise(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> Crystal:
    """Return the idealised primitive cell of :func:`standard_form`."""
    return standard_form(crystal, symprec).crystal


def symbol_of_space_group(number: int) -> str:
    """Return the Hermann-Mauguin symbol of a space group."""
    import gemmi

    symbol: str = gemmi.find_spacegroup_by_number(number).hm
    return symbol


def space_group(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> int:
    """Return the number of the space group (1-230)."""
    return int(_symmetry_dataset(crystal, symprec).number)


def lattice_rotations(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> IntArray:
    """Return the rotation parts of the space group in the lattice basis, shape ``(n, 3, 3)``, without repetition."""
    return np.unique(np.asarray(_symmetry_dataset(crystal, symprec).rotations, np.int64), axis=0)


def symmorphic_rotations(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> NDArray[np.int64]:
    """Return the rotations, in the lattice basis, of the operations without a translation, shape ``(n, 3, 3)``."""
    symmetry = _symmetry_dataset(crystal, symprec)
    steps = np.asarray(symmetry.translations, float)
    fixed = np.abs(steps - steps.round()).max(axis=1) < symprec
    return np.unique(np.asarray(symmetry.rotations, np.int64)[fixed], axis=0)


def space_group_symbol(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> str:
    """Return the international short symbol of the space group; its first letter is the centring."""
    return str(_symmetry_dataset(crystal, symprec).international)


def point_group_rotations(crystal: Crystal, symprec: float = SYMMETRY_TOLERANCE) -> FloatArray:
    """Return the orthogonal matrices of the point group in Cartesian axes, shape ``(n, 3, 3)``."""
    return _in_cartesian_axes(lattice_rotations(crystal, symprec), crystal.cell)


def _in_cartesian_axes(rotations: IntArray, cell: FloatArray) -> FloatArray:
    """Return matrices given in the basis of a cell's rows as Cartesian matrices, shape ``(n, 3, 3)``."""
    basis = cell.T
    return np.asarray(np.einsum("ij,njk,kl->nil", basis, rotations, np.linalg.inv(basis)))


@cache
def _database_rotations(hall_number: int) -> IntArray:
    """Return the rotation parts of a space group in the basis of its conventional cell, each once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        operations: Any = spglib.get_symmetry_from_database(hall_number)
    return np.unique(np.asarray(operations["rotations"], np.int64), axis=0)


def _symmetry_dataset(crystal: Crystal, symprec: float) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            cell, frac_coords, numbers = spglib_cell(crystal)
            answer = _searched(cell.tobytes(), frac_coords.tobytes(), numbers.tobytes(), symprec)
        except Exception as error:  # spglib >= 2.7 can raise its own error type instead of returning None
            raise InputError(f"{crystal.formula}: spglib could not determine the symmetry ({error})") from error
    if answer is None:
        raise InputError(
            f"{crystal.formula}: spglib found no space group within {symprec} angstrom; check for overlapping atoms"
        )
    return answer


@lru_cache(maxsize=REMEMBERED)
def _searched(cell: bytes, frac_coords: bytes, numbers: bytes, symprec: float) -> Any:
    """Return what spglib finds in the crystal of these numbers.

    The page asks for one crystal several times: its cell, each level, its table.
    """
    crystal = Crystal(
        np.frombuffer(cell).reshape(3, 3), np.frombuffer(numbers, np.int64), np.frombuffer(frac_coords).reshape(-1, 3)
    )
    return spglib.get_symmetry_dataset(spglib_cell(crystal), symprec=symprec)


def _primitive_cell(symmetry: Any) -> Crystal:
    """Return the idealised primitive cell in the standard axes, with atoms inside the cell."""
    centring = CENTRINGS[symmetry.international[0]]
    _, first = np.unique(symmetry.std_mapping_to_primitive, return_index=True)
    frac_coords = np.asarray(symmetry.std_positions, float)[first] @ np.linalg.inv(centring)
    numbers = np.asarray(symmetry.std_types, np.int64)[first]
    return Crystal(centring @ np.asarray(symmetry.std_lattice, float), numbers, frac_coords % 1.0)


def spglib_cell(crystal: Crystal) -> Any:
    """Return the (lattice, positions, numbers) triple that spglib takes."""
    return (
        np.asarray(crystal.cell, float),
        np.asarray(crystal.frac_coords, float),
        np.asarray(crystal.numbers, np.int64),
    )
