"""Engine GPAW: Bethe-Salpeter equation on GLLB-SC quasiparticle energies.

The Kohn-Sham bands of GLLB-SC, the empty ones raised by the derivative discontinuity, take the place of quasiparticle
energies (as in :mod:`dielectra.abinitio.gpaw_lrc`). Pairs of the bands around the gap attract each other by the
statically screened interaction, in the Tamm-Dancoff approximation; all other transitions are added without that
attraction, so that spectra reach 20 eV and the static limit keeps its weight. This is BSE+ of GPAW (Søndersted, Kuisma,
Svaneborg, Svendsen, Thygesen, Phys. Rev. Lett. 133, 026403 (2024)).

The k-points have to be converged first: the binding energy of an exciton converges as the inverse of their number
along an axis, and the cost grows with the square of their number. The window of pairs is next (states within about 1
eV of its end are not converged), the bands and the plane waves of the screening are last. ``bse-1`` samples small
cells by 4 x 4 x 4 points, half-shifted; its spectra show which oscillators gain strength and where they lie within
some tenths of an eV, not the binding energies of Wannier excitons, which need far more points. Spin-orbit splitting
is left out.

GPAW's BSE is used without the point group: with it, the spectrum of LiH on an unshifted 2 x 2 x 2 grid differed by 2 %
in the static limit from that without, which is itself the same with and without time reversal.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES, Computation, RefusedError
from dielectra.abinitio.gpaw import accept, refuse_magnetic, require
from dielectra.abinitio.gpaw import version as gpaw_version
from dielectra.abinitio.gpaw_steps import (
    band_energies,
    converge_ground_state,
    derivative_discontinuity,
    read_gaps,
    solve_bands,
)
from dielectra.abinitio.kgrid import Sampling, Shift, allowed_shifts, sample
from dielectra.abinitio.protocol import BSE_1, PROTOCOLS, BseProtocol, even_grid, response_bands, shift_allowed
from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.directions import DIRECTIONS, invariant_tensors, tensor_from_directions
from dielectra.jobs.clock import CpuClock
from dielectra.symmetry import lattice_rotations, point_group_rotations

__all__ = ["compute", "default_protocol", "levels", "protocols", "require", "version"]

TOLERANCE = 1e-4
"""Distance in angstrom within which atoms are related by symmetry, as in the ground state."""

levels = ("bse",)
protocols = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, BseProtocol)}
default_protocol = BSE_1


def version() -> str:
    """Return what computes: GPAW and its data sets with their versions."""
    return gpaw_version().replace("PBE", "GLLB-SC with derivative discontinuity, BSE+")


def compute(
    structure: Crystal, protocol: BseProtocol = BSE_1, magnetic_moment: float = 0.0, log: Path | None = None
) -> Computation:
    """Compute the dielectric tensor of a crystal with the attraction of electron and hole.

    `gap_direct` and `gap_indirect` of the result are quasiparticle gaps. Its properties are ``gap_ks`` (the Kohn-Sham
    gap) and ``discontinuity``, both in eV, and ``pair_bands`` (numbers of occupied and empty bands of the pairs). A
    crystal whose Kohn-Sham gap is below the protocol's smallest is a metal.

    GPAW writes into the working directory, which is a temporary one meanwhile: one process computes one crystal.

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
        If the crystal is magnetic, has an odd electron count or an unsupported element, is monoclinic or triclinic, or
        has more pairs than the protocol allows.
    """
    crystal, n_electrons = accept(structure, magnetic_moment, protocol.functional)
    refuse_oblique(crystal)
    n_occupied = n_electrons // 2
    n_bands = response_bands(protocol, crystal.volume, n_electrons)
    sampling = most_telling_shift(crystal, protocol)
    clock = CpuClock()
    refuse_magnetic(crystal, protocol, log)
    ground_state = converge_ground_state(crystal, protocol, n_occupied, log)
    gaps = read_gaps([ground_state], n_occupied)
    clock.lap("ground_state")
    tensors: dict[str, ComplexArray] = {}
    properties: dict[str, Any] = {}
    if gaps[1] >= protocol.minimum_gap:
        gap, discontinuity = derivative_discontinuity(ground_state)
        without_point_group = {"point_group": False, "tolerance": TOLERANCE}
        bands = solve_bands(ground_state, sampling.kpoints(), n_bands, log, symmetry=without_point_group)
        gaps = read_gaps([ground_state, bands], n_occupied)
        clock.lap("bands")
        below_last = band_energies(bands)[:, :-1]  # GPAW asks for a band that is in no pair
        chosen = pair_bands(below_last, n_occupied, protocol.pair_window)
        refuse_large(crystal, int(np.prod(sampling.grid)), chosen, protocol)
        tensors["bse"] = _respond(bands, crystal, protocol, n_bands, chosen, discontinuity, sampling.shift)
        properties = {"gap_ks": gap, "discontinuity": discontinuity, "pair_bands": [len(part) for part in chosen]}
        gaps = (gaps[0] + discontinuity, gaps[1] + discontinuity)
        clock.lap("response")
    return Computation(
        crystal,
        protocol,
        ENERGIES,
        tensors,
        *gaps,
        sampling.grid,
        int(np.prod(sampling.grid)),
        n_bands,
        clock.seconds,
        properties,
        metal=not tensors,
    )


def most_telling_shift(crystal: Crystal, protocol: BseProtocol) -> Sampling:
    """Return the protocol's grid with the shift by which it samples most: without symmetry all shifts cost the same."""
    grid = even_grid(crystal, protocol.response_kpoints)
    return max((sample(crystal, grid, shift) for shift in allowed_shifts(crystal)), key=lambda found: found.sampled)


def refuse_oblique(crystal: Crystal) -> None:
    """Refuse a crystal whose tensor has off-diagonal components: GPAW's BSE has fields along x, y and z only.

    Raises
    ------
    RefusedError
        If it is monoclinic or triclinic.
    """
    allowed = invariant_tensors(point_group_rotations(crystal, TOLERANCE))
    if np.abs(allowed * (1 - np.eye(3))).max() > TOLERANCE:
        raise RefusedError(f"{crystal.formula}: monoclinic or triclinic; GPAW's BSE has fields along x, y and z only")


def pair_bands(energies: FloatArray, n_occupied: int, window: float) -> tuple[range, range]:
    """Return the occupied and the empty bands that reach within a window of the gap's edges.

    Parameters
    ----------
    energies
        Shape ``(n_kpoints, n_bands)``, eV.
    window
        In eV.
    """
    tops, bottoms = energies[:, :n_occupied].max(axis=0), energies[:, n_occupied:].min(axis=0)
    first = int(np.argmax(tops >= tops.max() - window))
    last = n_occupied + int(np.sum(bottoms <= bottoms.min() + window))
    return range(first, n_occupied), range(n_occupied, last)


def refuse_large(crystal: Crystal, n_kpoints: int, bands: tuple[range, range], protocol: BseProtocol) -> None:
    """Refuse a crystal with more pairs than a protocol allows.

    Raises
    ------
    RefusedError
        If it has; the message names the numbers.
    """
    n_pairs = n_kpoints * len(bands[0]) * len(bands[1])
    if n_pairs > protocol.largest_matrix:
        raise RefusedError(
            f"{crystal.formula}: {n_pairs} pairs ({n_kpoints} k-points, {len(bands[0])} x {len(bands[1])} bands); "
            f"{protocol.name} has a limit of {protocol.largest_matrix}"
        )


def distinct_axes(crystal: Crystal, shift: Shift) -> list[list[int]]:
    """Return the Cartesian axes in groups, of each of which a shifted grid without point group sees only one value.

    Only rotations that map the grid onto itself count. The mean over the full point group then needs one axis of each.
    """
    kept = [shift_allowed(shift, rotation[None]) for rotation in lattice_rotations(crystal, TOLERANCE)]
    basis = invariant_tensors(point_group_rotations(crystal, TOLERANCE)[kept])
    diagonals = np.einsum("mii->im", basis)
    groups: list[list[int]] = []
    for axis in range(3):
        same = (group for group in groups if np.abs(diagonals[group[0]] - diagonals[axis]).max() < TOLERANCE)
        if (group := next(same, None)) is None:
            groups.append([axis])
        else:
            group.append(axis)
    return groups


def _respond(
    calculator: Any,
    crystal: Crystal,
    protocol: BseProtocol,
    n_bands: int,
    bands: tuple[range, range],
    scissor: float,
    shift: Shift,
) -> ComplexArray:
    """Return the dielectric tensor, shape ``(3, 3, n_energies)``, symmetrised by the point group."""
    from gpaw.response.bse import BSEPlus

    bse_plus: Any = BSEPlus  # untyped
    frequencies = np.arange(0.0, ENERGIES[-1] + protocol.frequency_step, protocol.frequency_step)
    curves = np.empty((3, len(ENERGIES)), complex)
    for axes in distinct_axes(crystal, shift):
        with TemporaryDirectory() as folder, chdir(folder):
            response = bse_plus(
                calculator,
                *bands,
                n_bands,
                calculator,
                n_bands,
                frequencies,
                eshift=scissor,
                eta=protocol.broadening,
                direction=axes[0],
                ecut=protocol.response_cutoff,
            )
            response.calculate_chi_wGG()
            head = np.load("chi_BSEPlus.npy")[:, 0, 0]  # of chi / q^2 at q -> 0
        curves[axes] = np.interp(ENERGIES, frequencies, 1 - 4 * np.pi * head)
    return tensor_from_directions(DIRECTIONS[:3], curves, point_group_rotations(crystal, TOLERANCE))
