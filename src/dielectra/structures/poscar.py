"""Read POSCAR and CONTCAR of VASP, of every version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import MAXIMUM_SITES, Crystal, make_crystal
from dielectra.elements import NUMBERS
from dielectra.errors import InputError
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.numbers import floats, whole

LARGEST_POTCAR = 2**27
VALENCE = re.compile(rb"VRHFIN\s*=\s*([A-Z][a-z]?)")
TITLE = re.compile(rb"TITEL\s*=\s*\S+\s+([A-Z][a-z]?)")
FRAME = re.compile(r"\s*Direct\s+configuration", re.I)
FLAGS = frozenset(("T", "F", ".T.", ".F.", ".TRUE.", ".FALSE."))
SYMBOL = re.compile(r"[A-Z][a-z]?")


class Species(NamedTuple):
    """What the head of a POSCAR says of its atoms: symbols (none in VASP 4), their counts, and the line after them."""

    names: list[str]
    counts: list[int]
    end: int


def read_poscar(content: Content) -> Iterator[Found]:
    """Give the crystal of a POSCAR or CONTCAR, or those of an XDATCAR.

    Symbols are those of the sixth line; without one (VASP 4) those of the POTCAR in the same folder, else, with a
    warning, those behind the coordinates or of the comment. A negative scale is the volume; three scales are one an
    axis.

    Raises
    ------
    InputError
        If a line is missing or damaged; the message says which.
    """
    frames = list(_frames(content.text.split("\n")))
    potcar = _potcar(content) if len(frames[0]) > 5 and not _names_elements(frames[0][5]) else []
    for index, lines in enumerate(frames):
        place = f"frame {index}" if len(frames) > 1 else ""
        try:
            yield Found(_crystal(lines, potcar, f"{content.name}, {place}" if place else content.name), place)
        except InputError as error:
            yield Found(error, place)


def _frames(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines of each frame of an XDATCAR under its head, which may change; of a POSCAR all lines."""
    marks = [index for index, line in enumerate(lines) if FRAME.match(line)]
    if len(marks) < 2:
        yield lines
        return
    head = lines[: marks[0]]
    for mark, following in zip(marks, [*marks[1:], len(lines)], strict=True):
        yield [*head, *lines[mark:following]]
        n_atoms = sum(int(word) for word in head[-1].split() if word.isdigit() and len(word) < 7) if head else 0
        rest = [line for line in lines[mark + 1 + n_atoms : following] if line.strip()]
        head = rest if len(rest) >= 6 else head


def _crystal(lines: list[str], potcar: list[str], where: str) -> Crystal:
    if len(lines) < 7:
        raise InputError(f"{where}: cannot be read as a POSCAR: it has {len(lines)} lines; at least 8 are needed")
    cell, factors = _cell(lines, where)
    species = _species(lines, where)
    n_atoms, start = sum(species.counts), species.end
    if n_atoms > MAXIMUM_SITES:
        raise InputError(f"{where}: cannot be read: holds {n_atoms} atoms; up to {MAXIMUM_SITES} are read")
    is_selective = start < len(lines) and lines[start].strip()[:1] in tuple("sS")
    start += is_selective
    mode = lines[start].strip()[:1] if start < len(lines) else ""
    rows = lines[start + 1 : start + 1 + n_atoms]
    if len(rows) < n_atoms:
        raise InputError(f"{where}: cannot be read as a POSCAR: {n_atoms} atoms, but {len(rows)} lines for them")
    coords = np.array(
        [floats(row.split(), 3, f"{where}, line {start + 2 + index}") for index, row in enumerate(rows)]
    ).reshape(-1, 3)
    symbols, warnings = _symbols(species, lines[0], _behind(rows, 6 if is_selective else 3), potcar, where)
    if mode in tuple("cCkK"):
        coords = coords * factors @ np.linalg.inv(cell)
    elif mode not in tuple("dD"):
        warnings.append(f"the coordinates are {mode!r}, neither Direct nor Cartesian; Direct is taken")
    return make_crystal(cell, symbols, coords, where, warnings)


def _cell(lines: list[str], where: str) -> tuple[FloatArray, FloatArray]:
    """Return the lattice vectors and the factors of Cartesian coordinates, shape ``(3,)``."""
    words = lines[1].split()
    scales = floats(words, 3 if _are_numbers(words[:3]) and len(words) >= 3 else 1, f"{where}, line 2")
    rows = [floats(lines[2 + axis].split(), 3, f"{where}, line {3 + axis}") for axis in range(3)]
    cell = np.array(rows)
    volume = abs(float(np.linalg.det(cell)))
    if volume == 0 or 0 in scales or not np.isfinite(volume):
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
    if len(scales) == 3 and min(scales) < 0:
        raise InputError(f"{where}, line 2: of three scales none may be negative; a volume is one negative number")
    factors = np.full(3, scales[0]) if len(scales) == 1 else np.array(scales)
    if len(scales) == 1 and scales[0] < 0:
        factors = np.full(3, (-scales[0] / volume) ** (1 / 3))
    return cell * factors, factors


def _species(lines: list[str], where: str) -> Species:
    words = _words(lines[5])
    if _names_elements(lines[5]):
        names = [re.split(r"[_/.-]", word)[0] for word in words]
        counts = [whole(word, f"{where}, line 7: number of atoms") for word in _words(lines[6])]
        if len(names) != len(counts):
            raise InputError(f"{where}: names {len(names)} elements and {len(counts)} numbers of atoms")
        return Species(names, counts, 7)
    counts = [whole(word, f"{where}, line 6: number of atoms") for word in words]
    if not counts:
        raise InputError(f"{where}: cannot be read as a POSCAR: line 6 names no elements; write their symbols")
    return Species([], counts, 6)


def _names_elements(line: str) -> bool:
    words = _words(line)
    return bool(words) and not words[0].isdigit()


def _symbols(
    species: Species, comment: str, behind: list[str], potcar: list[str], where: str
) -> tuple[list[str], list[str]]:
    """Return the symbol of each atom, and doubts: what else names elements is compared with what is taken."""

    def each(names: list[str]) -> list[str]:
        return [name for name, count in zip(names, species.counts, strict=True) for _ in range(count)]

    remark = [word for word in _words(comment) if word in NUMBERS or word == "D"]
    of_comment = each(remark) if len(remark) == len(species.counts) else []
    of_potcar = each(potcar) if len(potcar) == len(species.counts) else []
    if species.names:
        chosen, source, of_comment = each(species.names), "", []
    elif of_potcar:
        chosen, source = of_potcar, ""
    elif behind:
        chosen, source = behind, "labels behind the coordinates"
    elif of_comment:
        chosen, source = of_comment, "comment line"
    else:
        raise InputError(
            f"{where}: names no elements (VASP 4); put its POTCAR into the folder, or write the symbols above the "
            "numbers"
        )
    others = {"comment line": of_comment, "labels behind the coordinates": behind}
    doubts = [f"the elements {_each_once(chosen)} are those of the {source}; the file names none"] if source else []
    doubts += [
        f"the elements are {_each_once(chosen)}, but {_each_once(other)} by the {what}"
        for what, other in others.items()
        if other and other != chosen
    ]
    return chosen, doubts


def _behind(rows: list[str], place: int) -> list[str]:
    """Return the symbols that stand behind the coordinates, at a place in each line, if all lines have one."""
    found = []
    for row in rows:
        words = _words(row)[place:]
        match = SYMBOL.match(words[0]) if words and not FLAGS.issuperset(words[:3]) else None
        if match is None or (match[0] not in NUMBERS and match[0] != "D"):
            return []
        found.append(match[0])
    return found


def _potcar(content: Content) -> list[str]:
    """Return the elements of the POTCAR in the same folder, on disk or in an archive; none where there is none."""
    text = content.beside("POTCAR", LARGEST_POTCAR) or b""
    return [match.decode() for match in VALENCE.findall(text) or TITLE.findall(text)]


def _each_once(symbols: list[str]) -> str:
    return " ".join(dict.fromkeys(symbols))


def _words(line: str) -> list[str]:
    return re.split(r"[!#]", line)[0].split()


def _are_numbers(words: list[str]) -> bool:
    return all(re.fullmatch(r"[+-]?[\d.]+(?:[eEdD][+-]?\d+)?", word) for word in words)
