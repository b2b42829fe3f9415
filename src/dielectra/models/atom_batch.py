"""Features of the atoms of several crystals as one batch, and sums over the atoms of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dielectra.models.encoder.features import AtomFeatures

LARGEST_FEATURE = 6.0
"""Standard deviations beyond which a feature is cut off, so that unusual atoms cannot leave the trained range."""


class AtomBatch(NamedTuple):
    """Features of the atoms of several crystals.

    Attributes
    ----------
    invariants, tensors
        As in :class:`~dielectra.models.encoder.features.AtomFeatures`, of all atoms.
    crystal
        Index of the crystal of each atom, shape ``(n_atoms,)``.
    volumes
        Cell volumes, shape ``(n_crystals,)``, cubic angstrom.
    """

    invariants: Float[Tensor, "n_atoms n_invariants"]
    tensors: Float[Tensor, "n_atoms 5 n_tensors"]
    crystal: Int[Tensor, " n_atoms"]
    volumes: Float[Tensor, " n_crystals"]

    def to(self, device: torch.device) -> AtomBatch:
        """Return the batch on another device."""
        return AtomBatch(*(part.to(device) for part in self))


def collate(features: Sequence[AtomFeatures], volumes: Sequence[float]) -> AtomBatch:
    """Join the features of crystals and their cell volumes (cubic angstrom)."""
    sizes = torch.tensor([len(part.invariants) for part in features])
    return AtomBatch(
        torch.cat([part.invariants for part in features]),
        torch.cat([part.tensors for part in features]),
        torch.repeat_interleave(torch.arange(len(features)), sizes),
        torch.tensor(volumes, dtype=torch.float32),
    )


def first_crystals(batch: AtomBatch, n: int) -> AtomBatch:
    """Return the first `n` crystals of a batch."""
    atoms = batch.crystal < n
    return AtomBatch(batch.invariants[atoms], batch.tensors[atoms], batch.crystal[atoms], batch.volumes[:n])


def pooled_invariants(
    batch: AtomBatch, mean: Float[Tensor, " n_invariants"], deviation: Float[Tensor, " n_invariants"]
) -> Float[Tensor, "n_crystals n_pooled"]:
    """Return mean and deviation over the atoms of each crystal of its invariants, measured by those of the training."""
    features = ((batch.invariants - mean) / deviation).clamp(-LARGEST_FEATURE, LARGEST_FEATURE)
    n_crystals = len(batch.volumes)
    counts = torch.bincount(batch.crystal, minlength=n_crystals)[:, None]
    means = sum_over_atoms(features, batch.crystal, n_crystals) / counts
    squares = sum_over_atoms((features - means[batch.crystal]).square(), batch.crystal, n_crystals) / counts
    return torch.cat([means, squares.sqrt()], dim=1)


def sum_over_atoms(values: Tensor, index: Tensor, n: int) -> Tensor:
    """Return sums over rows of one index, shape ``(n, ...)``."""
    return values.new_zeros(n, *values.shape[1:]).index_add_(0, index, values)
