"""Ask the result of a screening by SQL, through DuckDB.

The shards are the view ``crystals``. A statement reads and does nothing else: files beside the shards, extensions,
settings and Python objects are out of its reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dielectra.errors import InputError
from dielectra.files import writing
from dielectra.screening.shards import shards_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

VIEW = "crystals"
EXAMPLE = "SELECT id, slme FROM crystals ORDER BY slme DESC LIMIT 5"
MEMORY = "2GB"
"""What one statement may keep in memory."""


class Answer(NamedTuple):
    """Names of columns, and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def documents(self) -> list[dict[str, Any]]:
        """Return the rows as objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(result: str | Path, statement: str, at_most: int | None = None) -> Answer:
    """Return what a SELECT over the view ``crystals`` gives.

    Parameters
    ----------
    at_most
        Number of rows after which to stop.

    Raises
    ------
    InputError
        If there is no result, or the statement is wrong or does more than read.
    """
    import duckdb

    with _opened(result) as connection:
        try:
            _refuse_all_but_select(connection, statement)
            cursor = connection.execute(statement)
            columns = [name for name, *_ in cursor.description or ()]
            rows = cursor.fetchall() if at_most is None else cursor.fetchmany(at_most)
        except duckdb.Error as error:
            raise InputError(f"{_first_line(error)}\ncolumns of {VIEW}: {', '.join(columns_of(result))}") from error
    return Answer(columns, rows)


def select(result: str | Path, where: str, path: Path, at_most: int) -> tuple[int, Answer]:
    """Write the crystals that fulfil an SQL condition into a Parquet file; return their number and the first ones."""
    import duckdb
    import pyarrow.parquet as pq

    from dielectra.files import whole_file

    shown = [name for name in columns_of(result) if name not in ("spectrum", "warnings", "reason", "file", "place")]
    statement = f"SELECT * FROM {VIEW} WHERE ({where}) AND reason IS NULL"  # noqa: S608  (it can only read)
    with _opened(result) as connection:
        try:
            _refuse_all_but_select(connection, statement)
            batches = connection.sql(statement).to_arrow_reader(10_000)
            count, first = 0, list[dict[str, Any]]()
            with whole_file(path) as temporary, writing(path), pq.ParquetWriter(temporary, batches.schema) as file:
                for batch in batches:
                    first += batch.slice(0, at_most - len(first)).select(shown).to_pylist()
                    file.write_batch(batch)
                    count += len(batch)
        except duckdb.Error as error:
            known = ", ".join(columns_of(result))
            raise InputError(f"--where {where!r}: {_first_line(error)}\ncolumns: {known}") from error
    return count, Answer(shown, [tuple(row[name] for name in shown) for row in first])


def columns_of(result: str | Path) -> list[str]:
    """Return the names of the columns of a result."""
    import pyarrow.parquet as pq

    schema: pa.Schema = pq.read_schema(shards_of(result)[0])
    return list(schema.names)


def _opened(result: str | Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to the shards, which can then read nothing else."""
    import duckdb

    shards = [str(shard.resolve()) for shard in shards_of(result)]
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": MEMORY})
    connection.execute("SET python_enable_replacements = false")
    connection.execute(f"SET allowed_paths = {_listed(shards)}")
    connection.execute("SET enable_external_access = false")
    view = f"CREATE VIEW {VIEW} AS SELECT * FROM read_parquet({_listed(shards)})"  # noqa: S608  (names are quoted)
    connection.execute(view)
    connection.execute("SET lock_configuration = true")
    return connection


def _listed(paths: Sequence[str]) -> str:
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"


def _refuse_all_but_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    import duckdb

    kinds = [one.type for one in connection.extract_statements(statement)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise InputError(f"a query is one SELECT over the view {VIEW}, such as {EXAMPLE!r}")


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])
