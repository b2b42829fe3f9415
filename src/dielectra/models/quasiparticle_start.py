"""What the strengths of a level of quasiparticles are to be expected from those of a level of PBE.

Quasiparticles raise the empty bands, and electrons and holes attract each other. The first moves oscillators up, the
second draws strength towards the edge. Both are known in closed form but for the size of the gap, so that a network has
to learn the deviation alone, for which few labels suffice. Where pairs are bound, strength comes to lie below the gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from dielectra.integrals import real_from_imaginary
from dielectra.optics.kernel import RULES

KERNEL = "bootstrap-three-quarters"
"""Rule of the kernel's strength (:mod:`dielectra.optics.kernel`), that of protocol ``gllb-lrc-1``."""

SMALLEST_SUSCEPTIBILITY = 0.05
LARGEST_FACTOR = 10.0
"""Of the kernel: where it would bind excitons below the gap the closed form has a pole."""

BINDING = (-0.7, 0.22)
"""Constant (eV) and factor of the gap in the binding energy of untrained networks, fitted to the training crystals of
the data set ``bse``: 0.3 eV at a gap of 1 eV, 2.4 eV at 14 eV."""

MOST_BOUND = 0.5
"""Largest binding energy as a share of the gap."""


class QuasiparticleStart(nn.Module):
    """Move strengths up by the difference of two gaps, and give them a static long-range kernel.

    With the kernel the susceptibility is ``chi / (1 - alpha chi / 4 pi)`` (:mod:`dielectra.optics.kernel`), whose
    imaginary part is that of chi times ``1 / |1 - alpha chi / 4 pi|^2``. This factor, from the average over directions,
    multiplies the tensor, so that no strength becomes negative and none arises below the gap. Excitons that a strong
    kernel would bind there are left out: where eps0 is below 2, up to a fifth of the strength.

    Parameters
    ----------
    oscillators
        Energies of the strengths, a regular grid from zero, eV.
    broadening
        Matrix that broadens strengths on their own grid, by little: the factor is that of unbroadened strengths.
    """

    oscillators: Tensor
    imaginary: Tensor
    real: Tensor

    def __init__(self, oscillators: Float[Tensor, " n"], broadening: Float[Tensor, "n_oscillators n_energies"]) -> None:
        super().__init__()
        n = len(oscillators)
        kramers_kronig = torch.from_numpy(real_from_imaginary(oscillators.double().numpy(), np.eye(n)) - 1).float()
        self.register_buffer("oscillators", oscillators.clone(), persistent=False)
        self.register_buffer("imaginary", broadening, persistent=False)
        self.register_buffer("real", broadening @ kramers_kronig, persistent=False)

    def forward(
        self, strengths: Float[Tensor, "n_crystals 6 n_oscillators"], shift: Float[Tensor, " n_crystals"]
    ) -> Float[Tensor, "n_crystals 6 n_oscillators"]:
        """Return strengths of tensors, moved up by a shift (eV, not negative) and with the kernel."""
        moved = self.moved(strengths, shift)
        return moved * self._factor(moved[:, :3].mean(dim=1))[:, None]

    def moved(
        self, strengths: Float[Tensor, "n_crystals 6 n_oscillators"], shift: Float[Tensor, " n_crystals"]
    ) -> Float[Tensor, "n_crystals 6 n_oscillators"]:
        """Return strengths moved up (down where negative): zero below the first oscillator, the last above the last."""
        place = (self.oscillators - shift[:, None]) / (self.oscillators[1] - self.oscillators[0])
        below = place.floor().clamp(0, len(self.oscillators) - 2)
        share = (place - below).clamp(0, 1)[:, None]
        index = below.long()[:, None].expand_as(strengths)
        between = (1 - share) * strengths.gather(2, index) + share * strengths.gather(2, index + 1)
        return between * (place >= 0)[:, None]

    def _factor(self, isotropic: Float[Tensor, "n_crystals n_oscillators"]) -> Tensor:
        """Return by what the kernel multiplies the imaginary part at each energy."""
        real, imaginary = isotropic @ self.real, isotropic @ self.imaginary
        static = real[:, :1].clamp_min(SMALLEST_SUSCEPTIBILITY)
        rule: Callable[[Any], Any] = RULES[KERNEL]  # a formula in eps0, of tensors as of numbers
        share = rule(1 + static) / (4 * math.pi)
        factor: Tensor = 1 / ((1 - share * real).square() + (share * imaginary).square()).clamp_min(1 / LARGEST_FACTOR)
        return factor


class ExcitonBinding(nn.Module):
    """Predict by how much an electron and its hole are bound: two numbers, as little as a few dozen spectra can tell.

    The energy is ``softplus(a + b gap)``: wide gaps screen little and bind much.
    """

    def __init__(self) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.tensor(BINDING))

    def forward(self, gap: Float[Tensor, " n_crystals"]) -> Float[Tensor, " n_crystals"]:
        """Return the binding energies for direct gaps of quasiparticles, eV, positive."""
        constant, factor = self.coefficients
        return torch.minimum(softplus(constant + factor * gap), MOST_BOUND * gap)
