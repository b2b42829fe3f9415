"""Chemistry classes of crystals, defined once for the census of a data set and for scores by class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dielectra.elements import SYMBOLS, table_position

D_BLOCK = frozenset(SYMBOLS[n] for n in range(1, 113) if 3 <= table_position(n)[1] <= 12) | {"La"}
"""Groups 3 to 12, zinc, cadmium and mercury included."""

F_BLOCK = frozenset(SYMBOLS[n] for n in range(58, 71))
"""Ce to Yb."""


class ChemistryClass(NamedTuple):
    """A class of crystals by the elements in them.

    Attributes
    ----------
    name
        In the plural, as in tables.
    any_of
        Elements of which at least one is there.
    none_of
        Elements of which none is there: those that are the anion in its stead.
    """

    name: str
    any_of: frozenset[str]
    none_of: frozenset[str] = frozenset()

    def holds(self, symbols: frozenset[str]) -> bool:
        """Return whether a crystal of these elements is of the class."""
        return not symbols.isdisjoint(self.any_of) and symbols.isdisjoint(self.none_of)


def _class(name: str, any_of: str, none_of: str = "") -> ChemistryClass:
    return ChemistryClass(name, frozenset(any_of.split()), frozenset(none_of.split()))


CLASSES = (
    _class("oxides", "O"),
    _class("fluorides", "F"),
    _class("other halides", "Cl Br I", "O F"),
    _class("nitrides, carbides, borides", "B C N", "O F"),
    _class("chalcogenides", "S Se Te", "O F"),
    _class("pnictides", "P As Sb Bi", "O F Cl Br I S Se Te"),
    _class("hydrides", "H", "B C N O F S"),
    _class("with Si or Ge", "Si Ge"),
    _class("with Tl, Pb or Bi", "Tl Pb Bi"),
    ChemistryClass("with d-block elements", D_BLOCK),
    ChemistryClass("with Ce to Yb", F_BLOCK),
)
"""A crystal may be of several classes. Carbonates, nitrates, phosphates and sulfates are oxides only."""

OTHER = "others"
"""Name for crystals of none of the classes."""


def classes_of(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return the names of the classes of a crystal, at least one.

    Parameters
    ----------
    numbers
        Atomic numbers of its elements.
    """
    symbols = frozenset(SYMBOLS[number] for number in numbers)
    return tuple(kind.name for kind in CLASSES if kind.holds(symbols)) or (OTHER,)
