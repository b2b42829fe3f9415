"""The settings of the space groups that gemmi and spglib list, each worked out once."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from dielectra.structures.operations import DENOMINATOR, Operations, of_gemmi


class Setting(NamedTuple):
    """A space group in one setting.

    Attributes
    ----------
    name, number
        Its Hermann-Mauguin symbol, with a code of origin or axes where there is a choice, and its number (1-230).
    operations
        Its operations.
    keys
        The operations as a set: equal sets are equal groups in equal settings.
    """

    name: str
    number: int
    operations: Operations
    keys: frozenset[tuple[int, ...]]


def make_setting(name: str, number: int, operations: Operations) -> Setting:
    """Return a setting of operations under a name."""
    return Setting(name, number, operations, operations.keys())


@cache
def groups() -> tuple[Any, ...]:
    """Return the rows of gemmi's table: 564 settings of the 230 groups."""
    import gemmi

    return tuple(gemmi.spacegroup_table())


@cache
def settings_of_number(number: int) -> tuple[Setting, ...]:
    """Return all settings of a group by its number, none where there is no such group."""
    return tuple(_setting(index) for index in _rows_by_number().get(number, ()))


@cache
def settings_named(number: int, symbol: str) -> tuple[Setting, ...]:
    """Return the settings of a group that share a Hermann-Mauguin symbol of gemmi: its choices of origin and axes."""
    return tuple(_setting(index) for index in _rows_by_number().get(number, ()) if groups()[index].hm == symbol)


@cache
def standard_symbol(number: int) -> str:
    """Return the Hermann-Mauguin symbol of the standard setting of a group."""
    return next(str(group.hm) for group in groups() if group.number == number and group.is_reference_setting())


def group_of(keys: frozenset[tuple[int, ...]]) -> Any:
    """Return the row of gemmi's table that has these operations, None where there is none."""
    return _rows_by_keys().get(keys)


def name_of(operations: Operations, number: int) -> str:
    """Return what to call the group that operations form."""
    group = group_of(operations.keys())
    return group.xhm() if group is not None else f"a setting of space group {number}" if number else "an unknown group"


def settings_by_full_name(name: str) -> tuple[Setting, ...]:
    """Return the settings of spglib's table with a full Hermann-Mauguin symbol, none where there is none."""
    return _full_names().get(_key(name), ())


@cache
def _rows_by_number() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups()):
        found[group.number].append(index)
    return dict(found)


@cache
def _setting(index: int) -> Setting:
    group = groups()[index]
    return make_setting(group.xhm(), group.number, of_gemmi(group.operations(), group.xhm()))


@cache
def _rows_by_keys() -> dict[frozenset[tuple[int, ...]], Any]:
    """Return the groups of gemmi's table by their operations, the first of equal ones."""
    found: dict[frozenset[tuple[int, ...]], Any] = {}
    for index, group in enumerate(groups()):
        found.setdefault(_setting(index).keys, group)
    return found


@cache
def _full_names() -> dict[str, tuple[Setting, ...]]:
    import spglib

    found: dict[str, tuple[Setting, ...]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        table = [(spglib.get_spacegroup_type(n), spglib.get_symmetry_from_database(n)) for n in range(1, 531)]
    for kind, symmetry in table:
        if kind is None or symmetry is None:
            continue
        translations = np.rint(symmetry["translations"] * DENOMINATOR).astype(np.int64) % DENOMINATOR
        operations = Operations(symmetry["rotations"].astype(np.int64), translations)
        name = f"{kind.international_full.replace('_', '')}{f':{kind.choice}' if kind.choice else ''}"
        for key in {_key(kind.international_full), _key(kind.international_full.replace("-3", "3"))}:
            found[key] = (*found.get(key, ()), make_setting(name, kind.number, operations))
    return found


def _key(name: str) -> str:
    return re.sub(r"[\s_]", "", name).lower()
