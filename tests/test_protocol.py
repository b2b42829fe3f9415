from __future__ import annotations

import numpy as np
import pytest

from dielectra.abinitio.protocol import (
    LADDER_1,
    LADDER_1_FINE,
    even_grid,
    half_shift,
    plane_wave_cutoff,
)
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.dataset import open_dataset

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 2.1
BCT = np.array([[-1.9, 1.9, 3.1], [1.9, -1.9, 3.1], [1.9, 1.9, -3.1]])
HEXAGONAL = np.array([[3.1, 0, 0], [-1.55, 1.55 * np.sqrt(3), 0], [0, 0, 5.0]])
CUBIC = np.eye(3) * 4.1


def offset(crystal: Crystal, grid: tuple[int, int, int], limit: float = 100.0) -> list[float]:
    """Return the shift of a grid in steps along each axis, 0 or 0.5."""
    return [steps / 2 for steps in half_shift(crystal, grid, limit)]


@pytest.mark.slow
def test_grids_equal_those_of_every_ladder_record() -> None:
    for record in open_dataset("datasets/ladder").records("rpa"):
        assert list(even_grid(record.crystal, LADDER_1.response_kpoints)) == list(record.properties["kgrid"])


@pytest.mark.parametrize(
    ("cell", "grid", "expected"),
    [
        (CUBIC, (4, 4, 4), [0.5, 0.5, 0.5]),
        (FCC, (6, 6, 6), [0.0, 0.0, 0.0]),
        (HEXAGONAL, (6, 6, 4), [0.0, 0.0, 0.5]),
        (BCT, (6, 6, 8), [0.5, 0.5, 0.5]),
    ],
)
def test_shift_goes_along_every_direction_that_symmetry_allows(
    cell: np.ndarray, grid: tuple[int, int, int], expected: list[float]
) -> None:
    assert offset(make_crystal(cell, ["Ar"], [0, 0, 0]), grid) == expected


def test_shift_is_dropped_where_it_costs_too_much() -> None:
    assert offset(make_crystal(CUBIC, ["Ar"], [0, 0, 0]), (4, 4, 4), limit=0.1) == [0.0, 0.0, 0.0]


def test_cutoff_is_the_largest_that_an_element_asks_for() -> None:
    assert plane_wave_cutoff(LADDER_1, ["Mg", "O"]) == 400
    assert plane_wave_cutoff(LADDER_1, ["Ga", "As"]) == 250
    assert plane_wave_cutoff(LADDER_1_FINE, ["B", "C"]) == 450
