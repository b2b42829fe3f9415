from __future__ import annotations

from collections.abc import Callable
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


ODD_POINT = np.array([[0.1, 0.23, 0.4]])
LINE = np.linspace([0.05, 0.1, 0.0], [0.45, 0.3, 0.15], 9)


def solve(ground_state: Any, kpoints: np.ndarray, log: Path, **settings: Any) -> tuple[np.ndarray, int]:
    """Return the eigenvalues of all k-points, and GPAW's iterations."""
    bands = ground_state.fixed_density(
        kpts=kpoints,
        nbands=N_BANDS + 4,
        convergence={"bands": N_BANDS, "eigenstates": 1e-6},
        symmetry="off",
        txt=str(log),
        **settings,
    )
    eigenvalues = np.array([bands.get_eigenvalues(kpt=k)[:N_BANDS] for k in range(len(kpoints))])
    return eigenvalues, log.read_text(encoding="utf-8").count("iter:")


@pytest.fixture
def applications(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Return, for each k-point that is solved, to how many functions the Hamiltonian was applied."""
    from dielectra.abinitio.kpoint_solver import KPoint

    counts: dict[int, int] = {}
    apply = KPoint.block

    def counted(self: Any, functions: np.ndarray) -> Any:
        counts[id(self.projectors)] = counts.get(id(self.projectors), 0) + len(functions)
        kept.append(self)
        return apply(self, functions)

    kept: list[object] = []  # identities of collected objects come again
    monkeypatch.setattr(KPoint, "block", counted)
    return counts


@pytest.mark.slow
def test_a_start_in_the_whole_basis_leaves_nothing_to_do(
    ground_state: Any, tmp_path: Path, applications: dict[int, int]
) -> None:
    from dielectra.abinitio.interpolated_start import InterpolatedBands

    solve(ground_state, ODD_POINT, tmp_path / "log.txt", eigensolver=InterpolatedBands(1e6), random=True)
    assert list(applications.values()) == [2 * (N_BANDS + 4)]  # one of them proves the result


@pytest.mark.slow
def test_a_start_from_anchors_gives_the_same_bands_with_less_work(
    ground_state: Any, tmp_path: Path, applications: dict[int, int]
) -> None:
    from dielectra.abinitio.interpolated_start import FEWEST_ANCHORS, InterpolatedBands

    reference, _ = solve(ground_state, LINE, tmp_path / "usual.txt")
    eigenvalues, iterations = solve(
        ground_state, LINE, tmp_path / "log.txt", eigensolver=InterpolatedBands(), random=True
    )
    np.testing.assert_allclose(eigenvalues, reference, atol=2e-3)
    assert iterations == 1
    work = sorted(applications.values())
    assert len(work) == len(LINE)
    assert np.mean(work[:-FEWEST_ANCHORS]) < 0.8 * np.mean(work[-FEWEST_ANCHORS:])


def doubled(solution: Any) -> Any:
    """Return a solution in which a state appears twice, as accumulated errors can make it."""
    functions, energies = solution.functions.copy(), solution.energies.copy()
    functions[2], energies[2] = functions[1], energies[1]
    return solution._replace(functions=functions, energies=energies)


def shifted(solution: Any) -> Any:
    """Return a solution whose energies are not those of its states."""
    return solution._replace(energies=solution.energies + 0.01)


def unfinished(solution: Any) -> Any:
    """Return a solution that has not converged."""
    return solution._replace(error=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (doubled, "lost their orthogonality"),
        (shifted, "drifted from the Hamiltonian"),
        (unfinished, r"did not converge in 60 steps: squared residuals 1\.0e\+00"),
    ],
)
def test_a_kpoint_that_is_not_proved_is_solved_again_or_refused(
    spoil: Callable[[Any], Any], reason: str, ground_state: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dielectra.abinitio.interpolated_start import InterpolatedBands
    from dielectra.abinitio.kpoint_solver import KPoint

    right, _ = solve(ground_state, ODD_POINT, tmp_path / "right.txt", eigensolver=InterpolatedBands(), random=True)
    iterate = KPoint._iterate
    always = False

    def spoiled(kpoint: Any, start: Any, n_converged: int, target: float, with_directions: bool) -> Any:
        found = iterate(kpoint, start, n_converged, target, with_directions)
        return spoil(found) if with_directions or always else found

    monkeypatch.setattr(KPoint, "_iterate", spoiled)
    again, _ = solve(ground_state, ODD_POINT, tmp_path / "again.txt", eigensolver=InterpolatedBands(), random=True)
    np.testing.assert_allclose(again, right, atol=1e-4)
    always = True
    with pytest.raises(ArithmeticError, match=reason):
        solve(ground_state, ODD_POINT, tmp_path / "never.txt", eigensolver=InterpolatedBands(), random=True)


def test_anchors_lie_far_from_each_other() -> None:
    from dielectra.abinitio.interpolated_start import choose_anchors

    kpoints = np.stack(np.meshgrid(*[np.arange(8) / 16] * 3), axis=-1).reshape(-1, 3)
    anchors = kpoints[choose_anchors(np.eye(3) * 5.0, kpoints)]
    assert len(anchors) == len(kpoints) // 8
    to_anchor = np.linalg.norm(kpoints[:, None] - anchors, axis=-1).min(axis=1)
    assert to_anchor.max() <= np.sqrt(3) / 16  # a regular choice of one in eight leaves as much


@pytest.mark.slow
def test_the_older_code_starts_alike(tmp_path: Path) -> None:
    from dielectra.abinitio.gpaw_steps import converge_ground_state, is_of_older_code
    from dielectra.abinitio.protocol import GLLB_LRC_1
    from dielectra.abinitio.small_basis_old import SmallBasisDavidson

    coarse = GLLB_LRC_1.model_copy(update={"ground_state_kpoints": 16})
    with_discontinuity = converge_ground_state(gallium_arsenide(), coarse, 4, None)
    assert is_of_older_code(with_discontinuity)
    reference, usual = solve(with_discontinuity, ODD_POINT, tmp_path / "usual.txt")
    for plane_waves_per_band in (6, 1e6):
        solver = SmallBasisDavidson(plane_waves_per_band)
        eigenvalues, iterations = solve(
            with_discontinuity, ODD_POINT, tmp_path / "log.txt", eigensolver=solver, random=True
        )
        np.testing.assert_allclose(eigenvalues, reference, atol=2e-3)
        assert iterations < usual
