"""Pieces of a pool, each read by one job: lines, rows, members of an archive, files."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from dielectra.errors import InputError
from dielectra.files import MEBIBYTE, reading, shown
from dielectra.parsing import parse_json
from dielectra.structures import Entry, Refused, scan
from dielectra.structures.ase_forms import database_rows, open_database
from dielectra.structures.entries import Found
from dielectra.structures.json_forms import structures_of
from dielectra.structures.scan import doubted, entries_of, named
from dielectra.structures.sources import zip_member

LONGEST_LINE = 64 * MEBIBYTE
ROWS_AT_A_TIME = 256


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lines(_Part):
    """Lines of a JSON-lines file from a byte on; ``name`` is the file that the user gave."""

    kind: Literal["lines"] = "lines"
    name: str
    path: Path
    offset: NonNegativeInt = 0
    first: PositiveInt = 1
    count: PositiveInt

    def read(self) -> Iterator[Entry | Refused]:
        """Give the crystals of the lines, each under its number in the file that the user gave."""
        with reading(self.path), open_lines(self.path) as file:
            file.seek(self.offset)
            for number in range(self.first, self.first + self.count):
                line = file.readline(LONGEST_LINE + 1)
                if not line:
                    raise InputError(f"{shown(self.path)}: ends before line {number}; it has changed since it was read")
                if line.strip():
                    yield from _named(self.name, f"line {number}", _parsed(line, f"{self.name}, line {number}"))


class Rows(_Part):
    """Rows of a Parquet file, counted from 0."""

    kind: Literal["rows"] = "rows"
    name: str
    path: Path
    first: NonNegativeInt
    count: PositiveInt

    def read(self) -> Iterator[Entry | Refused]:
        """Give the crystals of the rows."""
        with reading(self.path), pq.ParquetFile(self.path) as file:
            for number, row in _rows(file, self.first, self.first + self.count):
                yield from _named(self.name, f"row {number}", _unpacked(row, f"{self.name}, row {number}"))


class Database(_Part):
    """Rows of a SQLite database of ASE from one number to another."""

    kind: Literal["database"] = "database"
    name: str
    path: Path
    first: int
    last: int

    def read(self) -> Iterator[Entry | Refused]:
        """Give the crystals of the rows."""
        with reading(self.path), open_database(self.path) as database:
            for found in database_rows(database, self.name, self.first, self.last):
                yield _numbered(self.name, doubted(found), 0)


class Members(_Part):
    """Files of a zip archive, by their names in it; ``name`` is the archive that the user gave."""

    kind: Literal["members"] = "members"
    name: str
    path: Path
    members: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()

    def read(self) -> Iterator[Entry | Refused]:
        """Give the crystals of the files; ``refused`` has those that could not be copied, with the reason."""
        for member, reason in self.refused:
            inner = f"{self.name}/{member}"
            yield named(inner, inner, Found(InputError(reason)))
        with reading(self.path), zipfile.ZipFile(self.path) as archive:
            for member in self.members:
                inner = f"{self.name}/{member}"
                try:
                    content = zip_member(archive, archive.getinfo(member), inner)
                except InputError as error:
                    yield named(inner, inner, Found(error))
                    continue
                yield from entries_of(inner, content)


class Files(_Part):
    """Whole files, each with its name in the pool."""

    kind: Literal["files"] = "files"
    files: tuple[tuple[str, Path], ...]

    def read(self) -> Iterator[Entry | Refused]:
        """Give the crystals of the files."""
        yield from scan(self.files)


Piece = Lines | Rows | Database | Members | Files
PIECE: TypeAdapter[Piece] = TypeAdapter(Annotated[Piece, Field(discriminator="kind")])


def piece_of(payload: Any) -> Piece:
    """Return the piece that the payload of a job describes.

    Raises
    ------
    InputError
        If it describes none.
    """
    try:
        return PIECE.validate_python(payload)
    except ValidationError as error:
        raise InputError(f"the job is no piece of a pool of crystals: {error.errors()[0]['msg']}") from error


def open_lines(path: Path) -> IO[bytes]:
    """Open a file of lines, unpacked where its name says that it is compressed."""
    name = path.name.lower()
    if name.endswith(".gz"):
        return gzip.open(path)  # type: ignore[return-value]
    return bz2.open(path) if name.endswith(".bz2") else path.open("rb")


def _parsed(line: bytes, where: str) -> Any:
    """Return the value of a JSON line, or the error that it gives."""
    try:
        if len(line) > LONGEST_LINE:
            raise InputError(f"{shown(where)}: more than {LONGEST_LINE / MEBIBYTE:g} MiB in one line")
        return parse_json(line.decode("utf-8", "replace"), where)
    except InputError as error:
        return error


def _rows(file: pq.ParquetFile, first: int, stop: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield rows with their numbers, from those groups only that hold some."""
    begin = 0
    for group in range(file.num_row_groups):
        end = begin + file.metadata.row_group(group).num_rows
        if begin < stop and first < end:
            yield from _of_group(file, group, begin, first, stop)
        begin = end


def _of_group(file: pq.ParquetFile, group: int, begin: int, first: int, stop: int) -> Iterator[tuple[int, Any]]:
    for batch in file.iter_batches(ROWS_AT_A_TIME, row_groups=[group]):
        end = begin + len(batch)
        low, high = max(first, begin), min(stop, end)
        if low < high:
            yield from enumerate(batch.slice(low - begin, high - low).to_pylist(), low)
        begin = end


def _unpacked(row: dict[str, Any], where: str) -> Any:
    """Return a row as JSON would give it: without nulls, with structures that are kept as text parsed."""
    entry = {key: value for key, value in row.items() if value is not None}
    for key in ("structure", "atoms"):
        if isinstance(entry.get(key), str):
            try:
                entry[key] = parse_json(entry[key], f"{where}, {key}")
            except InputError as error:
                return error
    return entry


def _named(file: str, place: str, value: Any) -> Iterator[Entry | Refused]:
    """Give the structures of one JSON value; all but the first have an index in their names."""
    for index, found in enumerate(structures_of(value, file, place)):
        yield _numbered(file, doubted(found), index)


def _numbered(file: str, found: Found, index: int) -> Entry | Refused:
    number = found.place.split(",")[0].rpartition(" ")[2]
    return named(f"{file}#{number}" + (f".{index}" if index else ""), file, found)
