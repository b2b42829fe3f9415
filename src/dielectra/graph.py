"""Crystals as graphs: atoms, and every periodic neighbour within a cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dielectra.arrays import FloatArray, IntArray
from dielectra.crystal import Crystal

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float, Int


CUTOFF = 5.0
SAME_DISTANCE = 1e-3


class CrystalGraph(NamedTuple):
    """The neighbours of every atom of one crystal as a multigraph with counted edges.

    Periodic images of an atom that lie at the same distance are one edge with a multiplicity: an attention layer that
    sees only distances treats them alike, so that counting them is exact and several times cheaper in crystals of high
    symmetry.

    Attributes
    ----------
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    source, target
        Atom indices of each edge, shape ``(n_edges,)``, sorted by target.
    distances
        Interatomic distances, shape ``(n_edges,)``, angstrom.
    multiplicity
        Number of periodic images each edge stands for, shape ``(n_edges,)``.
    volume
        Cell volume, cubic angstrom.
    """

    numbers: IntArray
    source: IntArray
    target: IntArray
    distances: FloatArray
    multiplicity: FloatArray
    volume: float


class GraphBatch(NamedTuple):
    """Several crystal graphs as one graph without edges between them, as tensors.

    Attributes
    ----------
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    source, target
        Atom indices of each edge, shape ``(n_edges,)``.
    distances
        Shape ``(n_edges,)``, angstrom.
    multiplicity
        Shape ``(n_edges,)``.
    crystal
        Index of the crystal each atom belongs to, shape ``(n_atoms,)``.
    volumes
        Cell volume of each crystal, shape ``(n_crystals,)``, cubic angstrom.
    n_crystals
        Number of crystals.
    """

    numbers: Int[torch.Tensor, " n_atoms"]
    source: Int[torch.Tensor, " n_edges"]
    target: Int[torch.Tensor, " n_edges"]
    distances: Float[torch.Tensor, " n_edges"]
    multiplicity: Float[torch.Tensor, " n_edges"]
    crystal: Int[torch.Tensor, " n_atoms"]
    volumes: Float[torch.Tensor, " n_crystals"]
    n_crystals: int

    def to(self, device: torch.device) -> GraphBatch:
        """Return the batch on another device."""
        return GraphBatch(
            self.numbers.to(device),
            self.source.to(device),
            self.target.to(device),
            self.distances.to(device),
            self.multiplicity.to(device),
            self.crystal.to(device),
            self.volumes.to(device),
            self.n_crystals,
        )


def build_graph(crystal: Crystal, cutoff: float = CUTOFF) -> CrystalGraph:
    """Find every periodic neighbour within a cutoff.

    Parameters
    ----------
    crystal
        Any cell; :func:`dielectra.symmetry.standardise` it first for one result per crystal.
    cutoff
        Largest distance of a neighbour, angstrom.

    Returns
    -------
    CrystalGraph
        Both directions of every pair; an atom is a neighbour of its own periodic images but not of itself.
    """
    from vesin import NeighborList

    target, source, distances = NeighborList(cutoff=cutoff, full_list=True).compute(
        points=crystal.frac_coords @ crystal.cell, box=crystal.cell, periodic=True, quantities="ijd"
    )
    edges = _merge_images(source.astype(np.int64), target.astype(np.int64), distances)
    return CrystalGraph(crystal.numbers, *edges, crystal.volume)


def _merge_images(
    source: IntArray, target: IntArray, distances: FloatArray
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return source, target, distance and multiplicity of the edges of different pairs or lengths."""
    order = np.lexsort((distances, source, target))
    source, target, distances = source[order], target[order], distances[order]
    if len(order) == 0:
        return source, target, distances, np.zeros(0)
    new_pair = (np.diff(source) != 0) | (np.diff(target) != 0)
    first = np.concatenate([[True], new_pair | (np.diff(distances) > SAME_DISTANCE)])
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(order)))
    mean_distance = np.add.reduceat(distances, starts) / counts
    return source[starts], target[starts], mean_distance, counts.astype(float)


def batch_graphs(graphs: Sequence[CrystalGraph]) -> GraphBatch:
    """Join graphs into one :class:`GraphBatch` on the CPU with float32 distances."""
    import torch

    sizes = np.array([len(graph.numbers) for graph in graphs])
    edge_offsets = np.repeat(np.cumsum(sizes) - sizes, [len(graph.source) for graph in graphs])
    return GraphBatch(
        numbers=torch.from_numpy(np.concatenate([graph.numbers for graph in graphs])),
        source=torch.from_numpy(np.concatenate([graph.source for graph in graphs]) + edge_offsets),
        target=torch.from_numpy(np.concatenate([graph.target for graph in graphs]) + edge_offsets),
        distances=torch.from_numpy(np.concatenate([graph.distances for graph in graphs]).astype(np.float32)),
        multiplicity=torch.from_numpy(np.concatenate([graph.multiplicity for graph in graphs]).astype(np.float32)),
        crystal=torch.from_numpy(np.repeat(np.arange(len(graphs)), sizes)),
        volumes=torch.tensor([graph.volume for graph in graphs], dtype=torch.float32),
        n_crystals=len(graphs),
    )
