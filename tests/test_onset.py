"""The estimated gap against gaps that are known: those of model crystals and of the ladder data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.optics.onset import continue_to_real_axis, estimate_gap, is_passive
from dielectra.spectrum import Spectrum, isotropic_spectrum

GRID = np.linspace(0, 20, 401)


def resonances(broadening: float) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Return two sharp transitions seen at ``E + i broadening``."""
    z = GRID + 1j * max(broadening, 1e-9)
    return 1 + 40 / (5.0**2 - z**2) + 60 / (7.0**2 - z**2)


def test_the_continuation_takes_the_broadening_back() -> None:
    below = GRID < 4
    exact = resonances(0.0)[below]
    errors = [
        np.abs(continue_to_real_axis(GRID, resonances(0.3), 0.3, order)[below] - exact).max() for order in (0, 1, 2, 3)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@pytest.mark.slow
def test_the_gaps_of_the_ladder_are_found() -> None:
    """The errors that docs/optics.md states."""
    broadening = open_dataset("ladder").broadening
    records = [record for record in open_dataset("ladder").records("rpa") if record.split in ("validation", "test")]
    assert len(records) > 30
    errors = np.array(
        [
            estimate_gap(replace(record.spectrum, broadening=broadening)) - record.properties["gap_direct"]
            for record in records
        ]
    )
    assert abs(np.median(errors)) < 0.06
    assert np.median(np.abs(errors)) < 0.12
    assert np.mean(np.abs(errors)) < 0.25


def test_a_sharp_edge_is_found_within_the_grid() -> None:
    eps2 = np.where(GRID > 2.0, 5 * np.sqrt(np.maximum(GRID - 2.0, 0)) * np.exp(-GRID / 5), 0)
    assert estimate_gap(isotropic_spectrum(GRID, eps2, "experiment")) == pytest.approx(2.0, abs=0.05)


def test_a_rough_spectrum_is_not_continued() -> None:
    smooth = isotropic_spectrum(GRID, 12 * np.exp(-((GRID - 5) ** 2)), "ipa", 0.3)
    noise = 1 + 0.3 * np.random.default_rng(0).normal(size=401)
    rough = isotropic_spectrum(GRID, np.maximum(smooth.mean.imag * noise, 0), "ipa", 0.3)
    assert is_passive(continue_to_real_axis(GRID, resonances(0.3), 0.3))
    assert not is_passive(continue_to_real_axis(GRID, rough.mean, 0.3))
    assert estimate_gap(rough) == pytest.approx(3.1, abs=0.3)


@pytest.mark.parametrize(("eps2", "word"), [(0.0, "below"), (50.0, "above")])
def test_a_spectrum_without_an_edge_is_refused(eps2: float, word: str) -> None:
    tensor = np.einsum("ij,w->ijw", np.eye(3), np.full(401, 2 + 1j * eps2))
    spectrum = Spectrum(GRID + 1.0, tensor, "experiment")
    with pytest.raises(InputError, match=f"no gap can be estimated: the absorption is {word} 10000/cm"):
        estimate_gap(spectrum)
