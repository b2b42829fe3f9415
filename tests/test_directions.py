from __future__ import annotations

import numpy as np
import pytest

from dielectra.arrays import FloatArray
from dielectra.crystal import make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.directions import (
    DIRECTIONS,
    independent_directions,
    invariant_tensors,
    tensor_from_directions,
)
from dielectra.symmetry import point_group_rotations

CELLS = {
    "cubic": (np.eye(3) * 4.0, 1),
    "tetragonal": (np.diag([4.0, 4.0, 5.0]), 2),
    "hexagonal": (np.array([[3, 0, 0], [-1.5, 1.5 * np.sqrt(3), 0], [0, 0, 5.0]]), 2),
    "orthorhombic": (np.diag([4.0, 5.0, 6.0]), 3),
    "monoclinic": (np.array([[4.0, 0, 0], [0, 5.0, 0], [-1.0, 0, 6.0]]), 4),
    "triclinic": (np.array([[4.0, 0, 0], [0.5, 5.0, 0], [-1.0, 0.7, 6.0]]), 6),
}


def rotations_of(name: str) -> FloatArray:
    return point_group_rotations(make_crystal(CELLS[name][0], ["Ar"], [0, 0, 0]))


@pytest.mark.parametrize("name", CELLS)
def test_as_many_directions_as_free_components(name: str) -> None:
    rotations = rotations_of(name)
    directions = independent_directions(rotations)
    assert len(directions) == len(invariant_tensors(rotations)) == CELLS[name][1]
    if name == "monoclinic":
        assert directions == [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)]


@pytest.mark.parametrize("name", CELLS)
def test_few_directions_give_back_an_invariant_tensor(name: str) -> None:
    rotations = rotations_of(name)
    dice = np.random.default_rng(0)
    raw = dice.normal(size=(3, 3, 7)) + 1j * dice.normal(size=(3, 3, 7))
    symmetric = raw + raw.transpose(1, 0, 2)
    tensor = np.einsum("nij,jkw,nlk->ilw", rotations, symmetric, rotations) / len(rotations)
    for directions in (independent_directions(rotations), DIRECTIONS):
        units = np.array(directions) / np.linalg.norm(directions, axis=1, keepdims=True)
        curves = np.einsum("di,ijw,dj->dw", units, tensor, units)
        assert np.allclose(tensor_from_directions(directions, curves, rotations), tensor)


def test_every_ladder_tensor_lies_in_the_space_of_its_group() -> None:
    for record in list(open_dataset("datasets/ladder/part-0000.parquet").records("rpa"))[:20]:
        basis = invariant_tensors(point_group_rotations(record.crystal))
        tensor = record.spectrum.tensor
        projected = np.einsum("mij,mkl,klw->ijw", basis, basis, tensor)
        assert np.abs(projected - tensor).max() < 2e-3  # float32 of values rounded to four decimals
