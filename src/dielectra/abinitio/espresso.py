"""Quantum ESPRESSO's files: write inputs of pw.x, read pseudopotentials, outputs and eigenvalues."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dielectra.abinitio.protocol import YamboProtocol
from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.elements import MASSES, SYMBOLS
from dielectra.errors import InputError
from dielectra.units import HARTREE

RYDBERG = HARTREE / 2


class Bands(NamedTuple):
    """Eigenvalues in eV, shape ``(n_kpoints, n_bands)``, and the number of electrons they are filled with."""

    eigenvalues: FloatArray
    n_electrons: int

    @property
    def gaps(self) -> tuple[float, float]:
        """Return the direct and the indirect gap in eV; not positive for a metal."""
        valence = self.eigenvalues[:, self.n_electrons // 2 - 1]
        conduction = self.eigenvalues[:, self.n_electrons // 2]
        return float((conduction - valence).min()), float(conduction.min() - valence.max())

    def bands_below(self, energy: float) -> int | None:
        """Return how many bands lie up to `energy` eV above the highest occupied level, None where some are missing."""
        limit = self.eigenvalues[:, : self.n_electrons // 2].max() + energy
        if np.any(self.eigenvalues[:, -1] <= limit):
            return None
        return int((self.eigenvalues <= limit).sum(axis=1).max())


def reciprocal_grid(crystal: Crystal, density: float) -> tuple[int, int, int]:
    """Return even k-point counts, about `density` per reciprocal atom, as the paper's workflow chooses them.

    Counts in inverse proportion to the lattice vectors' lengths, cut to whole numbers (pymatgen's
    ``Kpoints.automatic_density``), then raised to the next even one.
    """
    lengths = np.linalg.norm(crystal.cell, axis=1)
    counts = np.floor((density / crystal.n_atoms * np.prod(lengths)) ** (1 / 3) / lengths).astype(int)
    even = np.maximum(counts, 1) + np.maximum(counts, 1) % 2
    return int(even[0]), int(even[1]), int(even[2])


def offset_kpoints(grid: tuple[int, int, int], offset: tuple[float, float, float]) -> FloatArray:
    """Return the fractional coordinates of a full grid moved off every symmetry element, shape ``(n_kpoints, 3)``."""
    axes = [np.arange(n) / n for n in grid]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) + offset


def pw_input(
    crystal: Crystal,
    protocol: YamboProtocol,
    calculation: str,
    pseudopotentials: Mapping[int, Path],
    cutoff: float,
    n_bands: int,
    kpoints: tuple[int, int, int] | FloatArray,
    prefix: str = "crystal",
) -> str:
    """Return the input of pw.x.

    Parameters
    ----------
    calculation
        ``scf`` (smeared occupations) or ``nscf`` (fixed ones).
    pseudopotentials
        UPF file of each atomic number; all in one folder.
    cutoff
        Plane-wave cutoff in Ry.
    kpoints
        Counts of a grid that contains Gamma, or fractional coordinates, shape ``(n_kpoints, 3)``, of equal weight.
    """
    sections: dict[str, dict[str, object]] = {
        "CONTROL": {
            "calculation": calculation,
            "prefix": prefix,
            "outdir": "out/",
            "pseudo_dir": str(next(iter(pseudopotentials.values())).parent),
            "disk_io": "medium",
        },
        "SYSTEM": {
            "ibrav": 0,
            "nat": crystal.n_atoms,
            "ntyp": len(crystal.elements),
            "ecutwfc": cutoff,
            "nbnd": n_bands,
            "occupations": "smearing" if calculation == "scf" else "fixed",
            "smearing": "gaussian",
            "degauss": protocol.smearing / RYDBERG,
            "force_symmorphic": isinstance(kpoints, np.ndarray),
            "nosym": False,
        },
        "ELECTRONS": {
            "conv_thr": 1e-10,
            "diagonalization": "david",
            "diago_full_acc": True,
            "diago_thr_init": 5e-6,
        },
    }
    lines = []
    for name, entries in sections.items():
        lines += [f"&{name}", *(f"  {key} = {_fortran(value)}" for key, value in entries.items()), "/"]
    lines.append("ATOMIC_SPECIES")
    for number in sorted(crystal.elements, key=lambda n: SYMBOLS[n]):
        lines.append(f"  {SYMBOLS[number]} {MASSES[number]:.4f} {pseudopotentials[number].name}")
    lines.append("ATOMIC_POSITIONS crystal")
    for number, position in zip(crystal.numbers, crystal.frac_coords, strict=True):
        lines.append(f"  {SYMBOLS[number]} {_numbers(position)}")
    lines += ["CELL_PARAMETERS angstrom", *(f"  {_numbers(vector)}" for vector in crystal.cell)]
    if isinstance(kpoints, np.ndarray):
        lines += ["K_POINTS crystal", str(len(kpoints)), *(f"{_numbers(point)} 1.0" for point in kpoints)]
    else:
        lines += ["K_POINTS automatic", "  {} {} {} 0 0 0".format(*kpoints)]
    return "\n".join(lines) + "\n"


def find_pseudopotentials(folder: Path, crystal: Crystal) -> dict[int, Path]:
    """Return the UPF file of every element of a crystal: ``Si.upf``, ``Si_ONCV_PBE-1.2.upf`` or the like.

    Raises
    ------
    InputError
        If a file is missing or there are several of one element.
    """
    found = {}
    for number in sorted(crystal.elements):
        symbol = SYMBOLS[number]
        pattern = re.compile(rf"{symbol}([._-].*)?\.upf", re.IGNORECASE)
        files = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name)) if folder.is_dir() else []
        if len(files) != 1:
            given = ", ".join(path.name for path in files) or "none"
            raise InputError(f"{folder}: one UPF file of {symbol} is needed, such as {symbol}.upf; found {given}")
        found[number] = files[0]
    return found


def valence_electrons(pseudopotential: str) -> float:
    """Return the number of valence electrons that a UPF file, version 1 or 2, declares.

    Raises
    ------
    InputError
        If it declares none.
    """
    number = r"([0-9.]+(?:[eEdD][+-]?[0-9]+)?)"
    for pattern in (rf'z_valence\s*=\s*"\s*{number}', rf"{number}\s+Z valence"):
        if match := re.search(pattern, pseudopotential):
            return float(match[1].lower().replace("d", "e"))
    raise InputError("the pseudopotential does not declare its valence electrons; is it a UPF file?")


def total_energy(output: str) -> float:
    """Return the total energy in eV that pw.x printed last.

    Raises
    ------
    InputError
        If the run did not converge.
    """
    energies = re.findall(r"^!\s+total energy\s+=\s+(\S+) Ry", output, re.MULTILINE)
    if not energies:
        raise InputError("pw.x did not reach self-consistency")
    return float(energies[-1]) * RYDBERG


def read_bands(document: str) -> Bands:
    """Read eigenvalues from ``data-file-schema.xml``, which pw.x leaves in its ``.save`` folder."""
    root = ET.fromstring(document)  # noqa: S314  (written by pw.x)
    rows = [[float(value) for value in (entry.text or "").split()] for entry in root.iter("eigenvalues")]
    n_electrons = root.find(".//{*}nelec")
    if not rows or n_electrons is None:
        raise InputError("the XML file of pw.x holds no eigenvalues")
    return Bands(np.array(rows) * HARTREE, round(float(n_electrons.text or "nan")))


def _fortran(value: object) -> str:
    if isinstance(value, bool):
        return ".TRUE." if value else ".FALSE."
    return f"'{value}'" if isinstance(value, str) else repr(value)


def _numbers(values: NDArray[Any]) -> str:
    return " ".join(f"{value:.12f}" for value in values)
