"""Thin-film stacks against tmm, Fresnel's formulas and conservation of energy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tmm
from hypothesis import given
from hypothesis import strategies as st

from dielectra.errors import InputError
from dielectra.optics.constants import reflectivity
from dielectra.optics.stack import Layer, material_index, stack_amplitudes, stack_optics
from dielectra.spectrum import Spectrum, isotropic_spectrum
from dielectra.units import HC

ENERGIES = np.array([0.8, 1.7, 2.6, 4.1])
ANGLES = np.array([0.0, 20.0, 56.0, 85.0])
GRID = np.linspace(0, 20, 401)


def gaas_like() -> Spectrum:
    return isotropic_spectrum(GRID, 20 * np.exp(-((GRID - 4) ** 2) / 3), "rpa")


@given(
    indices=st.lists(st.builds(complex, st.floats(0.05, 4), st.floats(0, 4)), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
    polarisation=st.sampled_from(["s", "p"]),
    incidence=st.sampled_from([1.0, 1.5, 2.4]),
)
def test_coherent_stacks_agree_with_tmm(indices: list[complex], seed: int, polarisation: str, incidence: float) -> None:
    thicknesses = np.random.default_rng(seed).uniform(1, 400, len(indices))
    layers = [Layer(index, thickness) for index, thickness in zip(indices, thicknesses, strict=True)]
    ours = stack_optics(layers, ENERGIES, ANGLES, polarisation, incidence, 1.45 + 0.01j)
    amplitudes = stack_amplitudes(layers, ENERGIES, ANGLES, polarisation, incidence, 1.45 + 0.01j)
    for row, angle in enumerate(np.radians(ANGLES)):
        for column, wavelength in enumerate(HC / ENERGIES):
            theirs: dict[str, Any] = tmm.coh_tmm(
                polarisation,
                [incidence, *indices, 1.45 + 0.01j],
                [np.inf, *thicknesses, np.inf],
                angle,
                wavelength,
            )
            assert ours.reflectance[row, column] == pytest.approx(theirs["R"], abs=1e-9)
            assert ours.transmittance[row, column] == pytest.approx(theirs["T"], abs=1e-9)
            absorbed = tmm.absorp_in_each_layer(theirs)[1:-1]
            np.testing.assert_allclose(ours.layer_absorptance[:, row, column], absorbed, atol=1e-9)
            assert amplitudes.reflection[row, column] == pytest.approx(theirs["r"], abs=1e-9)
            assert amplitudes.transmission[row, column] == pytest.approx(theirs["t"], abs=1e-9)


@given(
    kinds=st.lists(st.booleans(), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    polarisation=st.sampled_from(["s", "p"]),
)
def test_incoherent_layers_agree_with_tmm(kinds: list[bool], seed: int, polarisation: str) -> None:
    random = np.random.default_rng(seed)
    indices = random.uniform(1.1, 3, len(kinds)) + 1j * np.where(kinds, random.uniform(0, 1, len(kinds)), 1e-5)
    thicknesses = np.where(kinds, random.uniform(5, 200, len(kinds)), random.uniform(1e4, 1e6, len(kinds)))
    layers = [Layer(n, d, kind) for n, d, kind in zip(indices, thicknesses, kinds, strict=True)]
    ours = stack_optics(layers, ENERGIES, ANGLES, polarisation, 1.0, 1.3)
    for row, angle in enumerate(np.radians(ANGLES)):
        for column, wavelength in enumerate(HC / ENERGIES):
            theirs: dict[str, Any] = tmm.inc_tmm(
                polarisation,
                [1.0, *indices, 1.3],
                [np.inf, *thicknesses, np.inf],
                ["i", *("c" if kind else "i" for kind in kinds), "i"],
                angle,
                wavelength,
            )
            assert ours.reflectance[row, column] == pytest.approx(theirs["R"], abs=1e-9)
            assert ours.transmittance[row, column] == pytest.approx(theirs["T"], abs=1e-9)
            absorbed = tmm.inc_absorp_in_each_layer(theirs)[1:-1]
            np.testing.assert_allclose(ours.layer_absorptance[:, row, column], absorbed, atol=2e-5)


@given(
    layers=st.lists(
        st.builds(Layer, st.builds(complex, st.floats(0.01, 5), st.floats(0, 6)), st.floats(1000, 1e7), st.booleans())
        | st.builds(Layer, st.builds(complex, st.floats(0, 5), st.floats(0.01, 6)), st.floats(0, 1000), st.just(True)),
        max_size=6,
    )
)
def test_power_is_conserved_in_every_stack(layers: list[Layer]) -> None:
    optics = stack_optics(layers, np.linspace(0, 20, 30), ANGLES, "unpolarised", 1.0, 1.5)
    for values in (optics.reflectance, optics.transmittance, optics.absorptance):
        assert values.min() >= -1e-9
        assert values.max() <= 1 + 1e-9
        assert values.shape == (4, 30)
    np.testing.assert_allclose(optics.reflectance + optics.transmittance + optics.absorptance, 1)
    assert optics.layer_absorptance.shape == (len(layers), 4, 30)
    np.testing.assert_allclose(optics.layer_absorptance.sum(axis=0), optics.absorptance, atol=1e-8)


def test_each_layer_absorbs_its_part() -> None:
    layers = [Layer(2.0, 80.0), Layer(3 + 0.5j, 40.0), Layer(1.5, 1e6, coherent=False), Layer(0.2 + 3j, 30.0)]
    absorbed = stack_optics(layers, ENERGIES, ANGLES, "unpolarised", 1.0, 1.5).layer_absorptance
    np.testing.assert_allclose(absorbed[[0, 2]], 0, atol=1e-9)
    assert absorbed[[1, 3]].min() > 1e-3


def test_amplitudes_need_coherent_layers_and_polarised_light() -> None:
    with pytest.raises(InputError, match="s or p polarised"):
        stack_amplitudes([Layer(1.5, 100.0)], ENERGIES, polarisation="unpolarised")
    with pytest.raises(InputError, match="coherent layers"):
        stack_amplitudes([Layer(1.5, 2000.0, coherent=False)], ENERGIES)


@pytest.mark.parametrize("polarisation", ["s", "p"])
def test_a_dielectric_function_of_zero_is_the_limit_of_small_ones(polarisation: str) -> None:
    zero = Spectrum(GRID, np.zeros((3, 3, 401)), "experiment")
    small = Spectrum(GRID, np.einsum("ij,w->ijw", np.eye(3), np.full(401, 1e-9 + 0j)), "experiment")
    found, near = (stack_optics([Layer(m, 50)], ENERGIES, ANGLES, polarisation) for m in (zero, small))
    np.testing.assert_allclose(found.reflectance, near.reflectance, atol=1e-6)


def test_an_opaque_layer_hides_what_is_behind_it() -> None:
    metal = 0.2 + 3j
    bare = stack_optics([], ENERGIES, ANGLES, "p", exit_medium=metal)
    thick = stack_optics([Layer(metal, 1e9), Layer(2.0, 100)], ENERGIES, ANGLES, "p", exit_medium=1.5)
    np.testing.assert_allclose(thick.reflectance, bare.reflectance, rtol=1e-12)
    assert np.all(thick.transmittance == 0)


def test_a_single_surface_obeys_fresnel_and_brewster() -> None:
    spectrum = gaas_like()
    bulk = stack_optics([], ENERGIES, exit_medium=spectrum)
    np.testing.assert_allclose(bulk.reflectance[0], reflectivity(np.interp(ENERGIES, GRID, spectrum.mean)))
    brewster = np.degrees(np.arctan(1.5))
    assert stack_optics([], 2.0, brewster, "p", exit_medium=1.5).reflectance[0, 0] == pytest.approx(0, abs=1e-12)
    assert stack_optics([], 2.0, 45, "p", 1.5, 1.0).reflectance[0, 0] == pytest.approx(1)


def test_an_incoherent_plate_of_glass_has_the_known_reflectance() -> None:
    single = (0.5 / 2.5) ** 2
    plate = stack_optics([Layer(1.5, 1e6, coherent=False)], ENERGIES)
    np.testing.assert_allclose(plate.reflectance, 2 * single / (1 + single))


def test_light_that_is_totally_reflected_inside_does_not_leave_an_incoherent_plate() -> None:
    plate = stack_optics([Layer(1.2, 1e6, coherent=False)], ENERGIES, 80, "s", 1.5, 1.5)
    np.testing.assert_allclose(plate.reflectance, 1)
    np.testing.assert_allclose(plate.transmittance, 0)


def test_a_quarter_wave_coating_removes_the_reflection() -> None:
    coating = Layer(np.sqrt(2.25), HC / 2.0 / 4 / 1.5)
    assert stack_optics([coating], 2.0, exit_medium=2.25).reflectance[0, 0] == pytest.approx(0, abs=1e-12)


def test_unpolarised_is_the_mean_and_spectra_mix_with_constants_and_arrays() -> None:
    layers = [Layer(1.38, 100), Layer(gaas_like(), 50), Layer(np.full(4, 2 + 0.1j), 30)]
    s, p, mixed = (stack_optics(layers, ENERGIES, ANGLES, name, exit_medium=1.5) for name in ("s", "p", "unpolarised"))
    np.testing.assert_allclose((s.reflectance + p.reflectance) / 2, mixed.reflectance)
    np.testing.assert_allclose(s.transmittance[0], p.transmittance[0])
    assert np.abs(s.transmittance[2] - p.transmittance[2]).max() > 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"polarisation": "x"}, "unknown polarisation 'x'; allowed are s, p, unpolarised"),
        ({"angles": 90}, "angles of incidence must be at least 0 and below 90"),
        ({"energies": [-1.0]}, "photon energies must be a list"),
        ({"energies": [25.0]}, "covers 0-20 eV, but 25-25 eV"),
        ({"incidence": 0.0}, "real, positive refractive index"),
        ({"layers": [Layer(1.5, -3)]}, "layer 0: thickness -3 nm"),
        ({"layers": [Layer(1.5, 3, coherent=False)]}, "layer 0: 3 nm is too thin for an incoherent layer"),
        ({"layers": [Layer(1.5 - 0.1j, 3)]}, "k >= 0"),
        ({"layers": [Layer(np.ones(7), 3)]}, r"one number or one per energy \(4,\); got shape \(7,\)"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], message: str) -> None:
    settings: dict[str, Any] = {"layers": [Layer(gaas_like(), 10)], "energies": ENERGIES} | changes
    with pytest.raises(InputError, match=message):
        stack_optics(**settings)


def test_a_material_is_interpolated_in_the_dielectric_function() -> None:
    spectrum = gaas_like()
    np.testing.assert_allclose(material_index(spectrum, GRID) ** 2, spectrum.mean, atol=1e-9)
