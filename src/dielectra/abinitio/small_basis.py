"""Bloch states from exact ones in a small plane-wave basis: most of an eigensolver's iterations saved.

GPAW starts unoccupied bands from random numbers, and a response needs far more of those than of occupied ones. The
Hamiltonian among the plane waves of lowest kinetic energy, a few times as many as there are bands, is small enough to
be diagonalised at once; its lowest states leave the solver about half as much to do. What it converges to, and to
which residual, stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gpaw.dft import Eigensolver
from gpaw.new.pwfd.davidson import Davidson
from scipy.linalg import eigh

from dielectra.arrays import ComplexArray, IntArray

PLANE_WAVES_PER_BAND = 6


class SmallBasisStart(Davidson, Eigensolver):
    """Solve for the bands of one fixed-density calculation: ``fixed_density(eigensolver=SmallBasisStart())``.

    To GPAW it is both the parameter, which it completes by :meth:`build`, and the solver. The start needs one process
    and a calculation without spin.

    Parameters
    ----------
    plane_waves_per_band
        Size of the small basis; that of the calculation where it is larger.
    """

    def __init__(self, plane_waves_per_band: float = PLANE_WAVES_PER_BAND) -> None:
        self.plane_waves_per_band = plane_waves_per_band

    def build(
        self,
        n_bands: int,
        grid: Any,
        band_comm: Any,
        domain_band_comm: Any,
        scalapack: Any,
        hamiltonian: Any,
        convergence: dict[str, float],
        *_: Any,
    ) -> SmallBasisStart:
        """Take what GPAW knows of the calculation, in GPAW's order; return the solver."""
        super().__init__(
            n_bands, grid, band_comm, domain_band_comm, hamiltonian, convergence, scalapack_parameters=scalapack
        )
        return self

    def todict(self) -> dict[str, Any]:
        """Return what GPAW writes into its log."""
        return {"name": "davidson", "start": f"{self.plane_waves_per_band:g} plane waves per band"}

    def iterate(self, ibzwfs: Any, density: Any, potential: Any, *others: Any) -> Any:
        """Improve the states of all k-points once; the first time, start them."""
        if not hasattr(self, "preconditioner"):
            for states in ibzwfs:
                _start(states, potential, self.plane_waves_per_band)
        return super().iterate(ibzwfs, density, potential, *others)


def _start(states: Any, potential: Any, plane_waves_per_band: float) -> None:
    """Set the states of one k-point to the lowest ones within the plane waves of lowest kinetic energy."""
    waves = states.psit_nX
    n_bands, kinetic = waves.dims[0], waves.desc.ekin_G
    lowest = np.argsort(kinetic, kind="stable")[: round(plane_waves_per_band * n_bands)]
    overlap, nonlocal_part = _projector_matrices(states, potential, lowest)
    hamiltonian = nonlocal_part + waves.dv * _local_matrix(waves.desc, potential, lowest)
    diagonal = np.arange(len(lowest))
    overlap[diagonal, diagonal] += waves.dv
    hamiltonian[diagonal, diagonal] += waves.dv * kinetic[lowest]
    _, coefficients = eigh(hamiltonian, overlap, subset_by_index=[0, n_bands - 1], overwrite_a=True, overwrite_b=True)
    waves.data[:] = 0.0
    waves.data[:, lowest] = coefficients.T


def _local_matrix(plane_waves: Any, potential: Any, chosen: IntArray) -> ComplexArray:
    """Return V(G - G') of the local potential, between chosen plane waves."""
    values = potential.vt_sR.data[0]
    transform = np.fft.fftn(values, norm="forward")
    vectors = np.stack(np.unravel_index(plane_waves.indices(values.shape), values.shape))[:, chosen]
    differences = (vectors[:, :, None] - vectors[:, None, :]) % np.array(values.shape)[:, None, None]
    matrix: ComplexArray = transform[tuple(differences)]
    return matrix


def _projector_matrices(states: Any, potential: Any, chosen: IntArray) -> tuple[ComplexArray, ComplexArray]:
    """Return the PAW corrections of overlap and Hamiltonian between chosen plane waves."""
    single = states.psit_nX.desc.empty((len(chosen),))
    single.data[:] = 0.0
    single.data[np.arange(len(chosen)), chosen] = 1.0
    projections = states.pt_aiX.integrate(single)
    rows = projections.matrix.data.conj()
    product = projections.new()
    corrections = states.setups.get_overlap_corrections(projections.layout.atomdist, states.xp)
    projections.block_diag_multiply(corrections, out_ani=product)
    overlap = rows @ product.matrix.data.T
    potential.deltaH(projections, product, states.spin)
    return overlap, rows @ product.matrix.data.T
