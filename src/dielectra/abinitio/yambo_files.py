"""Yambo's files: write every input of the published protocol. No process runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dielectra.abinitio.espresso import offset_kpoints, pw_input, reciprocal_grid
from dielectra.abinitio.protocol import YamboProtocol
from dielectra.crystal import Crystal
from dielectra.directions import Direction, independent_directions
from dielectra.importing.yambo_files import Response
from dielectra.spectrum import similarity
from dielectra.symmetry import point_group_rotations


def block_sizes(protocol: YamboProtocol) -> list[float]:
    """Return the response blocks in Ry, in the order they are tried."""
    n_steps = round(protocol.maximum_block / protocol.block_step)
    return [protocol.block_step * (step + 1) for step in range(n_steps)]


def job_name(direction: Direction, block: float) -> str:
    """Return the name that the files of one response share; block in Ry, zero for one G vector."""
    return "RPA_dir_{}{}{}_sc_{:.0f}".format(*direction, 1000 * block)


def yambo_input(protocol: YamboProtocol, direction: Direction, block: float, n_bands: int) -> str:
    """Return Yambo's input (``-o c -k hartree``) for one direction of q -> 0.

    Parameters
    ----------
    block
        Response block in Ry; zero for one G vector.
    """
    size = f"{1000 * block:.0f} mRy" if block else "1 RL"
    entries = {
        "QpntsRXd": "1 | 1",
        "BndsRnXd": f"1 | {n_bands}",
        "EnRngeXd": f"{0.0:.6f} | {protocol.energy_max:.6f} | eV",
        "DmRngeXd": f"{protocol.broadening:.6f} | {protocol.broadening:.6f} | eV",
        "LongDrXd": " | ".join(f"{component:.6f}" for component in direction),
    }
    lines = ["optics", "chi", 'Chimod= "HARTREE"', f"NGsBlkXd= {size}", f"ETStpsXd= {protocol.n_energies}"]
    for name, value in entries.items():
        head, _, unit = value.partition(" | eV")
        lines += [f"% {name}", f" {head} | {'eV' if unit or value.endswith('eV') else ''}".rstrip(), "%"]
    return "\n".join(lines) + "\n"


def write_inputs(
    crystal: Crystal,
    protocol: YamboProtocol,
    pseudopotentials: Mapping[int, Path],
    n_electrons: int,
    cutoff: float,
    n_bands: int,
) -> dict[str, str]:
    """Return every input of a computation by file name: ``scf.in``, ``nscf.in`` and one per direction and block.

    Parameters
    ----------
    crystal
        The cell that is computed, as it stands; :func:`dielectra.symmetry.standardise` makes it primitive.
    pseudopotentials
        UPF file of each atomic number.
    cutoff
        Plane-wave cutoff in Ry.
    n_bands
        Bands of the response.
    """
    grid = reciprocal_grid(crystal, protocol.kpoints_per_reciprocal_atom)
    points = offset_kpoints(grid, protocol.kpoint_offset)
    inputs = {
        "scf.in": pw_input(crystal, protocol, "scf", pseudopotentials, cutoff, max(n_electrons, 8), grid),
        "nscf.in": pw_input(crystal, protocol, "nscf", pseudopotentials, cutoff, n_bands, points),
    }
    for direction in independent_directions(point_group_rotations(crystal)):
        for block in [0.0, *block_sizes(protocol)]:
            name = f"{job_name(direction, block)}.in"
            inputs[name] = yambo_input(protocol, direction, block, n_bands)
    return inputs


def block_suffices(before: Response, after: Response, protocol: YamboProtocol) -> bool:
    """Say whether a response block is large enough: SC with the previous one, which is the reference."""
    agreement = similarity(after.functions["rpa"].imag, before.functions["rpa"].imag, after.energies)
    return bool(agreement >= protocol.block_similarity)
