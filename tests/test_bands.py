"""Bands of derived quantities from the members of an ensemble."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.optics import solar_efficiency
from dielectra.optics.bands import Calibration, band, gap_interval, member_spectra, misfits, moved
from dielectra.optics.figures_of_merit import plasmon
from dielectra.optics.quantities import QUANTITIES, quantity_curve
from dielectra.spectrum import Spectrum, isotropic_spectrum

ENERGIES = np.linspace(0, 20, 401)


def drude_lorentz(strength: float, centre: float, width: float = 1.0) -> Spectrum:
    eps2 = strength * centre**2 * width * ENERGIES / ((centre**2 - ENERGIES**2) ** 2 + (width * ENERGIES) ** 2)
    return isotropic_spectrum(ENERGIES, eps2, "rpa")


def ensemble(seed: int, size: int = 5, noise: float = 0.05) -> Spectrum:
    """Return the mean of spectra whose strength and centre scatter around 5 and 6 eV."""
    rng = np.random.default_rng(seed)
    members = [drude_lorentz(*(np.array([5.0, 6.0]) * (1 + noise * rng.normal(size=2)))) for _ in range(size)]
    tensors = tuple(member.tensor for member in members)
    return replace(members[0], tensor=np.mean(tensors, axis=0), members=tensors)


def truth(seed: int) -> Spectrum:
    rng = np.random.default_rng(1000 + seed)
    return drude_lorentz(*(np.array([5.0, 6.0]) * (1 + 0.05 * rng.normal(size=2))))


def test_a_single_model_has_no_band() -> None:
    assert band(drude_lorentz(5, 6), "n") is None


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_the_range_of_the_members_holds_each_of_them(quantity: str) -> None:
    spectrum = ensemble(0)
    found = band(spectrum, quantity)
    assert found is not None
    assert found.coverage is None
    for one in [spectrum, *member_spectra(spectrum)]:
        curve = quantity_curve(one, quantity)
        assert np.all((found.lower <= curve) & (curve <= found.upper))


def test_a_band_of_a_number_follows_from_the_same_members() -> None:
    spectrum = ensemble(0)
    efficiencies = [solar_efficiency(member, 1.5).slme for member in member_spectra(spectrum)]
    found = band(spectrum, lambda one: solar_efficiency(one, 1.5).slme)
    assert found is not None
    assert found.lower == pytest.approx(min(efficiencies))
    assert found.upper == pytest.approx(max(efficiencies))


@pytest.mark.parametrize("quantity", ["eps2", "n", "k"])
def test_a_calibrated_band_holds_true_curves_at_as_many_energies_as_it_says(quantity: str) -> None:
    found_misfits = [misfits(ensemble(seed), truth(seed), quantity) for seed in range(100)]
    calibration = Calibration(0.8, {quantity: float(np.quantile(found_misfits, 0.8))})
    inside = []
    for seed in range(200, 300):
        found, known = band(ensemble(seed), quantity, calibration), quantity_curve(truth(seed), quantity)
        assert found is not None
        assert found.coverage == 0.8
        inside.append(np.mean((found.lower <= known) & (known <= found.upper)))
    assert 0.72 <= np.mean(inside) <= 0.88


def test_what_is_derived_is_as_wide_as_the_calibration_makes_it() -> None:
    spectrum = ensemble(0)
    values = [plasmon(member).energy for member in member_spectra(spectrum)]
    found = band(spectrum, lambda one: plasmon(one).energy, Calibration(0.9, {"n": 2.0, "k": 3.0, "eps1": 10.0}))
    assert found is not None
    assert found.coverage == 0.9
    assert (found.upper - found.lower) / 2 == pytest.approx(3.0 * np.std(values))


def test_the_error_of_the_gap_widens_what_follows_the_gap() -> None:
    gaps = {"gap_ev": 1.5, "gap_direct_ev": 1.6}
    spectrum = replace(ensemble(0), provenance=gaps)
    calibration = Calibration(0.9, {"n": 1.0}, gap_errors={"gap_ev": 0.5})

    def efficiency(one: Spectrum) -> float:
        return solar_efficiency(one).slme

    narrow, wide = (band(spectrum, efficiency, calibration, by_gap=by_gap) for by_gap in (False, True))
    assert narrow is not None
    assert wide is not None
    assert wide.lower < narrow.lower
    assert wide.upper > narrow.upper
    worst = moved(spectrum, 0.5)
    assert worst.provenance == {"gap_ev": 2.0, "gap_direct_ev": 2.1}
    assert wide.lower <= efficiency(worst)
    assert gap_interval(0.2, calibration) == (0.0, 0.7)
    assert gap_interval(0.2, Calibration(0.9)) is None
    unknown = band(replace(spectrum, provenance={}), lambda one: plasmon(one).energy, calibration, by_gap=True)
    assert unknown is not None


def test_a_moved_spectrum_has_its_features_at_higher_energies() -> None:
    spectrum = drude_lorentz(5, 6)
    peaks = [one.energies[one.mean.imag.argmax()] for one in (spectrum, moved(spectrum, 1.0))]
    assert peaks[1] - peaks[0] == pytest.approx(1.0)


def test_members_that_agree_at_one_energy_by_chance_leave_a_band_there() -> None:
    members = tuple(drude_lorentz(*given).tensor for given in ((5.0, 5.5), (5.0, 6.5)))
    spectrum = replace(drude_lorentz(5, 6), tensor=np.mean(members, axis=0), members=members)
    curves = [quantity_curve(one, "eps2") for one in member_spectra(spectrum)]
    crossing = int(np.argmin(np.abs(curves[0] - curves[1])[100:140])) + 100
    found = band(spectrum, "eps2", Calibration(0.8, {"eps2": 1.0}))
    assert found is not None
    width = found.upper - found.lower
    assert width[crossing] > 0.2 * width.max()


def test_bands_stay_within_what_a_passive_crystal_allows() -> None:
    wide = Calibration(0.9, dict.fromkeys(QUANTITIES, 100.0))
    for name, quantity in QUANTITIES.items():
        found = band(ensemble(0), name, wide)
        assert found is not None
        assert found.lower.min() >= quantity.lowest
        assert found.upper.max() <= quantity.highest


def test_a_quantity_without_calibration_has_no_calibrated_band() -> None:
    assert band(ensemble(0), "n", Calibration(0.9, {"k": 2.0})) is None


def test_members_follow_the_spectrum_to_another_grid() -> None:
    spectrum = ensemble(0)
    coarse = spectrum.resample(np.linspace(1, 5, 9))
    assert len(coarse.members) == 5
    np.testing.assert_allclose(np.mean(coarse.members, axis=0), coarse.tensor, atol=1e-12)


def test_members_that_do_not_match_are_refused() -> None:
    spectrum = drude_lorentz(5, 6)
    with pytest.raises(InputError, match="member"):
        replace(spectrum, members=(spectrum.tensor[..., :-1],))
    with pytest.raises(InputError, match="not symmetric"):
        replace(spectrum, members=(spectrum.tensor + np.triu(np.ones((3, 3)), 1)[..., None],))
