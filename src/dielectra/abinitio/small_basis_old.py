"""The start of :mod:`dielectra.abinitio.small_basis` for GPAW's older code, which alone has GLLB-SC."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpaw.old.eigensolvers import davidson

from dielectra.abinitio.small_basis import PLANE_WAVES_PER_BAND, local_matrix, lowest_plane_waves, lowest_states

Davidson: Any = davidson.Davidson  # untyped


class SmallBasisDavidson(Davidson):  # type: ignore[misc]
    """Solve for the bands of one fixed-density calculation: ``fixed_density(eigensolver=SmallBasisDavidson())``.

    The start needs one process and a calculation without spin.

    Parameters
    ----------
    plane_waves_per_band
        Size of the small basis; at most half of the calculation's plane waves, for this solver breaks down where it has
        nothing left to do.
    """

    def __init__(self, plane_waves_per_band: float = PLANE_WAVES_PER_BAND) -> None:
        super().__init__()
        self.plane_waves_per_band = plane_waves_per_band

    def iterate(self, hamiltonian: Any, wave_functions: Any) -> None:
        """Improve the states of all k-points once; the first time, start them."""
        if not self.initialized:
            for states in wave_functions.kpt_u:
                _start(states, hamiltonian, wave_functions, self.plane_waves_per_band)
            wave_functions.orthonormalized = False
        super().iterate(hamiltonian, wave_functions)


def _start(states: Any, hamiltonian: Any, wave_functions: Any, plane_waves_per_band: float) -> None:
    """Set the states of one k-point to the lowest ones within the plane waves of lowest kinetic energy."""
    waves = states.psit
    n_bands, kinetic = len(waves), 0.5 * waves.pd.G2_qG[states.q]
    lowest = lowest_plane_waves(kinetic, max(n_bands, min(plane_waves_per_band * n_bands, len(kinetic) / 2)))
    single = waves.new(nbands=len(lowest), dist=None)
    single.array[:] = np.eye(len(kinetic))[lowest]
    projections = states.projections.new(nbands=len(lowest), bcomm=None)
    product = projections.new()
    single.matrix_elements(wave_functions.pt, out=projections)
    rows = projections.array.conj()
    wave_functions.setups.dS.apply(projections, out=product)
    overlap = rows @ product.array.T
    hamiltonian.dH(projections, out=product)
    nonlocal_part = rows @ product.array.T
    local_part = local_matrix(hamiltonian.vt_sG[0], waves.pd.Q_qG[states.q][lowest])
    waves.array[:] = 0.0
    waves.array[:, lowest] = lowest_states(n_bands, kinetic[lowest], waves.dv, local_part, nonlocal_part, overlap)
