"""Colours against colour-science and against what is known of mirrors, glass and gold."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dielectra.errors import InputError
from dielectra.optics.colour import (
    ILLUMINANTS,
    bulk_colour,
    colour_name,
    colour_of,
    film_colour,
    transmission_colour,
    visible_energies,
)
from dielectra.optics.constants import absorption_coefficient, reflectivity
from dielectra.optics.onset import gap_error
from dielectra.optics.stack import Layer, stack_optics
from dielectra.spectrum import Spectrum, isotropic_spectrum
from dielectra.units import HC

GRID = np.linspace(0, 20, 401)
WAVELENGTHS = np.arange(360, 781)


@pytest.fixture(scope="module")
def science() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import colour
    return colour


def absorber(position: float = 3.0) -> Spectrum:
    return isotropic_spectrum(GRID, 12 * GRID * np.exp(-((GRID - position) ** 2)) / 3, "ipa", 0.3)


def constant(index: complex) -> Spectrum:
    return Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), np.full(401, index**2, complex)), "experiment")


def edge(position: float, rising: bool) -> NDArray[np.float64]:
    return 1 / (1 + np.exp((position - WAVELENGTHS) / (8 if rising else -8)))


SPECTRA = {"red": edge(600, True), "blue": edge(480, False), "grey": np.full(421, 0.3), "green": edge(500, True) * 0.6}


@pytest.mark.parametrize("illuminant", ILLUMINANTS)
@pytest.mark.parametrize("name", SPECTRA)
def test_tristimulus_values_chromaticity_and_lab_agree_with_colour_science(
    science: ModuleType, illuminant: str, name: str
) -> None:
    ours = colour_of(SPECTRA[name], illuminant)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        observer = science.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"]
        lamp = science.SDS_ILLUMINANTS[illuminant]
        shape = science.SpectralShape(360, 780, 1)
        values = science.SpectralDistribution(SPECTRA[name], WAVELENGTHS)
        theirs = science.sd_to_XYZ(values, observer.copy().align(shape), lamp.copy().align(shape), method="Integration")
        white = science.sd_to_XYZ(
            science.sd_ones(shape), observer.copy().align(shape), lamp.copy().align(shape), method="Integration"
        )
        lab = science.XYZ_to_Lab(theirs / 100, science.XYZ_to_xy(white))
        np.testing.assert_allclose(ours.xyz, theirs / 100, atol=2e-4)
        np.testing.assert_allclose(ours.xyy, science.XYZ_to_xyY(theirs / 100), atol=2e-4)
        np.testing.assert_allclose(ours.lab, lab, atol=0.05)
        rgb = science.XYZ_to_sRGB(theirs / 100, science.XYZ_to_xy(white), chromatic_adaptation_transform="Bradford")
    np.testing.assert_allclose(ours.srgb, np.clip(rgb, 0, 1), atol=2e-3)
    assert ours.in_gamut == bool(np.all((rgb > -0.002) & (rgb < 1.002)))


@pytest.mark.parametrize("illuminant", ILLUMINANTS)
def test_a_mirror_is_white_and_nothing_is_black(illuminant: str) -> None:
    white, black = colour_of(np.ones(421), illuminant), colour_of(np.zeros(421), illuminant)
    assert white.hex == "#ffffff"
    np.testing.assert_allclose(white.lab, (100, 0, 0), atol=1e-9)
    assert white.xyz[1] == pytest.approx(1)
    assert white.in_gamut
    assert black.hex == "#000000"
    np.testing.assert_allclose(black.lab, 0, atol=1e-9)
    np.testing.assert_allclose(black.xyy[:2], white.xyy[:2])


@pytest.mark.parametrize(
    ("illuminant", "x", "y"), [("D65", 0.3127, 0.3290), ("A", 0.4476, 0.4074), ("E", 1 / 3, 1 / 3)]
)
def test_the_white_points_are_those_of_the_cie(illuminant: str, x: float, y: float) -> None:
    np.testing.assert_allclose(colour_of(np.ones(421), illuminant).xyy[:2], (x, y), atol=2e-4)


@given(scale=st.floats(0.01, 1.0), position=st.floats(400, 700))
def test_luminance_is_linear_and_channels_stay_in_range(scale: float, position: float) -> None:
    full, part = colour_of(edge(position, True)), colour_of(scale * edge(position, True))
    assert part.xyz[1] == pytest.approx(scale * full.xyz[1])
    assert part.xyy[:2] == pytest.approx(full.xyy[:2])
    assert all(0 <= channel <= 1 for channel in part.srgb)


def test_monochromatic_light_is_clipped_and_says_so() -> None:
    laser = np.zeros(421)
    laser[532 - 360] = 1
    colour = colour_of(laser * 40)
    assert not colour.in_gamut
    assert colour.srgb[0] == 0


def test_bulk_colour_is_that_of_the_reflectivity() -> None:
    spectrum = absorber()
    eps = np.interp(visible_energies(), GRID, spectrum.mean)
    np.testing.assert_allclose(bulk_colour(spectrum).xyz, colour_of(reflectivity(eps)).xyz, rtol=1e-12)
    np.testing.assert_allclose(visible_energies() * WAVELENGTHS, HC)


def test_an_absorber_of_blue_light_makes_a_yellow_film_that_reddens_with_thickness() -> None:
    thin, thick = film_colour(absorber(), 30), film_colour(absorber(), 300)
    assert thin.lab[2] > 5
    assert thin.srgb[0] > thin.srgb[2]
    assert thick.lab[0] < thin.lab[0]
    assert film_colour(absorber(), 0).hex == "#ffffff"


def test_a_thin_transparent_film_shows_interference_colours() -> None:
    glass = constant(2.0)
    hues = {film_colour(glass, thickness).hex for thickness in (0, 100, 200, 300)}
    assert len(hues) == 4
    film = stack_optics([Layer(glass, 200.0)], visible_energies())
    np.testing.assert_allclose(film_colour(glass, 200.0).xyz, colour_of(film.transmittance[0]).xyz)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="unknown illuminant 'D50'; allowed are D65, A, E"):
        bulk_colour(absorber(), "D50")
    with pytest.raises(InputError, match=r"covers 0-2 eV, but 1\.58\S+ eV"):
        bulk_colour(absorber().resample(np.linspace(0, 2, 41)))
    with pytest.raises(InputError, match="thickness -1 nm"):
        film_colour(absorber(), -1)


def test_a_crystal_without_absorption_is_colourless_however_long_the_path() -> None:
    colour = transmission_colour(constant(1.5), 1e6)
    assert colour.hex == "#ffffff"
    assert np.hypot(*colour.lab[1:]) < 0.01
    assert colour_name(colour) == "colourless"


def test_beers_law() -> None:
    eps = (2.0 + 0.05j * (GRID > 2.5)) ** 2
    blue_absorber = Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), eps), "experiment")
    one, two = (transmission_colour(blue_absorber, path) for path in (1000, 2000))
    assert colour_name(two) == "yellow"
    energies = visible_energies()
    absorption = absorption_coefficient(energies, np.interp(energies, blue_absorber.energies, blue_absorber.mean))
    assert one.xyz == pytest.approx(colour_of(np.exp(-absorption * 1e-4)).xyz, rel=1e-3)
    with pytest.raises(InputError, match="a path is a length"):
        transmission_colour(blue_absorber, -1)


def test_the_edge_of_a_predicted_spectrum_is_moved_by_what_its_gap_lacks() -> None:
    eps = (2.0 + 0.5j * (GRID > 2.0)) ** 2
    known = {"model": "some-model", "gap_ev": 2.0}
    predicted = Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), eps), "rpa", provenance=known)
    assert gap_error(predicted) == pytest.approx(9.0 / 4.0, rel=0.01)
    assert colour_name(transmission_colour(predicted)) == "colourless"
    assert transmission_colour(predicted, edge_shift=0.0).hex != "#ffffff"
    for other in (replace(predicted, level="experiment"), replace(predicted, provenance={"gap_ev": 2.0})):
        assert gap_error(other) == 0.0
        assert transmission_colour(other) == transmission_colour(predicted, edge_shift=0.0)


@pytest.mark.parametrize(
    ("lab", "name"),
    [
        ((5, 30, 0), "black"),
        ((95, 1, 2), "colourless"),
        ((50, 1, 2), "grey"),
        ((90, 0, 20), "pale yellow"),
        ((80, 5, 80), "yellow"),
        ((60, 40, 60), "orange"),
        ((30, 50, 30), "dark red"),
        ((60, -50, 30), "green"),
        ((60, 10, -50), "blue"),
    ],
)
def test_colours_have_names(lab: tuple[float, float, float], name: str) -> None:
    assert colour_name(colour_of(np.ones(421))._replace(lab=lab)) == name


def test_films_are_not_coloured_by_the_gap_error_of_pbe() -> None:
    known = {"gap_ev": 2.0, "model": "some network"}
    predicted = Spectrum(absorber().energies, absorber().tensor, "rpa", 0.3, known)
    shift = gap_error(predicted)
    assert film_colour(predicted, 100).lab[0] > film_colour(predicted, 100, edge_shift=0.0).lab[0]
    assert film_colour(predicted, 100) == film_colour(predicted, 100, edge_shift=shift)
    assert film_colour(absorber(), 100) == film_colour(absorber(), 100, edge_shift=0.0)
