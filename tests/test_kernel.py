from __future__ import annotations

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.optics.kernel import RULES, kernel_strength, with_long_range_kernel

ENERGIES = np.linspace(0, 20, 401)


def oscillator(strength: float, energy: float) -> np.ndarray:
    return 1 + strength * energy**2 / (energy**2 - (ENERGIES + 0.3j) ** 2)


def test_no_strength_leaves_the_tensor() -> None:
    tensor = np.eye(3)[:, :, None] * oscillator(2.0, 8.0)
    assert np.allclose(with_long_range_kernel(tensor, 0.0), tensor)


def test_an_oscillator_moves_down_by_its_strength() -> None:
    """Closed form: x / (1 - a x) of one pole is one pole at w0^2 (1 - a f), with the same oscillator strength."""
    alpha = 2.0
    tensor = np.eye(3)[:, :, None] * oscillator(2.0, 8.0)
    shifted = with_long_range_kernel(tensor, alpha)[0, 0]
    energy = 8.0 * np.sqrt(1 - alpha / (4 * np.pi) * 2.0)
    assert np.allclose(shifted, oscillator(2.0 * 64 / energy**2, energy))


def test_each_axis_of_a_crystal_has_its_own_function() -> None:
    functions = [oscillator(2.0, 8.0), oscillator(2.0, 8.0), oscillator(1.0, 6.0)]
    tensor = np.zeros((3, 3, len(ENERGIES)), complex)
    for axis, function in enumerate(functions):
        tensor[axis, axis] = function
    found = with_long_range_kernel(tensor, 1.0)
    for axis, function in enumerate(functions):
        assert np.allclose(found[axis, axis], 1 + (function - 1) / (1 - (function - 1) / (4 * np.pi)))


def test_rules_weaken_with_screening_and_are_known_by_name() -> None:
    for rule in RULES:
        strengths = [kernel_strength(rule, eps0) for eps0 in (2.0, 5.0, 10.0, 40.0)]
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[-1] >= 0
    with pytest.raises(InputError, match="known are botti-half, bootstrap-half, bootstrap-three-quarters"):
        kernel_strength("none", 5.0)
