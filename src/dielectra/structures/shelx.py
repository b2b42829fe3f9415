"""Read SHELX instruction and result files (``.res``, ``.ins``), as AIRSS writes them too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dielectra.crystal import atomic_number, cell_of_parameters, make_crystal
from dielectra.errors import InputError
from dielectra.structures.cif_sites import Site, fill_cell
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.numbers import floats
from dielectra.structures.operations import Operations, are_a_group, parse_operations, product

CENTRINGS = {
    1: ("x,y,z",),
    2: ("x,y,z", "x+1/2,y+1/2,z+1/2"),
    3: ("x,y,z", "x+2/3,y+1/3,z+1/3", "x+1/3,y+2/3,z+2/3"),
    4: ("x,y,z", "x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "x+1/2,y+1/2,z"),
    5: ("x,y,z", "x,y+1/2,z+1/2"),
    6: ("x,y,z", "x+1/2,y,z+1/2"),
    7: ("x,y,z", "x+1/2,y+1/2,z"),
}
"""Centring of the lattice types of the LATT instruction: P, I, R, F, A, B, C."""

INSTRUCTIONS = frozenset(
    ("UNIT", "FVAR", "PLAN", "WGHT", "EXTI", "LIST", "OMIT", "SIZE", "AFIX", "PART", "RESI", "MERG")
)
"""Instructions after SFAC whose numbers might be taken for those of an atom."""

FIXED = 10.0
"""SHELX adds this to a coordinate or an occupancy that it does not refine, and multiples to free variables."""

PEAK = re.compile(r"Q\d+", re.I)
"""Label of a maximum of the electron density, which is no atom."""


def read_shelx(content: Content) -> Iterator[Found]:
    """Give the crystal of a SHELX file: its sites under LATT and SYMM, full occupancy by the site's multiplicity.

    Raises
    ------
    InputError
        If the cell or an atom is damaged, or a site is partially occupied.
    """
    where = content.name
    lines = list(_joined(content.text))
    keyed = {words[0][:4].upper(): words[1:] for words in lines}
    if "CELL" not in keyed:
        raise InputError(f"{where}: has no CELL instruction; give the lattice")
    parameters = floats(keyed["CELL"][-6:], 6, f"{where}: CELL")
    cell = cell_of_parameters(parameters[:3], parameters[3:], where)
    operations = _operations(lines, where)
    elements = _elements(lines)
    sites, occupancies = [], []
    for words in _atom_lines(lines):
        index = int(words[1])
        if not 1 <= index <= len(elements):
            raise InputError(f"{where}: atom {words[0]}: SFAC names {len(elements)} elements, not {index}")
        numbers = floats(words[2:], 3, f"{where}: atom {words[0]}")
        occupancy = floats(words[5:6] or ["11"], 1, f"{where}: occupancy of atom {words[0]}")[0]
        if max(map(abs, (*numbers, occupancy))) > 1.5 * FIXED:
            raise InputError(
                f"{where}: atom {words[0]} depends on a free variable (FVAR), as disordered sites do; "
                "give an ordered structure"
            )
        position = np.array([value - FIXED if abs(value - FIXED) < 5 else value for value in numbers])
        sites.append(Site(words[0], atomic_number(elements[index - 1].capitalize(), where), position))
        occupancies.append(occupancy % FIXED)
    if not sites:
        raise InputError(f"{where}: holds no atoms")
    _refuse_missing(elements, keyed.get("UNIT", []), {site.number for site in sites}, where)
    for site, occupancy in zip(sites, occupancies, strict=True):
        share = len(fill_cell([site], operations, cell, where)[0]) / len(operations)
        if min(abs(occupancy - 1.0), abs(occupancy - share)) > 0.01:
            raise InputError(f"{where}: has partially occupied sites ({site.label}); give an ordered structure")
    yield Found(make_crystal(cell, *fill_cell(sites, operations, cell, where), where))


def _joined(text: str) -> Iterator[list[str]]:
    """Yield the words of every instruction up to HKLF or END; a line that ends with ``=`` goes on."""
    waiting = ""
    for line in text.split("\n"):
        plain = waiting + line.split("!")[0].rstrip()
        waiting = plain[:-1] if plain.endswith("=") and len(plain) < 1000 else ""
        if not waiting and plain.strip():
            words = plain.split()
            if words[0][:4].upper() in ("END", "HKLF"):
                return
            yield words


def _atom_lines(lines: list[list[str]]) -> Iterator[list[str]]:
    """Yield the lines that name an atom, the number of its element, and at least three coordinates."""
    after = False
    for words in lines:
        is_atom = len(words) >= 5 and words[1].isdigit() and len(words[1]) < 4
        if after and is_atom and words[0][:4].upper() not in INSTRUCTIONS and not PEAK.fullmatch(words[0]):
            yield words
        after = after or words[0].upper() == "SFAC"


def _elements(lines: list[list[str]]) -> list[str]:
    """Return the symbols of SFAC; an instruction with scattering factors names one."""
    found = []
    for words in (words[1:] for words in lines if words[0].upper() == "SFAC"):
        found += words if all(word.isalpha() for word in words) else words[:1]
    return found


def _refuse_missing(elements: list[str], units: list[str], numbers: set[int], where: str) -> None:
    """Raise InputError where UNIT counts atoms of an element that has no site."""
    for symbol, count in zip(elements, units, strict=False):
        if floats([count], 1, f"{where}: UNIT")[0] and atomic_number(symbol.capitalize(), where) not in numbers:
            raise InputError(f"{where}: UNIT counts {count} atoms of {symbol}, but no site is one; add its sites")


def _operations(lines: list[list[str]], where: str) -> Operations:
    kind = next((words[1] for words in lines if words[0].upper() == "LATT" and len(words) > 1), "1")
    centring = CENTRINGS.get(int(kind.lstrip("+-"))) if kind.lstrip("+-").isdigit() and len(kind) < 4 else None
    if centring is None:
        raise InputError(f"{where}: LATT {kind[:20]}; lattice types go from 1 to 7, negative without inversion")
    triplets = ["x,y,z", *("".join(words[1:]) for words in lines if words[0].upper() == "SYMM")]
    operations = parse_operations(triplets, where)
    if not kind.startswith("-"):
        operations = product(operations, parse_operations(["x,y,z", "-x,-y,-z"], where))
    operations = product(operations, parse_operations(centring, where))
    if not are_a_group(operations):
        raise InputError(f"{where}: LATT and SYMM make no group; list all symmetry operations")
    return operations
