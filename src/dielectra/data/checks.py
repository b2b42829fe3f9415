"""Check spectra against the relations that physics imposes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.errors import InputError
from dielectra.spectrum import effective_electrons, real_from_imaginary
from dielectra.symmetry import point_group_rotations


class Check(NamedTuple):
    """Hold one relation: a name, what is measured, and the value from which on a record is flagged."""

    name: str
    meaning: str
    limit: float


class Finding(NamedTuple):
    """Hold one record that a check flags, with the measured value."""

    id: str
    formula: str
    level: str
    check: str
    value: float
    limit: float


CHECKS = (
    Check("passive", "most negative eigenvalue of Im eps, sign reversed", 0.05),
    Check("sum rule", "electrons that absorb up to the end of the window, as share of all of the cell", 1.0),
    Check("kramers-kronig", "share of eps1 - 1 in the lower half of the window that does not follow from Im eps", 0.03),
    Check("point group", "largest change of a component by averaging over the point group, by the largest |eps|", 0.01),
)


def measure(record: Record) -> dict[str, float]:
    """Return what every check measures of a record, by name.

    The sum rule counts all electrons of the cell, core electrons too; a spectrum of valence electrons stays well below.
    """
    spectrum, crystal = record.spectrum, record.crystal
    energies, tensor, mean = spectrum.energies, spectrum.tensor, spectrum.mean
    rotations = point_group_rotations(crystal)
    averaged = np.einsum("nij,jkw,nlk->ilw", rotations, tensor, rotations) / len(rotations)
    values = (
        -np.linalg.eigvalsh(tensor.imag.transpose(2, 0, 1)).min(),
        effective_electrons(energies, mean.imag, crystal.volume)[-1] / crystal.numbers.sum(),
        kramers_kronig_deviation(energies, mean),
        np.abs(tensor - averaged).max() / np.abs(tensor).max(),
    )
    return {check.name: float(value) for check, value in zip(CHECKS, values, strict=True)}


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
        Finding(record.id, record.formula, record.spectrum.level, check.name, values[check.name], check.limit)
        for check in CHECKS
        if values[check.name] > check.limit
    ]


def check_dataset(source: str | Path) -> dict[str, Any]:
    """Check every record of a data set; return counts, limits and what is flagged as plain data.

    Values that are not finite and tensors that are not symmetric make a data set damaged, not flagged: its
    records cannot be read.

    Raises
    ------
    InputError
        If the data set is missing or damaged, or holds a record twice.
    """
    seen: set[tuple[str, str]] = set()
    findings: list[Finding] = []
    for record in open_dataset(source).records():
        key = (record.id, record.spectrum.level)
        if key in seen:
            raise InputError(f"{source}: holds record {record.id}, {record.spectrum.level} twice; remove one")
        seen.add(key)
        findings += check_record(record)
    return {
        "records": len(seen),
        "materials": len({name for name, _ in seen}),
        "limits": {check.name: check.limit for check in CHECKS},
        "flagged": [finding._asdict() for finding in findings],
    }
