"""Oscillator fits: known poles come back, exports reproduce the fit, everything is passive and causal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.optics.meep import meep_susceptibilities
from dielectra.optics.oscillators import (
    Oscillators,
    describe_oscillators,
    fit_oscillators,
    oscillator_eps,
    quality,
)
from dielectra.spectrum import Spectrum, isotropic_spectrum, real_from_imaginary

GRID = np.linspace(0, 20, 401)


def oscillators(drude: bool = False) -> Oscillators:
    return Oscillators(
        1.4,
        np.array([2.0, 1.2, 0.4]),
        np.array([3.5, 5.0, 9.0]),
        np.array([0.6, 0.9, 2.5]),
        7.0 if drude else 0.0,
        0.15 if drude else 0.0,
        0.0,
    )


def spectrum_of(model: Oscillators, grid: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Spectrum:
    return Spectrum(grid, np.einsum("ij,w->ijw", np.eye(3), oscillator_eps(model, grid)), "rpa")


@pytest.mark.parametrize("drude", [False, True])
def test_known_poles_come_back(drude: bool) -> None:
    model = oscillators(drude)
    fitted = fit_oscillators(spectrum_of(model, GRID[2:]), 3, drude)
    order = fitted.energies.argsort()
    assert fitted.rms_error < 1e-3
    assert fitted.eps_infinity == pytest.approx(model.eps_infinity, rel=0.02)
    for name in ("strengths", "energies", "widths"):
        np.testing.assert_allclose(getattr(fitted, name)[order], getattr(model, name), rtol=0.02)
    assert fitted.drude_energy == pytest.approx(model.drude_energy, rel=0.01)
    assert fitted.drude_width == pytest.approx(model.drude_width, rel=0.05)


@pytest.mark.slow
def test_spectra_of_the_ladder_are_fitted_well_and_passively() -> None:
    records = [record for record in open_dataset("ladder").records("rpa") if record.split == "test"][::3]
    errors = []
    for record in records:
        model = fit_oscillators(record.spectrum, 12)
        errors.append(model.rms_error)
        assert model.eps_infinity >= 1
        assert all(np.all(values > 0) for values in (model.strengths, model.energies, model.widths))
        assert oscillator_eps(model, np.linspace(0, 60, 500)).imag.min() >= 0
        difference = oscillator_eps(model, GRID[1:]) - record.spectrum.mean[1:]
        scale = np.sqrt(np.mean(np.abs(record.spectrum.mean[1:]) ** 2))
        assert np.sqrt(np.mean(np.abs(difference) ** 2)) / scale == pytest.approx(model.rms_error, rel=1e-6)
    assert np.median(errors) < 0.03


def test_more_poles_fit_better() -> None:
    spectrum = next(record.spectrum for record in open_dataset("ladder").records("rpa"))
    errors = [fit_oscillators(spectrum, n).rms_error for n in (1, 4, 12)]
    assert errors[0] > errors[1] > errors[2]


def test_oscillators_obey_kramers_and_kronig() -> None:
    grid = np.linspace(0, 50, 1001)
    eps = oscillator_eps(oscillators(), grid)
    low = grid < 15
    np.testing.assert_allclose(
        real_from_imaginary(grid, eps.imag)[low] - 1, eps.real[low] - oscillators().eps_infinity, atol=0.06
    )


@given(unit=st.floats(0.01, 100), drude=st.booleans())
def test_meep_parameters_reproduce_the_dielectric_function(unit: float, drude: bool) -> None:
    """By Meep's own formulas: sigma f^2 / (f^2 - F^2 - i gamma F), and -sigma f^2 / (F^2 + i gamma F) for Drude."""
    model = oscillators(drude)
    document = meep_susceptibilities(model, unit)
    energies = np.array([0.4, 1.9, 3.6, 8.0])
    frequencies = energies / 1.239841984 * unit  # photon energy 1.2398 eV has wavelength 1 micrometre
    eps = np.full(4, document["epsilon"], complex)
    for term in document["susceptibilities"]:
        frequency, gamma, sigma = term["frequency"], term["gamma"], term["sigma"]
        resonance = frequency**2 if term["class"] == "LorentzianSusceptibility" else 0.0
        eps += sigma * frequency**2 / (resonance - frequencies**2 - 1j * gamma * frequencies)
    np.testing.assert_allclose(eps, oscillator_eps(model, energies), rtol=1e-7)
    assert len(document["susceptibilities"]) == 3 + drude


def test_the_plain_document_reproduces_the_dielectric_function() -> None:
    document = json.loads(json.dumps(describe_oscillators(oscillators(drude=True))))
    energies = np.array([0.4, 1.9, 3.6, 8.0])
    eps = np.full(4, document["eps_infinity"], complex)
    for pole in document["lorentz"]:
        square = pole["energy_ev"] ** 2
        eps += pole["strength"] * square / (square - energies**2 - 1j * pole["width_ev"] * energies)
    drude = document["drude"]
    eps -= drude["energy_ev"] ** 2 / (energies**2 + 1j * drude["width_ev"] * energies)
    np.testing.assert_allclose(eps, oscillator_eps(oscillators(drude=True), energies))
    assert "drude" not in describe_oscillators(oscillators())
    assert "drude" in document["formula"]


def test_a_component_and_a_window_can_be_fitted() -> None:
    tensor = spectrum_of(oscillators(), GRID).tensor.copy()
    tensor[2, 2] = oscillator_eps(oscillators()._replace(energies=np.array([4.5, 6.0, 9.0])), GRID)
    spectrum = Spectrum(GRID, tensor, "rpa")
    along = fit_oscillators(spectrum, 3, component="zz")
    np.testing.assert_allclose(np.sort(along.energies), [4.5, 6.0, 9.0], rtol=0.02)
    cut = fit_oscillators(spectrum, 2, component="xx", maximum_energy=7.0)
    assert cut.rms_error < 0.05
    assert cut.eps_infinity > 1.4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_poles": 0}, "0 poles for 400 energies; give 1 to 40 poles"),
        ({"n_poles": 41}, "41 poles"),
        ({"maximum_energy": 0.5}, "10 poles for 10 energies; give 1 to 3 poles"),
        ({"minimum_energy": 400, "maximum_energy": 800}, "only 0 energies to fit from 400 to 800 eV; the spectrum has"),
        ({"weight": -1}, "weight of an absorption below the gap is a positive number; got -1"),
        ({"weight": np.nan}, "got nan"),
        ({"component": "xy"}, "fitted to mean, xx, yy or zz; got 'xy'"),
    ],
)
def test_bad_input_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_oscillators(spectrum_of(oscillators(), GRID), **settings)


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(InputError, match="does not absorb in the fitted range"):
        fit_oscillators(isotropic_spectrum(GRID, np.zeros(401), "ipa"))
    with pytest.raises(InputError, match="diverges at 0 eV"):
        oscillator_eps(oscillators(drude=True), [0.0, 1.0])
    with pytest.raises(InputError, match="length unit must be positive"):
        meep_susceptibilities(oscillators(), 0.0)


def broadened(gap: float = 4.0) -> Spectrum:
    """Return a crystal that absorbs above a gap, seen with a broadening of 0.3 eV."""
    fine = np.linspace(0.005, 20, 4000)
    sharp = np.where(fine > gap, 6 * np.sqrt(np.maximum(fine - gap, 0)) * np.exp(-(fine - gap) / 3), 0.0)
    step = fine[1] - fine[0]
    lines = 0.3 / np.pi / ((GRID[:, None] - fine) ** 2 + 0.09) - 0.3 / np.pi / ((GRID[:, None] + fine) ** 2 + 0.09)
    return isotropic_spectrum(GRID, lines @ sharp * step, "rpa", 0.3)


def test_a_transparent_crystal_stays_so_below_its_gap() -> None:
    plain, weighted, hard = (fit_oscillators(broadened(), gap=g, weight=w) for g, w in ((0, 1), (None, 5), (None, 50)))
    assert plain.below_gap is None
    assert weighted.gap == pytest.approx(4.0, abs=0.2)
    assert weighted.below_gap is not None
    assert hard.below_gap is not None
    below = GRID[(GRID > 0) & (weighted.gap > GRID)]
    k = np.sqrt(oscillator_eps(weighted, below)).imag
    assert weighted.below_gap.largest_k == pytest.approx(k.max(), rel=1e-9)
    assert weighted.below_gap.largest_k < 0.9 * np.sqrt(oscillator_eps(plain, below)).imag.max()
    assert hard.below_gap.largest_k < 0.5 * weighted.below_gap.largest_k
    assert plain.rms_error < weighted.rms_error < hard.rms_error
    assert "k, which is to be zero, reaches" in quality(weighted)


def test_a_window_below_the_gap_gives_poles_without_absorption() -> None:
    spectrum = broadened()
    fit = fit_oscillators(spectrum, minimum_energy=0.5, maximum_energy=3.0)
    window = np.linspace(0.5, 3.0, 26)
    found = oscillator_eps(fit, window)
    assert np.all(found.imag == 0)
    assert fit.energies.min() > 3.0
    assert fit.eps_infinity >= 1
    expected = np.interp(window, GRID, spectrum.mean.real)
    np.testing.assert_allclose(np.sqrt(found.real), np.sqrt(expected), atol=0.02)
    assert fit.below_gap is not None
    assert fit.below_gap.largest_k == 0


def test_a_window_counts_only_what_is_inside() -> None:
    spectrum = spectrum_of(oscillators(), GRID[1:])
    fit = fit_oscillators(spectrum, 3, minimum_energy=2.0, maximum_energy=8.0)
    inside = (GRID >= 2) & (GRID <= 8)
    difference = oscillator_eps(fit, GRID[inside]) - oscillator_eps(oscillators(), GRID[inside])
    scale = np.sqrt(np.mean(np.abs(oscillator_eps(oscillators(), GRID[inside])) ** 2))
    assert fit.rms_error == pytest.approx(float(np.sqrt(np.mean(np.abs(difference) ** 2)) / scale))
    assert fit.rms_error < 1e-2
