"""Read the atom sites of a CIF block and carry them through a cell by symmetry operations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dielectra.arrays import BoolArray, FloatArray, IntArray
from dielectra.crystal import FARTHEST_COORDINATE, ISOTOPES, refuse_too_many
from dielectra.errors import InputError
from dielectra.structures.cif_items import UNKNOWN, Block, number
from dielectra.structures.operations import Operations

SAME_SITE = 0.1
"""Distance in angstrom within which two sites of a CIF are one atom."""

ROUNDING = 1e-6
"""Fraction of a lattice vector below which numbers differ by rounding."""

PLACES = np.array([1, 2**21, 2**42])
"""Factors that make one integer of three that count steps of that rounding."""

AXES = ("x", "y", "z")
NOWHERE = np.zeros(0, bool)
FRACTIONAL = tuple(f"_atom_site_fract_{axis}" for axis in AXES)
CARTESIAN = tuple(f"_atom_site_cartn_{axis}" for axis in AXES)
MIXING = re.compile(r"[A-Z][a-z]?[\d.+-]*\s*[,;/|&+]\s*\(?[A-Z]")
AMOUNTS = re.compile(r"[A-Z][a-z]?\d*\.\d+")
GROUPS = ("OH", "NH", "CH", "H2O", "WAT", "AQ", "OH2", "NH4", "NH3", "NH2", "CH3", "CH2")
"""Symbols of groups of atoms that stand for hydrogens without positions of their own."""


class Site(NamedTuple):
    """One atom of the asymmetric unit: its label, atomic number and fractional position of shape ``(3,)``."""

    label: str
    number: int
    position: FloatArray


class Sites(NamedTuple):
    """The atoms of the asymmetric unit, with doubts about them."""

    sites: list[Site]
    warnings: list[str]


def read_sites(block: Block, elements: frozenset[str], cell: FloatArray) -> Sites:
    """Return the sites of a block.

    Parameters
    ----------
    elements
        Chemical symbols of the file's formula; they decide what a label such as ``CA1`` means.
    cell
        Lattice vectors as rows, shape ``(3, 3)``; for files with Cartesian coordinates.

    Raises
    ------
    InputError
        If there are none, a number is missing or damaged, an element is unknown, or a site is disordered. The message
        names the site.
    """
    columns = _coordinate_columns(block)
    symbols, flags = block.column("_atom_site_type_symbol"), block.column("_atom_site_calc_flag")
    labels = block.column("_atom_site_label") or symbols or [str(index) for index in range(len(columns[0]))]
    if {len(column) for column in (*columns, labels, symbols or labels, flags or labels)} != {len(labels)}:
        raise InputError(f"{block.name}: labels, types and coordinates of its atoms are not of one length")
    _refuse_disorder(block, labels)
    to_fractional = None if FRACTIONAL[0] in block else np.linalg.inv(cell)
    sites, warnings = [], list(_label_doubts(labels, symbols))
    for index, (label, *texts) in enumerate(zip(labels, *columns, strict=True)):
        where = f"{block.name}: atom {label[:40]}"
        if flags and flags[index].lower() == "dum":
            warnings.append(f"site {label[:40]} is a dummy by its _atom_site_calc_flag and is left out")
            continue
        if all(text in UNKNOWN for text in texts):
            raise InputError(f"{where} has no coordinates; give its position, or leave it out")
        position = np.array([number(text, f"{where}: {axis}") for axis, text in zip(AXES, texts, strict=True)])
        if to_fractional is not None:
            position = position @ to_fractional
        if np.abs(position).max() > FARTHEST_COORDINATE:
            raise InputError(f"{where} is far outside the cell ({', '.join(texts)}); give fractional coordinates")
        symbol = symbols[index] if symbols and symbols[index] not in UNKNOWN else ""
        sites.append(Site(label[:40], _atomic_number(symbol, label, elements, where), position))
    if not sites:
        raise InputError(f"{block.name}: holds no atoms; a CIF needs an _atom_site loop with fractional coordinates")
    return Sites(sites, warnings)


def refuse_without_sites(block: Block) -> None:
    """Raise InputError for a block without any coordinates."""
    if not any(tag in block for tag in (*FRACTIONAL, *CARTESIAN)):
        raise InputError(f"{block.name}: holds no atoms; a CIF needs an _atom_site loop with fractional coordinates")


def fill_cell(sites: list[Site], operations: Operations, cell: FloatArray, where: str) -> tuple[IntArray, FloatArray]:
    """Carry sites through the cell; return atomic numbers, shape ``(n,)``, and fractional coordinates, ``(n, 3)``.

    An image is one atom with another within 0.1 angstrom. A site as near to a special position lies on it: 0.333 is
    1/3. A site that the operations had made of an earlier one is left out.

    Raises
    ------
    InputError
        If there are too many atoms, or two sites of different elements share a position.
    """
    numbers, coords = np.zeros(0, np.int64), np.zeros((0, 3))
    owners: list[str] = []
    for site in sites:
        there = coincide(site.position, coords, cell) if owners else NOWHERE
        if there.any():
            other = int(there.argmax())
            if numbers[other] != site.number:
                raise InputError(
                    f"{where}: sites {owners[other]} and {site.label} share a position, "
                    "as partially occupied sites do; give an ordered structure"
                )
            continue
        images = _each_once(_images(site.position, operations, cell), cell)
        refuse_too_many(len(numbers) + len(images), where)
        coords = np.concatenate([coords, images])
        numbers = np.append(numbers, np.full(len(images), site.number))
        owners += [site.label] * len(images)
    return numbers, coords


def _each_once(images: FloatArray, cell: FloatArray) -> FloatArray:
    """Return images without those that coincide with an earlier one."""
    if len(images) == 1 or coincide(images[:, None], images, cell).sum() == len(images):
        return images
    kept = []
    while len(images):
        kept.append(images[0])
        images = images[~coincide(images[0], images, cell)]
    return np.array(kept)


def _images(position: FloatArray, operations: Operations, cell: FloatArray) -> FloatArray:
    """Return where operations carry a position, in their order; equal ones to the last digits once.

    A position within 0.1 angstrom of images of its own is first put at their mean, which is the special position.
    """
    images, steps = _orbit(operations, *position.tolist())
    vectors = steps @ cell
    near = steps[np.einsum("ij,ij->i", vectors, vectors) < SAME_SITE**2]
    if np.abs(near).max() > ROUNDING:
        images, _ = _orbit(operations, *(position + near.mean(axis=0)).tolist())
    return images


@lru_cache(maxsize=1024)
def _orbit(operations: Operations, *position: float) -> tuple[FloatArray, FloatArray]:
    """Return the images of a position, equal ones once, and the steps of all to them, less lattice vectors.

    The blocks of a file often share special positions.
    """
    images = operations.images(np.array(position))
    steps = images - position
    places = np.rint((images % 1.0) / ROUNDING).astype(np.int64) @ PLACES
    return images[np.sort(np.unique(places, return_index=True)[1])], steps - np.rint(steps)


def coincide(position: FloatArray, others: FloatArray, cell: FloatArray) -> BoolArray:
    """Return which of other fractional positions, shape ``(n, 3)``, lie on one of them modulo the lattice."""
    steps = others - position
    vectors = (steps - np.rint(steps)) @ cell
    return np.asarray(np.einsum("...i,...i", vectors, vectors) < SAME_SITE**2)


def _coordinate_columns(block: Block) -> list[list[str]]:
    for tags in (FRACTIONAL, CARTESIAN):
        present = [tag for tag in tags if tag in block]
        if len(present) == 3:
            if tags is CARTESIAN and "_atom_sites_cartn_transf_matrix_11" in block:
                break
            return [block.column(tag) for tag in tags]
        if present:
            missing = next(tag for tag in tags if tag not in present)
            raise InputError(f"{block.name}: has no {missing}; give all three coordinates")
    raise InputError(f"{block.name}: has no {FRACTIONAL[0]}; give fractional coordinates of its atoms")


def _refuse_disorder(block: Block, labels: list[str]) -> None:
    advice = "give an ordered structure"
    occupancies = block.column("_atom_site_occupancy")
    for label, text in zip(labels, occupancies, strict=False):
        occupancy = 1.0 if text in UNKNOWN else number(text, f"{block.name}: occupancy of atom {label}")
        if abs(occupancy - 1.0) > 1e-3:
            raise InputError(
                f"{block.name}: has partially occupied sites ({label or 'one'} with occupancy {occupancy:g}); {advice}"
            )
    for label in [*labels, *block.column("_atom_site_type_symbol")]:
        if MIXING.search(label[:80]) or AMOUNTS.match(label[:80]):
            raise InputError(f"{block.name}: site {label[:40]!r} is mixed by its label, so disordered; {advice}")
    groups: dict[str, set[str]] = {}
    assemblies = block.column("_atom_site_disorder_assembly")
    for index, group in enumerate(block.column("_atom_site_disorder_group")):
        if group not in (*UNKNOWN, "0"):
            groups.setdefault(assemblies[index] if assemblies else "", set()).add(group)
    if any(len(group) > 1 for group in groups.values()):
        raise InputError(f"{block.name}: has disorder groups, of which one at a time is present; {advice}")
    for label, text in zip(labels, block.column("_atom_site_attached_hydrogens"), strict=False):
        if text not in UNKNOWN and number(text, f"{block.name}: attached hydrogens of atom {label}") > 0:
            raise InputError(f"{block.name}: atom {label} has {text} hydrogens without positions; give their sites")


def _label_doubts(labels: list[str], symbols: list[str]) -> Iterator[str]:
    from ase.data import atomic_numbers

    for label, symbol in zip(labels, symbols, strict=False):
        match = re.match(r"([A-Z][a-z])(?![a-z])", label)
        if not match or match[1] not in atomic_numbers or symbol in UNKNOWN:
            continue
        if not symbol.lower().startswith(match[1].lower()) and not symbol.startswith(label[0]):
            yield f"site {label[:40]} is of type {symbol[:20]}; the type is used"


def _atomic_number(symbol: str, label: str, elements: frozenset[str], where: str) -> int:
    """Return the atomic number of a type symbol, or else of a label such as ``Mg1`` or ``O2W``."""
    from ase.data import atomic_numbers

    if symbol:
        letters = re.match(r"[A-Za-z]*", symbol)
        plain = letters[0].capitalize() if letters else ""
        found = ISOTOPES.get(plain) or atomic_numbers.get(plain, 0)
        if found and re.fullmatch(r"[A-Za-z]+(?:\d*\.?\d*[+-]?|[+-]?\d*)", symbol):
            return found
        if symbol.upper().rstrip("0123456789+-") in GROUPS or symbol.upper() in GROUPS:
            raise InputError(f"{where}: {symbol} is a group of atoms; give a site for each of them")
        raise InputError(f"{where}: unknown element {symbol[:20]!r}; give a chemical symbol such as 'Si'")
    letters = re.match(r"[A-Za-z]+", label)
    if letters is None:
        raise InputError(f"{where}: unknown element {label[:20]!r}; give _atom_site_type_symbol")
    if letters[0].upper() in GROUPS or label.upper() in GROUPS:
        raise InputError(f"{where}: {label} is a group of atoms; give a site for each of them")
    return _of_label(letters[0], elements, where)


def _of_label(letters: str, elements: frozenset[str], where: str) -> int:
    from ase.data import atomic_numbers

    numbers = atomic_numbers | {"D": 1}  # T is more often a tetrahedral site than tritium
    one, two = letters[:1].upper(), letters[:2].capitalize()
    candidates = [symbol for symbol in dict.fromkeys((two, one)) if numbers.get(symbol, 0)]
    rest = letters[2:4].capitalize()
    if len(letters) == 4 and letters[1].islower() and letters[2].isupper() and rest in numbers and two in numbers:
        raise InputError(f"{where}: site {letters!r} is mixed by its label, so disordered; give an ordered structure")
    inside = [symbol for symbol in candidates if symbol in elements]
    if len(inside) == 1 or (inside and letters[1:2].islower()):
        return numbers[inside[0]]
    if not candidates:
        raise InputError(f"{where}: unknown element {letters[:20]!r}; give _atom_site_type_symbol")
    if len(candidates) == 2 and not letters[1].islower():
        raise InputError(f"{where}: its label may mean {' or '.join(candidates)}; give _atom_site_type_symbol")
    return numbers[candidates[0]]
