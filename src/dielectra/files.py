"""Write files whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the target's folder to write to; rename it to `path` when the block ends well.

    Where the block fails the temporary file is removed and the target stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: str | Path, payload: bytes | str) -> Path:
    """Write bytes, or text as UTF-8; the file appears whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(payload.encode() if isinstance(payload, str) else payload)
    return Path(path)
