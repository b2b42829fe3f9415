"""Yambo's files: write every input of the published protocol, read the responses. No process runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.abinitio.computation import ENERGIES
from dielectra.abinitio.directions import Direction, independent_directions, tensor_from_directions
from dielectra.abinitio.espresso import offset_kpoints, pw_input, reciprocal_grid
from dielectra.abinitio.protocol import YamboProtocol
from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.spectrum import similarity
from dielectra.symmetry import point_group_rotations

COLUMNS = ("E[1] [eV]", "Im(eps)", "Re(eps)", "Im(eps_o)", "Re(eps_o)")


class Response(NamedTuple):
    """Hold one ``o-*.eps_q1_inv_rpa_dyson`` file of Yambo.

    Attributes
    ----------
    direction
        Cartesian direction of q -> 0.
    block
        Number of G vectors of the response block; with one the levels agree.
    energies
        Shape ``(n_energies,)``, eV.
    ipa, rpa
        Complex macroscopic function without and with local fields, shape ``(n_energies,)``.
    broadening
        Damping in eV, None where the file does not repeat its input.
    version
        Yambo's version.
    """

    direction: tuple[float, float, float]
    block: int
    energies: FloatArray
    ipa: ComplexArray
    rpa: ComplexArray
    broadening: float | None
    version: str


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


def parse_response(text: str, where: str = "Yambo's output") -> Response:
    """Read the text of one ``o-*.eps_q1_inv_rpa_dyson`` file.

    Raises
    ------
    InputError
        If it is not the response of Yambo with the columns of ``-k hartree``.
    """
    direction = re.search(r"^# Absorption @ Q\(1\):\s+(\S+)\s+(\S+)\s+(\S+)", text, re.MULTILINE)
    heads = [re.split(r"\s{2,}", line.strip("# ")) for line in text.splitlines() if "E[1] [eV]" in line]
    if direction is None or not heads or tuple(heads[0]) != COLUMNS:
        found = ", ".join(heads[0]) if heads else "none"
        raise InputError(f"{where}: needs the direction of q -> 0 and the columns {', '.join(COLUMNS)}; found {found}")
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        energies, rpa2, rpa1, ipa2, ipa1 = np.array(rows, float).T
    except ValueError as error:
        raise InputError(f"{where}: its columns cannot be read ({error}); is it complete?") from error
    damping = re.search(r"% DmRngeXd\n#[ |]+(\S+) \|", text)
    return Response(
        (float(direction[1]), float(direction[2]), float(direction[3])),
        int(_find(r"^# \[ X \] Hartree size\s+:\s+(\d+)", text, "1")),
        energies,
        ipa1 + 1j * ipa2,
        rpa1 + 1j * rpa2,
        float(damping[1]) if damping else None,
        _find(r"^# Version (\S+)", text, "unknown"),
    )


def block_suffices(before: Response, after: Response, protocol: YamboProtocol) -> bool:
    """Say whether a response block is large enough: SC with the previous one, which is the reference."""
    agreement = similarity(after.rpa.imag, before.rpa.imag, after.energies)
    return bool(agreement >= protocol.block_similarity)


def parse_outputs(responses: Sequence[Response], rotations: FloatArray) -> dict[str, ComplexArray]:
    """Return the tensor of each level, shape ``(3, 3, 401)``, from responses along all independent directions.

    Of several responses along one direction that of the largest block counts. Yambo's photon energies are five times
    denser than those of a record; it takes what lies on its own.

    Parameters
    ----------
    rotations
        Cartesian point group of the crystal, shape ``(n, 3, 3)``.

    Raises
    ------
    InputError
        If a direction is missing or a response does not reach over the energies of a record.
    """
    largest = {response.direction: response for response in sorted(responses, key=lambda response: response.block)}
    present = {_whole(direction): response for direction, response in largest.items()}
    missing = [direction for direction in independent_directions(rotations) if direction not in present]
    if missing:
        needed = ", ".join("{}{}{}".format(*direction) for direction in missing)
        raise InputError(f"no response along {needed}; the crystal's symmetry asks for these directions of q -> 0")
    for response in present.values():
        if response.energies[0] > ENERGIES[0] or response.energies[-1] < ENERGIES[-1]:
            raise InputError(
                f"a response spans {response.energies[0]:g}-{response.energies[-1]:g} eV; a record needs 0-20 eV"
            )
    curves = {
        level: np.array([np.interp(ENERGIES, r.energies, getattr(r, level)) for r in present.values()])
        for level in ("ipa", "rpa")
    }
    return {level: tensor_from_directions(list(present), rows, rotations) for level, rows in curves.items()}


def _whole(direction: tuple[float, float, float]) -> Direction:
    x, y, z = (round(component / max(map(abs, direction))) for component in direction)
    return x, y, z


def _find(pattern: str, text: str, default: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else default
