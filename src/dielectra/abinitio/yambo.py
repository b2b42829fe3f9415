"""Engine Quantum ESPRESSO + Yambo: the paper's own protocol, run by ``pw.x``, ``p2y`` and ``yambo`` on PATH.

Pseudopotentials are looked for in ``$ESPRESSO_PSEUDO``, one UPF file an element (norm-conserving; the paper took SG15).
``$DIELECTRA_MPIRUN``, such as ``mpirun -np 16``, goes before ``pw.x`` and ``yambo``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from dielectra.abinitio.computation import ENERGIES, Computation, ComputationError, RefusedError, refuse_spin
from dielectra.abinitio.espresso import (
    Bands,
    find_pseudopotentials,
    offset_kpoints,
    pw_input,
    read_bands,
    reciprocal_grid,
    total_energy,
    valence_electrons,
)
from dielectra.abinitio.protocol import GRUNERT_2025, YamboProtocol
from dielectra.abinitio.yambo_files import (
    block_sizes,
    block_suffices,
    job_name,
    yambo_input,
)
from dielectra.arrays import ComplexArray
from dielectra.crystal import Crystal
from dielectra.directions import Direction, independent_directions
from dielectra.errors import InputError
from dielectra.importing.computations import tensors_of
from dielectra.importing.yambo import curves_of
from dielectra.importing.yambo_files import Response, parse_response
from dielectra.symmetry import point_group_rotations, standardise

levels = ("ipa", "rpa")
protocols = {GRUNERT_2025.name: GRUNERT_2025}
default_protocol = GRUNERT_2025
FIRST_BANDS = 100
MORE_BANDS = 50


def require() -> None:
    """Check that the programs and the folder of pseudopotentials are there.

    Raises
    ------
    InputError
        If not; the message names what is missing.
    """
    missing = [program for program in ("pw.x", "p2y", "yambo") if shutil.which(program) is None]
    if missing:
        raise InputError(
            f"the engine yambo needs {', '.join(missing)} on PATH: Debian's package quantum-espresso holds pw.x; "
            "p2y and yambo are built from yambo-code.eu"
        )
    pseudopotential_folder()


def version() -> str:
    """Return what computes: Yambo's and pw.x's versions."""
    answers = [
        subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        for command in (["yambo", "-version"], ["pw.x", "-version"])
    ]
    found = [re.search(r"(\d+\.\d+(?:\.\d+)?)", answer.stdout + answer.stderr) for answer in answers]
    numbers = [match[1] if match else "unknown" for match in found]
    return f"Yambo {numbers[0]}, Quantum ESPRESSO {numbers[1]}, PBE, plane waves"


def pseudopotential_folder() -> Path:
    """Return the folder ``$ESPRESSO_PSEUDO`` names.

    Raises
    ------
    InputError
        If it names none.
    """
    folder = os.environ.get("ESPRESSO_PSEUDO", "")
    if not folder or not Path(folder).is_dir():
        raise InputError(
            f"ESPRESSO_PSEUDO is {folder!r}; set it to a folder of UPF files, one an element (the paper took SG15)"
        )
    return Path(folder).resolve()


def compute(
    structure: Crystal,
    protocol: YamboProtocol = GRUNERT_2025,
    magnetic_moment: float = 0.0,
    log: Path | None = None,
) -> Computation:
    """Compute the IPA and RPA dielectric tensors of a crystal.

    Parameters
    ----------
    structure
        Any cell of the crystal; its standardised primitive cell is computed.
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.
    log
        File for what the programs print; discarded when None.

    Raises
    ------
    RefusedError
        If the crystal is magnetic, a metal, or has an odd electron count.
    InputError
        If a pseudopotential is missing.
    ComputationError
        If a program fails or the ground state does not converge.
    """
    crystal = standardise(structure)
    pseudopotentials = find_pseudopotentials(pseudopotential_folder(), crystal)
    with _working_folder(log) as folder:
        run = Run(crystal, protocol, pseudopotentials, folder, log)
        refuse_spin(crystal, run.n_electrons, magnetic_moment)
        clock = [_child_seconds()]
        cutoff = converge_cutoff(run)
        clock.append(_child_seconds())
        bands, n_bands = shifted_bands(run, cutoff)
        clock.append(_child_seconds())
        tensors = _responses(run, n_bands)
        clock.append(_child_seconds())
    parts = {
        name: after - before
        for name, before, after in zip(("ground_state", "bands", "response"), clock, clock[1:], strict=False)
    }
    grid = reciprocal_grid(crystal, protocol.kpoints_per_reciprocal_atom)
    n_kpoints = len(bands.eigenvalues)
    return Computation(crystal, protocol, ENERGIES, tensors, *bands.gaps, grid, n_kpoints, n_bands, parts)


class Run(NamedTuple):
    """What every step of one computation needs: crystal, settings, pseudopotentials, working folder, log."""

    crystal: Crystal
    protocol: YamboProtocol
    pseudopotentials: dict[int, Path]
    folder: Path
    log: Path | None = None

    @property
    def n_electrons(self) -> int:
        """Return the number of valence electrons of the cell."""
        valence = {n: valence_electrons(path.read_text()) for n, path in self.pseudopotentials.items()}
        return round(sum(valence[int(number)] for number in self.crystal.numbers))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Return the k-point counts."""
        return reciprocal_grid(self.crystal, self.protocol.kpoints_per_reciprocal_atom)


def converge_cutoff(run: Run) -> int:
    """Run self-consistent ground states with growing cutoff until the energy per atom settles; return the last (Ry)."""
    protocol, n_electrons = run.protocol, run.n_electrons
    before: float | None = None
    for cutoff in range(protocol.first_cutoff, protocol.maximum_cutoff + 1, protocol.cutoff_step):
        text = pw_input(run.crystal, protocol, "scf", run.pseudopotentials, cutoff, max(n_electrons, 8), run.grid)
        energy = total_energy(_run_pw(run, "scf", text)) / run.crystal.n_atoms
        if before is not None and abs(energy - before) <= protocol.energy_tolerance:
            return cutoff
        before = energy
    raise ComputationError(f"{run.crystal.formula}: total energy not converged at {protocol.maximum_cutoff} Ry")


def shifted_bands(run: Run, cutoff: int) -> tuple[Bands, int]:
    """Run the bands on the shifted grid after counting, on the grid with Gamma, how many the response needs.

    Raises
    ------
    RefusedError
        If the crystal is a metal.
    """
    protocol, wanted = run.protocol, None
    n_tried = max(FIRST_BANDS, run.n_electrons // 2 + 10)
    while wanted is None:
        _run_pw(run, "nscf", pw_input(run.crystal, protocol, "nscf", run.pseudopotentials, cutoff, n_tried, run.grid))
        wanted = _bands(run).bands_below(protocol.band_energy)
        n_tried += MORE_BANDS
    points = offset_kpoints(run.grid, protocol.kpoint_offset)
    _run_pw(run, "nscf", pw_input(run.crystal, protocol, "nscf", run.pseudopotentials, cutoff, wanted, points))
    bands = _bands(run)
    if bands.gaps[1] <= 0:
        raise RefusedError(f"{run.crystal.formula}: PBE gap {bands.gaps[1]:.2f} eV (metal)")
    return bands, wanted


def _responses(run: Run, n_bands: int) -> dict[str, ComplexArray]:
    _call(run, ["p2y", "-O", "../.."], run.folder / "out" / "crystal.save")
    _call(run, [*_mpirun(), "yambo"], run.folder)
    rotations = point_group_rotations(run.crystal)
    found: list[Response] = []
    for direction in independent_directions(rotations):
        before = _response(run, direction, 0.0, n_bands)
        for block in block_sizes(run.protocol):
            after = _response(run, direction, block, n_bands)
            enough = block_suffices(before, after, run.protocol)
            before = after
            if enough:
                break
        found.append(before)
    curves = [curve for index, response in enumerate(found) for curve in curves_of(f"response {index}", response)]
    spectra, problems = tensors_of(curves, rotations)
    if problems:
        raise ComputationError(f"{run.crystal.formula}: {'; '.join(problems)}")
    return {spectrum.level: spectrum.resample(ENERGIES).tensor for spectrum in spectra}


def _response(run: Run, direction: Direction, block: float, n_bands: int) -> Response:
    name = job_name(direction, block)
    (run.folder / f"{name}.in").write_text(yambo_input(run.protocol, direction, block, n_bands))
    _call(run, [*_mpirun(), "yambo", "-F", f"{name}.in", "-J", name], run.folder)
    output = run.folder / f"o-{name}.eps_q1_inv_rpa_dyson"
    if not output.is_file():
        raise ComputationError(f"yambo ended without writing {output.name}; see the log")
    return parse_response(output.read_text(), output.name)


def _bands(run: Run) -> Bands:
    return read_bands((run.folder / "out" / "crystal.save" / "data-file-schema.xml").read_text())


def _run_pw(run: Run, name: str, text: str) -> str:
    """Run pw.x; where its Davidson diagonalisation fails, again with the slower one that does not."""
    for diagonalization in ("david", "paro"):
        (run.folder / f"{name}.in").write_text(text.replace("'david'", f"'{diagonalization}'"))
        output = _call(run, [*_mpirun(), "pw.x", "-input", f"{name}.in"], run.folder, check=False)
        if (
            "JOB DONE" in output
            and "convergence NOT achieved" not in output
            and "eigenvalues not converged" not in output.split("iteration #")[-1]
        ):
            return output
    raise ComputationError(f"{run.crystal.formula}: pw.x failed in its {name} run; see the log")


def _call(run: Run, command: list[str], folder: Path, check: bool = True) -> str:
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    output = answer.stdout + answer.stderr
    if run.log is not None:
        with run.log.open("a") as file:
            file.write(f"$ {shlex.join(command)}\n{output}\n")
    if check and answer.returncode:
        raise ComputationError(
            f"{run.crystal.formula}: {command[-1]} ended with exit code {answer.returncode}; see the log"
        )
    return output


@contextmanager
def _working_folder(log: Path | None) -> Iterator[Path]:
    """Give an empty folder, next to the log where there is one, so that a killed computation leaves only one behind."""
    folder = Path(mkdtemp()) if log is None else log.with_name(f"{log.name}.files")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mpirun() -> list[str]:
    return shlex.split(os.environ.get("DIELECTRA_MPIRUN", ""))


def _child_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
