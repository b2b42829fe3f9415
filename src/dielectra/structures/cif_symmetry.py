"""Find the space group of a CIF block from everything the file says about it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.structures.cif_items import Block, known
from dielectra.structures.operations import (
    IDENTITY,
    are_a_group,
    fit,
    of_gemmi,
    parse_operations,
    product,
    space_group_number,
)
from dielectra.structures.space_groups import (
    Setting,
    group_of,
    make_setting,
    name_of,
    settings_by_full_name,
    settings_named,
    settings_of_number,
    standard_symbol,
)

LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop_xyz")
MAGNETIC = ("_space_group_symop_magn_operation_xyz",)
MAGNETIC_CENTRING = ("_space_group_symop_magn_centering_xyz",)
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NAMES = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
)
NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
CODE = ("_space_group_it_coordinate_system_code", "_symmetry_it_coordinate_system_code")
MODULATED = (
    *("_cell_modulation_dimension", "_cell_wave_vector", "_cell_commen", "_cell_subsystem"),
    *("_space_group_ssg_", "_space_group_symop_ssg_", "_space_group_magn_ssg_", "_space_group_symop_magn_ssg_"),
    *("_atom_site_fourier", "_atom_site_displace", "_atom_site_occ_fourier", "_atom_site_occ_special"),
    *("_atom_site_moment_fourier", "_atom_site_moment_special", "_atom_site_rot_fourier", "_atom_site_u_fourier"),
)
"""Beginnings of tags of modulated structures."""

ANY = ("_space_group_", "_symmetry_", "_parent_", "_magnetic_")
"""Beginnings of tags of symmetry."""

SYSTEM = ("_space_group_crystal_system", "_symmetry_cell_setting")
SUFFIX = re.compile(
    r"[\s:(]*(?::\s*([12hr]|-?[abc][123]|[abc-]{3,4})|origin\s*(?:choice\s*)?([12])|o([12])|(hr|[hrsz]))\)?", re.I
)
TIME_REVERSAL = re.compile(r",\s*[+-]?1\s*$")
LONGEST_NAME = 80
CODES = {"s": "1", "z": "2", "hr": "h"}
"""Suffixes of the Inorganic Crystal Structure Database (origin at the highest site symmetry, at the centre)."""


class Symmetry(NamedTuple):
    """The settings that a file allows.

    Attributes
    ----------
    settings
        More than one where the file does not say which, or contradicts itself.
    contradiction
        A clause that says what contradicts what, empty where nothing does.
    warnings
        Doubts that go with the crystal.
    """

    settings: list[Setting]
    contradiction: str
    warnings: list[str]


def stated_symmetry(block: Block, cell: FloatArray) -> Symmetry:
    """Return what a CIF block says about its symmetry, as far as it fits the cell.

    Raises
    ------
    InputError
        If operations are damaged or form no group, a name or number is unknown, or nothing of it fits the cell.
    """
    if modulated := block.tags(*MODULATED):
        raise InputError(f"{block.name}: is a modulated structure ({modulated[0]}); give a commensurate approximant")
    listed = _listed(block)
    named = list(_named(block, cell))
    if listed is not None:
        symmetry = _listed_against_named(listed, named)
    elif named:
        symmetry = _agreed(named)
    else:
        return _without_any(block)
    fitting = [setting for setting in symmetry.settings if fit(setting.operations, cell)]
    if not fitting:
        names = " or ".join(dict.fromkeys(setting.name for setting in symmetry.settings))
        raise InputError(f"{block.name}: the cell does not fit the space group {names}; mend either")
    return symmetry._replace(settings=fitting)


def _without_any(block: Block) -> Symmetry:
    """Return the group of one operation for a file that says nothing of symmetry, or nothing but the crystal system."""
    unread = [tag for tag in block.tags(*ANY) if tag not in SYSTEM]
    if unread:
        raise InputError(
            f"{block.name}: says of its own symmetry only {unread[0]}, which is not enough; list the operations, those "
            "of a magnetic CIF with centring, or name the group"
        )
    system = block.value(*SYSTEM)
    said = f"nothing of symmetry but its crystal system {system[:20]}" if system else "nothing of symmetry"
    note = f"the file says {said}; its sites are taken as all atoms of the cell (P 1)"
    return Symmetry([make_setting("P 1", 1, IDENTITY)], "", [note])


def _listed(block: Block) -> Setting | None:
    """Return the group of the listed operations; those of magnetic groups without their time reversal."""
    for tags, centring_tags in ((MAGNETIC, MAGNETIC_CENTRING), (LISTED, ())):
        triplets = _triplets(block, tags)
        if not triplets:
            continue
        try:
            return _of_triplets(tuple(triplets), tuple(_triplets(block, centring_tags)))
        except InputError as error:
            raise InputError(f"{block.name}: {error}") from error
    if block.tags("_space_group_magn_"):
        raise InputError(f"{block.name}: a magnetic CIF without magnetic symmetry operations; list them with centring")
    return None


@lru_cache(maxsize=256)
def _of_triplets(triplets: tuple[str, ...], centring: tuple[str, ...]) -> Setting:
    """Return the group of listed operations and centring vectors; the blocks of one file often share them."""
    what = "its list of symmetry operations"
    operations = parse_operations(triplets, what)
    if centring:
        operations = product(operations, parse_operations(centring, what))
    if not are_a_group(operations):
        raise InputError(f"the {len(operations)} listed symmetry operations are not a group; list all of them")
    number = space_group_number(operations)
    return make_setting(name_of(operations, number), number, operations)


def _triplets(block: Block, tags: Iterable[str]) -> list[str]:
    """Return the operations under the first tag that has any; time reversal is cut off."""
    for tag in tags:
        values = block.column(tag)
        if known(values):
            return [TIME_REVERSAL.sub("", value) if value.count(",") == 3 else value for value in values]
    return []


def _named(block: Block, cell: FloatArray) -> Iterator[tuple[str, list[Setting]]]:
    """Yield what names the group, in words, and the settings it may mean."""
    numbers = set()
    if hall := block.value(*HALL):
        setting = _of_hall(hall, block.name)
        numbers.add(setting.number)
        yield f"Hall symbol {hall}", [setting]
    for name in dict.fromkeys(block.value(tag) for tag in NAMES):
        if name:
            settings = _of_name(name, cell)
            if not settings:
                raise InputError(
                    f"{block.name}: unknown space group {name[:40]!r}; list its symmetry operations or write a name "
                    "such as 'F m -3 m'"
                )
            numbers |= {setting.number for setting in settings}
            yield f"name {name}", settings
    number = block.number(*NUMBER)
    numbers |= {int(number)} if number else set()
    code = block.value(*CODE).lower()
    coded = [setting for n in sorted(numbers if code else ()) for setting in settings_of_number(n)]
    coded = [setting for setting in coded if _has_code(setting, CODES.get(code, code))]
    if coded:
        yield f"coordinate system code {code}", coded
    if number:
        settings = list(settings_of_number(int(number))) if number == int(number) else []
        if not settings:
            raise InputError(f"{block.name}: space group number {number:g}; they go from 1 to 230")
        yield f"number {number:g}", settings if coded else _standard(settings, cell)


def _listed_against_named(listed: Setting, named: list[tuple[str, list[Setting]]]) -> Symmetry:
    against = [(what, settings) for what, settings in named if all(s.number != listed.number for s in settings)]
    if against:
        words = f"the listed operations form {listed.name}, but the file gives the {against[0][0]}"
        return Symmetry([listed, *against[0][1]], words, [])
    notes = [
        f"the listed operations are those of {listed.name}, another setting than that of the {what}; they are used"
        for what, settings in named
        if not what.startswith("number") and all(s.keys != listed.keys for s in settings)
    ]
    return Symmetry([listed], "", notes[:1])


def _agreed(named: list[tuple[str, list[Setting]]]) -> Symmetry:
    """Return the settings that all names allow; a number alone allows every setting of its group."""
    what, settings = named[0]
    agreed = settings
    for other, others in named[1:]:
        numbers, keys = {s.number for s in others}, {s.keys for s in others}
        by_number = other.startswith("number")
        agreed = [s for s in agreed if (s.number in numbers if by_number else s.keys in keys)]
        if not agreed:
            return Symmetry([*settings, *others], f"{what} and {other} are different groups or settings", [])
    notes = []
    if what.startswith("number") and len(settings_of_number(agreed[0].number)) > len(agreed):
        notes.append(f"only the number of the space group is given; its standard setting {agreed[0].name} is taken")
    return Symmetry(agreed, "", notes)


def _of_hall(symbol: str, where: str) -> Setting:
    import gemmi

    try:
        operations = of_gemmi(gemmi.symops_from_hall(symbol[:LONGEST_NAME].replace("_", " ")), where)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{where}: unknown Hall symbol {symbol[:40]!r} ({error}); list the operations") from error
    number = space_group_number(operations)
    return make_setting(name_of(operations, number), number, operations)


def _of_name(name: str, cell: FloatArray) -> list[Setting]:
    """Return the settings that a Hermann-Mauguin symbol may mean: short, full, old, with or without a suffix."""
    if len(name) > LONGEST_NAME:
        return []
    plain, code = _without_suffix(_spelling(name))
    settings = _of_symbol(plain, cell)
    if plain[:1] in "Hh" and not code:
        code = "h"
    return [setting for setting in settings if _has_code(setting, code)] if code else settings


def _of_symbol(symbol: str, cell: FloatArray) -> list[Setting]:
    import gemmi

    alpha, gamma = _angle(cell[1], cell[2]), _angle(cell[0], cell[1])
    group = gemmi.find_spacegroup_by_name(symbol, alpha, gamma)
    if group is not None:
        return list(settings_named(group.number, group.hm))
    return list(settings_by_full_name(symbol))


def _angle(one: FloatArray, other: FloatArray) -> float:
    """Return the angle between two vectors in degrees."""
    cosine = float(one @ other) / math.sqrt(float((one @ one) * (other @ other)))
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))


def _spelling(name: str) -> str:
    """Return a Hermann-Mauguin symbol without decoration: subscripts, bars, quotes, a number in brackets."""
    name = " ".join(name.split())
    name = re.sub(r"\((?:no\.?\s*)?#?\d+\)\s*$|<[^>]*>|[_'\"{}$\\]", "", name, flags=re.I)
    name = re.sub(r"(\d)\s*(?:bar|\u0305|\u0304)", r"-\1", name)
    return re.sub(r"[\u2010-\u2015\u2212]", "-", name).strip()


def _without_suffix(name: str) -> tuple[str, str]:
    for start in range(1, len(name)):
        match = SUFFIX.fullmatch(name, start)
        if match:
            code = next(group for group in match.groups() if group).lower()
            return name[:start], CODES.get(code, code)
    return name, ""


def _has_code(setting: Setting, code: str) -> bool:
    """Return whether a setting has an origin or axes code; groups that have no choice have every code."""
    if not code:
        return True
    group = group_of(setting.keys)
    if group is None:
        return False
    if code == "abc":
        return not group.qualifier
    if code in ("1", "2", "h", "r"):
        return group.ext.strip("\0").lower() in ("", code)
    return bool(group.qualifier == code)


def _standard(settings: list[Setting], cell: FloatArray) -> list[Setting]:
    """Return the standard setting of a group with each choice of origin and axes, others where that does not fit."""
    number = settings[0].number
    chosen = list(settings_named(number, standard_symbol(number)))
    if any(fit(setting.operations, cell) for setting in chosen):
        return chosen
    return [setting for setting in settings if fit(setting.operations, cell)] or chosen
