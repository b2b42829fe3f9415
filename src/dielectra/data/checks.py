"""Check records: spectra against the relations that physics imposes on them, columns against the crystal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.errors import InputError
from dielectra.spectrum import effective_electrons, real_from_imaginary
from dielectra.symmetry import point_group_rotations, space_group


class Check(NamedTuple):
    """A relation: its name, what is measured, and the value above which a record is flagged."""

    name: str
    meaning: str
    limit: float


class Finding(NamedTuple):
    """A record that a check flags, with the measured value, and a note where the value alone does not say it."""

    id: str
    formula: str
    level: str
    check: str
    value: float
    limit: float
    note: str = ""


CHECKS = (
    Check("passive", "most negative eigenvalue of Im eps, sign reversed", 0.05),
    Check("sum rule", "electrons that absorb up to the end of the window, as share of all of the cell", 1.0),
    Check("kramers-kronig", "share of eps1 - 1 in the lower half of the window that does not follow from Im eps", 0.03),
    Check("point group", "largest change of a component by averaging over the point group, by the largest |eps|", 0.01),
    Check("space group", "difference between the number in the column and that of the record's own cell", 0),
    Check("metal", "values of a spectrum in the record of a crystal without a gap", 0),
)

LOWEST_START, LOWEST_END = 0.5, 15.0
"""Photon energies in eV: Kramers-Kronig is checked of spectra that reach from at most the one to at least the other."""


def measure(record: Record) -> dict[str, float]:
    """Return what every check that applies measures of a record, by name.

    Only energies inside the record's window count. The sum rule counts all electrons of the cell, core electrons too; a
    spectrum of valence electrons stays well below. Kramers-Kronig does not apply to a window that leaves out where
    valence electrons absorb, the space group not where the column is empty.
    """
    spectrum, crystal = record.spectrum, record.crystal
    energies, tensor, mean = spectrum.energies, spectrum.tensor, spectrum.mean
    rotations = point_group_rotations(crystal)
    averaged = np.einsum("nij,jkw,nlk->ilw", rotations, tensor, rotations) / len(rotations)
    values = {
        "passive": -np.linalg.eigvalsh(tensor.imag.transpose(2, 0, 1)).min(),
        "sum rule": effective_electrons(energies, mean.imag, crystal.volume)[-1] / crystal.numbers.sum(),
        "point group": np.abs(tensor - averaged).max() / np.abs(tensor).max(),
    }
    if energies[0] <= LOWEST_START and energies[-1] >= LOWEST_END:
        values["kramers-kronig"] = kramers_kronig_deviation(energies, mean)
    if record.properties.get("spacegroup"):
        values["space group"] = abs(record.properties["spacegroup"] - space_group(crystal))
    return {check.name: float(values[check.name]) for check in CHECKS if check.name in values}


def kramers_kronig_deviation(energies: FloatArray, function: ComplexArray) -> float:
    """Return how much of the real part in the lower half of the window does not follow from the imaginary part.

    What absorbs above the window adds to the real part far below it a smooth even function of energy only, and the
    window does not say how much. So ``a + b w^2`` is fitted to the difference between the real part and the
    Kramers-Kronig transform of the imaginary part; the rest, integrated, is compared with ``int |eps1 - 1|``. GPAW's
    retarded response gives below 0.003, Yambo's, time-ordered and so not odd in its imaginary part, 0.02.
    """
    lower = energies <= (energies[0] + energies[-1]) / 2
    grid, difference = energies[lower], (function.real - real_from_imaginary(energies, function.imag))[lower]
    powers = np.stack([np.ones_like(grid), grid**2], axis=1)
    rest = difference - powers @ np.linalg.lstsq(powers, difference)[0]
    scale = np.trapezoid(np.abs(function.real[lower] - 1), grid)
    return float(np.trapezoid(np.abs(rest), grid) / max(scale, np.finfo(float).tiny))


def check_record(record: Record) -> list[Finding]:
    """Return the checks that flag a record."""
    values = measure(record)
    return [
        _finding(record, record.spectrum.level, check, values[check.name])
        for check in CHECKS
        if values.get(check.name, 0.0) > check.limit
    ]


def check_metal(metal: Metal) -> list[Finding]:
    """Return the checks that flag a crystal without a gap: it has no spectrum, and its own space group."""
    listed = metal.properties.get("spacegroup")
    values = {
        "metal": float(metal.n_values),
        "space group": float(abs(listed - space_group(metal.crystal))) if listed else 0.0,
    }
    return [
        _finding(metal, metal.level, check, values[check.name])
        for check in CHECKS
        if values.get(check.name, 0.0) > check.limit
    ]


def _finding(record: Record | Metal, level: str, check: Check, value: float) -> Finding:
    note = ""
    if check.name == "space group":
        note = f"listed {record.properties['spacegroup']}, own {space_group(record.crystal)}"
    return Finding(record.id, record.formula, level, check.name, value, check.limit, note)


def check_dataset(source: str | Path) -> dict[str, Any]:
    """Check every record of a data set; return counts, limits and what is flagged as plain data.

    Values that are not finite inside a record's window and tensors that are not symmetric make a data set damaged, not
    flagged: its records cannot be read.

    Raises
    ------
    InputError
        If the data set is missing or damaged, or holds a record twice.
    """
    data = open_dataset(source)
    seen: set[tuple[str, str]] = set()
    findings: list[Finding] = []
    for record in data.records():
        key = (record.id, record.spectrum.level)
        if key in seen:
            raise InputError(f"{source}: holds record {record.id}, {record.spectrum.level} twice; remove one")
        seen.add(key)
        findings += check_record(record)
    metals = list(data.metals())
    for metal in metals:
        findings += check_metal(metal)
    return {
        "records": len(seen),
        "materials": len({name for name, _ in seen}),
        "metals": len(metals),
        "limits": {check.name: check.limit for check in CHECKS},
        "flagged": [finding._asdict() for finding in findings],
    }
