"""What is known of the elements: symbols, masses, places in the periodic table, valence electrons."""

from __future__ import annotations

from collections.abc import Iterable

from ase.data import atomic_masses, atomic_numbers, chemical_symbols

SYMBOLS: tuple[str, ...] = tuple(chemical_symbols)
"""Chemical symbol by atomic number; index 0 is no element."""

NUMBERS: dict[str, int] = {symbol: number for symbol, number in atomic_numbers.items() if number > 0}
"""Atomic number by chemical symbol."""

MASSES: tuple[float, ...] = tuple(float(mass) for mass in atomic_masses)
"""Standard atomic mass in unified atomic mass units by atomic number; index 0 is no element."""

NOBLE_GASES = (0, 2, 10, 18, 36, 54, 86, 118)
"""Atomic numbers that end the rows of the periodic table, with 0 before the first."""

NONMETALS = frozenset({1, 2, *range(5, 11), *range(14, 19), *range(32, 37), *range(51, 55), 85, 86})
"""Atomic numbers of elements that are no metals, with the metalloids B, Si, Ge, As, Sb and Te."""

LAWRENCIUM = 103
"""Atomic number of the last element of the f block; tables of elements end with it."""

FIRST_F_ROW = 8
"""Row of the lanthanides where the table is shown; that of the actinides follows."""

N_MAIN_GROUPS = 8
HELIUM = 2


def symbols(numbers: Iterable[int]) -> str:
    """Return the symbols of elements in the order of their atomic numbers, separated by commas."""
    return ", ".join(SYMBOLS[number] for number in sorted(numbers))


def element_ranges(numbers: Iterable[int]) -> str:
    """Return elements as ranges of the periodic table, for instance ``H-Ca, Ga-Sr, In-Xe``."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ", ".join(SYMBOLS[a] if a == b else f"{SYMBOLS[a]}-{SYMBOLS[b]}" for a, b in ranges)


def table_row(number: int) -> int:
    """Return the row of an element in the periodic table, from 1."""
    return next(row for row, end in enumerate(NOBLE_GASES) if number <= end)


def table_position(number: int) -> tuple[int, int]:
    """Return row and column of an element in the table of 18 columns, each from 1; column 0 in the f block."""
    row = table_row(number)
    position = number - NOBLE_GASES[row - 1]
    length = NOBLE_GASES[row] - NOBLE_GASES[row - 1]
    if position <= 2 and number != HELIUM:
        return row, position
    from_end = length - position
    return (row, 18 - from_end) if from_end < min(16, length - 2) or number == HELIUM else (row, 0)


def table_place(number: int) -> tuple[int, int]:
    """Return row and column of an element where the table is shown: La-Yb in row 8, Ac-No in row 9, from column 3."""
    row, column = table_position(number)
    return (row, column) if column else (row + 2, number - NOBLE_GASES[row - 1])


def main_group(number: int) -> int | None:
    """Return the main group of an element, 1 to 8; None in the d and f blocks."""
    _, column = table_position(number)
    if column in (1, 2):
        return column
    return column - 10 if column > 12 else None


def valence_electrons(number: int) -> int | None:
    """Return the s and p electrons of the outer shell of an element of a main group; None in the d and f blocks."""
    return 2 if number == HELIUM else main_group(number)
