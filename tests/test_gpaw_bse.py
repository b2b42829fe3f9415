from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.abinitio.computation import ENERGIES, RefusedError
from dielectra.abinitio.gpaw_bse import (
    compute,
    distinct_axes,
    most_telling_shift,
    pair_bands,
    refuse_large,
    refuse_oblique,
)
from dielectra.abinitio.protocol import BSE_1
from dielectra.crystal import make_crystal
from dielectra.data.checks import kramers_kronig_deviation

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

ROCK_SALT = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
LITHIUM_HYDRIDE = make_crystal(ROCK_SALT * 2.04, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])


def test_bands_of_pairs_are_those_that_reach_into_the_window() -> None:
    energies = np.array([[-9.0, -1.0, -0.5, 3.0, 9.5, 20.0], [-7.0, -2.0, 0.0, 4.0, 8.5, 21.0]])
    assert pair_bands(energies, 3, 6.0) == (range(1, 3), range(3, 5))
    assert pair_bands(energies, 3, 7.5) == (range(3), range(3, 5))
    assert pair_bands(energies, 3, 0.1) == (range(2, 3), range(3, 4))


def test_face_centred_grids_are_shifted_though_the_shift_lacks_their_symmetry() -> None:
    assert most_telling_shift(LITHIUM_HYDRIDE, BSE_1)[:2] == ((4, 4, 4), (1, 1, 1))


def test_axes_that_a_grid_sees_alike_are_computed_once() -> None:
    tetragonal = make_crystal(np.diag([3.5, 3.5, 4.1]), ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])
    assert distinct_axes(LITHIUM_HYDRIDE, (1, 1, 1)) == [[0, 1, 2]]
    assert distinct_axes(tetragonal, (1, 1, 1)) == [[0, 1], [2]]
    assert distinct_axes(tetragonal, (1, 0, 0)) == [[0], [1], [2]]


def test_oblique_crystals_and_too_many_pairs_are_refused() -> None:
    oblique = make_crystal([[4, 0, 0], [0, 5, 0], [1, 0, 6]], ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])
    with pytest.raises(RefusedError, match="monoclinic or triclinic"):
        refuse_oblique(oblique)
    refuse_oblique(LITHIUM_HYDRIDE)
    with pytest.raises(RefusedError, match=r"4096 pairs \(64 k-points, 8 x 8 bands\); bse-1 has a limit of 3000"):
        refuse_large(oblique, 64, (range(8), range(8, 16)), BSE_1)


@pytest.mark.slow
def test_electron_and_hole_attract_each_other_in_lithium_hydride(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    coarse = {"ground_state_kpoints": 16, "response_kpoints": 16, "response_cutoff": 20.0}
    found = compute(LITHIUM_HYDRIDE, BSE_1.model_copy(update=coarse))
    assert list(tmp_path.iterdir()) == []  # GPAW's files are gone
    assert found.gap_direct > found.properties["gap_ks"] + found.properties["discontinuity"] - 1e-3
    tensor = found.tensors["bse"]
    assert np.allclose(tensor, np.eye(3)[:, :, None] * tensor[0, 0])
    assert tensor[0, 0].imag.min() > -1e-6
    assert kramers_kronig_deviation(ENERGIES, tensor[0, 0]) < 0.03
    absorbed = np.cumsum(tensor[0, 0].imag)
    below_gap = absorbed[np.searchsorted(ENERGIES, found.gap_direct)] / absorbed[-1]
    assert below_gap > 0.1  # bound excitons; without attraction only broadening absorbs there
