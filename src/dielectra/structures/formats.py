"""Choose the reader of a structure file by its name, or else by its content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dielectra.errors import InputError
from dielectra.files import MEBIBYTE, understanding
from dielectra.structures.ase_forms import (
    read_database,
    read_espresso,
    read_extxyz,
    read_gpw,
    read_rare,
    read_trajectory,
)
from dielectra.structures.cif import read_cif
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.json_forms import read_json
from dielectra.structures.plain_forms import read_aims, read_castep, read_xsf
from dielectra.structures.poscar import read_poscar
from dielectra.structures.shelx import read_shelx

Reader = Callable[[Content], Iterator[Found]]

BY_NAME: tuple[tuple[str, Reader], ...] = (
    (r".*\.(cif|mcif|mmcif)", read_cif),
    (r".*\.(jsonl?|ndjson|optimade)", read_json),
    (r"(.*[._-])?(poscar|contcar|xdatcar)([._-].*)?|.*\.vasp", read_poscar),
    (r".*\.(ext)?xyz", read_extxyz),
    (r".*\.a?xsf", read_xsf),
    (r".*\.(res|ins|shelx)", read_shelx),
    (r".*\.(pwi|pw\.in|scf\.in)", read_espresso),
    (r"geometry\.in(\.next_step)?", read_aims),
    (r".*\.cell", read_castep),
    (r".*\.traj", read_trajectory),
    (r".*\.gpw", read_gpw),
    (r".*\.db", read_database),
)
"""Patterns of lower-case file names and their readers; the first that matches reads."""

BY_CONTENT: tuple[tuple[str, Reader], ...] = (
    (r"\s*(?:#[^\n]*\n\s*)*data_", read_cif),
    (r"\s*[\[{]", read_json),
    (r"- of UlmASE", read_trajectory),
    (r"- of UlmGPAW", read_gpw),
    (r"SQLite format 3\0", read_database),
    (r"(?s).*^\s*(ATOMIC_POSITIONS|&control)\b", read_espresso),
    (r"(?s).*^\s*lattice_vector\b", read_aims),
    (r"(?s).*^\s*%block\s+(lattice|positions)_", read_castep),
    (r"(?s).*^\s*PRIMVEC\b", read_xsf),
    (r"(?s).*^\s*CELL\s.*^\s*SFAC\s", read_shelx),
    (r"\s*\d+\s*\n[^\n]*lattice\s*=", read_extxyz),
    (r"[^\n]*\n\s*[-+.\d]+[^\n]*\n(\s*[-+.\deE]+\s+[-+.\deE]+\s+[-+.\deE]+[^\n]*\n){3}", read_poscar),
)
"""Patterns of the first kilobytes of a file whose name says nothing, and its reader."""

PICKLES = (".pckl", ".pkl", ".pickle")
STREAMS = (read_json, read_extxyz, read_trajectory, read_gpw, read_database)
"""Readers of files that hold many structures and may be large."""

LARGEST_TEXT = 2**25
LARGEST_CIF = 2**26
"""Bytes of a CIF, which holds many structures but is searched through for its blocks first."""

LOOKED_AT = 4096


def read_content(content: Content) -> Iterator[Found]:
    """Give the structures of one file one by one.

    Raises
    ------
    InputError
        If the file as a whole is empty, of an unknown format or unreadable, or holds no structure.
    """
    if not content.data:
        raise InputError(f"{content.name}: the file is empty and holds no structure")
    if content.lower.endswith(PICKLES):
        raise InputError(f"{content.name}: pickled files are never read, since they can run any program; export a CIF")
    reader = _reader(content)
    largest = LARGEST_CIF if reader is read_cif else LARGEST_TEXT
    if len(content.data) > largest and reader not in STREAMS:
        raise InputError(f"{content.name}: too large for a structure file; it may have {largest / MEBIBYTE:g} MiB")
    with understanding(content.name, "a structure file"):
        found = reader(content)
        first = next(found, None)
        if first is None:
            raise InputError(f"{content.name}: holds no structure")
        yield first
        yield from found


def knows(file: str) -> bool:
    """Return whether a file is a structure file by its name."""
    return any(re.fullmatch(pattern, file.lower()) for pattern, _ in BY_NAME)


def recognises(start: bytes) -> bool:
    """Return whether a file is a structure file by its first kilobytes; any JSON or database is not."""
    return _by_content(start) not in (None, read_json, read_database)


def _reader(content: Content) -> Reader:
    for pattern, reader in BY_NAME:
        if re.fullmatch(pattern, content.lower):
            return reader
    return _by_content(content.data[:LOOKED_AT]) or read_rare


def _by_content(start: bytes) -> Reader | None:
    text = start.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf")
    return next((reader for pattern, reader in BY_CONTENT if re.match(pattern, text, re.M | re.I)), None)
