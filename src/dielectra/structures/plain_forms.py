"""Read crystals from the plain text of XCrySDen, FHI-aims and CASTEP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import MAXIMUM_SITES, Crystal, atomic_number, cell_of_parameters, make_crystal
from dielectra.errors import InputError
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.numbers import floats, whole
from dielectra.units import BOHR

UNITS = {"bohr": BOHR, "a0": BOHR, "ang": 1.0, "angstrom": 1.0, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10}
BLOCK = re.compile(r"^\s*%block\s+(\w+)\s*$(.*?)^\s*%endblock\s+\1\s*$", re.I | re.M | re.S)


def read_xsf(content: Content) -> Iterator[Found]:
    """Give the crystals of an XSF or animated XSF file."""
    where, lines = content.name, [line.split("#")[0].split() for line in content.text.split("\n")]
    if any(words and words[0] in ("SLAB", "POLYMER", "MOLECULE", "ATOMS") for words in lines):
        raise InputError(f"{where}: is a slab, chain or molecule; only bulk crystals are supported")
    cell: FloatArray | None = None
    n_frames = sum(words[:1] == ["PRIMCOORD"] for words in lines)
    for index, words in enumerate(lines):
        if words[:1] == ["PRIMVEC"]:
            cell = np.array([floats(row, 3, f"{where}, line {index + 2}") for row in lines[index + 1 : index + 4]])
        elif words[:1] == ["PRIMCOORD"]:
            place = f"frame {' '.join(words[1:2]) or 1}" if n_frames > 1 else ""
            try:
                yield Found(_of_xsf(lines, index, cell, where), place)
            except InputError as error:
                yield Found(error, place)


def _of_xsf(lines: list[list[str]], index: int, cell: FloatArray | None, where: str) -> Crystal:
    if cell is None or cell.shape != (3, 3):
        raise InputError(f"{where}: has no PRIMVEC before PRIMCOORD; give the lattice")
    count = whole((lines[index + 1 : index + 2] or [["nothing"]])[0][0], f"{where}: number of atoms")
    rows = [words for words in lines[index + 2 : index + 2 + min(count, MAXIMUM_SITES + 1)] if words]
    if len(rows) < min(count, MAXIMUM_SITES + 1):
        raise InputError(f"{where}: {count} atoms after PRIMCOORD, but {len(rows)} lines for them")
    species = [int(words[0]) if words[0].isdigit() and len(words[0]) < 4 else words[0] for words in rows]
    coords = np.array([floats(words[1:], 3, f"{where}: atom {number}") for number, words in enumerate(rows)])
    return _from_cartesian(cell, species, coords, where)


def read_aims(content: Content) -> Iterator[Found]:
    """Give the crystal of a ``geometry.in`` of FHI-aims."""
    where = content.name
    cell, species, coords = [], [], []
    cartesian = []
    for number, line in enumerate(content.text.split("\n"), start=1):
        words = line.split("#")[0].split()
        what = f"{where}, line {number}"
        if words[:1] == ["lattice_vector"]:
            cell.append(floats(words[1:], 3, what))
        elif words[:1] in (["atom"], ["atom_frac"]):
            coords.append(floats(words[1:], 3, what))
            species.append(re.split(r"[_.]", words[4])[0] if len(words) > 4 else "")
            cartesian.append(words[0] == "atom")
    if len(cell) != 3:
        raise InputError(f"{where}: has no lattice; give three lines with lattice_vector")
    matrix, positions = np.array(cell), np.array(coords).reshape(-1, 3)
    _refuse_flat(matrix, where)
    positions[cartesian] = positions[cartesian] @ np.linalg.inv(matrix)
    yield Found(make_crystal(matrix, species, positions, where))


def read_castep(content: Content) -> Iterator[Found]:
    """Give the crystal of a ``.cell`` file of CASTEP."""
    where = content.name
    text = re.sub(r"[#!;].*|^\s*COMMENT.*", "", content.text, flags=re.M)
    blocks = {name.lower(): body for name, body in BLOCK.findall(text)}
    cell = _castep_cell(blocks, where)
    key = next((key for key in ("positions_frac", "positions_abs") if key in blocks), None)
    if key is None:
        raise InputError(f"{where}: holds no atoms; a .cell file needs a block POSITIONS_FRAC or POSITIONS_ABS")
    factor, rows = _unit(blocks[key], f"{where}: {key.upper()}")
    if any("mixture" in " ".join(words).lower() for words in rows):
        raise InputError(f"{where}: has partially occupied sites (MIXTURE); give an ordered structure")
    species = [re.split(r"[:_]", words[0])[0] for words in rows]
    species = [int(name) if name.isdigit() and len(name) < 4 else name.capitalize() for name in species]
    coords = np.array([floats(words[1:], 3, f"{where}: atom {index}") for index, words in enumerate(rows)])
    if key == "positions_frac":
        yield Found(make_crystal(cell, species, coords, where))
    else:
        yield Found(_from_cartesian(cell, species, coords * factor, where))


def _castep_cell(blocks: dict[str, str], where: str) -> FloatArray:
    if "lattice_cart" in blocks:
        factor, rows = _unit(blocks["lattice_cart"], f"{where}: LATTICE_CART")
        if len(rows) != 3:
            raise InputError(f"{where}: LATTICE_CART has {len(rows)} vectors; a lattice has 3")
        return np.array([floats(words, 3, f"{where}: LATTICE_CART") for words in rows]) * factor
    if "lattice_abc" in blocks:
        factor, rows = _unit(blocks["lattice_abc"], f"{where}: LATTICE_ABC")
        if len(rows) != 2:
            raise InputError(f"{where}: LATTICE_ABC has {len(rows)} lines; give lengths and angles")
        lengths, angles = (floats(words, 3, f"{where}: LATTICE_ABC") for words in rows)
        return cell_of_parameters([length * factor for length in lengths], angles, where)
    raise InputError(f"{where}: has no lattice; a .cell file needs a block LATTICE_CART or LATTICE_ABC")


def _unit(body: str, what: str) -> tuple[float, list[list[str]]]:
    """Return the factor to angstrom that the first line of a block may name, and the words of the other lines."""
    rows = [line.split() for line in body.split("\n") if line.strip()]
    if not rows or len(rows[0]) != 1:
        return 1.0, rows
    unit = rows[0][0].lower()
    if unit not in UNITS:
        raise InputError(f"{what}: unknown unit {unit[:20]!r}; units of length are {', '.join(UNITS)}")
    return UNITS[unit], rows[1:]


def _from_cartesian(cell: FloatArray, species: list[int | str], coords: FloatArray, where: str) -> Crystal:
    _refuse_flat(cell, where)
    if not species:
        raise InputError(f"{where}: holds no atoms")
    numbers = [atomic_number(name, where) for name in species]
    return make_crystal(cell, numbers, coords @ np.linalg.inv(cell), where)


def _refuse_flat(cell: FloatArray, where: str) -> None:
    if not abs(np.linalg.det(cell)) > 1e-3:
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
