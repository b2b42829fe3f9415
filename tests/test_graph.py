"""Neighbour graphs against the neighbour lists of ASE and pymatgen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list
from pymatgen.core import Structure

from dielectra.arrays import FloatArray, IntArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.graph import SAME_DISTANCE, CrystalGraph, batch_graphs, build_graph

NeighbourList = tuple[IntArray, IntArray, FloatArray]


def ase_neighbours(crystal: Crystal, cutoff: float) -> NeighbourList:
    """Return centre, neighbour and distance of every pair, from ASE."""
    atoms = Atoms(crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.cell, pbc=True)
    return neighbor_list("ijd", atoms, cutoff)


def pymatgen_neighbours(crystal: Crystal, cutoff: float) -> NeighbourList:
    """Return centre, neighbour and distance of every pair, from pymatgen."""
    structure = Structure(crystal.cell, crystal.numbers, crystal.frac_coords)
    centre, neighbour, _, distances = structure.get_neighbor_list(cutoff)
    return centre, neighbour, distances


def expanded(graph: CrystalGraph) -> NeighbourList:
    """Return target, source and distance of every pair, each edge as often as its multiplicity says."""
    times = graph.multiplicity.astype(int)
    np.testing.assert_array_equal(times, graph.multiplicity)
    return np.repeat(graph.target, times), np.repeat(graph.source, times), np.repeat(graph.distances, times)


def sorted_pairs(neighbours: NeighbourList) -> NeighbourList:
    """Return the pairs sorted by centre, neighbour and distance."""
    centre, neighbour, distances = neighbours
    order = np.lexsort((distances, neighbour, centre))
    return centre[order], neighbour[order], distances[order]


@pytest.mark.parametrize("oracle", [ase_neighbours, pymatgen_neighbours])
@pytest.mark.parametrize("cutoff", [2.5, 5.0, 7.3])
def test_edges_equal_those_of_other_libraries(
    crystal: Crystal, oracle: Callable[[Crystal, float], NeighbourList], cutoff: float
) -> None:
    ours, theirs = sorted_pairs(expanded(build_graph(crystal, cutoff))), sorted_pairs(oracle(crystal, cutoff))
    for atom in range(crystal.n_atoms):
        assert np.sum(ours[0] == atom) == np.sum(theirs[0] == atom)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=0, atol=SAME_DISTANCE)


@pytest.mark.parametrize("disguise", ["supercell", "shifted", "sheared", "permuted", "rotated"], indirect=True)
def test_neighbours_do_not_depend_on_the_cell(crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
    def environments(some: Crystal) -> set[tuple[int, ...]]:
        """Return atomic number and shells of every atom, in hundredths of an angstrom."""
        target, source, distances = expanded(build_graph(some))
        shells = np.round(100 * distances).astype(int)
        return {
            (int(some.numbers[atom]), *sorted((1000 * some.numbers[source] + shells)[target == atom].tolist()))
            for atom in range(some.n_atoms)
        }

    assert environments(disguise(crystal)) == environments(crystal)


def test_edges_are_sorted_by_target_and_merged(crystal: Crystal) -> None:
    graph = build_graph(crystal)
    assert np.all(np.diff(graph.target) >= 0)
    assert np.all(graph.multiplicity >= 1)
    assert np.all(graph.distances > 0)
    assert np.all(graph.distances <= 5.0)
    same_pair = (np.diff(graph.target) == 0) & (np.diff(graph.source) == 0)
    assert np.all(np.diff(graph.distances)[same_pair] > SAME_DISTANCE)
    np.testing.assert_array_equal(graph.numbers, crystal.numbers)


def test_both_directions_are_present(crystal: Crystal) -> None:
    graph = build_graph(crystal)
    there = zip(graph.source.tolist(), graph.target.tolist(), graph.multiplicity.tolist(), strict=True)
    back = zip(graph.target.tolist(), graph.source.tolist(), graph.multiplicity.tolist(), strict=True)
    assert sorted(there) == sorted(back)


def test_rock_salt_shells(mgo: Crystal) -> None:
    """Each ion has 12 and 6 of its own kind at a/sqrt(2) and a; 6, 8 and 24 of the other at a/2, a sqrt(3)/2, ..."""
    graph = build_graph(mgo)
    of_magnesium = graph.target == 0
    np.testing.assert_array_equal(graph.source[of_magnesium], [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(graph.multiplicity[of_magnesium], [12, 6, 6, 8, 24])
    expected = 4.212 * np.array([np.sqrt(1 / 2), 1, 1 / 2, np.sqrt(3) / 2, np.sqrt(5) / 2])
    np.testing.assert_allclose(graph.distances[of_magnesium], expected)


@pytest.mark.parametrize(("height", "multiplicity"), [(3.0006, [6]), (3.01, [4, 2])])
def test_nearly_equal_distances_are_merged(height: float, multiplicity: list[int]) -> None:
    graph = build_graph(make_crystal(np.diag([3.0, 3.0, height]), ["C"], [[0.3, 0.3, 0.3]]), cutoff=3.5)
    np.testing.assert_array_equal(graph.multiplicity, multiplicity)
    assert graph.distances @ graph.multiplicity == pytest.approx(4 * 3.0 + 2 * height)


def test_isolated_atoms_have_no_edges(mgo: Crystal) -> None:
    lonely = build_graph(make_crystal(12.0 * np.eye(3), ["He", "Ne"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert len(lonely.source) == len(lonely.target) == len(lonely.distances) == len(lonely.multiplicity) == 0
    batch = batch_graphs([lonely])
    assert batch.source.dtype == batch.target.dtype == torch.int64
    assert batch.source.shape == (0,)
    mixed = batch_graphs([lonely, build_graph(mgo), lonely])
    assert mixed.crystal.tolist() == [0, 0, 1, 1, 2, 2]
    assert set(mixed.target.tolist()) == {2, 3}


def test_batch_equals_single_graphs(mgo: Crystal, aln: Crystal, triclinic: Crystal) -> None:
    graphs = [build_graph(crystal) for crystal in (mgo, aln, triclinic, mgo)]
    batch = batch_graphs(graphs)
    assert batch.n_crystals == 4
    first_atom = first_edge = 0
    for index, graph in enumerate(graphs):
        atoms = slice(first_atom, first_atom + len(graph.numbers))
        edges = slice(first_edge, first_edge + len(graph.source))
        np.testing.assert_array_equal(batch.numbers[atoms], graph.numbers)
        np.testing.assert_array_equal(batch.crystal[atoms], index)
        np.testing.assert_array_equal(batch.source[edges] - first_atom, graph.source)
        np.testing.assert_array_equal(batch.target[edges] - first_atom, graph.target)
        np.testing.assert_allclose(batch.distances[edges], graph.distances, rtol=1e-6)
        np.testing.assert_array_equal(batch.multiplicity[edges], graph.multiplicity)
        first_atom, first_edge = atoms.stop, edges.stop
    assert len(batch.numbers) == first_atom
    assert len(batch.source) == first_edge
    assert batch.distances.dtype == batch.multiplicity.dtype == torch.float32


def test_batch_moves_between_devices(mgo: Crystal) -> None:
    batch = batch_graphs([build_graph(mgo)])
    moved = batch.to(torch.device("meta"))
    assert moved.n_crystals == batch.n_crystals
    assert all(tensor.device.type == "meta" for tensor in moved[:6])
