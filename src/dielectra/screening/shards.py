"""The Parquet files of a result."""

from __future__ import annotations

from pathlib import Path

from dielectra.errors import InputError

RESULTS, SUFFIX = "shards", ".parquet"


def shards_of(result: str | Path) -> list[Path]:
    """Return the finished shards of a result, in the order of the pool.

    Raises
    ------
    InputError
        If there are none.
    """
    found = sorted((Path(result) / RESULTS).glob(f"*{SUFFIX}"))
    if not found:
        raise InputError(f"{result}: holds no result of a screening; 'dielectra screen POOL -o {result}' makes one")
    return found
