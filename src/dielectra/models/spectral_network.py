"""Networks of oscillator strengths: whatever gives features of atoms, and the spectral head on them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from dielectra.errors import InputError
from dielectra.models.atom_batch import AtomBatch, first_crystals
from dielectra.models.interface import Network
from dielectra.models.spectral_head import HeadOptions, SpectralHead, broadening_matrix
from dielectra.target import DIELECTRIC, Target

SMALLEST_SUSCEPTIBILITY = 1e-3
START_CRYSTALS = 200
"""Number of training crystals whose mean the untrained strengths are scaled to."""


class SpectralOptions(HeadOptions):
    """Sizes of the head, and how it is trained.

    ``gap_weight`` multiplies the mean absolute error of the gaps (eV) in the loss, ``roughness_weight`` the roughness
    of the strengths, ``static_weight`` the mean error of the logarithm of eps_infinity - 1.
    """

    gap_weight: float = Field(0.1, ge=0)
    static_weight: float = Field(0.2, ge=0)
    roughness_weight: float = Field(0.02, ge=0)


class SpectralNetwork(Network):
    """Features of atoms, and a head that predicts oscillator strength before broadening.

    Parameters
    ----------
    options
        Sizes and training.
    target
        Im eps at any levels, with its broadening, on a regular grid from 0 eV.
    n_invariants, n_tensors
        Numbers of features of an atom.

    Raises
    ------
    InputError
        If the target is another one.
    """

    Options: ClassVar[type[HeadOptions]] = SpectralOptions
    ranks: ClassVar[frozenset[int]] = frozenset({0, 2})
    options: SpectralOptions

    def __init__(self, options: SpectralOptions, target: Target, n_invariants: int, n_tensors: int) -> None:
        super().__init__(options, target)
        if target.quantity != DIELECTRIC or target.parts != ("im",) or target.broadening is None or target.grid[0] != 0:
            raise InputError(
                f"{type(self).__name__} predicts Im eps on a grid from 0 eV with known broadening; add broadening_eV "
                "to the metadata of the data set, or choose another architecture"
            )
        energies = list(target.energies)
        self.head = SpectralHead(options, target.levels, energies, target.broadening, n_invariants, n_tensors)

    @abstractmethod
    def features(self, batch: Any) -> AtomBatch:
        """Return the features of the atoms of a batch."""

    def broadened(self, broadening: float) -> SpectralNetwork:
        """Return a network that predicts spectra of another Lorentzian broadening (half width, eV)."""
        other = deepcopy(self)
        other.target = self.target.model_copy(update={"broadening": broadening})
        other.head.kernel = broadening_matrix(self.head.oscillators, self.head.energies, broadening)
        return other

    def forward(self, batch: Any) -> Float[Tensor, "n levels parts components energies"]:
        """Return broadened Im eps."""
        return self.outputs(batch)[0]

    def gaps(self, batch: Any) -> Float[Tensor, "n n_gaps"]:
        """Return the predicted gaps of each crystal, eV: direct and fundamental, of PBE and maybe of quasiparticles."""
        return self.head.strengths(self.features(batch)).gaps

    def outputs(self, batch: Any) -> tuple[Float[Tensor, "n levels parts components energies"], Tensor | None]:
        """Return spectra and gaps of one pass through the head."""
        atoms = self.features(batch)
        strengths = self.head.strengths(atoms)
        return self._spectra(strengths.tensors, atoms), strengths.gaps

    def latents(self, batch: Any) -> Float[Tensor, "n n_features"]:
        """Return the pooled features of each crystal."""
        return self.head.latents(self.features(batch))

    def loss(
        self, batch: Any, criterion: Callable[[Tensor], Tensor], gaps: Float[Tensor, "n n_gaps"]
    ) -> Float[Tensor, ""]:
        """Return what spectra, gaps and roughness cost.

        Parameters
        ----------
        criterion
            Loss of spectra ``(n, *target.shape)``.
        gaps
            Known gaps as labels have them, eV; NaN where unknown.
        """
        strengths = self.head.strengths(self.features(batch))
        loss = criterion(self._broadened(strengths.tensors))
        loss = loss + self._gap_loss(strengths.gaps, gaps)
        return loss + self.options.roughness_weight * roughness(strengths.tensors[:, :, :3].mean(dim=2)).mean()

    def scalar_loss(
        self, batch: Any, gaps: Float[Tensor, "n 2"], eps_infinity: Float[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Return what gaps and static dielectric constants of crystals without spectra cost.

        The constant of a crystal is compared with the Kramers-Kronig integral of its strengths with local fields,
        ``1 + 2/pi int strength / energy``. What absorbs above the grid, and the exchange-correlation kernel that DFPT
        has and RPA lacks, make constants larger by about the same factor, so that the median ratio of the batch counts
        as none.
        """
        strengths = self.head.strengths(self.features(batch))
        loss = self._gap_loss(strengths.gaps, gaps)
        known = eps_infinity.isfinite()
        if "rpa" not in self.target.levels or not known.any():
            return loss
        level = self.target.levels.index("rpa")
        oscillators = self.head.oscillators
        isotropic = strengths.tensors[known, level, :3, 1:].mean(dim=1)
        susceptibility = 2 / math.pi * (isotropic / oscillators[1:]).sum(dim=1) * (oscillators[1] - oscillators[0])
        ratio = susceptibility.clamp_min(SMALLEST_SUSCEPTIBILITY).log() - (eps_infinity[known] - 1).log()
        deviation = (ratio - ratio.detach().median()).abs().sum() / len(eps_infinity)
        return loss + self.options.static_weight * deviation

    @torch.no_grad()
    def start_at(self, mean: Tensor, batch: Any, predicted: Tensor | None = None) -> None:
        """Measure the features of a fresh head and scale its strengths; leave a trained one as it is."""
        if predicted is not None:
            return
        atoms = self.features(batch)
        self.head.standardise(atoms)
        isotropic = mean[:, 0, :3].mean(dim=1) / self.head.atom_density(atoms).mean()
        self.head.start_at(isotropic, first_crystals(atoms, START_CRYSTALS))

    def _spectra(self, strengths: Tensor, batch: AtomBatch) -> Tensor:  # noqa: ARG002  (a subclass may need it)
        """Return the prediction that strengths of tensors stand for."""
        return self._broadened(strengths)

    def _gap_loss(self, predicted: Tensor, gaps: Tensor) -> Tensor:
        n_gaps = min(predicted.shape[1], gaps.shape[1])
        predicted, gaps = predicted[:, :n_gaps], gaps[:, :n_gaps]
        known = gaps.isfinite()
        return self.options.gap_weight * (predicted - gaps)[known].abs().sum() / known.sum().clamp_min(1)

    def _broadened(self, strengths: Tensor) -> Tensor:
        """Return strengths of tensors as spectra of the target."""
        if self.target.rank == 0:
            strengths = strengths[:, :, :3].mean(dim=2, keepdim=True)
        return (strengths @ self.head.kernel)[:, :, None]


def roughness(spectra: Float[Tensor, "*n n_energies"]) -> Float[Tensor, " *n"]:
    """Return the sum of the absolute second differences of spectra, relative to their sum."""
    second = spectra[..., 2:] - 2 * spectra[..., 1:-1] + spectra[..., :-2]
    return second.abs().sum(dim=-1) / spectra.sum(dim=-1).clamp_min(1e-6)
