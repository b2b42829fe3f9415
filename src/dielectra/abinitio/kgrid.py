"""Choose the k-point grid of a response by what it samples, not by how many points it has.

A grid's cost is the number of points that symmetry leaves (*irreducible* points). Its worth is the number of different
points of the Brillouin zone that these stand for. On Gamma-centred grids of symmetric crystals many points lie on
mirror planes and axes, where their stars are small; half-shifted grids keep off them. Let ``w`` be the weights of the
classes of points that are equal under the whole point group and time reversal. Then ``1 / sum(w^2)`` is the number of
classes that count, and that times the order of the group the number of points sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from dielectra.abinitio.protocol import Protocol, even_grid, half_shift, shift_allowed
from dielectra.arrays import FloatArray, IntArray
from dielectra.crystal import Crystal
from dielectra.symmetry import lattice_rotations, space_group_symbol, symmorphic_rotations

GROWTH = 1.12
"""Factor between the densities that are tried."""

DENSEST = 40
"""Number of densities that are tried: a factor of 80 in k-points."""

SMALL_CELL = 4
"""Number of atoms below which cells are sampled more densely: their bands are wide, and they cost little."""

Grid = tuple[int, int, int]
Shift = tuple[int, int, int]


class Sampling(NamedTuple):
    """A k-point grid with its cost and its worth.

    Attributes
    ----------
    grid, shift
        Numbers of points, and half steps by which the grid is shifted, along the reciprocal lattice vectors.
    irreducible
        Number of points that symmetry leaves to be computed.
    sampled
        Number of different points of the Brillouin zone that they stand for.
    """

    grid: Grid
    shift: Shift
    irreducible: int
    sampled: float

    def kpoints(self) -> FloatArray:
        """Return the fractional coordinates of the full grid, shape ``(n_kpoints, 3)``."""
        return np.asarray(_doubled(self.grid, self.shift) / (2 * np.array(self.grid)), float)


def response_sampling(crystal: Crystal, protocol: Protocol) -> Sampling:
    """Return the k-point grid on which a protocol computes the response of a standardised primitive cell."""
    grid = even_grid(crystal, protocol.response_kpoints)
    first = sample(crystal, grid, half_shift(crystal, grid, protocol.shift_cost_limit))
    if protocol.sampled_volume is None:
        return first
    small_cell = max(1.0, SMALL_CELL / max(2, crystal.n_atoms)) ** 3
    return choose_sampling(crystal, first, protocol.sampled_volume * small_cell)


def choose_sampling(crystal: Crystal, first: Sampling, required: float) -> Sampling:
    """Return the grid with the fewest irreducible points that samples enough.

    Grids are even, in proportion to the reciprocal lattice, and tried from coarse to fine; of the first that samples
    enough at some shift, and of the next finer one, the cheapest is taken.

    Parameters
    ----------
    crystal
        The standardised primitive cell.
    first
        Grid to keep if it samples enough, and to start from otherwise.
    required
        Points to be sampled times the cell volume in cubic angstrom.
    """
    if first.sampled * crystal.volume >= required:
        return first
    symmetry = _Symmetry.of(crystal)
    enough: list[Sampling] = []
    for grid in _grids(crystal, float(np.prod(first.grid)) * crystal.n_atoms):
        looking_further = bool(enough)
        choices = [symmetry.sample(grid, shift) for shift in allowed_shifts(crystal)]
        enough += [choice for choice in choices if choice.sampled * crystal.volume >= required]
        if looking_further:
            break
    return min(enough, key=lambda choice: (choice.irreducible, -choice.sampled), default=first)


def sample(crystal: Crystal, grid: Grid, shift: Shift) -> Sampling:
    """Return cost and worth of a grid."""
    return _Symmetry.of(crystal).sample(grid, shift)


def allowed_shifts(crystal: Crystal) -> list[Shift]:
    """Return the shifts of even grids that are worth computing, in half steps.

    Those are the ones that every rotation maps onto the grid itself and, in face- and body-centred lattices, the one
    along all three primitive vectors: images of the shifted grid then lie between its points, so that it stands for
    several grids at once and costs no more.
    """
    rotations = lattice_rotations(crystal, symprec=1e-4)
    shifts: list[Shift] = [(i, j, k) for i, j, k in product((0, 1), repeat=3)]
    kept = [shift for shift in shifts if shift_allowed(shift, rotations)]
    along_all: Shift = (1, 1, 1)
    return [*kept, along_all] if along_all not in kept and _is_face_or_body_centred(crystal) else kept


class _Symmetry(NamedTuple):
    """Rotations in the reciprocal basis with time reversal: all of them, and those that the response code uses."""

    rotations: IntArray
    symmorphic: IntArray

    @classmethod
    def of(cls, crystal: Crystal) -> _Symmetry:
        return cls(
            _reciprocal_rotations(lattice_rotations(crystal, symprec=1e-4)),
            _reciprocal_rotations(symmorphic_rotations(crystal, symprec=1e-4)),
        )

    def sample(self, grid: Grid, shift: Shift) -> Sampling:
        points = _doubled(grid, shift)
        weights = np.unique(_classes(points, grid, self.rotations), return_counts=True)[1] / len(points)
        irreducible = len(np.unique(_classes(points, grid, self.symmorphic)))
        return Sampling(grid, shift, irreducible, len(self.rotations) / float(np.sum(weights**2)))


def _is_face_or_body_centred(crystal: Crystal) -> bool:
    """Say whether rhombohedral-like primitive vectors of equal length span a cubic or tetragonal centred lattice."""
    return space_group_symbol(crystal, symprec=1e-4)[0] in "FI"


def _grids(crystal: Crystal, start: float) -> Iterator[Grid]:
    """Yield even grids in proportion to the reciprocal lattice, each once, from `start` k-points times atoms on."""
    seen = set()
    for step in range(DENSEST):
        grid = even_grid(crystal, start * GROWTH**step)
        if grid not in seen:
            seen.add(grid)
            yield grid


def _doubled(grid: Grid, shift: Shift) -> IntArray:
    """Return the points of a grid in units of half a step, shape ``(n_kpoints, 3)``."""
    axes = [2 * (np.arange(n) - n // 2) + s for n, s in zip(grid, shift, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _reciprocal_rotations(rotations: IntArray) -> IntArray:
    """Return the rotations in the reciprocal basis, with time reversal, without repetition."""
    transposed = rotations.transpose(0, 2, 1)
    return np.unique(np.concatenate([transposed, -transposed]), axis=0)


def _classes(points: IntArray, grid: Grid, rotations: IntArray) -> IntArray:
    """Return a number for each point that is the same for points equal under the rotations, shape ``(n_kpoints,)``."""
    common = 2 * int(np.lcm.reduce(grid))
    scaled = points * (common // (2 * np.array(grid)))
    smallest = np.full(len(points), np.iinfo(np.int64).max)
    for rotation in rotations:
        images = (scaled @ rotation.T) % common
        np.minimum(smallest, (images[:, 0] * common + images[:, 1]) * common + images[:, 2], out=smallest)
    return smallest
