"""Find, read and write the Parquet parts of data sets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dielectra.arrays import FloatArray, SingleArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.schema import (
    FIELDS,
    OPTIONAL,
    REQUIRED,
    SCHEMA_VERSION,
    SPECTRA,
    SPLITS,
    Metal,
    Record,
    check_columns,
    energies_of,
    fits,
    part_fields,
    row_from_record,
    upgrade,
)
from dielectra.errors import InputError
from dielectra.files import whole_file
from dielectra.grids import describe_energies

ROWS_PER_GROUP = 256


class RowGroup(NamedTuple):
    """Rows of a part.

    Attributes
    ----------
    part
        The file.
    energies
        Photon energies of its spectra, shape ``(n_energies,)``, eV.
    metadata
        What the part declares, such as ``broadening_eV`` and ``engine``.
    table
        The rows, as in the present schema.
    """

    part: Path
    energies: FloatArray
    metadata: dict[bytes, bytes]
    table: pa.Table

    @property
    def broadening(self) -> float | None:
        """Return the Lorentzian broadening that the part declares, eV."""
        value = self.metadata.get(b"broadening_eV")
        return float(value) if value else None

    def of_levels(self, levels: Sequence[str]) -> RowGroup:
        """Return the rows at some levels that have a spectrum."""
        names, spectra = self.table.column("level").to_pylist(), self.table.column("eps2").is_valid().to_pylist()
        keep = [name in levels and valid for name, valid in zip(names, spectra, strict=True)]
        return self._replace(table=self.table.filter(pa.array(keep, pa.bool_())))

    def components(self, column: str) -> SingleArray | FloatArray:
        """Return a column of spectra, shape ``(n_rows, 6, n_energies)``; NaN outside the window of a row.

        Their precision is that of the part.

        Raises
        ------
        InputError
            If the part lacks the column or a row has another length.
        """
        if column not in self.table.column_names:
            raise InputError(f"{self.part}: lacks the column {column}; full records need it")
        values, n_energies = self.table.column(column).combine_chunks(), len(self.energies)
        lengths = values.value_lengths().to_numpy(zero_copy_only=False)
        for record, length in zip(self.table.column("id").to_pylist(), lengths, strict=True):
            if length != 6 * n_energies:
                raise InputError(
                    f"{self.part}, record {record}: {column} has {length} values; six components of {n_energies} "
                    f"energies are {6 * n_energies}"
                )
        flat = values.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat).reshape(len(lengths), 6, n_energies)

    def crystal(self, row: dict[str, Any]) -> Crystal:
        """Return the crystal of a row."""
        return make_crystal(row["cell"], row["numbers"], row["frac_coords"], f"{self.part}, record {row['id']}")


def next_part(folder: Path) -> Path:
    """Return the path of a further part of a data set: after the last one, also where parts before it are gone."""
    numbers = (int(part.stem.removeprefix("part-")) for part in folder.glob("part-*.parquet"))
    return folder / f"part-{1 + max(numbers, default=-1):04d}.parquet"


def find_parts(source: str | Path) -> list[Path]:
    """Return the Parquet parts of a data set, sorted by name.

    Parameters
    ----------
    source
        A name below ``datasets/``, a folder of parts, or one part.

    Raises
    ------
    InputError
        If nothing is found; the message lists the data sets at hand.
    """
    for candidate in (Path(source), *(root / str(source) for root in dataset_roots())):
        if candidate.is_file():
            return [candidate]
        parts = sorted(candidate.glob("*.parquet")) if candidate.is_dir() else []
        if parts:
            return parts
    if Path(source).is_dir():
        raise InputError(f"{source}: holds no Parquet part (*.parquet)")
    known = ", ".join(list_datasets()) or "none"
    raise InputError(f"data set {str(source)!r} not found; give a folder, a Parquet file or a known name ({known})")


def dataset_roots() -> list[Path]:
    """Return the folders searched for data sets by name: ``$DIELECTRA_DATASETS``, ``./datasets``, the repository's."""
    roots = [Path(os.environ["DIELECTRA_DATASETS"])] if os.environ.get("DIELECTRA_DATASETS") else []
    return [*roots, Path("datasets"), Path(__file__).parents[3] / "datasets"]


def list_datasets() -> list[str]:
    """Return the names of the data sets at hand."""
    return sorted({part.parent.name for root in dataset_roots() for part in root.glob("*/*.parquet")})


def row_groups(parts: Sequence[Path], columns: Sequence[str] | None) -> Iterator[RowGroup]:
    """Yield the row groups of parts after checking their columns; rows of earlier schemas are upgraded.

    Parameters
    ----------
    columns
        Those to read; None reads all.

    Raises
    ------
    InputError
        If a part is damaged, lacks a column, or was written by a newer version.
    """
    for part in parts:
        try:
            with pq.ParquetFile(part) as file:
                present, metadata = file.schema_arrow.names, file.schema_arrow.metadata or {}
                missing = [name for name in REQUIRED if name not in present]
                if missing:
                    raise InputError(f"{part}: lacks the column(s) {', '.join(missing)}; it has {', '.join(present)}")
                _refuse_newer(part, metadata)
                energies = energies_of(metadata, str(part))
                wanted = None if columns is None else [n for n in columns if n in present or n not in OPTIONAL]
                for group in range(file.num_row_groups):
                    table = upgrade(file.read_row_group(group, columns=wanted), metadata)
                    check_columns(table, str(part))
                    yield RowGroup(part, energies, metadata, table)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise InputError(
                f"{part}: damaged or not a Parquet file ({error}); remove it or restore it from its source"
            ) from error


def _refuse_newer(part: Path, metadata: dict[bytes, bytes]) -> None:
    version = metadata.get(b"schema", b"1").decode(errors="replace")
    if version.isdigit() and int(version) > SCHEMA_VERSION:
        raise InputError(f"{part}: has schema {version}, newer than {SCHEMA_VERSION}; upgrade dielectra")


def write_part(
    records: Sequence[Record | Metal],
    path: str | Path,
    metadata: dict[str, str] | None = None,
    energies: FloatArray | None = None,
    *,
    exact: bool = False,
) -> Path:
    """Write records as one new Parquet part; the file appears whole or not at all.

    Parameters
    ----------
    records
        Each spectrum covers all of the grid or a window. Metals alone need a grid that is given.
    metadata
        Further entries of the file's metadata, such as the engine and protocol.
    energies
        The grid, eV; by default that of the longest spectrum.
    exact
        Keep every digit of the spectra, as an import does, at a multiple of the size.

    Raises
    ------
    InputError
        If there are no records, their grids differ, a split is unknown, or the part exists already.
    """
    path = Path(path)
    spectra = [record.spectrum for record in records if isinstance(record, Record)]
    if not records or (energies is None and not spectra):
        raise InputError("there are no records to write")
    if path.exists():
        raise InputError(f"{path}: exists already; parts are never rewritten, give a new name")
    if energies is None:
        energies = max((spectrum.energies for spectrum in spectra), key=len)
    for record in records:
        if isinstance(record, Record) and not fits(record.spectrum, energies):
            raise InputError(f"record {record.id}: its energy grid differs from that of the part")
        if record.split not in (None, *SPLITS):
            raise InputError(f"record {record.id}: unknown split {record.split!r}; allowed are {', '.join(SPLITS)}")
    header = {
        "schema": str(SCHEMA_VERSION),
        "energies_eV": describe_energies(energies),
        "components": "xx,yy,zz,yz,xz,xy",
    }
    schema = pa.schema(part_fields(exact=exact), metadata=header | (metadata or {}))
    rows = [row_from_record(record, energies, exact=exact) for record in records]
    try:
        table = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(f"{path}: a property cannot be stored ({error}); leave its record out") from error
    plain = [entry.name for entry in FIELDS if entry.name not in SPECTRA]
    with whole_file(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=9,
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=plain,
            column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in SPECTRA},
        )
    return path
