"""Units of photon-energy axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from dielectra.errors import InputError
from dielectra.units import (
    HC,
    PLANCK_THZ,
    UNITS,
    doubtful_unit,
    format_energy,
    from_energies,
    make_axis,
    parse_energy,
    parse_unit,
    to_energies,
)

GRID = np.linspace(0, 20, 401)


def test_constants_are_those_of_codata() -> None:
    assert constants.h * constants.c / constants.e * 1e9 == pytest.approx(HC, rel=1e-12)
    assert constants.h / constants.e * 1e12 == pytest.approx(PLANCK_THZ, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "energy"),
    [(2.5, "ev", 2.5), (589.3, "nm", 2.103923), (1.55, "um", 0.79990), (8065.544, "cm-1", 1.0), (241.7989, "thz", 1.0)],
)
def test_known_values(value: float, unit: str, energy: float) -> None:
    assert float(to_energies(value, unit)) == pytest.approx(energy, rel=1e-5)


@given(st.floats(1e-4, 1e3), st.sampled_from(sorted(UNITS)))
def test_conversions_undo_each_other(energy: float, unit: str) -> None:
    assert float(to_energies(from_energies(energy, unit), unit)) == pytest.approx(energy, rel=1e-12)


def test_no_energy_is_an_endless_wavelength() -> None:
    np.testing.assert_array_equal(from_energies([0.0, HC], "nm"), [np.inf, 1.0])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("eV", "ev"),
        ("NM", "nm"),
        ("µm", "um"),
        ("μm", "um"),
        ("microns", "um"),
        ("cm⁻¹", "cm-1"),
        ("1/cm", "cm-1"),
        ("THz", "thz"),
    ],
)
def test_usual_spellings_of_units(text: str, name: str) -> None:
    assert parse_unit(text).name == name


@pytest.mark.parametrize("text", ["", "meV", "MeV", "angstrom", "Mm", "m"])
def test_other_units_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="allowed are ev, nm, um, cm-1, thz"):
        parse_unit(text)


@pytest.mark.parametrize(
    ("text", "unit", "energy"),
    [
        ("589 nm", "ev", HC / 589),
        ("2.1", "ev", 2.1),
        ("589", "nm", HC / 589),
        ("16,950 cm-1", "ev", 16950 * HC / 1e7),
        ("1e3nm", "ev", HC / 1e3),
        (".5 µm", "ev", HC / 500),
    ],
)
def test_quantities_with_units(text: str, unit: str, energy: float) -> None:
    assert parse_energy(text, unit) == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize("text", ["nm", "589,3 nm", "1 2 nm", "-3", "0 nm", "inf", "5 parsec", "1:2"])
def test_what_is_no_photon_energy_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_energy(text)


def test_energies_are_printed_with_their_unit() -> None:
    assert format_energy(HC / 589.3, "nm") == "589.3 nm"
    assert format_energy(2.0) == "2 eV"
    assert format_energy(2.0, "cm-1") == "16131 1/cm"


@pytest.mark.parametrize("values", [[-1.0], [np.nan], [np.inf]])
def test_values_that_no_photon_has_are_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="not negative"):
        to_energies(values, "ev")


def test_an_axis_is_the_grid_of_the_data() -> None:
    np.testing.assert_array_equal(make_axis(GRID).values, GRID)
    wavelengths = make_axis(GRID, "nm")
    assert len(wavelengths.values) == 400
    assert np.all(np.diff(wavelengths.values) > 0)
    np.testing.assert_allclose(wavelengths.energies[::-1], GRID[1:])


def test_an_axis_of_a_range_keeps_the_points_inside() -> None:
    axis = make_axis(GRID, "nm", "400:800")
    assert axis.values[0] >= 400
    assert axis.values[-1] <= 800
    assert len(axis.values) == np.count_nonzero((HC / 800 <= GRID) & (HC / 400 >= GRID))


def test_an_axis_with_a_step_is_even_and_has_both_ends() -> None:
    np.testing.assert_allclose(make_axis(GRID, "nm", "400:800", 0.1).values, np.linspace(400, 800, 4001))
    np.testing.assert_allclose(make_axis(GRID, "ev", None, 0.5).values, np.linspace(0, 20, 41))
    np.testing.assert_allclose(make_axis(GRID, "um", (1.0, 2.0), 0.3).values, [1.0, 1.3, 1.6, 1.9])


@pytest.mark.parametrize(
    ("unit", "limits", "step", "message"),
    [
        ("nm", "800:400", None, "lower to its upper"),
        ("nm", "400", None, "two numbers"),
        ("nm", "0:400", None, "positive"),
        ("nm", None, 1.0, "need a range"),
        ("nm", "20:400", None, "covers wavelengths from 61.99"),
        ("ev", "1:30", 1.0, "covers photon energies from 0 to 20"),
        ("ev", "1:2", 0.0, "step is a positive"),
        ("ev", "1:2", 1e-9, "larger"),
        ("ev", "1.01:1.02", None, "fewer than two points"),
    ],
)
def test_an_axis_that_cannot_be_had_is_refused(unit: str, limits: str | None, step: float | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_axis(GRID, unit, limits, step)


@pytest.mark.parametrize(
    ("values", "unit", "hint"),
    [
        (np.linspace(1240, 6200, 9), "ev", "in nm or 1/cm?"),
        (np.linspace(0.2, 2, 9), "nm", "in µm"),
        (np.linspace(300, 1100, 9), "um", "in nm"),
        (np.linspace(1, 6, 9), "cm-1", "in µm or eV?"),
    ],
)
def test_a_unit_that_makes_no_sense_is_told_with_the_likely_one(values: np.ndarray, unit: str, hint: str) -> None:
    assert hint in (doubtful_unit(values, unit) or "")


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (GRID, "ev"),
        (np.linspace(200, 2500, 9), "nm"),
        (np.geomspace(0.2, 20, 9), "um"),
        (np.linspace(400, 4000, 9), "cm-1"),
        (np.linspace(0.2, 3, 9), "thz"),
        (np.zeros(0), "ev"),
    ],
)
def test_usual_spectra_raise_no_doubt(values: np.ndarray, unit: str) -> None:
    assert doubtful_unit(values, unit) is None
