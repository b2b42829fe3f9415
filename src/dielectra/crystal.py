"""The crystal: one immutable arrangement of atoms, checked before anything computes with it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray, IntArray
from dielectra.errors import InputError

MINIMUM_DISTANCE = 0.5
"""Interatomic distance in angstrom below which a structure is refused."""

VACUUM_GAP = 6.0
"""Width in angstrom of an empty layer above which a cell counts as a slab or molecule in vacuum."""

MAXIMUM_SITES = 5000
"""Number of atoms in a cell above which a structure is refused."""

LONGEST_VECTOR = 1000.0
"""Length in angstrom of a lattice vector above which a structure is refused."""

NARROWEST_SPACING = 0.05
"""Distance in angstrom between lattice planes below which a cell is too skewed for the neighbour search."""

FEW_ATOMS = 64
"""Number of atoms in a cell up to which every pair is looked at instead of building a search tree."""

FARTHEST_COORDINATE = 1000.0
"""Fractional coordinate beyond which a number cannot be meant as one."""

ISOTOPES = {"D": 1, "T": 1}
"""Symbols of isotopes with their atomic numbers: electrons do not tell them apart."""

CHARGED_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:\d*\.?\d*[+-]|[+-]\d+\.?\d*)?")


@dataclass(frozen=True, eq=False)
class Crystal:
    """Represent a periodic arrangement of atoms.

    Attributes
    ----------
    cell
        Lattice vectors as rows, shape ``(3, 3)``, angstrom.
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    frac_coords
        Fractional coordinates, shape ``(n_atoms, 3)``.
    warnings
        Doubts about the source that the crystal was read from, one sentence each.
    """

    cell: FloatArray
    numbers: IntArray
    frac_coords: FloatArray
    warnings: tuple[str, ...] = ()

    @property
    def n_atoms(self) -> int:
        """Return the number of atoms in the cell."""
        return len(self.numbers)

    @cached_property
    def volume(self) -> float:
        """Return the cell volume in cubic angstrom."""
        return float(abs(np.linalg.det(self.cell)))

    @cached_property
    def plane_spacings(self) -> FloatArray:
        """Return the distances in angstrom between the lattice planes (100), (010) and (001)."""
        return np.asarray(1.0 / np.sqrt((np.linalg.inv(self.cell) ** 2).sum(axis=0)))

    @property
    def formula(self) -> str:
        """Return the reduced chemical formula, metals first (``MgO``, ``SrTiO3``)."""
        from ase.formula import Formula
        from ase.symbols import Symbols

        reduced, _ = Formula(str(Symbols(self.numbers).formula)).reduce()
        return reduced.format("metal")

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers present."""
        return frozenset(int(number) for number in self.numbers)


def make_crystal(
    cell: Any, species: Any, frac_coords: Any, where: str = "structure", warnings: Sequence[str] = ()
) -> Crystal:
    """Check raw arrays and make a :class:`Crystal` of them.

    Parameters
    ----------
    cell
        Lattice vectors as rows, 9 numbers in any nesting, angstrom.
    species
        Chemical symbols or atomic numbers, ``n_atoms`` of them.
    frac_coords
        Fractional coordinates, ``3 * n_atoms`` numbers in any nesting.
    where
        Name of the source in error messages.
    warnings
        Doubts about the source that go with the crystal.

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite or too large for a crystal, an element is unknown, the lattice is
        flat, or two atoms are closer than 0.5 angstrom.
    """
    entries = np.atleast_1d(np.asarray(species, dtype=object))
    refuse_too_many(len(entries), where)
    numbers = [atomic_number(entry, where) for entry in entries]
    try:
        cell_array = np.array(cell, dtype=float).reshape(3, 3)
        coords = np.array(frac_coords, dtype=float).reshape(len(numbers), 3)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: {_offender(cell, frac_coords)}"
            f"needs 9 cell numbers and 3 fractional coordinates for each of its {len(numbers)} atoms"
        ) from error
    if not numbers:
        raise InputError(f"{where}: holds no atoms")
    crystal = Crystal(cell_array, np.array(numbers, np.int64), coords, tuple(warnings))
    _refuse_senseless(crystal, where)
    _refuse_overlaps(crystal, where)
    return crystal


def atomic_number(species: Any, where: str) -> int:
    """Return the atomic number of a chemical symbol, with or without a charge, or of an integer.

    Raises
    ------
    InputError
        If it is no element; the message starts with `where`.
    """
    from dielectra.elements import NUMBERS

    if type(species) is int and 1 <= species <= 118:
        return species
    number: Any = species
    if isinstance(species, str):
        match = CHARGED_SYMBOL.fullmatch(species.strip())
        symbol = match[1] if match else ""
        number = ISOTOPES.get(symbol) or NUMBERS.get(symbol, 0)
    if isinstance(number, float | np.floating) and float(number).is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 1 <= number <= 118:
        raise InputError(f"{where}: unknown element {_short(species)}; give chemical symbols such as 'Si'")
    return int(number)


def cell_of_parameters(lengths: Sequence[float], angles: Sequence[float], where: str) -> FloatArray:
    """Return lattice vectors as rows, shape ``(3, 3)``, of lengths in angstrom and angles in degrees.

    The first vector lies along x and the second in the xy plane, as crystallographers choose.

    Raises
    ------
    InputError
        If a length or an angle cannot be one, or if the three angles do not span a volume.
    """
    for name, length in zip("abc", lengths, strict=True):
        if not MINIMUM_DISTANCE <= length <= LONGEST_VECTOR:
            raise InputError(f"{where}: cell length {name} = {length:g} angstrom; it is from 0.5 to 1000")
    for name, angle in zip(("alpha", "beta", "gamma"), angles, strict=True):
        if not 1 <= angle <= 179:
            raise InputError(f"{where}: cell angle {name} = {angle:g} degrees; it is between 1 and 179")
    cos_alpha, cos_beta, cos_gamma = (0.0 if angle == 90 else math.cos(math.radians(angle)) for angle in angles)
    sin_gamma = math.sqrt(1 - cos_gamma**2)
    y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    square = 1 - cos_beta**2 - y**2
    if square <= 1e-6:
        raise InputError(f"{where}: cell angles {', '.join(f'{a:g}' for a in angles)} degrees do not span a volume")
    directions = ((1.0, 0.0, 0.0), (cos_gamma, sin_gamma, 0.0), (cos_beta, y, math.sqrt(square)))
    return np.array([[length * x for x in axis] for length, axis in zip(lengths, directions, strict=True)])


def widest_empty_layer(crystal: Crystal) -> float:
    """Return the widest gap in angstrom between atomic planes along the three lattice-plane normals."""
    heights = np.sort(crystal.frac_coords % 1.0, axis=0)
    gaps = np.diff(np.vstack([heights, heights[:1] + 1.0]), axis=0)
    return float((gaps.max(axis=0) * crystal.plane_spacings).max())


def close_pairs(crystal: Crystal, cutoff: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs of atoms nearer than a cutoff, their own images included.

    For a cutoff of a bond at most: it needs no torch, unlike the neighbour list that networks are given.

    Returns
    -------
    first, second : array of int, shape ``(n_pairs,)``
        Both directions of every pair; an atom and its image are a pair too.
    distances : array of float, shape ``(n_pairs,)``
        In angstrom.
    """
    if crystal.n_atoms <= FEW_ATOMS and crystal.plane_spacings.min() > 2 * cutoff:
        return _nearest_pairs(crystal, cutoff)
    from scipy.spatial import cKDTree

    inside = crystal.frac_coords % 1.0
    margin = cutoff / crystal.plane_spacings
    steps = _steps(*np.ceil(margin).astype(int).tolist())
    images = (inside + steps[:, None]).reshape(-1, 3)  # the atoms themselves first
    near = np.flatnonzero(((images > -margin) & (images < 1 + margin)).all(axis=1))
    pairs = cKDTree(inside @ crystal.cell).sparse_distance_matrix(
        cKDTree(images[near] @ crystal.cell), cutoff, output_type="ndarray"
    )
    first, image, distances = pairs["i"], near[pairs["j"]], pairs["v"]
    other = image != first
    return first[other], image[other] % crystal.n_atoms, distances[other]


def _nearest_pairs(crystal: Crystal, cutoff: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs of a cell wider than two cutoffs, in which only the nearest image of an atom can be in reach."""
    steps = crystal.frac_coords[:, None] - crystal.frac_coords
    vectors = (steps - np.rint(steps)) @ crystal.cell
    squares = np.einsum("ijk,ijk->ij", vectors, vectors)
    np.fill_diagonal(squares, np.inf)
    first, second = np.nonzero(squares <= cutoff**2)
    return first, second, np.sqrt(squares[first, second])


@lru_cache(maxsize=64)
def _steps(*reach: int) -> IntArray:
    """Return the lattice translations up to a reach along each vector, the zero first."""
    axes = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    steps = np.stack(axes, axis=-1).reshape(-1, 3)
    return np.roll(steps, len(steps) // 2 + 1, axis=0)


def refuse_too_many(n_atoms: int, where: str) -> None:
    """Raise InputError for more atoms in a cell than are read."""
    if n_atoms > MAXIMUM_SITES:
        raise InputError(
            f"{where}: holds {n_atoms} atoms or more; up to {MAXIMUM_SITES} are read, give the primitive cell"
        )


def _refuse_senseless(crystal: Crystal, where: str) -> None:
    """Refuse numbers that no crystal has; compiled code that comes later does not survive them."""
    cell, coords = crystal.cell, crystal.frac_coords
    finite = np.isfinite(coords)
    if not (np.isfinite(cell).all() and finite.all()):
        which = " (in the cell)" if finite.all() else f" (first at atom {int(finite.all(axis=1).argmin())})"
        raise InputError(f"{where}: cell or coordinates hold values that are not finite numbers{which}")
    longest = float(np.abs(cell).max())
    if longest > LONGEST_VECTOR or np.linalg.norm(cell, axis=1).max() > LONGEST_VECTOR:
        raise InputError(
            f"{where}: cell too long to be a crystal ({longest:.3g} angstrom); a lattice vector has up to "
            f"{LONGEST_VECTOR:g} angstrom, check the unit"
        )
    if crystal.volume < 1e-3:
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
    if crystal.plane_spacings.min() < NARROWEST_SPACING:
        raise InputError(f"{where}: the lattice vectors lie almost in one plane; give a reduced cell")
    far = np.abs(coords) > FARTHEST_COORDINATE
    if far.any():
        atom = int(far.any(axis=1).argmax())
        raise InputError(
            f"{where}: fractional coordinates {', '.join(f'{x:.3g}' for x in coords[atom])} of atom {atom} are far "
            "outside the cell; check whether they are Cartesian"
        )


def _refuse_overlaps(crystal: Crystal, where: str) -> None:
    densest = np.sqrt(2) / MINIMUM_DISTANCE**3  # spheres packed as closely as possible
    if crystal.n_atoms / crystal.volume > densest:
        raise InputError(
            f"{where}: {crystal.n_atoms} atoms in {crystal.volume:.2g} cubic angstrom are closer than "
            f"{MINIMUM_DISTANCE} angstrom; check the lattice"
        )
    first, second, distances = close_pairs(crystal, MINIMUM_DISTANCE)
    if len(distances):
        closest = int(np.argmin(distances))
        raise InputError(
            f"{where}: atoms {int(first[closest])} and {int(second[closest])} are {distances[closest]:.2f} angstrom "
            f"apart (at least {MINIMUM_DISTANCE} is needed); check for duplicated sites"
        )


def _offender(cell: Any, frac_coords: Any) -> str:
    """Return which value is no number, as the beginning of a sentence; empty where all are."""
    for name, values, each in (("the cell", cell, 9), ("atom {}", frac_coords, 3)):
        for index, value in enumerate(np.array(values, dtype=object).flat):
            try:
                float(value)
            except (TypeError, ValueError, OverflowError):
                return f"{name.format(index // each)} has {_short(value)}, which is not a number; it "
    return ""


def _short(value: Any) -> str:
    """Return a foreign value as text of bounded length and cost."""
    if isinstance(value, int) and abs(value) > 10**9:
        return "of more than nine digits"
    text = repr(value[:40]) if isinstance(value, str) else repr(value) if not _is_container(value) else "list"
    return text if len(text) <= 50 else text[:47] + "..."


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | dict | set | np.ndarray)
