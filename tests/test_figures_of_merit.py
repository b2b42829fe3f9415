"""Single numbers of spectra against closed formulas."""

from __future__ import annotations

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.optics.figures_of_merit import abbe_number, penn_gap, plasmon, visible_index
from dielectra.spectrum import Spectrum, isotropic_spectrum

GRID = np.linspace(0, 30, 1201)


def oscillator(energy: float, plasma: float, width: float) -> Spectrum:
    eps = 1 + plasma**2 / (energy**2 - GRID**2 - 1j * width * GRID)
    return Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), eps), "ipa")


def dispersive(function: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Spectrum:
    return Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), function.astype(complex) ** 2), "experiment")


def test_the_plasmon_of_an_oscillator_is_at_the_known_energy() -> None:
    """-Im 1/eps of one oscillator peaks near sqrt(E0^2 + Ep^2), with half width g and height Ep^2 / (g E)."""
    energy, height, width = plasmon(oscillator(5, 15, 1.0))
    expected = np.hypot(5, 15)
    assert energy == pytest.approx(expected, abs=0.03)
    assert height == pytest.approx(15**2 / expected, rel=0.01)
    assert width == pytest.approx(1.0, rel=0.02)


def test_a_plasmon_beyond_the_window_is_refused_and_a_cut_one_has_no_width() -> None:
    full = oscillator(5, 15, 1.0)
    with pytest.raises(InputError, match=r"no peak inside 0-12 eV; the plasmon lies outside"):
        plasmon(full.resample(np.linspace(0, 12, 241)))
    assert plasmon(full.resample(np.linspace(0, 16, 641))).width is None


def test_the_penn_gap_of_one_narrow_oscillator_is_its_energy() -> None:
    """The two-level model is one oscillator: eps(0) - 1 = Ep^2 / E0^2."""
    spectrum = oscillator(6, 15, 0.2)
    assert penn_gap(spectrum, plasma_energy=15.0) == pytest.approx(6, rel=1e-6)
    assert penn_gap(spectrum) == pytest.approx(6, rel=0.01)


def test_the_penn_gap_needs_a_dielectric() -> None:
    with pytest.raises(InputError, match="static dielectric constant is 1;"):
        penn_gap(isotropic_spectrum(GRID, np.zeros(1201), "ipa"))
    with pytest.raises(InputError, match="begins at 2 eV"):
        penn_gap(oscillator(6, 15, 0.2).resample(np.linspace(2, 20, 100)))


def test_crown_glass_has_its_index_and_abbe_number() -> None:
    """N-BK7 by Schott's Sellmeier formula: n_d 1.5168, V_d 64.17."""
    wavelength = 1.2398419843 / np.maximum(GRID, 0.6)
    terms = [(1.03961212, 0.00600069867), (0.231792344, 0.0200179144), (1.01046945, 103.560653)]
    inside = np.maximum(wavelength, 0.3) ** 2
    glass = dispersive(np.sqrt(1 + sum(b * inside / (inside - c) for b, c in terms)))
    assert abbe_number(glass) == pytest.approx(64.17, rel=0.005)
    assert visible_index(glass) == pytest.approx(1.519, abs=0.002)


def test_an_index_without_dispersion_has_no_abbe_number() -> None:
    constant = dispersive(np.full(1201, 1.5))
    assert visible_index(constant) == pytest.approx(1.5)
    with pytest.raises(InputError, match="without dispersion has no Abbe number"):
        abbe_number(constant)
    with pytest.raises(InputError, match="covers 0-2 eV"):
        visible_index(constant.resample(np.linspace(0, 2, 50)))
