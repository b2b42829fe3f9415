"""Time graph construction against the published notebooks' way: pymatgen neighbours and Python loops."""

from __future__ import annotations

import time

import numpy as np
import torch
from pymatgen.core import Structure

from dielectra.data.dataset import open_dataset
from dielectra.graph import CUTOFF, batch_graphs, build_graph

REPEATS = 3


def with_pymatgen(structure: Structure) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Build element features, edges and Gaussians of one crystal with pymatgen and loops, atom by atom."""
    sources, targets, distances = [], [], []
    for atom, neighbours in enumerate(structure.get_all_neighbors(CUTOFF)):
        for neighbour in neighbours:
            sources.append(atom)
            targets.append(neighbour.index)
            distances.append(neighbour.nn_distance)
    centres = np.linspace(0, CUTOFF, 51)
    gaussians = np.sqrt(10 / np.pi) * np.array(
        [np.exp(-10 * (np.array(distances) - centre) ** 2) for centre in centres]
    )
    rows = []
    for site in structure:
        group, row = site.specie.group - 1, site.specie.row - 1
        group = group - 10 if group > 1 else group
        one_hot = [torch.nn.functional.one_hot(torch.tensor(value), size) for value, size in ((group, 8), (row, 5))]
        rows.append(torch.hstack(one_hot))
    return torch.tensor([sources, targets]), torch.tensor(gaussians.T, dtype=torch.float), torch.vstack(rows)


def main() -> None:
    """Print seconds per crystal of both ways and their ratio."""
    torch.set_num_threads(1)
    crystals = open_dataset("ladder").labels("rpa").crystals
    structures = [Structure(c.cell, c.numbers, c.frac_coords) for c in crystals]
    ours, theirs = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        batch_graphs([build_graph(crystal) for crystal in crystals])
        ours.append((time.perf_counter() - start) / len(crystals))
        start = time.perf_counter()
        for structure in structures:
            with_pymatgen(structure)
        theirs.append((time.perf_counter() - start) / len(crystals))
    print(f"crystals: {len(crystals)}, best of {REPEATS}")
    print(f"dielectra: {min(ours) * 1e3:.2f} ms, pymatgen and loops: {min(theirs) * 1e3:.2f} ms per crystal")
    print(f"ratio: {min(theirs) / min(ours):.1f}")


if __name__ == "__main__":
    main()
