"""Solar efficiency against pymatgen's implementation and the Shockley-Queisser limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from dielectra.errors import InputError
from dielectra.optics.constants import absorption_coefficient
from dielectra.optics.measured import load_measured
from dielectra.optics.solar import solar_efficiency
from dielectra.optics.tables import read_table
from dielectra.spectrum import Spectrum, isotropic_spectrum
from dielectra.units import HC

GRID = np.linspace(0, 20, 401)


def absorber() -> Spectrum:
    return isotropic_spectrum(GRID, 15 * GRID * np.exp(-((GRID - 4) ** 2) / 4) / 4, "ipa")


@pytest.mark.parametrize(
    ("direct", "indirect", "temperature", "thickness"),
    [
        (1.34, 1.34, 293.15, 500),
        (1.5, 1.3, 300, 2000),
        (1.9, 1.9, 350, 100),
        (2.6, 2.5, 280, 50),
        (1.1, 1.1, 293.15, 1e5),
    ],
)
def test_efficiency_agrees_with_pymatgen(direct: float, indirect: float, temperature: float, thickness: float) -> None:
    from pymatgen.analysis.solar.slme import slme

    spectrum = absorber()
    ours = solar_efficiency(spectrum, direct, indirect, temperature, thickness)
    absorption = absorption_coefficient(GRID, spectrum.mean)[1:]
    theirs = slme(GRID[1:], absorption, direct, indirect, thickness * 1e-9, temperature, True) / 100
    # pymatgen integrates the step at the gap by Simpson's rule, interpolates with a cubic spline, and scans V by 1 mV.
    assert ours.slme == pytest.approx(theirs, rel=3e-3)
    assert ours.gap_direct_source == ours.gap_indirect_source == "given"


@pytest.mark.parametrize(("gap", "limit", "current"), [(1.10, 0.328, 44.2), (1.34, 0.337, 35.2), (1.70, 0.287, 22.5)])
def test_the_limit_is_that_of_shockley_and_queisser(gap: float, limit: float, current: float) -> None:
    """Values at 298.15 K of S. Ruehle, Sol. Energy 130, 139 (2016)."""
    answer = solar_efficiency(absorber(), gap, temperature=298.15, thickness_nm=1e9)
    assert answer.spectroscopic_limit == pytest.approx(limit, abs=0.004)
    assert answer.short_circuit_current == pytest.approx(current, rel=0.01)


def test_the_spectrum_of_the_sun_carries_a_kilowatt() -> None:
    wavelengths, irradiance = read_table("am15g.csv")
    assert np.trapezoid(irradiance, wavelengths) == pytest.approx(1000, rel=1e-3)
    assert (wavelengths[0], wavelengths[-1]) == (280, 4000)


@given(gap=st.floats(0.6, 4.0), thickness=st.floats(1, 1e5), temperature=st.floats(100, 400))
def test_the_power_is_the_greatest_of_the_diode(gap: float, thickness: float, temperature: float) -> None:
    answer = solar_efficiency(absorber(), gap, None, temperature, thickness)
    voltages = np.linspace(0, answer.open_circuit_voltage, 4001)
    thermal = 8.617333262e-5 * temperature
    fall = -np.expm1((voltages - answer.open_circuit_voltage) / thermal) / -np.expm1(
        -answer.open_circuit_voltage / thermal
    )
    scanned = (voltages * answer.short_circuit_current * 10 * fall).max() / 1000.37
    assert answer.slme == pytest.approx(scanned, rel=1e-4)
    assert 0 <= answer.slme < 0.5


def test_a_thicker_film_approaches_the_limit_and_an_indirect_gap_costs() -> None:
    films = [solar_efficiency(absorber(), 1.5, thickness_nm=thickness) for thickness in (50, 500, 50_000_000)]
    assert films[0].slme < films[1].slme < films[2].slme
    assert films[2].slme == pytest.approx(films[2].spectroscopic_limit, rel=1e-6)
    assert films[1].slme < films[1].spectroscopic_limit
    indirect = solar_efficiency(absorber(), 1.5, 1.2)
    assert indirect.slme < films[1].slme
    assert films[1].open_circuit_voltage - indirect.open_circuit_voltage == pytest.approx(0.3, abs=1e-6)


def test_a_cold_cell_reaches_its_gap() -> None:
    """Towards zero temperature the open-circuit voltage tends to the gap."""
    answer = solar_efficiency(absorber(), 3.0, temperature=5.0, thickness_nm=1e6)
    assert answer.open_circuit_voltage == pytest.approx(3.0, abs=0.03)


def test_a_gap_beyond_the_ultraviolet_gives_nothing() -> None:
    answer = solar_efficiency(absorber(), 6.0)
    assert (answer.slme, answer.short_circuit_current) == (0.0, 0.0)


def test_the_gap_is_estimated_where_none_is_given() -> None:
    answer = solar_efficiency(absorber())
    assert answer.gap_direct_source == "estimated from the spectrum"
    assert answer.gap_indirect_source == "taken equal to the direct gap"
    assert answer.gap_direct == answer.gap_indirect


def silicon() -> Spectrum:
    return next(entry for entry in load_measured("Si") if entry.source.endswith("Green-2008.yml")).spectrum


def test_a_measured_indirect_absorber_is_not_taken_for_a_direct_one() -> None:
    """Silicon, 200 micrometre: its voltage is that of its fundamental gap (1.12 eV), not of the onset at 2.4 eV."""
    answer = solar_efficiency(silicon(), thickness_nm=2e5)
    assert answer.gap_direct == pytest.approx(2.44, abs=0.02)
    assert answer.gap_indirect == pytest.approx(1.17, abs=0.02)
    assert answer.gap_indirect_source == "estimated from the spectrum"
    assert answer.open_circuit_voltage < 1.0


def test_measured_subgap_absorption_counts_when_asked() -> None:
    """Detailed balance of silicon, 200 micrometre and a mirror: Tiedje et al. (1984), without Auger recombination."""
    kept = solar_efficiency(silicon(), thickness_nm=2e5, temperature=300, keep_subgap=True)
    assert kept.subgap_absorption
    assert 39 < kept.short_circuit_current < 43.5
    assert kept.open_circuit_voltage == pytest.approx(0.86, abs=0.04)
    assert 0.29 < kept.slme < 0.335
    dropped = solar_efficiency(silicon(), thickness_nm=2e5, temperature=300)
    assert dropped.short_circuit_current < 10


def test_a_table_that_begins_where_the_film_absorbs_is_refused() -> None:
    """Aspnes' table of silicon begins at 1.5 eV: a wafer of it absorbs down to 1.1 eV, a film of 100 nm does not."""
    cut_off = next(entry.spectrum for entry in load_measured("Si") if entry.source.endswith("Aspnes.yml"))
    with pytest.raises(InputError, match=r"begins at 1\.4999 eV, where a film of 200000 nm absorbs 100%"):
        solar_efficiency(cut_off, thickness_nm=2e5, keep_subgap=True)
    assert solar_efficiency(cut_off, thickness_nm=100, keep_subgap=True).short_circuit_current > 0


def test_the_photocurrent_is_the_integral_of_the_absorbed_photons() -> None:
    spectrum, thickness = silicon(), 5e3
    kept = solar_efficiency(spectrum, thickness_nm=thickness, keep_subgap=True)
    wavelengths, irradiance = read_table("am15g.csv")
    absorption = np.interp(
        HC / wavelengths, spectrum.energies, absorption_coefficient(spectrum.energies, spectrum.mean)
    )
    absorbed = -np.expm1(-2 * absorption * thickness * 1e-7)
    current = np.trapezoid(irradiance * wavelengths * 1e-9 * absorbed, wavelengths) * constants.e
    expected = current / (constants.h * constants.c) / 10
    assert kept.short_circuit_current == pytest.approx(expected, rel=5e-3)


def test_broadening_is_no_absorption_to_keep() -> None:
    with pytest.raises(InputError, match="level ipa has broadening, not absorption"):
        solar_efficiency(absorber(), keep_subgap=True)


def test_a_predicted_gap_serves_as_the_fundamental_one() -> None:
    answer = solar_efficiency(replace(absorber(), provenance={"gap_ev": 0.9}))
    assert (answer.gap_indirect, answer.gap_indirect_source) == (0.9, "predicted")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gap_direct": 0.0}, "direct gap must be a positive number; got 0"),
        ({"gap_direct": 1.0, "gap_indirect": 1.2}, r"indirect \(fundamental\) gap 1.2 eV exceeds the direct gap 1 eV"),
        ({"gap_direct": 1.0, "temperature": -3.0}, "temperature must be a positive number"),
        ({"gap_direct": 1.0, "thickness_nm": float("nan")}, "thickness must be a positive number"),
    ],
)
def test_bad_input_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solar_efficiency(absorber(), **settings)


def test_a_spectrum_that_ends_in_the_visible_is_refused() -> None:
    with pytest.raises(InputError, match=r"covers 0-3 eV; .* from the gap \(1.40 eV\) to 4.43"):
        solar_efficiency(absorber().resample(np.linspace(0, 3, 61)), 1.4)
