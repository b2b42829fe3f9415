from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from dielectra.errors import InputError
from dielectra.grids import describe_energies, parse_energies
from dielectra.integrals import real_from_imaginary
from dielectra.target import Target, as_tensor, passive

GRID = tuple(np.linspace(0.0, 20.0, 81).tolist())
PEAK = np.exp(-((np.array(GRID) - 6.0) ** 2))


def test_the_shape_counts_levels_parts_components_and_energies() -> None:
    assert Target(levels=("ipa",), energies=GRID).shape == (1, 1, 1, 81)
    assert Target(levels=("ipa", "rpa"), parts=("re", "im"), rank=2, energies=GRID).shape == (2, 2, 6, 81)
    assert Target(quantity="gap", levels=("ipa",), parts=("re",)).shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "target",
    [
        Target(levels=("ipa", "rpa"), rank=2, energies=GRID, broadening=0.3),
        Target(levels=("experiment",), parts=("re", "im"), energies=(0.5, 0.7, 1.9)),
        Target(quantity="gap", levels=("ipa",), parts=("re",)),
    ],
)
def test_a_target_comes_back_from_json(target: Target) -> None:
    assert Target.model_validate_json(target.model_dump_json()) == target


def test_the_grid_is_written_short() -> None:
    assert Target(levels=("ipa",), energies=GRID).model_dump()["energies"] == "linspace(0,20,81)"
    for energies in (np.linspace(0, 20, 401), np.array([0.1, 0.25, 3.0])):
        np.testing.assert_allclose(parse_energies(describe_energies(energies)), energies, atol=1e-12)
    with pytest.raises(ValueError, match="at least two energies"):
        parse_energies("1.0")


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown level 'gw'"):
        Target(levels=("gw",))
    with pytest.raises(ValidationError, match="at least one level"):
        Target(levels=())


def test_an_isotropic_row_is_a_spectrum_of_each_level() -> None:
    target = Target(levels=("ipa", "rpa"), energies=GRID, broadening=0.3)
    row = np.stack([PEAK, 2 * PEAK - 0.1])[:, None, None]
    spectra = target.spectra(row, {"model": "m"})
    assert list(spectra) == ["ipa", "rpa"]
    assert (spectra["rpa"].level, spectra["rpa"].broadening) == ("rpa", 0.3)
    assert spectra["ipa"].provenance == {"model": "m"}
    np.testing.assert_allclose(spectra["ipa"].mean.imag, PEAK)
    np.testing.assert_allclose(spectra["ipa"].mean.real, real_from_imaginary(target.grid, PEAK))
    np.testing.assert_allclose(spectra["rpa"].mean.imag, np.maximum(2 * PEAK - 0.1, 0.0))


def test_a_tensor_row_has_its_components_in_their_places() -> None:
    target = Target(levels=("rpa",), rank=2, energies=GRID)
    scales = np.array([3.0, 2.0, 1.0, 0.3, 0.2, 0.1])
    tensor = target.spectra(scales[None, None, :, None] * PEAK)["rpa"].tensor
    names = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    for (i, j), scale in zip(names, scales, strict=True):
        np.testing.assert_allclose(tensor[i, j].imag, scale * PEAK)
        np.testing.assert_allclose(tensor[i, j].real, real_from_imaginary(target.grid, scale * PEAK) - (i != j))
        np.testing.assert_array_equal(tensor[i, j], tensor[j, i])


def test_both_parts_are_taken_as_given() -> None:
    target = Target(levels=("rpa",), parts=("re", "im"), energies=GRID)
    mean = target.spectra(np.stack([1 + PEAK, PEAK])[None, :, None])["rpa"].mean
    np.testing.assert_allclose(mean, 1 + PEAK + 1j * PEAK)


def test_passive_tensors_have_no_negative_eigenvalue_and_the_others_stay() -> None:
    rng = np.random.default_rng(0)
    tensor = as_tensor(rng.normal(size=(6, 50)))
    projected = passive(tensor).transpose(2, 0, 1)
    assert np.linalg.eigvalsh(projected).min() > -1e-12
    values, vectors = np.linalg.eigh(tensor.transpose(2, 0, 1))
    expected = vectors @ (np.maximum(values, 0)[:, :, None] * vectors.transpose(0, 2, 1))
    np.testing.assert_allclose(projected, expected, atol=1e-12)
    good = passive(tensor)
    np.testing.assert_allclose(passive(good + 1e-9 * np.eye(3)[:, :, None]), good, atol=1e-8)


def test_a_number_has_no_spectrum() -> None:
    with pytest.raises(InputError, match="a target of gap"):
        Target(quantity="gap", levels=("ipa",), parts=("re",)).spectra(np.ones((1, 1, 1, 1)))
