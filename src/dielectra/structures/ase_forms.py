"""Read crystals through ASE: extended XYZ, Quantum ESPRESSO input, trajectories, databases and rarer text formats."""

from __future__ import annotations

import io
import re
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import MAXIMUM_SITES
from dielectra.errors import InputError
from dielectra.files import reading, understanding
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.espresso import read_pw_input
from dielectra.structures.json_forms import from_mapping
from dielectra.structures.numbers import whole
from dielectra.structures.objects import from_ase

LARGEST_TEXT = 2**24
LONGEST_LINE = 100_000
MOST_ROWS = 1_000_000
DEUTERIUM = re.compile(r"(?<!\S)D(?!\S)")
RARE_FORMS = {
    ".xml": "vasp-xml",
    ".gen": "gen",
    ".cfg": "cfg",
    ".xtd": "xtd",
    ".pdb": "proteindatabank",
    ".struct": "struct",
    ".cube": "cube",
    ".magres": "magres",
}
"""Formats of ASE by the endings of their files."""


def read_extxyz(content: Content) -> Iterator[Found]:
    """Give the crystal of every frame of an extended XYZ file; a damaged frame costs no other."""
    lines = content.text.split("\n")
    start, index = 0, 0
    n_frames = 0
    while start < len(lines) and lines[start].strip():
        n_frames += 1
        place = f"frame {index}"
        where = f"{content.name}, {place}"
        count = whole(lines[start].strip(), f"{where} (line {start + 1}): number of atoms")
        frame = lines[start : start + 2 + count]
        start, index = start + 2 + count, index + 1
        try:
            yield Found(_frame(frame, count, where if index > 1 or start < len(lines) - 1 else content.name), place)
        except InputError as error:
            yield Found(error, place)


def _frame(frame: list[str], count: int, where: str) -> Any:
    if count > MAXIMUM_SITES:
        raise InputError(f"{where}: holds {count} atoms; up to {MAXIMUM_SITES} are read, give the primitive cell")
    frame = [line for index, line in enumerate(frame) if index < 2 or line.strip()]
    if len(frame) < count + 2:
        raise InputError(f"{where}: cannot be read: {count} atoms, but {max(len(frame) - 2, 0)} lines for them")
    if "lattice" not in frame[1].lower():
        raise InputError(f'{where}: has no lattice; give a crystal with Lattice="..." in the comment line')
    text = "\n".join([*frame[:2], *(DEUTERIUM.sub("H", line) for line in frame[2:])]) + "\n"
    return from_ase(_read(text, "extxyz", where)[0], where)


def read_espresso(content: Content) -> Iterator[Found]:
    """Give the crystal of an input file of Quantum ESPRESSO."""
    text = _of_bounded_lines(content.text, content.name)
    if any(line.count("(") != line.count(")") for line in text.split("\n") if not line.lstrip().startswith("!")):
        raise InputError(f"{content.name}: cannot be read: a line has a bracket without its partner")
    yield Found(read_pw_input(text, content.name))


def read_rare(content: Content) -> Iterator[Found]:
    """Give the crystals of another text format that ASE knows by the ending of the file."""
    form = RARE_FORMS.get(Path(content.lower).suffix, "vasp-out" if "outcar" in content.lower else "")
    if not form:
        raise InputError(
            f"{content.name}: not known as a structure file; give a CIF, POSCAR, extxyz, XSF, RES, cell, geometry.in, "
            "Quantum ESPRESSO input, JSON, JSON-lines, ASE database or trajectory"
        )
    for index, atoms in enumerate(_read(content.text, form, content.name)):
        try:
            yield Found(from_ase(atoms, content.name), f"frame {index}")
        except InputError as error:
            yield Found(error, f"frame {index}")


def _read(text: str, form: str, where: str) -> list[Any]:
    from ase.io import read

    _of_bounded_lines(text, where)
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            path = Path(folder) / "structure"
            path.write_text(text)
            frames = read(path, index=":", format=form)
    except Exception as error:  # ASE's readers raise whatever their parsing trips over
        told = " ".join(str(error).split())[:200].replace(str(path), where)
        raise InputError(
            f"{where}: cannot be read as a crystal structure ({type(error).__name__}: {told}); "
            "give a CIF, POSCAR, extxyz or JSON-lines file"
        ) from error
    return frames if isinstance(frames, list) else [frames]


def _of_bounded_lines(text: str, where: str) -> str:
    """Return the text, or raise InputError where it is larger than a structure can be."""
    if len(text) > LARGEST_TEXT or max(map(len, text.split("\n"))) > LONGEST_LINE:
        raise InputError(f"{where}: too large for a structure in this format; split it, or give JSON lines")
    return text


def read_trajectory(content: Content) -> Iterator[Found]:
    """Give the crystals of a trajectory of ASE; a damaged image ends it."""
    from ase.io.trajectory import TrajectoryReader

    with understanding(content.name, "a trajectory of ASE"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trajectory = TrajectoryReader(io.BytesIO(content.data))  # type: ignore[no-untyped-call]
        count = len(trajectory)
    for index in range(count):
        place = f"frame {index}"
        where = f"{content.name}, {place}" if count > 1 else content.name
        try:
            with understanding(where, "an image of ASE"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                atoms = trajectory[index]
            yield Found(from_ase(atoms, where), place)
        except InputError as error:
            yield Found(error, place)


def read_gpw(content: Content) -> Iterator[Found]:
    """Give the crystal of a calculation that GPAW has saved."""
    from ase.io.trajectory import read_atoms
    from ase.io.ulm import Reader

    with understanding(content.name, "a calculation of GPAW"):
        atoms = read_atoms(Reader(io.BytesIO(content.data)).atoms, _try_except=False)  # type: ignore[no-untyped-call]
    yield Found(from_ase(atoms, content.name))


def read_database(content: Content) -> Iterator[Found]:
    """Give the crystals of a SQLite database of ASE, with the keys of each row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "structures.db"
        path.write_bytes(content.data)
        with reading(content.name), open_database(path) as database:
            yield from database_rows(database, content.name)


def open_database(path: Path) -> closing[sqlite3.Connection]:
    """Open a SQLite database that nobody changes, for reading."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    return closing(connection)


def database_rows(database: sqlite3.Connection, name: str, first: int = 0, last: int = 2**62) -> Iterator[Found]:
    """Give the crystals of the rows of an ASE database whose numbers lie between two, those included."""
    query = (
        f"SELECT id, numbers, positions, cell, pbc FROM systems WHERE id BETWEEN ? AND ? ORDER BY id LIMIT {MOST_ROWS}"  # noqa: S608  (a number of our own)
    )
    for row, numbers, positions, cell, pbc in database.execute(query, (first, last)):
        place = f"row {row}"
        where = f"{name}, {place}"
        try:
            with understanding(where, "a row of ASE"):
                entry = {
                    "numbers": _blob(numbers, "<i4").tolist(),
                    "positions": _blob(positions, "<f8").reshape(-1, 3).tolist(),
                    "cell": _blob(cell, "<f8").tolist(),
                    "pbc": [bool(pbc >> axis & 1) for axis in range(3)],
                }
            yield Found(from_mapping(entry, where), place)
        except InputError as error:
            yield Found(error, place)


def _blob(value: Any, kind: str) -> FloatArray:
    return np.frombuffer(value, kind)
