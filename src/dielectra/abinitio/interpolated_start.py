"""Bloch states at many k-points from exact ones at a few: most of an eigensolver's iterations saved.

A response needs some four times as many empty bands as occupied ones, and GPAW starts them from random numbers. But the
periodic parts of a solid's states change little from one k-point to the next. Those of a few k-points far from each
other, the *anchors*, span the states of all others over the whole window of a response: the optimal basis functions of
Shirley, Phys. Rev. B 54, 16464 (1996), used as by Prendergast and Louie, Phys. Rev. B 80, 235126 (2009). GPAW's solver
solves the anchors. The Hamiltonian of every other k-point is then diagonalised among their states, some hundred
functions, and the same solver improves the result. Every k-point converges to the residual that was asked for, so that
the start decides how long it takes and not what comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
from ase.units import Ha
from gpaw.dft import Eigensolver
from gpaw.new.pwfd.eigensolver import PWFDEigensolver
from scipy.linalg import eigh

from dielectra.abinitio.kpoint_solver import KPoint
from dielectra.abinitio.small_basis import PLANE_WAVES_PER_BAND, start_in_small_basis
from dielectra.arrays import ComplexArray, FloatArray, IntArray

KPOINTS_PER_ANCHOR = 8
FEWEST_ANCHORS = 4

LINEAR_DEPENDENCE = 1e-5
"""Eigenvalue of the overlap of all anchors' states below which a combination of them adds nothing to the basis."""


class InterpolatedBands(PWFDEigensolver, Eigensolver):
    """Solve for the bands of one fixed-density calculation: ``fixed_density(eigensolver=InterpolatedBands())``.

    To GPAW it is both the parameter, which it completes by :meth:`build`, and the solver. It needs one process and a
    calculation without spin, and converges a stated number of bands.

    Parameters
    ----------
    plane_waves_per_band
        Size of the basis in which anchors start (:mod:`dielectra.abinitio.small_basis`).
    """

    def __init__(self, plane_waves_per_band: float = PLANE_WAVES_PER_BAND) -> None:
        self.plane_waves_per_band = plane_waves_per_band

    def build(
        self,
        n_bands: int,
        _grid: Any,
        _band_comm: Any,
        domain_band_comm: Any,
        scalapack: Any,
        hamiltonian: Any,
        convergence: dict[str, float],
        *_: Any,
    ) -> InterpolatedBands:
        """Take what GPAW knows of the calculation, in GPAW's order; return the solver."""
        super().__init__(
            hamiltonian=hamiltonian,
            convergence=convergence,
            nbands=n_bands,
            domain_band_comm=domain_band_comm,
            scalapack_parameters=scalapack,
        )
        return self

    def todict(self) -> dict[str, Any]:
        """Return what GPAW writes into its log."""
        start = f"{self.plane_waves_per_band:g} plane waves per band, one anchor for {KPOINTS_PER_ANCHOR} k-points"
        return {"name": "lobpcg", "start": start}

    def iterate(
        self, ibzwfs: Any, density: Any, potential: Any, hamiltonian: Any, _: Any, energies: Any
    ) -> tuple[float, float, Any]:
        """Solve for the bands of all k-points."""
        every = list(ibzwfs)
        local = partial(hamiltonian.apply, potential.vt_sR, potential.dedtaut_sR, ibzwfs, density.D_asii)
        precondition = hamiltonian.create_preconditioner(self.blocksize, xp=ibzwfs.xp)
        target = self.residual_target * density.nvalence / Ha**2 / ibzwfs.spin_degeneracy

        values = potential.vt_sR.data[0]
        n_bands = every[0].psit_nX.dims[0]

        def solve(states: Any, start: Callable[[KPoint, int], ComplexArray]) -> float:
            kpoint = KPoint(states, partial(local, spin=states.spin), potential, precondition)
            solution = kpoint.solve(start(kpoint, n_bands), self.converge_bands, target)
            states.psit_nX.data[:] = solution.functions
            states._P_ani, states.orthonormalized, states.eig_n = None, True, solution.energies
            return solution.error

        in_small_basis = partial(start_in_small_basis, potential=values, plane_waves_per_band=self.plane_waves_per_band)
        cell = every[0].psit_nX.desc.cell_cv
        chosen = choose_anchors(cell, np.array([states.psit_nX.desc.kpt_c for states in every]))
        anchors = [every[number] for number in chosen]
        errors = {states: solve(states, in_small_basis) for states in anchors}
        if others := [states for states in every if states not in errors]:
            basis = AnchorBasis.of(anchors, every, values)
            errors |= {states: solve(states, basis.start) for states in others}
        error = sum(states.weight * error for states, error in errors.items()) * ibzwfs.spin_degeneracy
        return np.inf, error, energies


def choose_anchors(cell: FloatArray, kpoints: FloatArray) -> list[int]:
    """Return the numbers of k-points far from each other: each next one is the farthest from those before.

    Parameters
    ----------
    cell
        Rows are the lattice vectors.
    kpoints
        Fractional coordinates, shape ``(n_kpoints, 3)``.
    """
    positions = kpoints @ np.linalg.inv(cell).T
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    wanted = min(len(kpoints), max(FEWEST_ANCHORS, round(len(kpoints) / KPOINTS_PER_ANCHOR)))
    chosen = [int(np.argmax(np.linalg.norm(positions - positions.mean(axis=0), axis=-1)))]
    while len(chosen) < wanted:
        chosen.append(int(np.argmax(distances[chosen].min(axis=0))))
    return chosen


class AnchorBasis(NamedTuple):
    """Orthonormal periodic functions that span the states of all anchors.

    They have coefficients only at the reciprocal lattice vectors that the plane waves of all k-points share, and are
    thus the same functions at each of them.

    Attributes
    ----------
    functions
        Coefficients, shape ``(n_functions, n_shared)``.
    shared
        Positions of the shared vectors in the flattened Fourier grid, ascending.
    grid
        Shape of the Fourier grid.
    local_part
        Matrix of the local potential, shape ``(n_functions, n_functions)``.
    """

    functions: ComplexArray
    shared: IntArray
    grid: tuple[int, ...]
    local_part: ComplexArray

    @classmethod
    def of(cls, anchors: list[Any], every: list[Any], potential: FloatArray) -> AnchorBasis:
        """Return the basis of solved k-points for all k-points; the potential is the local one, on the cell's grid."""
        positions = {states: states.psit_nX.desc.indices(potential.shape) for states in every}
        shared = reduce(np.intersect1d, positions.values())
        parts = [states.psit_nX.data[:, np.isin(positions[states], shared)] for states in anchors]
        stacked = np.concatenate(parts) * np.sqrt(anchors[0].psit_nX.dv)
        norms, mixing = eigh(stacked @ stacked.conj().T)
        kept = norms > LINEAR_DEPENDENCE
        functions = (mixing[:, kept] / np.sqrt(norms[kept])).conj().T @ stacked
        return cls(functions, shared, potential.shape, _local_part(functions, shared, potential))

    def start(self, kpoint: KPoint, n_bands: int) -> ComplexArray:
        """Return the lowest states of a k-point in this basis, shape ``(n_bands, n_plane_waves)``."""
        columns = np.isin(kpoint.positions(self.grid), self.shared)
        within = np.zeros((len(self.functions), len(kpoint.kinetic)), complex)
        within[:, columns] = self.functions / np.sqrt(kpoint.volume_element)
        overlap, hamiltonian = kpoint.paw_corrections(within)
        overlap[np.diag_indices_from(overlap)] += 1.0
        hamiltonian += (self.functions.conj() * kpoint.kinetic[columns]) @ self.functions.T + self.local_part
        _, coefficients = eigh(hamiltonian, overlap, subset_by_index=[0, n_bands - 1])
        return np.asarray(coefficients.T @ within)


def _local_part(functions: ComplexArray, positions: IntArray, potential: FloatArray) -> ComplexArray:
    """Return the matrix of a potential on the Fourier grid between functions with coefficients at its `positions`."""
    products = np.empty_like(functions)
    for product, function in zip(products, functions, strict=True):
        on_grid = np.zeros(potential.size, complex)
        on_grid[positions] = function
        in_space = np.fft.ifftn(on_grid.reshape(potential.shape)) * potential
        product[:] = np.fft.fftn(in_space).ravel()[positions]
    matrix: ComplexArray = functions.conj() @ products.T
    return matrix
