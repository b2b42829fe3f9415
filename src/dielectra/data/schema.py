"""Ladder schema 1: one Parquet row per material and level."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.spectrum import COMPONENTS, Spectrum

SCHEMA_VERSION = "1"
SPLITS = ("train", "validation", "test")

FIELDS = (
    pa.field("id", pa.string()),
    pa.field("formula", pa.string()),
    pa.field("level", pa.string()),
    pa.field("split", pa.string()),
    pa.field("spacegroup", pa.int64()),
    pa.field("natoms", pa.int64()),
    pa.field("cell", pa.list_(pa.float64())),
    pa.field("numbers", pa.list_(pa.int16())),
    pa.field("frac_coords", pa.list_(pa.float64())),
    pa.field("eps1", pa.list_(pa.float32())),
    pa.field("eps2", pa.list_(pa.float32())),
    pa.field("gap_direct", pa.float64()),
    pa.field("gap_indirect", pa.float64()),
    pa.field("cpu_s", pa.float64()),
    pa.field("kgrid", pa.list_(pa.int16())),
    pa.field("nbands", pa.int64()),
    pa.field("provenance", pa.string()),
)
MOST_ENERGIES = 1_000_000
REQUIRED = ("id", "formula", "level", "split", "cell", "numbers", "frac_coords", "eps2")


@dataclass(frozen=True, eq=False)
class Record:
    """Hold one crystal with its spectrum at one level.

    Attributes
    ----------
    id, formula
        Material id and reduced formula; splits are by formula.
    split
        ``train``, ``validation``, ``test`` or None.
    spectrum
        The dielectric tensor with its level; its provenance is stored as JSON and must be plain data.
    properties
        Further columns of the schema: ``spacegroup``, ``gap_direct``, ``gap_indirect`` (eV), ``cpu_s``, ``kgrid``,
        ``nbands``.
    """

    id: str
    formula: str
    split: str | None
    crystal: Crystal
    spectrum: Spectrum
    properties: dict[str, Any] = field(default_factory=dict)


def check_columns(table: pa.Table, where: str) -> None:
    """Refuse columns of other types than those of the schema, and missing values where a record needs one.

    Raises
    ------
    InputError
        Names the column, its type and the type it should have.
    """
    for expected in FIELDS:
        if expected.name not in table.column_names:
            continue
        column = table.column(expected.name)
        if column.type != expected.type:
            raise InputError(f"{where}: the column {expected.name} holds {column.type}; it must hold {expected.type}")
        lists = pa.types.is_list(column.type)
        n_missing = column.null_count + (column.combine_chunks().flatten().null_count if lists else 0)
        if n_missing and expected.name in REQUIRED and expected.name != "split":
            raise InputError(f"{where}: the column {expected.name} lacks values; remove these records")


def energies_of(metadata: dict[bytes, bytes] | None, where: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the photon energies (eV) a part declares as ``linspace(start,stop,n)`` or as a comma-separated list.

    Raises
    ------
    InputError
        If the declaration is missing or cannot be read.
    """
    text = (metadata or {}).get(b"energies_eV", b"").decode(errors="replace")
    try:
        if text.startswith("linspace(") and text.endswith(")"):
            start, stop, count = text[len("linspace(") : -1].split(",")
            if not 2 <= int(count) <= MOST_ENERGIES:
                raise ValueError
            return np.linspace(float(start), float(stop), int(count))
        energies = np.array([float(value) for value in text.split(",")])
        if len(energies) < 2:
            raise ValueError
        return energies
    except ValueError:
        raise InputError(
            f"{where}: the metadata key energies_eV is {text!r}; it must read like 'linspace(0,20,401)'"
        ) from None


def describe_energies(energies: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Return the declaration that :func:`energies_of` reads."""
    regular = np.linspace(energies[0], energies[-1], len(energies))
    if np.allclose(energies, regular, rtol=0, atol=1e-9):
        return f"linspace({energies[0]:g},{energies[-1]:g},{len(energies)})"
    return ",".join(repr(float(energy)) for energy in energies)


def tensor_from_row(eps1: Any, eps2: Any, n_energies: int) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """Return the tensor ``(3, 3, n_energies)`` of the six components a row stores."""
    flat = np.asarray(eps1, float).reshape(6, n_energies) + 1j * np.asarray(eps2, float).reshape(6, n_energies)
    tensor = np.empty((3, 3, n_energies), complex)
    for (i, j), values in zip(COMPONENTS.values(), flat, strict=True):
        tensor[i, j] = tensor[j, i] = values
    return tensor


def row_from_record(record: Record) -> dict[str, Any]:
    """Return the columns of one record; spectra rounded to four decimals."""
    tensor = record.spectrum.tensor
    flat = np.array([tensor[i, j] for i, j in COMPONENTS.values()]).ravel()
    row = {name: record.properties.get(name) for name in (entry.name for entry in FIELDS)}
    row |= {
        "id": record.id,
        "formula": record.formula,
        "level": record.spectrum.level,
        "split": record.split,
        "natoms": record.crystal.n_atoms,
        "cell": record.crystal.cell.ravel().tolist(),
        "numbers": record.crystal.numbers.tolist(),
        "frac_coords": record.crystal.frac_coords.ravel().tolist(),
        "eps1": np.round(flat.real, 4).astype(np.float32),
        "eps2": np.round(flat.imag, 4).astype(np.float32),
        "provenance": json.dumps(dict(record.spectrum.provenance)) if record.spectrum.provenance else None,
    }
    return row
