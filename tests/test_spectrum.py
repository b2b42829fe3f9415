"""Dielectric tensors: validation, projections, Kramers-Kronig, sum rules and the similarity coefficient."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import scipy.constants
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.integrate import quad

from dielectra.arrays import FloatArray
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.levels import check_level
from dielectra.spectrum import (
    COMPONENTS,
    PLASMA_ENERGY_SQUARED,
    Spectrum,
    effective_electrons,
    imaginary_from_real,
    isotropic_spectrum,
    plasma_energy,
    quantum_weight,
    real_from_imaginary,
    similarity,
)

GRID = np.linspace(0.0, 20.0, 401)


def lorentz(
    energies: FloatArray, resonance: float = 5.0, damping: float = 0.5, plasma: float = 10.0
) -> NDArray[np.complex128]:
    """Return the dielectric function of one Lorentz oscillator."""
    return 1.0 + plasma**2 / (resonance**2 - energies**2 - 1j * damping * energies)


def symmetric_tensor(seed: int = 0) -> NDArray[np.complex128]:
    """Return a symmetric tensor on the grid with six different components."""
    numbers = np.random.default_rng(seed).normal(size=(2, 3, 3, len(GRID)))
    tensor = numbers[0] + 1j * np.abs(numbers[1])
    return np.asarray(tensor + tensor.transpose(1, 0, 2))


class TestValidation:
    """A spectrum that cannot be one is refused."""

    @pytest.mark.parametrize("level", ["ipa", "rpa", "bse", "experiment"])
    def test_levels(self, level: str) -> None:
        assert check_level(level) == level
        assert Spectrum(GRID, symmetric_tensor(), level).level == level

    def test_unknown_level(self) -> None:
        with pytest.raises(InputError, match=r"unknown level 'gw'; allowed are ipa, rpa, alda, lrc, bse, experiment"):
            Spectrum(GRID, symmetric_tensor(), "gw")

    @pytest.mark.parametrize(
        ("energies", "shape", "message"),
        [
            (GRID, (3, 3, 400), r"got \(401,\) and \(3, 3, 400\)"),
            (GRID, (6, 401), "needs energies"),
            (GRID[None], (3, 3, 401), "needs energies"),
            (GRID[:1], (3, 3, 1), "needs energies"),
            (GRID[::-1], (3, 3, 401), "increasing"),
            (GRID - 1.0, (3, 3, 401), "not negative"),
            (np.zeros(401), (3, 3, 401), "increasing"),
            (np.where(GRID > 10, np.nan, GRID), (3, 3, 401), "not finite"),
        ],
    )
    def test_grids(self, energies: FloatArray, shape: tuple[int, ...], message: str) -> None:
        with pytest.raises(InputError, match=message):
            Spectrum(energies, np.ones(shape, complex), "ipa")

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1j * np.nan])
    def test_values_that_are_not_finite(self, value: complex) -> None:
        tensor = symmetric_tensor()
        tensor[1, 1, 7] = value
        with pytest.raises(InputError, match="not finite"):
            Spectrum(GRID, tensor, "ipa")

    def test_gyrotropic_tensor(self) -> None:
        tensor = symmetric_tensor()
        tensor[0, 1] += 1.0
        with pytest.raises(InputError, match="not symmetric"):
            Spectrum(GRID, tensor, "ipa")

    def test_is_frozen(self) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "ipa")
        with pytest.raises(FrozenInstanceError):
            spectrum.level = "rpa"  # type: ignore[misc]


class TestProjections:
    """Components, mean and directions of the tensor."""

    def test_components(self) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "ipa")
        for name, (row, column) in COMPONENTS.items():
            np.testing.assert_array_equal(spectrum.component(name), spectrum.tensor[row, column])
        np.testing.assert_allclose(spectrum.mean, sum(spectrum.component(name) for name in ("xx", "yy", "zz")) / 3)
        np.testing.assert_array_equal(spectrum.component("mean"), spectrum.mean)

    @pytest.mark.parametrize("name", ["yx", "XX", "", "trace"])
    def test_unknown_component(self, name: str) -> None:
        with pytest.raises(InputError, match="allowed are mean, xx, yy, zz, yz, xz, xy"):
            Spectrum(GRID, symmetric_tensor(), "ipa").component(name)

    @given(direction=st.tuples(*[st.floats(-5, 5)] * 3).filter(lambda vector: np.linalg.norm(vector) > 1e-3))
    def test_along_is_the_quadratic_form(self, direction: tuple[float, float, float]) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "ipa")
        unit = np.array(direction) / np.linalg.norm(direction)
        expected = [unit @ tensor @ unit for tensor in spectrum.tensor.transpose(2, 0, 1)[::40]]
        np.testing.assert_allclose(spectrum.along(direction)[::40], expected, atol=1e-12)
        np.testing.assert_allclose(spectrum.along(-3.0 * unit), spectrum.along(direction), atol=1e-12)  # type: ignore[arg-type]

    def test_along_axes_and_three_perpendicular_directions(self) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "ipa")
        np.testing.assert_allclose(spectrum.along([0, 2, 0]), spectrum.component("yy"))
        total = spectrum.along([1, 1, 0]) + spectrum.along([1, -1, 0]) + spectrum.along([0, 0, 1])
        np.testing.assert_allclose(total / 3, spectrum.mean, atol=1e-12)

    @pytest.mark.parametrize("direction", [[0, 0, 0], [1, 0], [1, 0, np.nan], [[1, 0, 0]], "abc"])
    def test_unusable_direction(self, direction: list[float]) -> None:
        with pytest.raises(InputError, match="a direction is three numbers, not all zero"):
            Spectrum(GRID, symmetric_tensor(), "ipa").along(direction)


class TestResample:
    """Interpolation to other grids."""

    def test_subset_of_the_grid(self) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "rpa", 0.1, {"engine": "test"})
        coarse = spectrum.resample(GRID[::4])
        np.testing.assert_allclose(coarse.tensor, spectrum.tensor[:, :, ::4], atol=1e-12)
        assert (coarse.level, coarse.broadening, coarse.provenance) == ("rpa", 0.1, {"engine": "test"})

    def test_is_linear_between_points(self) -> None:
        spectrum = Spectrum(GRID, symmetric_tensor(), "ipa")
        middle = spectrum.resample((GRID[1:] + GRID[:-1]) / 2)
        expected = (spectrum.tensor[:, :, 1:] + spectrum.tensor[:, :, :-1]) / 2
        np.testing.assert_allclose(middle.tensor, expected, atol=1e-12)

    @pytest.mark.parametrize("energies", [[0.0, 20.1], [-0.1, 5.0], 3.0, [], [5.0, 4.0], [1.0, np.nan]])
    def test_unusable_grid(self, energies: list[float]) -> None:
        with pytest.raises(InputError):
            Spectrum(GRID, symmetric_tensor(), "ipa").resample(energies)


class TestKramersKronig:
    """Real and imaginary part follow from each other."""

    @pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("resonance", [3.0, 8.0])
    def test_lorentz_oscillator(self, start: float, resonance: float) -> None:
        grid = GRID[start <= GRID]
        exact = lorentz(grid, resonance)
        scale = np.abs(exact).max()
        # The damping is ten steps of the grid: the piecewise-linear function is good to 1 % of the peak.
        assert np.abs(real_from_imaginary(grid, exact.imag) - exact.real).max() < 0.01 * scale
        assert np.abs(imaginary_from_real(grid, exact.real) - exact.imag).max() < 0.015 * scale

    def test_error_falls_with_the_square_of_the_step(self) -> None:
        errors = []
        for n_energies in (201, 401, 801):
            grid = np.linspace(0, 20, n_energies)
            exact = lorentz(grid)
            errors.append(np.abs(real_from_imaginary(grid, exact.imag) - exact.real)[grid < 15].max())
        assert errors[0] / errors[1] > 3.0
        assert errors[1] / errors[2] > 3.0

    def test_irregular_grid(self) -> None:
        grid = np.concatenate([np.linspace(0, 4, 41)[:-1], np.linspace(4, 6, 401)[:-1], np.linspace(6, 30, 201)])
        exact = lorentz(grid)
        assert np.abs(real_from_imaginary(grid, exact.imag) - exact.real).max() < 0.005 * np.abs(exact).max()

    def test_round_trip(self) -> None:
        imaginary = lorentz(GRID).imag
        back = imaginary_from_real(GRID, real_from_imaginary(GRID, imaginary))
        assert np.abs(back - imaginary)[GRID < 15].max() < 0.02 * imaginary.max()

    def test_leading_axes_and_linearity(self) -> None:
        one, other = lorentz(GRID, 4.0).imag, lorentz(GRID, 9.0).imag
        together = real_from_imaginary(GRID, np.array([[one, other], [one + other, 0 * one]]))
        assert together.shape == (2, 2, len(GRID))
        np.testing.assert_allclose(together[0, 0], real_from_imaginary(GRID, one), atol=1e-12)
        np.testing.assert_allclose(together[1, 0] - 1, together[0].sum(axis=0) - 2, atol=1e-10)
        np.testing.assert_allclose(together[1, 1], 1.0, atol=1e-12)

    def test_vacuum_has_no_absorption(self) -> None:
        np.testing.assert_allclose(imaginary_from_real(GRID, np.ones_like(GRID)), 0, atol=1e-12)

    def test_static_value_is_an_integral(self) -> None:
        grid = np.concatenate([GRID, np.geomspace(20, 400, 41)[1:]])
        imaginary = lorentz(grid).imag
        static = real_from_imaginary(grid, imaginary)[0]
        integral, _ = quad(lambda energy: lorentz(energy).imag / energy, 0, 400, limit=200)
        assert static == pytest.approx(1 + 2 / np.pi * integral, rel=1e-3)
        assert static == pytest.approx(1 + 10.0**2 / 5.0**2, rel=1e-3)

    def test_isotropic_spectrum(self) -> None:
        exact = lorentz(GRID)
        spectrum = isotropic_spectrum(GRID, exact.imag, "ipa", 0.3, {"model": "test"})
        np.testing.assert_allclose(spectrum.mean.imag, exact.imag, rtol=1e-12)
        np.testing.assert_allclose(spectrum.mean.real, real_from_imaginary(GRID, exact.imag))
        np.testing.assert_array_equal(spectrum.component("xy"), 0)
        np.testing.assert_array_equal(spectrum.component("xx"), spectrum.component("zz"))
        assert (spectrum.level, spectrum.broadening, spectrum.provenance) == ("ipa", 0.3, {"model": "test"})

    def test_isotropic_spectrum_of_unequal_lengths(self) -> None:
        with pytest.raises(InputError, match="energies"):
            isotropic_spectrum(GRID, np.ones(400), "ipa")

    def test_ab_initio_spectra(self, ladder_part: Path) -> None:
        """The real parts of the shipped spectra follow from their imaginary parts."""
        errors = []
        for record in open_dataset(ladder_part).records():
            eps = record.spectrum.mean
            difference = np.abs(real_from_imaginary(record.spectrum.energies, eps.imag) - eps.real)
            errors.append(difference.max() / np.abs(eps).max())
        assert len(errors) > 100
        # Absorption above the window of 20 eV is known only through the assumed tail.
        assert np.median(errors) < 0.02
        assert np.quantile(errors, 0.9) < 0.08
        assert np.max(errors) < 0.3


class TestSumRules:
    """Integrals of the imaginary part."""

    def test_plasma_energy_constant(self) -> None:
        per_cubic_metre = 1e30
        expected = scipy.constants.hbar**2 * per_cubic_metre / (scipy.constants.epsilon_0 * scipy.constants.m_e)
        assert pytest.approx(expected, rel=1e-6) == PLASMA_ENERGY_SQUARED

    def test_plasma_energy_of_aluminium(self) -> None:
        assert plasma_energy(4.05**3, 4 * 3) == pytest.approx(15.8, abs=0.1)

    @pytest.mark.parametrize(("volume", "n_electrons"), [(40.0, 8.0), (75.0, 3.0)])
    def test_lorentz_oscillator_exhausts_the_sum(self, volume: float, n_electrons: float) -> None:
        grid = np.linspace(0.0, 1000.0, 50001)
        imaginary = lorentz(grid, 8.0, 0.4, plasma_energy(volume, n_electrons)).imag
        counted = effective_electrons(grid, imaginary, volume)
        assert counted.shape == grid.shape
        assert counted[0] == 0
        assert np.all(np.diff(counted) >= 0)
        # Beyond the grid lies 2 / pi * damping / 1000 eV of the sum.
        assert counted[-1] == pytest.approx(n_electrons * (1 - 2 / np.pi * 0.4 / 1000), rel=1e-4)

    def test_quantum_weight(self) -> None:
        expected, _ = quad(lambda energy: lorentz(energy).imag, 0, 20)
        assert quantum_weight(GRID, lorentz(GRID).imag) == pytest.approx(expected, rel=1e-3)
        assert quantum_weight([0.0, 1.0, 3.0], [2.0, 2.0, 2.0]) == pytest.approx(6.0)


SPECTRA = arrays(np.float64, 21, elements=st.floats(0.0, 50.0)).map(lambda values: np.round(values, 6))
REFERENCES = SPECTRA.map(lambda values: values + 0.1)
COARSE = np.linspace(0, 20, 21)


class TestSimilarity:
    """Properties of the similarity coefficient."""

    @given(reference=REFERENCES)
    def test_of_equals_is_one(self, reference: FloatArray) -> None:
        assert similarity(reference, reference, COARSE) == 1.0

    @given(reference=REFERENCES)
    def test_of_zero_is_zero(self, reference: FloatArray) -> None:
        assert similarity(np.zeros(21), reference, COARSE) == pytest.approx(0.0, abs=1e-12)

    @given(prediction=SPECTRA, reference=REFERENCES, factor=st.floats(1e-3, 1e3))
    def test_scale_invariance(self, prediction: FloatArray, reference: FloatArray, factor: float) -> None:
        value = similarity(prediction, reference, COARSE)
        assert value <= 1.0
        assert similarity(factor * prediction, factor * reference, COARSE) == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert similarity(prediction, reference, factor * COARSE) == pytest.approx(value, rel=1e-9, abs=1e-9)

    @given(reference=REFERENCES, error=st.floats(0, 3))
    def test_relative_error(self, reference: FloatArray, error: float) -> None:
        assert similarity((1 + error) * reference, reference, COARSE) == pytest.approx(1 - error, abs=1e-9)

    def test_leading_axes(self) -> None:
        predictions, references = np.random.default_rng(0).uniform(0.1, 1, size=(2, 4, 21))
        together = similarity(predictions, references, COARSE)
        assert together.shape == (4,)
        alone = [float(similarity(a, b, COARSE)) for a, b in zip(predictions, references, strict=True)]
        np.testing.assert_allclose(together, alone)

    def test_reference_is_the_second(self) -> None:
        one, two = np.ones(21), np.full(21, 2.0)
        assert similarity(one, two, COARSE) == pytest.approx(0.5)
        assert similarity(two, one, COARSE) == pytest.approx(0.0)
