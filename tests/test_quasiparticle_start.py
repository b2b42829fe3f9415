from __future__ import annotations

import numpy as np
import pytest
import torch

from dielectra.integrals import real_from_imaginary
from dielectra.models.quasiparticle_start import ExcitonBinding, QuasiparticleStart
from dielectra.models.spectral_head import broadening_matrix, start_of
from dielectra.optics.kernel import kernel_strength, with_long_range_kernel
from dielectra.spectrum import similarity

OSCILLATORS = torch.linspace(0.0, 20.0, 201)
BROADENING = broadening_matrix(OSCILLATORS, OSCILLATORS, 0.3)
START = QuasiparticleStart(OSCILLATORS, broadening_matrix(OSCILLATORS, OSCILLATORS, 0.1))


def bands(height: float) -> torch.Tensor:
    """Return the strengths of two bands of transitions, of two crystals, the second anisotropic."""
    energies = OSCILLATORS
    curve = height * (torch.exp(-(((energies - 6) / 1.0) ** 2)) + 0.6 * torch.exp(-(((energies - 9) / 1.5) ** 2)))
    curve = curve * (energies > 4)
    return torch.stack(
        [curve[None] * torch.tensor(part)[:, None] for part in ([1.0, 1, 1, 0, 0, 0], [1.2, 1, 0.8, 0.1, 0, 0])]
    )


def isotropic(strengths: torch.Tensor) -> np.ndarray:
    return (strengths[:, :3].mean(dim=1) @ BROADENING).numpy()


@pytest.mark.parametrize("height", [6.0, 12.0])
def test_kernel_is_that_of_the_level(height: float) -> None:
    before, after = bands(height), START(bands(height), torch.zeros(2))
    energies = OSCILLATORS.numpy().astype(float)
    for old, new in zip(isotropic(before), isotropic(after), strict=True):
        eps = real_from_imaginary(energies, old) + 1j * old
        assert eps[0].real > 2.8
        strength = kernel_strength("bootstrap-three-quarters", float(eps[0].real))
        wanted = with_long_range_kernel(eps * np.eye(3)[:, :, None], strength)[0, 0].imag
        assert similarity(new, wanted, energies) > 0.93
        assert similarity(old, wanted, energies) < 0.75


def test_strength_moves_by_the_shift_and_stays_where_it_may_be() -> None:
    still, moved = (START(bands(3.0), torch.tensor(shift)) for shift in ([0.0, 0.0], [2.0, 1.23]))
    centres = [
        (isotropic(one) * OSCILLATORS.numpy()).sum(axis=1) / isotropic(one).sum(axis=1) for one in (still, moved)
    ]
    np.testing.assert_allclose(
        centres[1] - centres[0], [2.0, 1.23], atol=0.25
    )  # the kernel draws less down where gaps are wide
    assert moved[0, :, OSCILLATORS < 5.9].abs().max() == 0
    assert moved[1, :, OSCILLATORS < 5.1].abs().max() == 0
    assert moved[:, :3].min() >= 0


def test_strength_moves_down_too() -> None:
    before, after = bands(3.0), START.moved(bands(3.0), torch.tensor([-1.0, -0.25]))
    torch.testing.assert_close(after[0, :, 20:100], before[0, :, 30:110])
    torch.testing.assert_close(after[1, :, 50], (before[1, :, 52] + before[1, :, 53]) / 2)


def test_wide_gaps_bind_more_and_never_more_than_half() -> None:
    with torch.inference_mode():
        small, silicon, fluoride = ExcitonBinding()(torch.tensor([0.1, 3.0, 14.0]))
    assert float(small) == pytest.approx(0.05)
    assert 0.3 < float(silicon) < 1.0
    assert 2.0 < float(fluoride) < 3.0


def test_levels_start_from_the_next_below() -> None:
    levels = ("ipa", "rpa", "lrc", "bse")
    assert [start_of(level, levels) for level in levels] == [None, None, 1, 2]
    assert [start_of(level, ("alda", "lrc")) for level in ("alda", "lrc")] == [None, None]
    assert start_of("bse", ("ipa", "bse")) == 0
