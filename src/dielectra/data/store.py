"""Read and write data sets: folders of Parquet parts in ladder schema 1."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dielectra.arrays import FloatArray, SingleArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.schema import (
    FIELDS,
    REQUIRED,
    SCHEMA_VERSION,
    SPLITS,
    Record,
    check_columns,
    describe_energies,
    energies_of,
    row_from_record,
    tensor_from_row,
)
from dielectra.errors import InputError
from dielectra.files import reading, whole_file
from dielectra.levels import check_level
from dielectra.spectrum import Spectrum

ROWS_PER_GROUP = 256
PROPERTIES = ("spacegroup", "gap_direct", "gap_indirect", "cpu_s", "kgrid", "nbands")


@dataclass(frozen=True, eq=False)
class Labels:
    """Hold the isotropic imaginary parts of many crystals at one level.

    Attributes
    ----------
    level
        Level of theory of all records.
    ids, formulas, splits
        One string per record; split is empty where the record is in none.
    crystals
        The standardised primitive cells.
    energies
        Photon energies, shape ``(n_energies,)``, eV.
    eps2
        A third of the trace of the imaginary part, shape ``(n_records, n_energies)``, float32.
    broadening
        Lorentzian broadening in eV, None where the data set does not say.
    """

    level: str
    ids: list[str]
    formulas: list[str]
    splits: list[str]
    crystals: list[Crystal]
    energies: FloatArray
    eps2: SingleArray
    broadening: float | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.ids)

    def select(self, indices: Sequence[int]) -> Labels:
        """Return the records at `indices`, in that order."""
        chosen = list(indices)
        return Labels(
            self.level,
            [self.ids[i] for i in chosen],
            [self.formulas[i] for i in chosen],
            [self.splits[i] for i in chosen],
            [self.crystals[i] for i in chosen],
            self.energies,
            self.eps2[chosen],
            self.broadening,
        )

    def of_split(self, split: str) -> Labels:
        """Return the records of one split."""
        return self.select([index for index, name in enumerate(self.splits) if name == split])


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


def dataset_hashes(source: str | Path) -> dict[str, str]:
    """Return the SHA-256 digest of every part of a data set by file name."""
    return {part.name: hashlib.sha256(part.read_bytes()).hexdigest() for part in find_parts(source)}


def material_ids(source: str | Path) -> set[str]:
    """Return the ids of all materials of a data set."""
    return {name for _, _, table in _tables(source, ["id"]) for name in table.column("id").to_pylist()}


def levels_of(source: str | Path) -> list[str]:
    """Return the levels of theory a data set holds, sorted."""
    return sorted({level for _, _, table in _tables(source, ["level"]) for level in table.column("level").to_pylist()})


def broadening_of(source: str | Path) -> float | None:
    """Return the broadening in eV that the parts of a data set declare, None where they do not or differ."""
    value = _declared(source, b"broadening_eV")
    return float(value) if value else None


def engine_of(source: str | Path) -> str | None:
    """Return the code that computed a data set, as its parts declare it, None where they do not or differ."""
    return _declared(source, b"engine")


def _declared(source: str | Path, key: bytes) -> str | None:
    values = {(_schema(part).metadata or {}).get(key) for part in find_parts(source)}
    value = values.pop() if len(values) == 1 else None
    return value.decode(errors="replace") if value else None


def _schema(part: Path) -> pa.Schema:
    with reading(part):
        return pq.read_schema(part)


def read_properties(source: str | Path, column: str) -> dict[str, Any]:
    """Return one scalar column of a data set by material id; empty where no part has the column."""
    found: dict[str, Any] = {}
    for part in find_parts(source):
        if column in _schema(part).names:
            with reading(part):
                table = pq.read_table(part, columns=["id", column])
            found |= dict(zip(table.column("id").to_pylist(), table.column(column).to_pylist(), strict=True))
    return found


def read_labels(source: str | Path, level: str) -> Labels:
    """Read what a network trains on: crystals and isotropic eps2 at one level.

    Reads only the columns it needs, a row group at a time, so that memory stays near the size of the result.

    Raises
    ------
    InputError
        If the data set, a column or the level is missing, a part is damaged, or a spectrum is not finite.
    """
    check_level(level)
    columns = ["id", "formula", "level", "split", "cell", "numbers", "frac_coords", "eps2"]
    ids, formulas, splits, crystals, blocks = [], [], [], [], []
    grid: FloatArray | None = None
    levels_seen = set()
    for part, energies, table in _tables(source, columns):
        if grid is not None and not np.array_equal(grid, energies):
            raise InputError(f"{part}: its energy grid differs from that of the other parts; resample it first")
        grid = energies
        names = table.column("level").to_pylist()
        levels_seen |= set(names)
        table = table.filter(pa.array([name == level for name in names]))
        if table.num_rows == 0:
            continue
        blocks.append(_mean_eps2(table, len(energies), part))
        ids += table.column("id").to_pylist()
        formulas += table.column("formula").to_pylist()
        splits += [split or "" for split in table.column("split").to_pylist()]
        crystals += [
            _crystal_of(row, part) for row in table.select(["id", "cell", "numbers", "frac_coords"]).to_pylist()
        ]
    if not blocks or grid is None:
        raise InputError(
            f"{source}: holds no {level} spectrum; its levels are {', '.join(sorted(levels_seen)) or 'none'}"
        )
    _refuse_duplicates(ids, source)
    return Labels(level, ids, formulas, splits, crystals, grid, np.concatenate(blocks), broadening_of(source))


def read_records(source: str | Path, level: str | None = None) -> Iterator[Record]:
    """Yield the full records of a data set, both levels unless one is named.

    Raises
    ------
    InputError
        If the data set or a column is missing, a part is damaged, or a spectrum is not finite.
    """
    for part, energies, table in _tables(source, None):
        if "eps1" not in table.column_names:
            raise InputError(f"{part}: lacks the column eps1; full records need it")
        if level is not None:
            table = table.filter(pa.array([name == level for name in table.column("level").to_pylist()]))
        real, imaginary = (_components(table, name, len(energies), part) for name in ("eps1", "eps2"))
        rows = table.drop_columns(["eps1", "eps2"]).to_pylist()
        broadening = broadening_of(part)
        for row, eps1, eps2 in zip(rows, real, imaginary, strict=True):
            tensor = tensor_from_row(eps1, eps2, len(energies))
            provenance = json.loads(row.get("provenance") or "{}")
            try:
                spectrum = Spectrum(energies, tensor, row["level"], broadening, provenance)
            except InputError as error:
                raise InputError(f"{part}, record {row['id']}: {error}") from error
            properties = {key: row.get(key) for key in PROPERTIES}
            yield Record(row["id"], row["formula"], row["split"], _crystal_of(row, part), spectrum, properties)


def write_part(records: Sequence[Record], path: str | Path, metadata: dict[str, str] | None = None) -> Path:
    """Write records as one new Parquet part; the file appears whole or not at all.

    Parameters
    ----------
    metadata
        Further entries of the file's metadata, such as the engine and protocol.

    Raises
    ------
    InputError
        If there are no records, their grids differ, a split is unknown, or the part exists already.
    """
    path = Path(path)
    if not records:
        raise InputError("there are no records to write")
    if path.exists():
        raise InputError(f"{path}: exists already; parts are never rewritten, give a new name")
    energies = records[0].spectrum.energies
    for record in records:
        if not np.array_equal(record.spectrum.energies, energies):
            raise InputError(f"record {record.id}: its energy grid differs from that of the first record")
        if record.split not in (None, *SPLITS):
            raise InputError(f"record {record.id}: unknown split {record.split!r}; allowed are {', '.join(SPLITS)}")
    header = {"schema": SCHEMA_VERSION, "energies_eV": describe_energies(energies), "components": "xx,yy,zz,yz,xz,xy"}
    schema = pa.schema(FIELDS, metadata=header | (metadata or {}))
    rows = [row_from_record(record) for record in records]
    try:
        table = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(f"{path}: a property cannot be stored ({error}); leave its record out") from error
    plain = [entry.name for entry in FIELDS if entry.name not in ("eps1", "eps2")]
    with whole_file(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=9,
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=plain,
            column_encoding={"eps1.list.element": "BYTE_STREAM_SPLIT", "eps2.list.element": "BYTE_STREAM_SPLIT"},
        )
    return path


def _tables(source: str | Path, columns: list[str] | None) -> Iterator[tuple[Path, FloatArray, pa.Table]]:
    """Yield every row group of every part with its energies, after checking the columns."""
    for part in find_parts(source):
        try:
            with pq.ParquetFile(part) as file:
                missing = [name for name in REQUIRED if name not in file.schema_arrow.names]
                if missing:
                    raise InputError(
                        f"{part}: lacks the column(s) {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}"
                    )
                energies = energies_of(file.schema_arrow.metadata, str(part))
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group, columns=columns)
                    check_columns(table, str(part))
                    yield part, energies, table
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{part}: damaged or not a Parquet file ({error}); remove it or restore it from its source"
            ) from error


def _components(table: pa.Table, name: str, n_energies: int, part: Path) -> SingleArray:
    """Return a column of spectra as an array of shape ``(n_rows, 6, n_energies)``."""
    column = table.column(name).combine_chunks()
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    for record, length in zip(table.column("id").to_pylist(), lengths, strict=True):
        if length != 6 * n_energies:
            raise InputError(
                f"{part}, record {record}: {name} has {length} values; six components of {n_energies} energies are "
                f"{6 * n_energies}"
            )
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(len(lengths), 6, n_energies)


def _mean_eps2(table: pa.Table, n_energies: int, part: Path) -> SingleArray:
    mean = _components(table, "eps2", n_energies, part)[:, :3].mean(axis=1, dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(mean).all(axis=1))
    if len(broken):
        names = ", ".join(table.column("id")[int(index)].as_py() for index in broken[:5])
        raise InputError(f"{part}: {len(broken)} spectra hold NaN or infinite values ({names}); remove these records")
    return np.asarray(mean, np.float32)


def _crystal_of(row: dict[str, Any], part: Path) -> Crystal:
    return make_crystal(row["cell"], row["numbers"], row["frac_coords"], f"{part}, record {row['id']}")


def _refuse_duplicates(ids: list[str], source: str | Path) -> None:
    if len(set(ids)) != len(ids):
        twice = sorted({name for name in ids if ids.count(name) > 1})[:5]
        raise InputError(f"{source}: holds material(s) {', '.join(twice)} more than once; remove the extra part")
