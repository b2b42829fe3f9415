from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dielectra.crystal import make_crystal

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

N_BANDS = 16


@pytest.fixture(scope="module")
def ground_state() -> Any:
    from dielectra.abinitio.gpaw_steps import converge_ground_state
    from dielectra.abinitio.protocol import LADDER_1

    cell = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 2.83
    gallium_arsenide = make_crystal(cell, ["Ga", "As"], [0, 0, 0, 0.25, 0.25, 0.25])
    return converge_ground_state(gallium_arsenide, LADDER_1.model_copy(update={"ground_state_kpoints": 16}), 4, None)


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
    iterations = log.read_text(encoding="utf-8").count("|iter:")
    return bands.get_eigenvalues(kpt=0)[:N_BANDS], iterations


def test_a_start_in_the_whole_basis_leaves_nothing_to_do(ground_state: Any, tmp_path: Path) -> None:
    from dielectra.abinitio.small_basis import SmallBasisStart

    _, iterations = solve(ground_state, tmp_path / "log.txt", eigensolver=SmallBasisStart(1e6), random=True)
    assert iterations == 1


def test_a_start_in_a_small_basis_gives_the_same_bands_sooner(ground_state: Any, tmp_path: Path) -> None:
    from dielectra.abinitio.small_basis import SmallBasisStart

    reference, usual = solve(ground_state, tmp_path / "usual.txt")
    eigenvalues, iterations = solve(ground_state, tmp_path / "log.txt", eigensolver=SmallBasisStart(), random=True)
    np.testing.assert_allclose(eigenvalues, reference, atol=2e-3)
    assert iterations < usual
