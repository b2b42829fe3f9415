"""The steps of a GPAW computation, which its engines put together: ground state, bands, gaps, response."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES
from dielectra.abinitio.protocol import Protocol, even_grid, plane_wave_cutoff
from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.directions import independent_directions, tensor_from_directions
from dielectra.elements import SYMBOLS
from dielectra.symmetry import point_group_rotations


def converge_ground_state(crystal: Crystal, protocol: Protocol, n_occupied: int, log: Path | None) -> Any:
    """Return the calculation of a converged density, with the lowest empty band converged too.

    Its number of bands is GPAW's own, but not limited to the bound partial waves: argon has none above its electrons.
    """
    atoms = atoms_of(crystal)
    convergence = {"density": 1e-4, "eigenstates": 1e-4, "bands": n_occupied + 1}
    n_bands = math.ceil(1.2 * n_occupied) + 4
    atoms.calc = calculator_of(crystal, protocol, log, convergence=convergence, nbands=n_bands)
    atoms.get_potential_energy()
    return atoms.calc


def atoms_of(crystal: Crystal) -> Any:
    """Return the crystal as ``ase.Atoms``."""
    from ase import Atoms

    return Atoms(numbers=crystal.numbers, cell=crystal.cell, scaled_positions=crystal.frac_coords, pbc=True)


def calculator_of(crystal: Crystal, protocol: Protocol, log: Path | None, **settings: Any) -> Any:
    """Return a calculator of a protocol's ground state; `settings` of GPAW are further ones or win over its own."""
    from gpaw import GPAW, PW, FermiDirac

    of_protocol = {
        "mode": PW(plane_wave_cutoff(protocol, [SYMBOLS[number] for number in crystal.elements])),
        "xc": protocol.functional,
        "kpts": {"size": even_grid(crystal, protocol.ground_state_kpoints), "gamma": True},
        "occupations": FermiDirac(protocol.smearing),
        "symmetry": {"tolerance": 1e-4},
        "txt": str(log) if log else None,
    }
    return GPAW(**(of_protocol | settings))


def solve_bands(ground_state: Any, kpoints: FloatArray, n_bands: int, log: Path | None, **settings: Any) -> Any:
    """Return the calculation of occupied and empty bands on other k-points, shape ``(n, 3)``, at the same density.

    Bands start from exact states in small bases. `settings` are further ones of GPAW.
    """
    if is_of_older_code(ground_state):
        from dielectra.abinitio.small_basis_old import SmallBasisDavidson

        solver: Any = SmallBasisDavidson()
    else:
        from dielectra.abinitio.interpolated_start import InterpolatedBands

        solver = InterpolatedBands()
    return ground_state.fixed_density(
        kpts=kpoints,
        nbands=n_bands + max(4, round(0.1 * n_bands)),
        convergence={"bands": n_bands, "eigenstates": 1e-3},
        txt=str(log) if log else None,
        eigensolver=solver,
        random=True,
        **settings,
    )


def is_of_older_code(calculator: Any) -> bool:
    """Say whether a calculation is one of GPAW's older code, which alone has some functionals (GLLB-SC)."""
    return type(calculator).__module__.startswith("gpaw.old.")


def derivative_discontinuity(ground_state: Any) -> tuple[float, float]:
    """Return the Kohn-Sham gap and its derivative discontinuity in eV, of a functional that has one (GLLB-SC)."""
    response = ground_state.hamiltonian.xc.response
    potential = response.calculate_discontinuity_potential(*ground_state.get_homo_lumo())
    gap, discontinuity = response.calculate_discontinuity(potential)
    return float(gap), float(discontinuity)


def band_energies(calculator: Any) -> FloatArray:
    """Return the energies in eV of all bands at the irreducible k-points, shape ``(n_kpoints, n_bands)``."""
    return np.array([calculator.get_eigenvalues(kpt=k) for k in range(len(calculator.get_ibz_k_points()))])


def read_gaps(calculators: list[Any], n_occupied: int) -> tuple[float, float]:
    """Return the direct and the indirect gap over the k-points of all calculations."""
    eigenvalues = [band_energies(calculator) for calculator in calculators]
    valence, conduction = (
        np.concatenate([values[:, band] for values in eigenvalues]) for band in (n_occupied - 1, n_occupied)
    )
    return float((conduction - valence).min()), float(conduction.min() - valence.max())


def respond(
    calculator: Any, crystal: Crystal, protocol: Protocol, n_bands: int, scissor: float | None = None
) -> dict[str, ComplexArray]:
    """Return the dielectric tensors, shape ``(3, 3, n_energies)``, without (``ipa``) and with (``rpa``) local fields.

    Parameters
    ----------
    scissor
        Energy in eV by which the empty bands are raised.
    """
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
        eshift=scissor,
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
