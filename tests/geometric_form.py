"""OptiMate assembled from torch_geometric, under the names of both published classes.

A module of its own because torch_geometric takes four seconds to import: only slow tests use it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list
from torch import Tensor, nn

from dielectra.crystal import Crystal
from dielectra.models.optimate import element_features

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric 2.8 calls torch.jit.script while it is imported
    from torch_geometric.nn import MLP, GATv2Conv, Sequential, global_add_pool
    from torch_geometric.utils import softmax

PUBLISHED_LENGTH = 2001


def multigraph(crystals: Sequence[Crystal], cutoff: float = 5.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return numbers, edge index, distances and crystal index as torch_geometric wants them, from ASE."""
    numbers, index, distances, owners, first = [], [], [], [], 0
    for owner, crystal in enumerate(crystals):
        atoms = Atoms(crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.cell, pbc=True)
        centre, neighbour, lengths = neighbor_list("ijd", atoms, cutoff)
        numbers.append(crystal.numbers)
        index.append(np.stack([neighbour, centre]) + first)
        distances.append(lengths)
        owners.append(np.full(crystal.n_atoms, owner))
        first += crystal.n_atoms
    return (
        torch.from_numpy(np.concatenate(numbers)),
        torch.from_numpy(np.concatenate(index, axis=1)),
        torch.from_numpy(np.concatenate(distances)).float(),
        torch.from_numpy(np.concatenate(owners)),
    )


def gaussians(distances: Tensor) -> Tensor:
    """Return the published edge features: 51 Gaussians from 0 to 5 angstrom."""
    return math.sqrt(10 / math.pi) * torch.exp(-10 * (distances[:, None] - torch.linspace(0, 5, 51)) ** 2)


def published_perceptron(widths: list[int]) -> MLP:
    """Return a perceptron of torch_geometric in the published form."""
    return MLP(widths, norm="batch_norm", dropout=0.0)


def convolutions() -> list[GATv2Conv]:
    """Return the two attention layers of the published network."""
    return [
        GATv2Conv(48, 48, heads=4, edge_dim=51, add_self_loops=False),
        GATv2Conv(192, 96, heads=4, edge_dim=51, add_self_loops=False),
    ]


class PublishedPlain(nn.Module):
    """OptiMate of torch_geometric layers under the names of the first published class."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp_init_node = published_perceptron([13, 48, 48])
        self.gat1, self.gat2 = convolutions()
        self.mlp_att = published_perceptron([384, 384])
        self.mlp1 = published_perceptron([384, 1024, 1024, 1024, PUBLISHED_LENGTH])

    def convolve(self, nodes: Tensor, index: Tensor, edges: Tensor) -> Tensor:
        """Apply the attention layers."""
        return self.gat2(self.gat1(nodes, index, edges), index, edges)

    def forward(self, crystals: Sequence[Crystal]) -> Tensor:
        """Return the spectrum of each crystal."""
        numbers, index, distances, owners = multigraph(crystals)
        nodes = self.convolve(self.mlp_init_node(element_features()[numbers]), index, gaussians(distances))
        pooled = global_add_pool(nodes * softmax(self.mlp_att(nodes), owners), owners)
        return nn.functional.leaky_relu(self.mlp1(pooled))


class PublishedSequential(PublishedPlain):
    """The same network under the names of the second published class."""

    def __init__(self) -> None:
        super().__init__()
        signature = "x, edge_index, edge_attr"
        self.gat = Sequential(signature, [(layer, f"{signature} -> x") for layer in (self.gat1, self.gat2)])
        del self.gat1, self.gat2
        for name in ("mlp_init_node", "mlp_att", "mlp1"):
            setattr(self, name, Sequential("x", [(getattr(self, name), "x -> x")]))

    def convolve(self, nodes: Tensor, index: Tensor, edges: Tensor) -> Tensor:
        """Apply the attention layers."""
        return self.gat(nodes, index, edges)
