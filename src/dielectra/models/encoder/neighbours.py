"""Neighbours of the atoms of a crystal, gathered in pairs of atoms and shells of equal distance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from dielectra.arrays import BoolArray
from dielectra.crystal import Crystal

SAME_DISTANCE = 1e-6
"""Difference in angstrom within which the images of an atom lie in one shell around another."""


class Neighbours(NamedTuple):
    """Describe who is near whom in one crystal, or in several with atoms counted on.

    The periodic images of one atom around another are one *pair*, those at the same distance one *shell*. A message
    between two atoms depends on an image through its direction and distance alone, so that a network sums over the
    images of a shell, then over the shells of a pair, before its expensive steps. Both sums are exact.

    Attributes
    ----------
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    crystal
        Index of the crystal of each atom, shape ``(n_atoms,)``.
    directions
        Unit vectors from receiver to image, shape ``(n_images, 3)``.
    shell_of_image
        Shape ``(n_images,)``.
    radii
        Distance of each shell, shape ``(n_shells,)``, angstrom.
    pair_of_shell
        Shape ``(n_shells,)``.
    receiver, sender
        Atoms of each pair, shape ``(n_pairs,)``.
    n_crystals
        Number of crystals.
    """

    numbers: Int[Tensor, " n_atoms"]
    crystal: Int[Tensor, " n_atoms"]
    directions: Float[Tensor, "n_images 3"]
    shell_of_image: Int[Tensor, " n_images"]
    radii: Float[Tensor, " n_shells"]
    pair_of_shell: Int[Tensor, " n_shells"]
    receiver: Int[Tensor, " n_pairs"]
    sender: Int[Tensor, " n_pairs"]
    n_crystals: int

    def to(self, device: torch.device) -> Neighbours:
        """Return the neighbours on another device."""
        moved = {name: value.to(device) for name, value in self._asdict().items() if isinstance(value, Tensor)}
        return self._replace(**moved)  # type: ignore[arg-type]  # n_crystals is no tensor


def find_neighbours(crystal: Crystal, cutoff: float) -> Neighbours:
    """Find all periodic images nearer than `cutoff` (angstrom) to each atom of a crystal."""
    from vesin import NeighborList

    receiver, sender, distances, vectors = NeighborList(cutoff=cutoff, full_list=True).compute(
        points=crystal.frac_coords @ crystal.cell, box=crystal.cell, periodic=True, quantities="ijdD"
    )
    order = np.lexsort((distances, sender, receiver))
    receiver, sender = receiver[order].astype(np.int64), sender[order].astype(np.int64)
    distances, vectors = distances[order], vectors[order]
    new_pair = _first_of_group((np.diff(receiver) != 0) | (np.diff(sender) != 0), len(order))
    new_shell = new_pair | _first_of_group(np.diff(distances) > SAME_DISTANCE, len(order))
    shell_of_image, pair_of_image = np.cumsum(new_shell) - 1, np.cumsum(new_pair) - 1
    radii = np.bincount(shell_of_image, distances) / np.bincount(shell_of_image)
    return Neighbours(
        numbers=torch.from_numpy(crystal.numbers),
        crystal=torch.zeros(crystal.n_atoms, dtype=torch.int64),
        directions=torch.from_numpy((vectors / distances[:, None]).astype(np.float32)),
        shell_of_image=torch.from_numpy(shell_of_image),
        radii=torch.from_numpy(radii.astype(np.float32)),
        pair_of_shell=torch.from_numpy(pair_of_image[new_shell]),
        receiver=torch.from_numpy(receiver[new_pair]),
        sender=torch.from_numpy(sender[new_pair]),
        n_crystals=1,
    )


def _first_of_group(changes: BoolArray, n: int) -> BoolArray:
    """Return which of `n` sorted rows differ from the row before, given the differences between neighbours."""
    return np.concatenate([np.ones(min(n, 1), bool), changes])


def in_groups(crystals: Iterable[Neighbours], largest: int) -> Iterator[list[Neighbours]]:
    """Yield successive crystals together, up to `largest` pairs or one crystal at a time."""
    group: list[Neighbours] = []
    n_pairs = 0
    for one in crystals:
        if group and n_pairs + len(one.receiver) > largest:
            yield group
            group, n_pairs = [], 0
        group.append(one)
        n_pairs += len(one.receiver)
    if group:
        yield group


def join(crystals: Sequence[Neighbours]) -> Neighbours:
    """Put the neighbours of several crystals into one; nothing connects different crystals."""

    def starts(sizes: list[int]) -> list[int]:
        return [0, *np.cumsum(sizes).tolist()]

    atoms = starts([len(part.numbers) for part in crystals])
    shells = starts([len(part.radii) for part in crystals])
    pairs = starts([len(part.receiver) for part in crystals])
    counts = starts([part.n_crystals for part in crystals])
    return Neighbours(
        numbers=torch.cat([part.numbers for part in crystals]),
        crystal=torch.cat([part.crystal + start for part, start in zip(crystals, counts, strict=False)]),
        directions=torch.cat([part.directions for part in crystals]),
        shell_of_image=torch.cat([part.shell_of_image + start for part, start in zip(crystals, shells, strict=False)]),
        radii=torch.cat([part.radii for part in crystals]),
        pair_of_shell=torch.cat([part.pair_of_shell + start for part, start in zip(crystals, pairs, strict=False)]),
        receiver=torch.cat([part.receiver + start for part, start in zip(crystals, atoms, strict=False)]),
        sender=torch.cat([part.sender + start for part, start in zip(crystals, atoms, strict=False)]),
        n_crystals=counts[-1],
    )
