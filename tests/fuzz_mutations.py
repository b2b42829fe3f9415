"""Change files at random: bytes of any file, numbers and lines of text, values of JSON, YAML, Parquet and SQLite."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import re
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

NUMBER = re.compile(rb"(?<![\w.])[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
ABSURD = [
    b"nan", b"inf", b"-inf", b"0", b"-1", b"1e300", b"-1e300", b"1e-300", b"1e6", b"1e9", b"1000000000", b"0,5", b"?",
    b".", b"1/3", b"1/0", b"9" * 400, b"1e999", b"-0.0", b"0x10", b"1_000", b"1.2.3", b"--", b"\xff", b"",
]  # fmt: skip
STRANGE = [
    None, True, -1, 0, 1e300, float("nan"), float("inf"), 10**400, "", "x", "\ud800", "a\0b", [], {}, [[]], {"": None},
    "1/3", ["x"] * 1000, "9" * 5000,
]  # fmt: skip
PIECES = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"'",
    b'"',
    b";",
    b"#",
    b"\r",
    b"\n\n",
    b"loop_\n",
    b"data_\n",
    b"*" * 1000,
]
PIECES += [b"x" * 200_000, b"[" * 5000, b"&a [*a]", b"<!DOCTYPE x>", b"-", b"\t", b",", b"\xc3\x28"]
Mutation = Callable[[bytes, random.Random], bytes]


def mutate(content: bytes, draw: random.Random, structured: Mutation | None = None) -> bytes:
    """Return content changed one to four times, in its structure where that is given and the draw says so."""
    if structured is not None and draw.random() < 0.5:
        with contextlib.suppress(ValueError, TypeError, LookupError, OverflowError, pa.ArrowException, sqlite3.Error):
            content = structured(content, draw)
            if draw.random() < 0.7:
                return content
    for _ in range(draw.randint(1, 4)):
        content = draw.choice(BYTE_MUTATIONS)(content, draw)
    return content


def _span(content: bytes, draw: random.Random) -> tuple[int, int]:
    begin = draw.randrange(len(content) + 1)
    return begin, min(len(content), begin + int(draw.paretovariate(0.7)))


def flip(content: bytes, draw: random.Random) -> bytes:
    """Change single bytes."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def cut(content: bytes, draw: random.Random) -> bytes:
    """Leave out a piece."""
    begin, end = _span(content, draw)
    return content[:begin] + content[end:]


def truncate(content: bytes, draw: random.Random) -> bytes:
    """Leave out the end."""
    return content[: draw.randrange(len(content) + 1)]


def repeat(content: bytes, draw: random.Random) -> bytes:
    """Repeat a piece, sometimes a thousand times."""
    begin, end = _span(content, draw)
    return content[:end] + content[begin:end][:200] * draw.choice((1, 2, 30, 1000)) + content[end:]


def insert(content: bytes, draw: random.Random) -> bytes:
    """Insert a piece that parsers find hard, or noise."""
    begin, _ = _span(content, draw)
    piece = draw.choice(PIECES) if draw.random() < 0.8 else draw.randbytes(draw.randint(1, 50))
    return content[:begin] + piece + content[begin:]


def absurd_number(content: bytes, draw: random.Random) -> bytes:
    """Replace a number by one that makes no sense."""
    found = list(NUMBER.finditer(content[:200_000]))
    if not found:
        return flip(content, draw)
    number = draw.choice(found)
    return content[: number.start()] + draw.choice(ABSURD) + content[number.end() :]


def change_lines(content: bytes, draw: random.Random) -> bytes:
    """Leave out, repeat or exchange lines."""
    lines = content.split(b"\n")
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines[one:one] = [lines[other]] * draw.choice((1, 3, 500))
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        words = lines[one].split()
        draw.shuffle(words)
        lines[one] = b" ".join(words)
    return b"\n".join(lines)


BYTE_MUTATIONS: list[Mutation] = [
    flip, cut, truncate, repeat, insert, absurd_number, absurd_number, absurd_number, change_lines, change_lines,
]  # fmt: skip


def change_value(value: Any, draw: random.Random) -> Any:
    """Return plain data with one value, key or entry changed."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        kind = draw.random()
        if kind < 0.1:
            return {name: entry for name, entry in value.items() if name != key}
        if kind < 0.15:
            return {**value, draw.choice(["x", "", "__class__"]): draw.choice(STRANGE)}
        return {**value, key: change_value(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.9:
        index = draw.randrange(len(value))
        kind = draw.random()
        if kind < 0.1:
            return value[:index] + value[index + 1 :]
        if kind < 0.2:
            return value[:index] + [value[index]] * draw.choice((1, 2, 100)) + value[index:]
        return [*value[:index], change_value(value[index], draw), *value[index + 1 :]]
    return draw.choice(STRANGE)


def change_json(content: bytes, draw: random.Random) -> bytes:
    """Change a value of a JSON text, or of one line of JSON lines."""
    try:
        text = json.dumps(change_value(json.loads(content), draw))
    except json.JSONDecodeError:
        lines = content.splitlines()
        index = draw.randrange(len(lines))
        lines[index] = json.dumps(change_value(json.loads(lines[index]), draw)).encode()
        return b"\n".join(lines)
    return text.encode("utf-8", "surrogatepass")


def change_yaml(content: bytes, draw: random.Random) -> bytes:
    """Change a value of a YAML document."""
    changed = change_value(yaml.safe_load(content), draw)
    return str(yaml.safe_dump(changed, allow_unicode=True)).encode("utf-8", "surrogatepass")


def change_gzip(content: bytes, draw: random.Random) -> bytes:
    """Change what is compressed, and compress it again."""
    return gzip.compress(mutate(gzip.decompress(content), draw), 1)


def change_parquet(content: bytes, draw: random.Random) -> bytes:
    """Change a column's type or one of its values, the metadata, or the columns there are."""
    table = pq.read_table(io.BytesIO(content))
    name = draw.choice(table.column_names)
    index = table.column_names.index(name)
    kind = draw.randrange(5)
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        metadata = dict(table.schema.metadata or {})
        key = draw.choice(list(metadata))
        metadata[key] = mutate(metadata[key], draw)
        table = table.replace_schema_metadata(metadata)
    elif kind == 2:
        table = table.replace_schema_metadata(None)
    elif kind == 3:
        strange = draw.choice([pa.nulls(len(table)), pa.array(["x"] * len(table)), pa.array([1.5] * len(table))])
        table = table.set_column(index, name, strange)
    else:
        column = table.column(name)
        values = column.to_pylist()
        row = draw.randrange(len(values))
        values[row] = change_value(values[row], draw)
        table = table.set_column(index, name, pa.array(values, column.type))
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def change_sqlite(content: bytes, draw: random.Random) -> bytes:
    """Change a value of a table, leave out a table, or change the version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sqlite"
        path.write_bytes(content)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            table = draw.choice(tables)
            columns = [entry[1] for entry in database.execute(f"PRAGMA table_info({table})")]
            value = draw.choice(
                [None, -1, 2**62, 1e300, "x", "", b"\xff\0", "[" * 5000, "../../x", '{"a": NaN}', "9" * 400]
            )
            database.execute("PRAGMA ignore_check_constraints = 1")
            if draw.random() < 0.9:
                database.execute(f"UPDATE OR IGNORE {table} SET {draw.choice(columns)} = ?", (value,))
            else:
                database.execute(
                    draw.choice([f"DROP TABLE {table}", "PRAGMA user_version = 77", f"DELETE FROM {table}"])
                )
        return path.read_bytes()
