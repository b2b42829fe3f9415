"""Find at little cost that a crystal is a metal: bands that overlap on a coarse grid overlap on every finer one.

A finer grid can only raise the top of the filled bands and lower the bottom of the empty ones. So a coarse ground state
proves a metal, once its bands overlap by more than its density may be wrong; it never proves a gap.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.abinitio.computation import RefusedError
from dielectra.abinitio.gpaw import count_electrons
from dielectra.abinitio.gpaw_steps import atoms_of, band_energies, calculator_of
from dielectra.abinitio.protocol import LADDER_2_V1, Protocol
from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.jobs.clock import CpuClock
from dielectra.symmetry import standardise

METAL_1 = LADDER_2_V1.model_copy(
    update={"name": "metal-1", "extra_cutoff": -50.0, "ground_state_kpoints": 40, "smearing": 0.1}
)
CONVERGENCE = {"energy": 0.01, "density": 5e-3, "eigenstates": 1e-2}
"""Coarse: bands come out right to some hundredths of an eV."""

SPARE_BANDS = 6
"""Bands beyond those that an insulator would fill."""

CLEAR_OVERLAP = 0.5
"""Least overlap of bands in eV, and least width of a half-filled band, that tells a metal."""


class MetalVerdict(NamedTuple):
    """A crystal that is a metal.

    Attributes
    ----------
    crystal
        The standardised primitive cell.
    gap
        Bottom of the empty bands less top of the filled ones on the coarse grid in eV, negative. With an odd number of
        electrons the highest band that holds any counts as both.
    kgrid
        Numbers of points along the reciprocal lattice vectors.
    cpu_seconds
        What it took.
    """

    crystal: Crystal
    gap: float
    kgrid: tuple[int, int, int]
    cpu_seconds: float


def find_metal(structure: Crystal, protocol: Protocol = METAL_1, log: Path | None = None) -> MetalVerdict:
    """Return the verdict on a crystal that is clearly a metal, by its bands without spin.

    Raises
    ------
    RefusedError
        If it is not clear, or an element has no PAW data set.
    """
    from gpaw import KohnShamConvergenceError

    crystal = standardise(structure)
    n_electrons = count_electrons(crystal)
    clock = CpuClock()
    n_bands = n_electrons // 2 + SPARE_BANDS
    calculator = calculator_of(crystal, protocol, log, convergence=CONVERGENCE, nbands=n_bands, maxiter=60)
    atoms = atoms_of(crystal)
    atoms.calc = calculator
    try:
        atoms.get_potential_energy()
    except KohnShamConvergenceError as error:
        raise RefusedError(f"{crystal.formula}: the ground state does not converge") from error
    gap = overlap_of(band_energies(calculator), n_electrons)
    clock.lap("ground_state")
    if gap > -CLEAR_OVERLAP:
        raise RefusedError(f"{crystal.formula}: bands overlap by {-gap:.2f} eV; {CLEAR_OVERLAP:g} eV tell a metal")
    n_points = np.array(calculator.get_bz_k_points())
    grid = [len(np.unique(np.round(n_points[:, axis], 6))) for axis in range(3)]
    return MetalVerdict(crystal, gap, (grid[0], grid[1], grid[2]), clock.seconds["ground_state"])


def overlap_of(energies: FloatArray, n_electrons: int) -> float:
    """Return the bottom of the lowest band with room less the top of the highest band with electrons, in eV.

    Parameters
    ----------
    energies
        Shape ``(n_kpoints, n_bands)``, eV, without spin.
    """
    highest, with_room = (n_electrons - 1) // 2, n_electrons // 2
    return float(energies[:, with_room].min() - energies[:, highest].max())
