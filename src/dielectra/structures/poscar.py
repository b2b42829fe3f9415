"""Read POSCAR and CONTCAR of VASP, of every version."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import MAXIMUM_SITES, make_crystal
from dielectra.elements import NUMBERS
from dielectra.errors import InputError
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.numbers import floats, whole

LARGEST_POTCAR = 2**27
TITLE = re.compile(rb"VRHFIN\s*=\s*([A-Z][a-z]?)")


def read_poscar(content: Content) -> Iterator[Found]:
    """Give the crystal of a POSCAR.

    Symbols are those of its sixth line; without one (VASP 4) those of the POTCAR in the same folder, or else of the
    comment, with a warning. A negative scale is the volume; three scales are one an axis.

    Raises
    ------
    InputError
        If a line is missing or damaged; the message says which.
    """
    where = content.name
    lines = content.text.split("\n")
    if len(lines) < 7:
        raise InputError(f"{where}: cannot be read as a POSCAR: it has {len(lines)} lines; at least 8 are needed")
    cell, factors = _cell(lines, where)
    names, counts, start, warnings = _species(lines, content)
    if sum(counts) > MAXIMUM_SITES:
        raise InputError(f"{where}: cannot be read: holds {sum(counts)} atoms; up to {MAXIMUM_SITES} are read")
    species = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    start += lines[start].strip()[:1] in tuple("sS") if start < len(lines) else 0
    mode = lines[start].strip()[:1] if start < len(lines) else ""
    rows = lines[start + 1 : start + 1 + len(species)]
    if len(rows) < len(species):
        raise InputError(f"{where}: cannot be read as a POSCAR: {len(species)} atoms, but {len(rows)} lines for them")
    coords = np.array(
        [floats(row.split(), 3, f"{where}, line {start + 2 + index}") for index, row in enumerate(rows)]
    ).reshape(-1, 3)
    if mode in tuple("cCkK"):
        coords = coords * factors @ np.linalg.inv(cell)
    elif mode not in tuple("dD"):
        warnings.append(f"the coordinates are {mode!r}, neither Direct nor Cartesian; Direct is taken")
    yield Found(make_crystal(cell, species, coords, where, warnings))


def _cell(lines: list[str], where: str) -> tuple[FloatArray, FloatArray]:
    """Return the lattice vectors and the factors of Cartesian coordinates, shape ``(3,)``."""
    words = lines[1].split()
    scales = floats(words, 3 if _are_numbers(words[:3]) and len(words) >= 3 else 1, f"{where}, line 2")
    rows = [floats(lines[2 + axis].split(), 3, f"{where}, line {3 + axis}") for axis in range(3)]
    cell = np.array(rows)
    volume = abs(float(np.linalg.det(cell)))
    if volume == 0 or 0 in scales or not np.isfinite(volume):
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
    factors = np.full(3, scales[0]) if len(scales) == 1 else np.array(scales)
    if len(scales) == 1 and scales[0] < 0:
        factors = np.full(3, (-scales[0] / volume) ** (1 / 3))
    return cell * factors, factors


def _species(lines: list[str], content: Content) -> tuple[list[str], list[int], int, list[str]]:
    """Return symbols, their counts, the line after them and doubts."""
    where = content.name
    words = _words(lines[5])
    if words and not words[0].isdigit():
        names = [re.split(r"[_/.-]", word)[0] for word in words]
        counts = [whole(word, f"{where}, line 7: number of atoms") for word in _words(lines[6])]
        if len(names) != len(counts):
            raise InputError(f"{where}: names {len(names)} elements and {len(counts)} numbers of atoms")
        return names, counts, 7, []
    counts = [whole(word, f"{where}, line 6: number of atoms") for word in words]
    if not counts:
        raise InputError(f"{where}: cannot be read as a POSCAR: line 6 names no elements; write their symbols")
    found = _potcar(content)
    if len(found) == len(counts):
        return found, counts, 6, []
    symbols = [word for word in _words(lines[0]) if word in NUMBERS or word == "D"]
    if len(symbols) == len(counts):
        return (
            symbols,
            counts,
            6,
            [f"the elements {' '.join(symbols)} are those of the comment line; the file names none"],
        )
    raise InputError(
        f"{where}: names no elements (VASP 4); put its POTCAR into the folder, or write the symbols above the numbers"
    )


def _potcar(content: Content) -> list[str]:
    """Return the elements of the POTCAR in the same folder, on disk or in an archive; none where there is none."""
    return [match.decode() for match in TITLE.findall(content.beside("POTCAR", LARGEST_POTCAR) or b"")]


def _words(line: str) -> list[str]:
    return re.split(r"[!#]", line)[0].split()


def _are_numbers(words: list[str]) -> bool:
    return all(re.fullmatch(r"[+-]?[\d.]+(?:[eEdD][+-]?\d+)?", word) for word in words)
