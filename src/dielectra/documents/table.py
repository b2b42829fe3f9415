"""Tables of many crystals in files, written row by row: CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Protocol, get_args

from dielectra.documents.row import CrystalRow
from dielectra.errors import InputError
from dielectra.files import whole_file, writing

if TYPE_CHECKING:
    import pyarrow

ENDINGS = (".csv", ".parquet")
ROW_GROUP = 4096
"""Rows of a Parquet file that are kept in memory and written together."""


class RowWriter(Protocol):
    """What takes the rows of a table."""

    def add(self, row: CrystalRow) -> None:
        """Write a row."""


def check_table_path(path: Path, endings: Sequence[str] = ENDINGS) -> Path:
    """Return where a table can be written.

    Raises
    ------
    InputError
        If the name has another ending, or is that of a folder.
    """
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: a table is written as {' or '.join(endings)}; give its name that ending")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    return path


@contextmanager
def open_table(path: Path) -> Iterator[RowWriter]:
    """Give what writes rows to a table; the file appears when the block ends well.

    Raises
    ------
    InputError
        As :func:`check_table_path`, and if the file cannot be written.
    """
    check_table_path(path)
    with whole_file(path) as temporary, writing(path):
        if path.suffix.lower() == ".csv":
            with temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
                yield _CsvRows(csv.writer(file, lineterminator="\n"))
        else:
            with _ParquetRows(temporary) as rows:
                yield rows


class _CsvRows:
    def __init__(self, writer: Any) -> None:
        self._writer = writer
        writer.writerow(CrystalRow.model_fields)

    def add(self, row: CrystalRow) -> None:
        """Write a row; what is unknown is an empty cell."""
        self._writer.writerow(["" if value is None else value for value in row.plain().values()])


class _ParquetRows:
    def __init__(self, path: Path) -> None:
        from pyarrow.parquet import ParquetWriter

        self._rows: list[dict[str, Any]] = []
        self._schema = _schema()
        self._writer = ParquetWriter(path, self._schema)

    def add(self, row: CrystalRow) -> None:
        """Keep a row, and write those kept once they are many."""
        self._rows.append(row.plain())
        if len(self._rows) >= ROW_GROUP:
            self._write()

    def _write(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows = []

    def __enter__(self) -> _ParquetRows:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._rows and kind is None:
            self._write()
        self._writer.close()


def _schema() -> pyarrow.Schema:
    import pyarrow

    types: dict[Any, pyarrow.DataType] = {
        str: pyarrow.string(),
        int: pyarrow.int32(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    fields = []
    for name, field in CrystalRow.model_fields.items():
        kind = get_args(field.annotation)[0] if isinstance(field.annotation, UnionType) else field.annotation
        fields.append(pyarrow.field(name, types[kind], metadata={"description": field.description or ""}))
    return pyarrow.schema(fields)
