from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from dielectra.abinitio.kgrid import Sampling, allowed_shifts, choose_sampling, response_sampling, sample
from dielectra.abinitio.protocol import LADDER_1, LADDER_2, even_grid
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.structures import read_structure
from dielectra.symmetry import standardise


def crystal(name: str, structure: str, **lattice: float) -> Crystal:
    return standardise(read_structure(bulk(name, structure, **lattice)))


SILICON = crystal("Si", "diamond", a=5.431)
WURTZITE = crystal("GaN", "wurtzite", a=3.189, c=5.185)
CAESIUM_CHLORIDE = crystal("CsCl", "cesiumchloride", a=4.12)


def test_a_grid_without_symmetry_samples_its_points() -> None:
    low = Crystal(
        np.diag([3.0, 4.0, 5.0]), np.array([1, 2, 3]), np.array([[0.1, 0.2, 0.3], [0.6, 0.3, 0.4], [0.5, 0.9, 0.8]])
    )
    assert sample(low, (2, 2, 2), (1, 1, 1)) == Sampling((2, 2, 2), (1, 1, 1), 4, 8.0)  # time reversal alone


def test_irreducible_points_are_those_of_gpaw() -> None:
    """Counts that GPAW 26.7 prints for these crystals."""
    counts = [sample(SILICON, (8, 8, 8), shift).irreducible for shift in ((0, 0, 0), (1, 1, 1))]
    assert counts == [29, 60]
    assert sample(WURTZITE, (8, 8, 4), (0, 0, 0)).irreducible == 35
    assert sample(WURTZITE, (8, 8, 4), (0, 0, 1)).irreducible == 30


def test_a_half_shifted_grid_of_a_face_centred_lattice_stands_for_several() -> None:
    centred, shifted = (sample(SILICON, (8, 8, 8), shift) for shift in ((0, 0, 0), (1, 1, 1)))
    assert centred.sampled < 1000 < 2000 < shifted.sampled


def test_points_are_half_a_step_from_gamma_where_shifted() -> None:
    points = Sampling((4, 4, 2), (1, 1, 0), 0, 0.0).kpoints()
    assert points.shape == (32, 3)
    assert len(np.unique(points.round(9), axis=0)) == 32
    assert np.allclose((points * [4, 4, 2]) % 1.0, [0.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("found", "expected"),
    [(SILICON, [(0, 0, 0), (1, 1, 1)]), (WURTZITE, [(0, 0, 0), (0, 0, 1)]), (CAESIUM_CHLORIDE, [(0, 0, 0), (1, 1, 1)])],
)
def test_shifts_that_are_worth_computing(found: Crystal, expected: list[tuple[int, int, int]]) -> None:
    assert allowed_shifts(found) == expected


def test_small_cells_are_sampled_by_at_least_a_half_shifted_eight() -> None:
    for name, structure, a in (("Si", "diamond", 5.431), ("GaAs", "zincblende", 5.65), ("CdTe", "zincblende", 6.48)):
        chosen = response_sampling(crystal(name, structure, a=a), LADDER_2)
        assert min(chosen.grid) >= 8
        assert chosen.shift == (1, 1, 1)


def test_the_grid_of_ladder_1_is_kept_where_it_samples_enough() -> None:
    first = response_sampling(SILICON, LADDER_1)
    assert choose_sampling(SILICON, first, 1.0) == first
    chosen = choose_sampling(SILICON, first, first.sampled * SILICON.volume * 1.01)
    assert chosen != first
    assert chosen.sampled * SILICON.volume > first.sampled * SILICON.volume


@pytest.mark.slow
def test_grids_of_ladder_1_are_those_of_its_records() -> None:
    for record in list(open_dataset("datasets/ladder/part-0000.parquet").records("rpa"))[:20]:
        assert list(even_grid(record.crystal, LADDER_1.response_kpoints)) == list(record.properties["kgrid"])
        assert list(response_sampling(record.crystal, LADDER_1).grid) == list(record.properties["kgrid"])


def test_what_is_sampled_grows_with_what_is_required() -> None:
    first = response_sampling(WURTZITE, LADDER_1)
    chosen = [choose_sampling(WURTZITE, first, required) for required in (2e4, 5e4, 1e5, 2e5)]
    assert all(one.sampled * WURTZITE.volume >= need for one, need in zip(chosen, (2e4, 5e4, 1e5, 2e5), strict=True))
    assert [one.irreducible for one in chosen] == sorted(one.irreducible for one in chosen)
