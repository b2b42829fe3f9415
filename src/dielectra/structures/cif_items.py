"""Items of a CIF block under one spelling of their tags, and its numbers with all they may stand for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from dielectra.crystal import MAXIMUM_SITES, refuse_too_many
from dielectra.errors import InputError

NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)(?:\(\d*\))?")
FRACTION = re.compile(r"([+-]?\d{1,6})\s*/\s*(\d{1,6})")
UNKNOWN = ("", "?", ".")
NAMING = ("_id", "_label", "_details", "_detail", "_special_details", "_symmform")
"""Ends of tags that hold names and remarks."""
EXPONENTS = str.maketrans("dD", "ee")
LONGEST_NUMBER = 60


class Block:
    """A block of a CIF: single values and columns of loops by lower-case tags in which dots are underscores.

    ``_cell.length_a`` of newer dictionaries is ``_cell_length_a`` here.
    """

    def __init__(self, block: Any, name: str) -> None:
        self.name = name
        self._pairs: dict[str, str] = {}
        self._columns: dict[str, tuple[Any, int]] = {}
        for item in block:
            if item.pair is not None:
                self._add_pair(_spelling(item.pair[0]), _text(item.pair[1]))
            elif item.loop is not None:
                self._add_loop(item.loop)

    def _add_pair(self, tag: str, value: str) -> None:
        known = self._pairs.setdefault(tag, value)
        if known != value:
            raise InputError(f"{self.name}: gives {tag} twice, {known[:40]!r} and {value[:40]!r}; keep one")

    def _add_loop(self, loop: Any) -> None:
        for index, tag in enumerate(map(_spelling, loop.tags)):
            if tag in self._columns:
                raise InputError(f"{self.name}: has two loops with {tag}; keep one")
            self._columns[tag] = (loop, index)

    def __contains__(self, tag: str) -> bool:
        return tag in self._pairs or tag in self._columns

    def value(self, *tags: str) -> str:
        """Return the first known value of the tags, empty where none is known; a loop of one row is a value."""
        for tag in tags:
            found = self._pairs.get(tag, "")
            if not found and tag in self._columns and self.n_rows(tag) == 1:
                (found,) = self.column(tag)
            if found not in UNKNOWN:
                return found
        return ""

    def tags(self, *prefixes: str) -> list[str]:
        """Return the tags with one of these beginnings that have a known value, zeros and what names rows left out."""
        found = [tag for tag in (*self._pairs, *self._columns) if tag.startswith(prefixes) and not tag.endswith(NAMING)]
        return [tag for tag in found if any(value not in (*UNKNOWN, "0") for value in self.column(tag))]

    def n_rows(self, tag: str) -> int:
        """Return the number of values that a tag has."""
        return self._columns[tag][0].length() if tag in self._columns else int(tag in self._pairs)

    def column(self, tag: str) -> list[str]:
        """Return the values of a tag, empty where it is absent.

        Raises
        ------
        InputError
            If there are more than a cell can have atoms.
        """
        if tag in self._pairs:
            return [self._pairs[tag]]
        if tag not in self._columns:
            return []
        loop, index = self._columns[tag]
        n_rows = loop.length()
        if n_rows > MAXIMUM_SITES:
            if "atom_site" in tag:
                refuse_too_many(n_rows, self.name)
            kind = "symmetry operations" if "_xyz" in tag else f"values of {tag}"
            raise InputError(f"{self.name}: lists {n_rows} {kind}; up to {MAXIMUM_SITES} are read")
        return [_text(value) for value in loop.values[index :: loop.width()]]

    def number(self, *tags: str) -> float | None:
        """Return the number that one of the tags gives, None where none does.

        Raises
        ------
        InputError
            If it is no finite number; the message names the tag.
        """
        for tag in tags:
            if text := self.value(tag):
                return number(text, f"{self.name}: {tag}")
        return None


def number(text: str, what: str) -> float:
    """Return the number of a CIF value such as ``0.25(3)``, ``.5``, ``1/3`` or ``2.5E-1``.

    Raises
    ------
    InputError
        If it is not one finite number; the message starts with `what`.
    """
    text = text.strip()
    if text in UNKNOWN:
        raise InputError(f"{what} has no value ({text or 'empty'}); write the number")
    value = _finite(text) if len(text) <= LONGEST_NUMBER else None
    if value is None:
        advice = "write a decimal point" if "," in text else "write a finite number"
        raise InputError(f"{what} is {text[:40]!r}, which is not a number; {advice}")
    return value


@lru_cache(maxsize=4096)
def _finite(text: str) -> float | None:
    """Return the number of a text, None where it is no finite one; most of a file are few: 0, 1/2, 90."""
    if match := NUMBER.fullmatch(text):
        value = float(match[1].translate(EXPONENTS))
        return value if math.isfinite(value) else None
    match = FRACTION.fullmatch(text)
    return float(Fraction(int(match[1]), int(match[2]))) if match and int(match[2]) else None


def known(values: Iterable[str]) -> list[str]:
    """Return the values without the unknown ones."""
    return [value for value in values if value not in UNKNOWN]


def _spelling(tag: str) -> str:
    return tag.lower().replace(".", "_")


def _text(value: str) -> str:
    if value.startswith(("'", '"')):
        return value[1:-1].strip()
    if not value.startswith(";"):
        return value
    import gemmi

    text: str = gemmi.cif.as_string(value)
    return text.strip()
