"""Ladder schema 2: one Parquet row per material, level and protocol. Parts of schema 1 are upgraded when read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dielectra.arrays import BoolArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.grids import parse_energies
from dielectra.spectrum import COMPONENTS, Spectrum

SCHEMA_VERSION = 2
SPLITS = ("train", "validation", "test", "experiment-test")
"""``experiment-test``: measured compounds that no model may see computed or measured spectra of."""

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
    pa.field("protocol", pa.string()),
    pa.field("window", pa.list_(pa.float64())),
    pa.field("metal", pa.bool_()),
    pa.field("gap_gllb", pa.float64()),
    pa.field("discontinuity_gllb", pa.float64()),
    pa.field("source", pa.string()),
    pa.field("licence", pa.string()),
)
REQUIRED = ("id", "formula", "level", "split", "cell", "numbers", "frac_coords", "eps2")
PROPERTIES = (
    "spacegroup",
    "gap_direct",
    "gap_indirect",
    "gap_gllb",
    "discontinuity_gllb",
    "metal",
    "cpu_s",
    "kgrid",
    "nbands",
    "protocol",
    "source",
    "licence",
)
"""Columns that a record carries along."""

SPECTRA = ("eps1", "eps2")
EXACT = pa.list_(pa.float64())
"""Type of the spectra of an import, which keep every digit of their files; computed ones have single precision."""

SAME_ENERGY = 1e-6
"""Difference in eV within which two energies are one."""

OPTIONAL = (
    "gap_direct",
    "gap_indirect",
    "protocol",
    "window",
    "metal",
    "gap_gllb",
    "discontinuity_gllb",
    "source",
    "licence",
)
"""Columns that a part may lack: those newer than its schema, and gaps."""


@dataclass(frozen=True, eq=False)
class Record:
    """One crystal with its spectrum at one level.

    Attributes
    ----------
    id, formula
        Material id and reduced formula; splits are by formula.
    split
        One of ``SPLITS`` or None.
    spectrum
        The dielectric tensor with its level; its provenance is stored as JSON and must be plain data. It may cover a
        window of the part's energies: what is outside is missing, not zero.
    properties
        Further columns of the schema: ``spacegroup``, ``gap_direct`` and ``gap_indirect`` (eV; PBE, of ``gllb-lrc-1``
        and ``bse-1`` those of quasiparticles), ``gap_gllb`` and ``discontinuity_gllb`` (Kohn-Sham gap of GLLB-SC and
        derivative discontinuity, eV), ``metal``, ``cpu_s``, ``kgrid``, ``nbands``, ``protocol``, ``source`` and
        ``licence`` of the structure.
    """

    id: str
    formula: str
    split: str | None
    crystal: Crystal
    spectrum: Spectrum
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Metal:
    """A crystal without a gap: a structure and the verdict, no spectrum.

    Attributes
    ----------
    level
        Level whose bands were looked at.
    properties
        As of a :class:`Record`.
    n_values
        Number of values of a spectrum in its row, 0 in a sound data set.
    """

    id: str
    formula: str
    split: str | None
    crystal: Crystal
    level: str
    properties: dict[str, Any] = field(default_factory=dict)
    n_values: int = 0


def check_columns(table: pa.Table, where: str) -> None:
    """Refuse columns of other types than those of the schema, and missing values where a record needs one.

    Only a metal may lack a spectrum.

    Raises
    ------
    InputError
        Names the column, its type and the type it should have.
    """
    metals = pc.fill_null(table.column("metal"), False) if "metal" in table.column_names else None
    for expected in FIELDS:
        if expected.name not in table.column_names:
            continue
        column = table.column(expected.name)
        exact = expected.name in SPECTRA and column.type == EXACT
        if column.type != expected.type and not exact:
            raise InputError(f"{where}: the column {expected.name} holds {column.type}; it must hold {expected.type}")
        if expected.name == "eps2" and metals is not None:
            column = column.filter(pc.invert(metals))
        lists = pa.types.is_list(column.type)
        n_missing = column.null_count + (column.combine_chunks().flatten().null_count if lists else 0)
        if n_missing and expected.name in REQUIRED and expected.name != "split":
            raise InputError(f"{where}: the column {expected.name} lacks values; remove these records")


def energies_of(metadata: dict[bytes, bytes] | None, where: str) -> FloatArray:
    """Return the photon energies (eV) that a part declares.

    Raises
    ------
    InputError
        If the declaration is missing or cannot be read.
    """
    text = (metadata or {}).get(b"energies_eV", b"").decode(errors="replace")
    try:
        return parse_energies(text)
    except ValueError:
        raise InputError(
            f"{where}: the metadata key energies_eV is {text!r}; it must read like 'linspace(0,20,401)'"
        ) from None


def upgrade(table: pa.Table, metadata: dict[bytes, bytes] | None) -> pa.Table:
    """Return rows of any schema as rows of the present one: what an earlier schema did not have is null.

    Schema 1 named one protocol for all of a part, in the metadata, and knew no metals.
    """
    if "level" in table.column_names:
        for name in OPTIONAL:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows, pa.schema(FIELDS).field(name).type))
        protocol = (metadata or {}).get(b"protocol")
        if protocol is not None and table.column("protocol").null_count == table.num_rows:
            place = table.column_names.index("protocol")
            names = [protocol.decode(errors="replace")] * table.num_rows
            table = table.set_column(place, "protocol", pa.array(names, pa.string()))
    return table


def tensor_from_row(eps1: Any, eps2: Any, n_energies: int) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """Return the tensor ``(3, 3, n_energies)`` of the six components a row stores."""
    flat = np.asarray(eps1, float).reshape(6, n_energies) + 1j * np.asarray(eps2, float).reshape(6, n_energies)
    tensor = np.empty((3, 3, n_energies), complex)
    for (i, j), values in zip(COMPONENTS.values(), flat, strict=True):
        tensor[i, j] = tensor[j, i] = values
    return tensor


def part_fields(*, exact: bool) -> list[pa.Field]:
    """Return the columns of a part, whose spectra have double precision where they are to be exact."""
    return [pa.field(entry.name, EXACT) if exact and entry.name in SPECTRA else entry for entry in FIELDS]


def row_from_record(record: Record | Metal, energies: FloatArray, *, exact: bool = False) -> dict[str, Any]:
    """Return the columns of one record on the energies of its part.

    Spectra are rounded to four decimals in single precision unless they are to be exact.
    """
    row = {name: record.properties.get(name) for name in (entry.name for entry in FIELDS)}
    row |= {
        "id": record.id,
        "formula": record.formula,
        "split": record.split,
        "natoms": record.crystal.n_atoms,
        "cell": record.crystal.cell.ravel().tolist(),
        "numbers": record.crystal.numbers.tolist(),
        "frac_coords": record.crystal.frac_coords.ravel().tolist(),
    }
    if isinstance(record, Metal):
        return row | {"level": record.level, "metal": True}
    spectrum = record.spectrum
    start = int(np.searchsorted(energies, spectrum.energies[0] - SAME_ENERGY))
    inside = slice(start, start + len(spectrum.energies))
    flat = np.full((len(COMPONENTS), len(energies)), np.nan, complex)
    flat[:, inside] = [spectrum.tensor[i, j] for i, j in COMPONENTS.values()]
    is_whole = len(spectrum.energies) == len(energies)
    eps1, eps2 = flat.real.ravel(), flat.imag.ravel()
    if not exact:
        eps1, eps2 = (np.round(part, 4).astype(np.float32) for part in (eps1, eps2))
    return row | {
        "level": spectrum.level,
        "eps1": eps1,
        "eps2": eps2,
        "window": None if is_whole else [float(spectrum.energies[0]), float(spectrum.energies[-1])],
        "provenance": json.dumps(dict(spectrum.provenance)) if spectrum.provenance else None,
    }


def fits(spectrum: Spectrum, energies: FloatArray) -> bool:
    """Return whether a spectrum lies on a grid (eV), whole or as a window without holes."""
    start = int(np.searchsorted(energies, spectrum.energies[0] - SAME_ENERGY))
    part = energies[start : start + len(spectrum.energies)]
    return len(part) == len(spectrum.energies) and bool(np.abs(part - spectrum.energies).max() < SAME_ENERGY)


def inside_window(energies: FloatArray, window: list[float] | None) -> BoolArray:
    """Return which energies (eV) a record covers, shape ``(n_energies,)``."""
    if window is None:
        return np.ones(len(energies), bool)
    return (energies > window[0] - SAME_ENERGY) & (energies < window[1] + SAME_ENERGY)
