"""Read crystals from JSON lines."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.structures.entries import Found


def read_json(path: Path, name: str) -> Iterator[Found]:
    """Give the crystal of every line."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read as JSON lines ({error})") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{name}, line {number}"
            try:
                entry = _parse(line, where)
                yield Found(from_mapping(entry, where), f"line {number}", entry)
            except InputError as error:
                yield Found(error, f"line {number}")


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON ({error}); write one object a line") from error
    if not isinstance(entry, dict):
        raise InputError(f"{where}: expected an object, got {type(entry).__name__}")
    return entry


def from_mapping(entry: Mapping[str, Any], where: str) -> Crystal:
    """Return the crystal of an object with the keys lattice, species and frac_coords."""
    cell = entry.get("lattice", entry.get("cell"))
    species = entry.get("species", entry.get("numbers"))
    frac_coords = entry.get("frac_coords")
    if cell is None or species is None or frac_coords is None:
        raise InputError(
            f"{where}: needs the keys lattice, species and frac_coords; it has {', '.join(sorted(entry)) or 'none'}"
        )
    return make_crystal(cell, species, frac_coords, where)
