"""Time a training step and inference at the published sizes against the same network in torch-geometric."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import MLP, GATv2Conv, global_add_pool
from torch_geometric.utils import softmax

from dielectra.data.dataset import open_dataset
from dielectra.graph import CrystalGraph, batch_graphs, build_graph
from dielectra.models.optimate import OptiMate, OptiMateOptions, element_features
from dielectra.target import Target

N_ENERGIES = 2001
TARGET = Target(levels=("ipa",), energies=tuple(torch.linspace(0, 20, N_ENERGIES).tolist()))
REPEATS = 7


class Reference(nn.Module):
    """Assemble the published network from torch-geometric's layers."""

    def __init__(self) -> None:
        super().__init__()
        self.node = MLP([13, 48, 48])
        self.first = GATv2Conv(48, 48, heads=4, edge_dim=51, add_self_loops=False)
        self.second = GATv2Conv(192, 96, heads=4, edge_dim=51, add_self_loops=False)
        self.attention = MLP([384, 384])
        self.output = MLP([384, 1024, 1024, 1024, N_ENERGIES])

    def forward(self, data: Batch) -> torch.Tensor:
        """Return spectra of a batch."""
        nodes = self.first(self.node(data.x), data.edge_index, data.edge_attr)
        nodes = self.second(nodes, data.edge_index, data.edge_attr)
        nodes = nodes * softmax(self.attention(nodes), data.batch)
        return nn.functional.leaky_relu(self.output(global_add_pool(nodes, data.batch)))


def expanded(graph: CrystalGraph) -> Data:
    """Return the multigraph with one edge per neighbour and stored Gaussians, as the published code trains on."""
    repeats = graph.multiplicity.astype(int)
    source, target, distances = (np.repeat(v, repeats) for v in (graph.source, graph.target, graph.distances))
    gaussians = np.sqrt(10 / np.pi) * np.exp(-10 * (distances[:, None] - np.linspace(0, 5, 51)) ** 2)
    return Data(
        x=element_features()[torch.from_numpy(graph.numbers)],
        edge_index=torch.from_numpy(np.stack([source, target])),
        edge_attr=torch.from_numpy(gaussians.astype(np.float32)),
    )


def best(function: Callable[[], object]) -> float:
    """Return the shortest of several timings, seconds."""
    function()
    timings = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        timings.append(time.perf_counter() - start)
    return min(timings)


def training_step(network: nn.Module, batch: object, target: torch.Tensor) -> Callable[[], None]:
    """Return a function that makes one optimiser step with the published loss."""
    fused = isinstance(network, OptiMate)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-5, weight_decay=1e-4, fused=fused)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        nn.functional.l1_loss(network(batch).flatten(1), target).backward()
        optimiser.step()

    return step


def report(what: str, ours: float, theirs: float) -> None:
    """Print one comparison, seconds in."""
    print(f"{what}: {ours * 1e3:.1f} against {theirs * 1e3:.1f} ms, ratio {theirs / ours:.2f}")


def main() -> None:
    """Print milliseconds and ratios for the published batch sizes."""
    graphs = [build_graph(crystal) for crystal in open_dataset("ladder").labels("rpa").crystals]
    print(f"threads: {torch.get_num_threads()}, energies: {N_ENERGIES}, best of {REPEATS}")
    for size in (20, 128):
        chosen = [graphs[index % len(graphs)] for index in range(size)]
        ours, theirs = OptiMate(OptiMateOptions(), TARGET), Reference()
        batch, reference = batch_graphs(chosen), Batch.from_data_list([expanded(graph) for graph in chosen])
        target = torch.rand(size, N_ENERGIES)
        steps = training_step(ours, batch, target), training_step(theirs, reference, target)
        report(f"training step, batch {size}", best(steps[0]), best(steps[1]))
        with torch.inference_mode():
            ours.eval()
            theirs.eval()
            report(f"inference, batch {size}", best(partial(ours, batch)), best(partial(theirs, reference)))


if __name__ == "__main__":
    main()
