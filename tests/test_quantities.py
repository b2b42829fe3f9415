"""Optical quantities at energies and wavelengths, and tables of them."""

from __future__ import annotations

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.optics import optical_constants
from dielectra.optics.constants import is_isotropic
from dielectra.optics.quantities import (
    QUANTITIES,
    dielectric_function,
    interpolate,
    quantity_at,
    quantity_curve,
    tabulate,
)
from dielectra.spectrum import Spectrum
from dielectra.units import HC

ENERGIES = np.linspace(0, 10, 201)


def lorentz(strength: float, centre: float) -> np.ndarray:
    return 1 + strength * centre**2 / (centre**2 - ENERGIES**2 - 0.5j * ENERGIES)


def crystal(*functions: np.ndarray) -> Spectrum:
    return Spectrum(ENERGIES, np.einsum("ij,iw->ijw", np.eye(3), np.array(functions)), "rpa")


CUBIC = crystal(*3 * [lorentz(4, 5)])
UNIAXIAL = crystal(lorentz(4, 5), lorentz(4, 5), lorentz(5, 5))
BIAXIAL = crystal(lorentz(5, 5), lorentz(3, 5), lorentz(4, 5))


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_curves_are_the_optical_constants(name: str) -> None:
    for component in ("mean", "xx", "zz"):
        expected = getattr(optical_constants(UNIAXIAL, component), name)
        np.testing.assert_array_equal(quantity_curve(UNIAXIAL, name, component), expected)


def test_values_at_grid_points_are_those_of_the_curve() -> None:
    for name in QUANTITIES:
        np.testing.assert_allclose(quantity_at(CUBIC, name, ENERGIES[1:]), quantity_curve(CUBIC, name)[1:], rtol=1e-12)


def test_one_wavelength_gives_one_number() -> None:
    value = quantity_at(CUBIC, "n", 589.3, "nm")
    assert isinstance(value, float)
    assert value == pytest.approx(lorentz_index(HC / 589.3).real, rel=1e-4)
    assert quantity_at(CUBIC, "n", "589.3 nm") == value
    assert quantity_at(CUBIC, "n", [[589.3], [600.0]], "nm").shape == (2, 1)  # type: ignore[union-attr]


def lorentz_index(energy: float) -> complex:
    return complex(np.sqrt(1 + 100 / (25 - energy**2 - 0.5j * energy)))


def test_ordinary_and_extraordinary_waves_of_a_uniaxial_crystal() -> None:
    np.testing.assert_allclose(dielectric_function(UNIAXIAL, "ordinary"), lorentz(4, 5))
    np.testing.assert_allclose(dielectric_function(UNIAXIAL, "extraordinary"), lorentz(5, 5))
    np.testing.assert_allclose(dielectric_function(CUBIC, "extraordinary"), lorentz(4, 5))
    with pytest.raises(InputError, match="biaxial"):
        dielectric_function(BIAXIAL, "ordinary")


def test_principal_axes_are_in_the_order_of_their_indices() -> None:
    for name, strength in (("alpha", 3), ("beta", 4), ("gamma", 5)):
        np.testing.assert_allclose(dielectric_function(BIAXIAL, name), lorentz(strength, 5))


def test_a_direction_is_a_component_too() -> None:
    np.testing.assert_allclose(dielectric_function(BIAXIAL, (0, 1, 0)), lorentz(3, 5))


@pytest.mark.parametrize("component", ["xy", "zx", "o", (0, 0)])
def test_other_components_are_refused(component: str | tuple[int, int]) -> None:
    with pytest.raises(InputError):
        dielectric_function(UNIAXIAL, component)


def test_what_lies_outside_the_spectrum_is_refused_in_both_units() -> None:
    with pytest.raises(InputError, match=r"covers 0 to 10 eV; asked for 24.8 eV \(50 nm\)"):
        quantity_at(CUBIC, "n", 50, "nm")
    with pytest.raises(InputError, match="unknown quantity"):
        quantity_at(CUBIC, "colour", 2.0)


def test_a_table_of_an_isotropic_crystal_has_one_column_a_quantity() -> None:
    table = tabulate(CUBIC, "nm", "400:800", 100)
    assert list(table) == ["wavelength_nm", *(quantity.column for quantity in QUANTITIES.values())]
    np.testing.assert_allclose(table["wavelength_nm"], [400, 500, 600, 700, 800])
    np.testing.assert_allclose(table["n"], quantity_at(CUBIC, "n", table["wavelength_nm"], "nm"))


def test_a_table_of_a_tensor_has_its_components() -> None:
    assert is_isotropic(CUBIC)
    assert not is_isotropic(UNIAXIAL)
    table = tabulate(UNIAXIAL)
    assert {"energy_ev", "n", "n_xx", "n_yy", "n_zz"} <= set(table)
    np.testing.assert_allclose(table["n_zz"] + 1j * table["k_zz"], np.sqrt(lorentz(5, 5)))
    assert "n_ordinary" in tabulate(UNIAXIAL, components=["ordinary", "extraordinary"])


def test_interpolation_is_linear_in_the_dielectric_function() -> None:
    middle = (ENERGIES[1:] + ENERGIES[:-1]) / 2
    np.testing.assert_allclose(interpolate(CUBIC, middle), (lorentz(4, 5)[1:] + lorentz(4, 5)[:-1]) / 2)
