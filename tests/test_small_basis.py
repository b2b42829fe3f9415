from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dielectra.crystal import Crystal, make_crystal

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

N_BANDS = 16


def gallium_arsenide() -> Crystal:
    cell = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 2.83
    return make_crystal(cell, ["Ga", "As"], [0, 0, 0, 0.25, 0.25, 0.25])


@pytest.fixture(scope="module")
def ground_state() -> Any:
    from dielectra.abinitio.gpaw_steps import converge_ground_state
    from dielectra.abinitio.protocol import LADDER_1

    return converge_ground_state(gallium_arsenide(), LADDER_1.model_copy(update={"ground_state_kpoints": 16}), 4, None)


def solve(ground_state: Any, log: Path, **settings: Any) -> tuple[np.ndarray, int]:
    """Return the eigenvalues at an odd k-point, and the iterations they took."""
    bands = ground_state.fixed_density(
        kpts=np.array([[0.1, 0.23, 0.4]]),
        nbands=N_BANDS + 4,
        convergence={"bands": N_BANDS, "eigenstates": 1e-6},
        symmetry="off",
        txt=str(log),
        **settings,
    )
    iterations = log.read_text(encoding="utf-8").count("iter:")
    return bands.get_eigenvalues(kpt=0)[:N_BANDS], iterations


@pytest.mark.slow
def test_a_start_in_the_whole_basis_leaves_nothing_to_do(ground_state: Any, tmp_path: Path) -> None:
    from dielectra.abinitio.small_basis import SmallBasisStart

    _, iterations = solve(ground_state, tmp_path / "log.txt", eigensolver=SmallBasisStart(1e6), random=True)
    assert iterations == 1


@pytest.mark.slow
def test_a_start_in_a_small_basis_gives_the_same_bands_sooner(ground_state: Any, tmp_path: Path) -> None:
    from dielectra.abinitio.small_basis import SmallBasisStart

    reference, usual = solve(ground_state, tmp_path / "usual.txt")
    eigenvalues, iterations = solve(ground_state, tmp_path / "log.txt", eigensolver=SmallBasisStart(), random=True)
    np.testing.assert_allclose(eigenvalues, reference, atol=2e-3)
    assert iterations < usual


@pytest.mark.slow
def test_the_older_code_starts_alike(tmp_path: Path) -> None:
    from dielectra.abinitio.gpaw_steps import converge_ground_state, is_of_older_code
    from dielectra.abinitio.protocol import GLLB_LRC_1
    from dielectra.abinitio.small_basis_old import SmallBasisDavidson

    coarse = GLLB_LRC_1.model_copy(update={"ground_state_kpoints": 16})
    with_discontinuity = converge_ground_state(gallium_arsenide(), coarse, 4, None)
    assert is_of_older_code(with_discontinuity)
    reference, usual = solve(with_discontinuity, tmp_path / "usual.txt")
    for plane_waves_per_band in (6, 1e6):
        solver = SmallBasisDavidson(plane_waves_per_band)
        eigenvalues, iterations = solve(with_discontinuity, tmp_path / "log.txt", eigensolver=solver, random=True)
        np.testing.assert_allclose(eigenvalues, reference, atol=2e-3)
        assert iterations < usual
