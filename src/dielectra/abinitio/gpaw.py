"""Engine GPAW: plane-wave PBE ground state and linear response of one crystal."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES, Computation, RefusedError, refuse_spin
from dielectra.abinitio.gpaw_steps import (
    atoms_of,
    calculator_of,
    converge_ground_state,
    read_gaps,
    respond,
    solve_bands,
)
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import (
    LADDER_2,
    PROTOCOLS,
    Protocol,
    plane_wave_cutoff,
    response_bands,
)
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.jobs.clock import CpuClock
from dielectra.symmetry import standardise

OFTEN_MAGNETIC = (*range(23, 29), *range(58, 71))
"""Atomic numbers of V to Ni and Ce to Yb, whose open shells a calculation without spin describes wrongly."""

ATOMIC_MOMENT = 0.1
UNDOUBTED_MOMENT = 1.0
"""Moments of an atom in Bohr magnetons: what may be left where there is none, and what is no lack of convergence."""

levels = ("ipa", "rpa")
protocols = {name: protocol for name, protocol in PROTOCOLS.items() if type(protocol) is Protocol}
default_protocol = next(iter(protocols.values()))


def require() -> None:
    """Check that GPAW is installed.

    Raises
    ------
    InputError
        If it is not; the message says how to install it.
    """
    if find_spec("gpaw") is None:
        raise InputError(
            "the engine gpaw is not installed; 'make abinitio' or pip install 'dielectra[abinitio]' does it"
        )


def version() -> str:
    """Return what computes: GPAW and its data sets with their versions."""
    return f"GPAW {package_version('gpaw')}, gpaw-data {package_version('gpaw-data')}, PBE, plane waves"


def accept(structure: Crystal, magnetic_moment: float = 0.0, functional: str = "PBE") -> tuple[Crystal, int]:
    """Return the standardised primitive cell and its number of valence electrons, before time is spent.

    Parameters
    ----------
    structure
        Any cell of the crystal.
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.
    functional
        Whose PAW data sets are needed.

    Raises
    ------
    RefusedError
        If the crystal is magnetic, has an odd electron count, or an unsupported element.
    """
    crystal = standardise(structure)
    n_electrons = count_electrons(crystal, functional)
    refuse_spin(crystal, n_electrons, magnetic_moment)
    return crystal, n_electrons


def refuse_magnetic(crystal: Crystal, protocol: Protocol, log: Path | None = None) -> None:
    """Refuse a crystal whose d or f shells carry moments, by a quick spin-polarised ground state.

    Only crystals with elements of ``OFTEN_MAGNETIC`` are tried, each such atom starting with two unpaired electrons,
    and by PBE whatever the functional of the protocol. A small moment is looked at again by a tighter convergence: it
    may be on its way to zero.

    Raises
    ------
    RefusedError
        If a moment above 0.1 Bohr magnetons is left on an atom, or the ground state does not converge.
    """
    from gpaw import KohnShamConvergenceError

    suspects = np.isin(crystal.numbers, OFTEN_MAGNETIC)
    if not suspects.any():
        return
    largest = 0.0
    for convergence in (1e-2, 1e-4):
        criteria = {"density": convergence, "eigenstates": convergence}
        atoms = atoms_of(crystal)
        atoms.set_initial_magnetic_moments(np.where(suspects, 2.0, 0.0))
        atoms.calc = calculator_of(crystal, protocol, log, xc="PBE", convergence=criteria, maxiter=120)
        try:
            atoms.get_potential_energy()
        except KohnShamConvergenceError as error:
            raise RefusedError(f"{crystal.formula}: the spin-polarised ground state does not converge") from error
        largest = float(np.abs(atoms.get_magnetic_moments()).max())
        if largest <= ATOMIC_MOMENT:
            return
        if largest > UNDOUBTED_MOMENT:
            break
    raise RefusedError(f"{crystal.formula}: magnetic (an atom has moment {largest:.2f}); the protocol has no spin")


def count_electrons(crystal: Crystal, functional: str = "PBE") -> int:
    """Return the number of valence electrons in GPAW's data sets for a functional.

    Raises
    ------
    RefusedError
        If an element has no PAW data set.
    """
    try:
        return sum(_valence_electrons(int(number), functional) for number in crystal.numbers)
    except LookupError as error:
        raise RefusedError(f"{crystal.formula}: GPAW has no {functional} data set for {error.args[0]}") from error


@cache
def _valence_electrons(number: int, functional: str) -> int:
    """Return the number of electrons that an element's PAW data set has; LookupError names one that has none."""
    from gpaw import setup_data

    from dielectra.elements import SYMBOLS

    load_setup: Any = setup_data.SetupData  # untyped
    try:
        electrons: int = round(load_setup(SYMBOLS[number], functional).Nv)
    except Exception as error:  # GPAW raises FileNotFoundError or RuntimeError after printing advice
        raise LookupError(SYMBOLS[number]) from error
    return electrons


def estimate_cpu_seconds(structure: Crystal, protocol: Protocol = LADDER_2) -> float:
    """Return about what a crystal will cost, to order a campaign by.

    A power law in the irreducible k-points, the bands and the plane waves. Its exponents are by least squares over the
    ladder's first 406 materials; its scale is the median of 452 of version 2 of ``ladder-2`` on two busy cores
    (standard deviation: a factor of 1.5).

    Raises
    ------
    RefusedError
        If an element has no PAW data set.
    """
    from dielectra.elements import SYMBOLS

    crystal = standardise(structure)
    n_kpoints = response_sampling(crystal, protocol).irreducible
    n_bands = response_bands(protocol, crystal.volume, count_electrons(crystal))
    symbols = [SYMBOLS[number] for number in crystal.elements]
    plane_waves = crystal.volume * plane_wave_cutoff(protocol, symbols) ** 1.5
    return float(2.5e-6 * n_kpoints**0.41 * n_bands**0.96 * plane_waves**0.85)


def compute(
    structure: Crystal, protocol: Protocol = LADDER_2, magnetic_moment: float = 0.0, log: Path | None = None
) -> Computation:
    """Compute the IPA and RPA dielectric tensors of a crystal, or find that it is a metal.

    Where the PBE gap is below the protocol's smallest, the result has no tensors and says so.

    Parameters
    ----------
    structure
        Any cell of the crystal; its standardised primitive cell is computed.
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.
    log
        File for GPAW's own output; discarded when None.

    Raises
    ------
    RefusedError
        If the crystal is magnetic, has an odd electron count, or an unsupported element.
    """
    crystal, n_electrons = accept(structure, magnetic_moment)
    n_bands = response_bands(protocol, crystal.volume, n_electrons)
    sampling = response_sampling(crystal, protocol)
    clock = CpuClock()

    refuse_magnetic(crystal, protocol, log)
    ground_state = converge_ground_state(crystal, protocol, n_electrons // 2, log)
    clock.lap("ground_state")
    gaps = read_gaps([ground_state], n_electrons // 2)
    bands, tensors = None, {}
    if gaps[1] >= protocol.minimum_gap:
        bands = solve_bands(ground_state, sampling.kpoints(), n_bands, log)
        gaps = read_gaps([ground_state, bands], n_electrons // 2)
        clock.lap("bands")
    if bands is not None and gaps[1] >= protocol.minimum_gap:
        tensors = respond(bands, crystal, protocol, n_bands)
        clock.lap("response")
    return Computation(
        crystal,
        protocol,
        ENERGIES,
        tensors,
        *gaps,
        sampling.grid,
        sampling.irreducible,
        n_bands,
        clock.seconds,
        metal=not tensors,
    )
