"""Principal indices of crystals whose axes are known, and of the ladder data set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.optics.anisotropy import principal_indices
from dielectra.spectrum import Spectrum

GRID = np.linspace(0, 20, 201)
ANGLES = st.tuples(*[st.floats(0, 6)] * 3)


def crystal(resonances: tuple[float, float, float], rotation: NDArray[np.float64] | None = None) -> Spectrum:
    """Return a spectrum with one resonance along each axis, turned in space."""
    functions = np.array([1 + 60 / (energy**2 - GRID**2 - 0.6j * GRID) for energy in resonances])
    turn = np.eye(3) if rotation is None else rotation
    return Spectrum(GRID, np.einsum("ia,aw,ja->ijw", turn, functions, turn), "rpa")


@given(angles=ANGLES)
def test_a_uniaxial_crystal_is_known_in_every_orientation(angles: tuple[float, float, float]) -> None:
    turn = Rotation.from_euler("zyx", angles).as_matrix()
    found, reference = principal_indices(crystal((5, 5, 7), turn)), principal_indices(crystal((5, 5, 7)))
    assert found.kind == "uniaxial"
    assert found.optic_axis is not None
    assert abs(found.optic_axis @ turn[:, 2]) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(found.birefringence, reference.birefringence, atol=1e-6)
    np.testing.assert_allclose(found.dichroism, reference.dichroism, atol=1e-6)
    assert found.axes_turn < 1e-9
    assert found.optic_angle is None


def test_ordinary_and_extraordinary_index_are_those_of_the_axes() -> None:
    spectrum = crystal((7, 5, 5))
    found = principal_indices(spectrum)
    np.testing.assert_allclose(found.extraordinary**2, spectrum.component("xx"), atol=1e-9)
    np.testing.assert_allclose(found.ordinary**2, spectrum.component("zz"), atol=1e-9)
    np.testing.assert_allclose(np.abs(found.axes[2]), (1, 0, 0))
    assert found.birefringence[0] == pytest.approx(np.sqrt(1 + 60 / 49) - np.sqrt(1 + 60 / 25))


@given(angles=ANGLES)
def test_a_biaxial_crystal_has_three_indices_and_an_optic_angle(angles: tuple[float, float, float]) -> None:
    found = principal_indices(crystal((6, 5, 7), Rotation.from_euler("zyx", angles).as_matrix()))
    assert found.kind == "biaxial"
    assert found.optic_axis is None
    alpha, beta, gamma = found.indices[:, 0].real
    assert alpha < beta < gamma
    # An optic axis is normal to the circular section of the index ellipsoid: in the alpha-gamma plane, V from gamma.
    half = np.radians(found.optic_angle or 0) / 2
    assert 1 / np.sqrt(np.cos(half) ** 2 / alpha**2 + np.sin(half) ** 2 / gamma**2) == pytest.approx(beta, rel=1e-6)
    np.testing.assert_allclose(found.birefringence[0], gamma - alpha)
    with pytest.raises(InputError, match="no ordinary wave"):
        _ = found.ordinary


def test_an_isotropic_crystal_shows_no_difference() -> None:
    found = principal_indices(crystal((5, 5, 5)))
    assert found.kind == "isotropic"
    assert found.optic_axis is None
    np.testing.assert_array_equal(found.birefringence, 0)
    np.testing.assert_array_equal(found.axes, np.eye(3))


def test_axes_that_turn_with_energy_are_reported() -> None:
    tensor = crystal((5, 6, 7)).tensor.copy()
    late = GRID > 6
    tensor[0, 2, late] = tensor[2, 0, late] = 0.4 * tensor[0, 0, late]
    assert principal_indices(Spectrum(GRID, tensor, "rpa")).axes_turn > 0.1


@pytest.mark.slow
def test_the_kind_follows_the_crystal_system_of_the_ladder() -> None:
    kinds = {"cubic": "isotropic", "uniaxial": "uniaxial"}
    hits = []
    for record in open_dataset("ladder").records("rpa"):
        group = record.properties["spacegroup"]
        if group > 74:
            expected = kinds["cubic" if group > 194 else "uniaxial"]
            hits.append(principal_indices(record.spectrum).kind == expected)
    assert len(hits) > 200
    assert np.mean(hits) > 0.95


def test_a_tolerance_that_is_no_fraction_is_refused() -> None:
    with pytest.raises(InputError, match="fraction between 0 and 1; got 0"):
        principal_indices(crystal((5, 5, 5)), tolerance=0)
