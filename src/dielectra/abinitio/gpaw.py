"""Engine GPAW: plane-wave PBE ground state and linear response of one crystal."""

from __future__ import annotations

import time
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES, Computation, RefusedError, refuse_spin
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import (
    LADDER_2,
    PROTOCOLS,
    Protocol,
    even_grid,
    plane_wave_cutoff,
    response_bands,
)
from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.directions import independent_directions, tensor_from_directions
from dielectra.errors import InputError
from dielectra.symmetry import point_group_rotations, standardise

OFTEN_MAGNETIC = (*range(23, 29), *range(58, 71))
"""Atomic numbers of V to Ni and Ce to Yb, whose open shells a calculation without spin describes wrongly."""

ATOMIC_MOMENT = 0.1

levels = ("ipa", "rpa")
protocols = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, Protocol)}
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


def refuse_unsupported(crystal: Crystal, magnetic_moment: float = 0.0) -> None:
    """Raise :class:`RefusedError` where the protocol does not apply, before time is spent.

    Parameters
    ----------
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.
    """
    refuse_spin(crystal, count_electrons(crystal), magnetic_moment)


def refuse_magnetic(crystal: Crystal, protocol: Protocol, log: Path | None = None) -> None:
    """Refuse a crystal whose d or f shells carry moments, by a quick spin-polarised ground state.

    Only crystals with elements of ``OFTEN_MAGNETIC`` are tried, each such atom starting with two unpaired electrons.

    Raises
    ------
    RefusedError
        If a moment above 0.1 Bohr magnetons is left on an atom, or the ground state does not converge.
    """
    from gpaw import KohnShamConvergenceError

    suspects = np.isin(crystal.numbers, OFTEN_MAGNETIC)
    if not suspects.any():
        return
    calculator = _calculator(crystal, protocol, log, convergence={"density": 1e-2, "eigenstates": 1e-2}, maxiter=80)
    atoms = _atoms(crystal)
    atoms.set_initial_magnetic_moments(np.where(suspects, 2.0, 0.0))
    atoms.calc = calculator
    try:
        atoms.get_potential_energy()
    except KohnShamConvergenceError as error:
        raise RefusedError(f"{crystal.formula}: the spin-polarised ground state does not converge") from error
    largest = float(np.abs(atoms.get_magnetic_moments()).max())
    if largest > ATOMIC_MOMENT:
        raise RefusedError(f"{crystal.formula}: magnetic (an atom has moment {largest:.2f}); the protocol has no spin")


def count_electrons(crystal: Crystal) -> int:
    """Return the number of valence electrons in GPAW's data sets.

    Raises
    ------
    RefusedError
        If an element has no PAW data set.
    """
    from gpaw import setup_data

    from dielectra.elements import SYMBOLS

    load_setup: Any = setup_data.SetupData  # untyped

    electrons = {}
    for number in crystal.elements:
        try:
            electrons[number] = round(load_setup(SYMBOLS[number], "PBE").Nv)
        except Exception as error:  # GPAW raises FileNotFoundError or RuntimeError after printing advice
            raise RefusedError(f"{crystal.formula}: GPAW has no data set for {SYMBOLS[number]}") from error
    return sum(electrons[int(number)] for number in crystal.numbers)


def estimate_cpu_seconds(structure: Crystal, protocol: Protocol = LADDER_2) -> float:
    """Return about what a crystal will cost, to order a campaign by.

    A power law in the irreducible k-points, the bands and the plane waves. Its exponents are by least squares over the
    ladder's first 406 materials (standard deviation: a factor of 1.6); its scale is that of bands that start in a small
    basis, which those did not.

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
    return float(1.9e-6 * n_kpoints**0.41 * n_bands**0.96 * plane_waves**0.85)


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
    crystal = standardise(structure)
    refuse_unsupported(crystal, magnetic_moment)
    n_electrons = count_electrons(crystal)
    n_bands = response_bands(protocol, crystal.volume, n_electrons)
    sampling = response_sampling(crystal, protocol)
    clock = [time.process_time()]

    refuse_magnetic(crystal, protocol, log)
    ground_state = _ground_state(crystal, protocol, n_electrons // 2, log)
    clock.append(time.process_time())
    gaps = _gaps([ground_state], n_electrons // 2)
    bands, tensors = None, {}
    if gaps[1] >= protocol.minimum_gap:
        bands = _bands(ground_state, sampling.kpoints(), n_bands, log)
        gaps = _gaps([ground_state, bands], n_electrons // 2)
        clock.append(time.process_time())
    if bands is not None and gaps[1] >= protocol.minimum_gap:
        tensors = _response(bands, crystal, protocol, n_bands)
        clock.append(time.process_time())
    parts = dict(zip(("ground_state", "bands", "response"), np.diff(clock).tolist(), strict=False))
    return Computation(
        crystal,
        protocol,
        ENERGIES,
        tensors,
        *gaps,
        sampling.grid,
        sampling.irreducible,
        n_bands,
        parts,
        metal=not tensors,
    )


def _ground_state(crystal: Crystal, protocol: Protocol, n_occupied: int, log: Path | None) -> Any:
    atoms = _atoms(crystal)
    convergence = {"density": 1e-4, "eigenstates": 1e-4, "bands": n_occupied + 1}
    atoms.calc = _calculator(crystal, protocol, log, convergence=convergence)
    atoms.get_potential_energy()
    return atoms.calc


def _atoms(crystal: Crystal) -> Any:
    from ase import Atoms

    return Atoms(numbers=crystal.numbers, cell=crystal.cell, scaled_positions=crystal.frac_coords, pbc=True)


def _calculator(crystal: Crystal, protocol: Protocol, log: Path | None, **settings: Any) -> Any:
    from ase.data import chemical_symbols
    from gpaw import GPAW, PW, FermiDirac

    return GPAW(
        mode=PW(plane_wave_cutoff(protocol, [chemical_symbols[number] for number in crystal.elements])),
        xc=protocol.functional,
        kpts={"size": even_grid(crystal, protocol.ground_state_kpoints), "gamma": True},
        occupations=FermiDirac(protocol.smearing),
        symmetry={"tolerance": 1e-4},
        txt=str(log) if log else None,
        **settings,
    )


def _bands(ground_state: Any, kpoints: FloatArray, n_bands: int, log: Path | None) -> Any:
    from dielectra.abinitio.small_basis import SmallBasisStart

    return ground_state.fixed_density(
        kpts=kpoints,
        nbands=n_bands + max(4, round(0.1 * n_bands)),
        convergence={"bands": n_bands, "eigenstates": 1e-3},
        eigensolver=SmallBasisStart(),
        random=True,
        txt=str(log) if log else None,
    )


def _gaps(calculators: list[Any], n_occupied: int) -> tuple[float, float]:
    """Return the direct and the indirect gap over the k-points of all calculations."""
    eigenvalues = [
        np.array([calculator.get_eigenvalues(kpt=k) for k in range(len(calculator.get_ibz_k_points()))])
        for calculator in calculators
    ]
    valence, conduction = (
        np.concatenate([values[:, band] for values in eigenvalues]) for band in (n_occupied - 1, n_occupied)
    )
    return float((conduction - valence).min()), float(conduction.min() - valence.max())


def _response(calculator: Any, crystal: Crystal, protocol: Protocol, n_bands: int) -> dict[str, ComplexArray]:
    from gpaw.response.df import DielectricFunction

    response: Any = DielectricFunction(
        calculator,
        frequencies={
            "type": "nonlinear",
            "domega0": protocol.frequency_step,
            "omega2": protocol.frequency_doubling,
            "omegamax": protocol.frequency_max,
        },
        hilbert=True,
        eta=protocol.broadening,
        ecut=protocol.response_cutoff,
        nbands=n_bands,
        intraband=False,
        txt=None,
    )
    rotations = point_group_rotations(crystal, symprec=1e-4)
    directions = independent_directions(rotations)
    curves = [response.get_dielectric_function(direction=direction, filename=None) for direction in directions]
    tensors = {}
    for level, rows in zip(("ipa", "rpa"), zip(*curves, strict=True), strict=True):
        on_grid = np.array([np.interp(ENERGIES, response.get_frequencies(), row) for row in rows])
        tensors[level] = tensor_from_directions(directions, on_grid, rotations)
    return tensors
