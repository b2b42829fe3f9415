"""Warnings and refusals of many crystals, grouped by kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_PROBLEMS = 20
"""Problems that are told one by one."""


@dataclass
class _Group:
    first_name: str
    first_note: str
    count: int = 0


class Doubts:
    """Collects the warnings of predictions; a warning that many crystals share is printed once."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._n_crystals = 0

    def add(self, name: str, notes: Sequence[str]) -> None:
        """Take the warnings of a crystal."""
        self._n_crystals += 1
        for kind, note in {kind_of(note): note for note in notes}.items():
            self._groups.setdefault(kind, _Group(name, note)).count += 1

    def lines(self) -> list[str]:
        """Return ``MgO.cif: note``, or ``169 of 200, first MgO.cif: note``; the commonest first."""
        ordered = sorted(self._groups.values(), key=lambda group: -group.count)
        return [
            f"{group.first_name}: {group.first_note}"
            if group.count == 1
            else f"{group.count} of {self._n_crystals}, first {group.first_name}: {group.first_note}"
            for group in ordered
        ]


def kind_of(note: str) -> str:
    """Return a warning without what differs from one crystal to the next: elements, numbers, names."""
    note = re.sub(r"\b[A-Z][a-z]?(, [A-Z][a-z]?)*(?= (not|is|are|in|among))", "...", note)
    return re.sub(r"'[^']*'|\([^()]*\)|\d[\d.e+-]*", "...", note)


def told(problems: Sequence[str]) -> list[str]:
    """Return problems one by one up to a number, then how many there are more."""
    if len(problems) <= MOST_PROBLEMS:
        return list(problems)
    return [*problems[:MOST_PROBLEMS], f"and {len(problems) - MOST_PROBLEMS} more"]
