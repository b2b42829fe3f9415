"""A climb with few labels: the spectral head, and a regression of the difference between the two highest levels.

How local fields, kernels or excitons change a spectrum is a smoother function of the crystal than the spectrum is. So
the difference between two levels needs fewer labels than the higher level does, while the lower one is known from many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from dielectra.integrals import real_from_imaginary
from dielectra.models.atom_batch import AtomBatch
from dielectra.models.encoder_network import EncodedCrystal, EncoderNetwork, EncoderOptions
from dielectra.models.kernel_regression import KernelRegression
from dielectra.models.spectral_head import SMALLEST_DEVIATION, VOLUME_PER_ATOM
from dielectra.target import Target

POWER = 0.4
"""Power of Im eps times volume per atom in which differences are taken: it weighs weak and strong absorption alike."""

LARGEST_RATIO = 5.0
SMALLEST_SPECTRUM = 1e-6


class DifferenceOptions(EncoderOptions):
    """Encoder, head and regression.

    ``share`` is the weight of the level below plus the regressed difference against what the head says of the highest
    level. ``n_centres`` is the number of labels that the regression has seen: 0 before the training is concluded.
    """

    share: float = Field(0.4, ge=0, le=1)
    n_centres: int = Field(0, ge=0, le=100_000)


class DifferenceNetwork(EncoderNetwork):
    """The encoder network, whose highest level is averaged with the level below plus a regressed difference.

    The way up begins with the *local-field curve*, one for all crystals: the median over labelled crystals of
    ``1 / (eps - 1)`` at the highest level minus the same at the level below, a complex function of energy. What then
    remains is regressed on the features that the head has made of the crystals, in closed form. Both concern the
    isotropic average; the tensor of the highest level is scaled to the new average, energy by energy, and so keeps its
    symmetry and stays non-negative.
    """

    Options: ClassVar[type[DifferenceOptions]] = DifferenceOptions
    options: DifferenceOptions
    curve: Tensor
    latent_mean: Tensor
    latent_deviation: Tensor
    kramers_kronig: Tensor

    def __init__(self, options: DifferenceOptions, target: Target) -> None:
        super().__init__(options, target)
        n_latents, n_energies = 2 * options.width + 1, len(target.energies)
        self.difference = KernelRegression(options.n_centres, n_latents, n_energies)
        self.register_buffer("curve", torch.zeros(2, n_energies))
        self.register_buffer("latent_mean", torch.zeros(n_latents))
        self.register_buffer("latent_deviation", torch.ones(n_latents))
        matrix = real_from_imaginary(target.grid, np.eye(n_energies)) - 1.0
        self.register_buffer("kramers_kronig", torch.from_numpy(matrix).float(), persistent=False)

    def _spectra(self, strengths: Tensor, batch: AtomBatch) -> Tensor:
        spectra = self._broadened(strengths)
        if len(self.difference.centres) == 0 or len(self.target.levels) == 1:
            return spectra
        volumes = volume_per_atom(batch)
        lower, highest = (isotropic(spectra[:, level]) for level in (-2, -1))
        climbed = transformed(self._with_curve(lower), volumes) + self.difference(self._features(batch))
        share = self.options.share
        mixed = share * climbed + (1 - share) * transformed(highest, volumes)
        ratio = (restored(mixed, volumes) / highest.clamp_min(SMALLEST_SPECTRUM)).clamp_max(LARGEST_RATIO)
        return torch.cat([spectra[:, :-1], spectra[:, -1:] * ratio[:, None, None, None]], dim=1)

    @torch.no_grad()
    def conclude(
        self,
        prepared: Sequence[EncodedCrystal],
        values: Float[Tensor, "n levels parts components energies"],
        weights: Float[Tensor, "n levels parts energies"],
    ) -> None:
        """Find the local-field curve and regress what remains, on the crystals that have the highest level.

        Where a crystal lacks the lower level, what the head says of it stands in.
        """
        chosen = torch.nonzero((weights[:, -1, 0] > 0).all(dim=1))[:, 0]
        if len(self.target.levels) == 1 or len(chosen) < 2:
            return
        latents = self.latents(self.collate(prepared))
        self.latent_mean, self.latent_deviation = latents.mean(dim=0), latents.std(dim=0) + SMALLEST_DEVIATION
        batch = self.collate([prepared[index] for index in chosen.tolist()])
        volumes = volume_per_atom(batch)
        known = (weights[chosen, -2, 0] > 0).all(dim=1)[:, None]
        of_head = self._broadened(self.head.strengths(batch).tensors)
        lower = torch.where(known, isotropic(values[chosen, -2]), isotropic(of_head[:, -2]))
        highest = isotropic(values[chosen, -1])
        curves = torch.view_as_real(self._inverse(highest) - self._inverse(lower))
        self.curve = curves.median(dim=0).values.T.contiguous()
        remaining = transformed(highest, volumes) - transformed(self._with_curve(lower), volumes)
        self.difference.fit(self._features(batch), remaining)
        self.options = self.options.model_copy(update={"n_centres": len(chosen)})

    def _inverse(self, imaginary: Float[Tensor, "n energies"]) -> Tensor:
        """Return ``1 / (eps - 1)`` of Im eps, complex."""
        susceptibility = torch.complex(imaginary @ self.kramers_kronig, imaginary)
        return 1 / torch.where(susceptibility.abs() < SMALLEST_SPECTRUM, SMALLEST_SPECTRUM, susceptibility)

    def _with_curve(self, imaginary: Float[Tensor, "n energies"]) -> Float[Tensor, "n energies"]:
        """Return Im eps of the level below as the local-field curve changes it."""
        changed = self._inverse(imaginary) + torch.complex(self.curve[0], self.curve[1])
        return (1 / changed).imag.clamp_min(0.0)

    def _features(self, batch: AtomBatch) -> Tensor:
        return (self.latents(batch) - self.latent_mean) / self.latent_deviation


def isotropic(spectra: Float[Tensor, "n parts components energies"]) -> Float[Tensor, "n energies"]:
    """Return the mean of the diagonal components of the first part."""
    return spectra[:, 0, :3].mean(dim=1)


def volume_per_atom(batch: AtomBatch) -> Float[Tensor, " n"]:
    """Return the volume per atom of each crystal in units of a typical one."""
    counts = torch.bincount(batch.crystal, minlength=len(batch.volumes))
    return batch.volumes / counts / VOLUME_PER_ATOM


def transformed(spectra: Float[Tensor, "n energies"], volumes: Float[Tensor, " n"]) -> Float[Tensor, "n energies"]:
    """Return spectra times volume per atom to the power in which differences are taken."""
    return (spectra * volumes[:, None]).clamp_min(0.0) ** POWER


def restored(values: Float[Tensor, "n energies"], volumes: Float[Tensor, " n"]) -> Float[Tensor, "n energies"]:
    """Return the spectra of which :func:`transformed` makes the values; zero for negative ones."""
    return values.clamp_min(0.0) ** (1 / POWER) / volumes[:, None]
