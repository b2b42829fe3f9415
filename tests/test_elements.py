from __future__ import annotations

import pytest
from pymatgen.core import Element

from dielectra.elements import (
    MASSES,
    NUMBERS,
    SYMBOLS,
    element_ranges,
    main_group,
    symbols,
    table_place,
    table_position,
    valence_electrons,
)


def test_symbols_and_numbers_are_inverse() -> None:
    assert len(NUMBERS) == 118
    assert all(SYMBOLS[number] == symbol for symbol, number in NUMBERS.items())
    assert symbols({31, 7, 33}) == "N, Ga, As"


def test_neighbours_in_the_table_are_written_as_a_range() -> None:
    assert element_ranges([8, 1, 2, 3, 31, 32, 7]) == "H-Li, N-O, Ga-Ge"
    assert element_ranges([6]) == "C"
    assert element_ranges([]) == ""


def test_every_element_is_shown_in_a_place_of_its_own() -> None:
    places = [table_place(number) for number in NUMBERS.values()]
    assert len(set(places)) == 118
    assert [table_place(NUMBERS[symbol]) for symbol in ("La", "Yb", "Ac", "No")] == [(8, 3), (8, 16), (9, 3), (9, 16)]
    assert [table_place(NUMBERS[symbol]) for symbol in ("Ba", "Lu", "Lr", "Og")] == [(6, 2), (6, 3), (7, 3), (7, 18)]


def test_places_masses_and_electrons_are_those_of_pymatgen() -> None:
    for number in range(1, 84):
        element = Element.from_Z(number)
        row, column = table_position(number)
        assert row == element.row
        assert column == (0 if 57 <= number <= 70 else element.group)
        assert MASSES[number] == pytest.approx(float(element.atomic_mass), rel=2e-3)
        is_main = element.group in (1, 2) or element.group > 12
        assert main_group(number) == (element.group % 10 if is_main else None)
        if is_main and number != 2:
            assert valence_electrons(number) == element.group % 10
    assert valence_electrons(2) == 2
    assert valence_electrons(26) is None
