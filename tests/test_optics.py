"""Optical constants against analytic identities and independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.constants
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dielectra.arrays import ComplexArray
from dielectra.errors import InputError
from dielectra.optics.constants import (
    HBAR_C,
    OpticalConstants,
    absorption_coefficient,
    energy_loss,
    optical_constants,
    reflectivity,
    refractive_index,
    static_dielectric_constant,
)
from dielectra.spectrum import Spectrum, isotropic_spectrum

GRID = np.linspace(0.0, 20.0, 401)
PASSIVE = arrays(np.complex128, 8, elements=st.builds(complex, st.floats(-60, 60), st.floats(0, 60)))


def uniaxial() -> Spectrum:
    """Return a spectrum that differs between the axis and the plane, with an off-diagonal component."""
    tensor = np.zeros((3, 3, len(GRID)), complex)
    for axis, resonance in enumerate((4.0, 4.0, 7.0)):
        tensor[axis, axis] = 1 + 60 / (resonance**2 - GRID**2 - 0.5j * GRID)
    tensor[0, 2] = tensor[2, 0] = 0.2 * (tensor[0, 0] - 1)
    return Spectrum(GRID, tensor, "ipa")


class TestRefractiveIndex:
    """The complex refractive index and what it implies."""

    @given(eps=PASSIVE)
    def test_is_the_root_with_positive_parts(self, eps: ComplexArray) -> None:
        index = refractive_index(eps)
        assert np.all(index.real >= 0)
        assert np.all(index.imag >= 0)
        np.testing.assert_allclose(index**2, eps, rtol=1e-12, atol=1e-12)

    @given(eps=PASSIVE)
    def test_reflectivity_is_a_fraction(self, eps: ComplexArray) -> None:
        values = reflectivity(eps)
        assert np.all(values >= 0)
        assert np.all(values <= 1 + 1e-12)
        n, k = refractive_index(eps).real, refractive_index(eps).imag
        np.testing.assert_allclose(values, ((n - 1) ** 2 + k**2) / ((n + 1) ** 2 + k**2), atol=1e-12)

    @given(eps=PASSIVE, noise=st.floats(-1e-3, 0.0))
    def test_negative_noise_counts_as_zero(self, eps: ComplexArray, noise: float) -> None:
        np.testing.assert_array_equal(refractive_index(eps.real + 1j * noise), refractive_index(eps.real))

    @pytest.mark.parametrize(("eps", "expected"), [(2.25, 1.5), (-4.0, 2j), (2j, 1 + 1j), (0.0, 0.0)])
    def test_known_values(self, eps: complex, expected: complex) -> None:
        assert complex(refractive_index(eps)) == pytest.approx(expected)

    @pytest.mark.parametrize(("index", "expected"), [(1.0, 0.0), (1.5, 0.04), (3.0, 0.25), (1j, 1.0)])
    def test_known_reflectivities(self, index: complex, expected: float) -> None:
        assert float(reflectivity(index**2)) == pytest.approx(expected, abs=1e-12)

    def test_leading_axes(self) -> None:
        eps = uniaxial().tensor[[0, 1, 2], [0, 1, 2]]
        assert refractive_index(eps).shape == reflectivity(eps).shape == energy_loss(eps).shape == (3, 401)
        assert absorption_coefficient(GRID, eps).shape == (3, 401)


class TestAbsorption:
    """The absorption coefficient in 1/cm."""

    def test_constant(self) -> None:
        hbar_c = scipy.constants.hbar * scipy.constants.c / scipy.constants.e * 100
        assert pytest.approx(hbar_c, rel=1e-12) == HBAR_C

    def test_is_four_pi_k_over_the_wavelength(self) -> None:
        energies, eps = GRID[1:], uniaxial().mean[1:]
        wavelength_in_cm = 100 * scipy.constants.h * scipy.constants.c / (energies * scipy.constants.e)
        expected = 4 * np.pi * np.sqrt(eps).imag / wavelength_in_cm
        np.testing.assert_allclose(absorption_coefficient(energies, eps), expected, rtol=1e-9)

    def test_weak_absorption(self) -> None:
        """For small eps2 the coefficient is E eps2 / (n hbar c)."""
        expected = 2.0 * 1e-4 / (2.0 * 1.973269804e-5)
        assert absorption_coefficient([2.0], [4.0 + 1e-4j])[0] == pytest.approx(expected, rel=1e-6)

    def test_vanishes_without_photons(self) -> None:
        assert absorption_coefficient([0.0], [4.0 + 3.0j])[0] == 0


class TestLoss:
    """The energy loss function."""

    @given(eps=PASSIVE.map(lambda values: values + 1e-2j))
    def test_identity(self, eps: ComplexArray) -> None:
        np.testing.assert_allclose(energy_loss(eps), eps.imag / np.abs(eps) ** 2, rtol=1e-9)

    @pytest.mark.parametrize("plasma", [6.0, 15.8])
    def test_of_drude_metal_peaks_at_the_plasma_energy(self, plasma: float) -> None:
        energies = np.linspace(0.05, 20, 400)
        eps = 1 - plasma**2 / (energies**2 + 0.2j * energies)
        loss = energy_loss(eps)
        assert energies[loss.argmax()] == pytest.approx(plasma, abs=0.05)
        assert loss.max() == pytest.approx(plasma / 0.2, rel=0.1)
        assert np.all(reflectivity(eps)[energies < 0.9 * plasma] > 0.85)


class TestStaticValue:
    """The electronic dielectric constant."""

    def test_is_the_first_real_part(self) -> None:
        eps = uniaxial().component("xx")
        assert static_dielectric_constant(GRID, eps) == eps[0].real == pytest.approx(1 + 60 / 16)
        assert static_dielectric_constant(GRID[2:], eps[2:]) == eps[2].real

    def test_grid_that_begins_too_high(self) -> None:
        with pytest.raises(InputError, match=r"begins at 0\.5 eV; a static value needs a grid that begins at 0 eV"):
            static_dielectric_constant(GRID[10:], np.ones(391))


class TestOpticalConstants:
    """All constants of a spectrum at once."""

    @pytest.mark.parametrize(
        "component", ["mean", "xx", "yy", "zz", (0, 0, 1), [1.0, 1.0, 0.0], np.array([1.0, 0.0, 1.0])]
    )
    def test_agree_with_the_single_functions(self, component: str | list[float]) -> None:
        spectrum = uniaxial()
        constants = optical_constants(spectrum, component)
        eps = spectrum.component(component) if isinstance(component, str) else spectrum.along(component)
        np.testing.assert_array_equal(constants.eps1 + 1j * constants.eps2, eps)
        np.testing.assert_allclose((constants.n + 1j * constants.k) ** 2, eps, atol=1e-9)
        np.testing.assert_array_equal(constants.absorption, absorption_coefficient(GRID, eps))
        np.testing.assert_array_equal(constants.reflectivity, reflectivity(eps))
        np.testing.assert_array_equal(constants.loss, energy_loss(eps))
        assert constants.static_eps == eps[0].real

    def test_default_is_the_mean(self) -> None:
        np.testing.assert_array_equal(optical_constants(uniaxial()).eps1, uniaxial().mean.real)

    def test_directions(self) -> None:
        def along(component: str | list[float]) -> OpticalConstants:
            return optical_constants(uniaxial(), component)

        np.testing.assert_allclose(along([0, 0, -5]).n, along("zz").n)
        np.testing.assert_allclose(
            along([1, 0, 1]).eps1, (along("xx").eps1 + along("zz").eps1) / 2 + 0.2 * (along("xx").eps1 - 1)
        )
        assert np.abs(along("xx").n - along("zz").n).max() > 0.5

    @pytest.mark.parametrize("component", ["yz", "xz", "xy"])
    def test_off_diagonal_component(self, component: str) -> None:
        with pytest.raises(InputError, match=f"component {component} is off-diagonal and has no refractive index"):
            optical_constants(uniaxial(), component)

    @pytest.mark.parametrize("component", ["zx", "x", [0, 0, 0], [1, 2]])
    def test_unknown_component(self, component: str | list[float]) -> None:
        with pytest.raises(InputError, match=r"component|direction"):
            optical_constants(uniaxial(), component)

    def test_transparent_glass(self) -> None:
        constants = optical_constants(isotropic_spectrum(GRID, np.zeros(401), "experiment"))
        np.testing.assert_allclose(constants.n, 1)
        for values in (constants.k, constants.absorption, constants.reflectivity, constants.loss):
            np.testing.assert_allclose(values, 0, atol=1e-12)
