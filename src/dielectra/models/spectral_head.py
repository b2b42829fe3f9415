"""From features of atoms to dielectric tensors at every level at once, physical by construction.

The head predicts oscillator strength before broadening. Strength is a symmetric tensor without negative eigenvalues at
every energy, follows the crystal when it turns, vanishes below the predicted direct gap, and is a mean over atoms times
the number of atoms per volume. The Lorentzian broadening of a data set comes last, so that another can be asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from dielectra.errors import InputError
from dielectra.levels import GAP_COLUMNS, LEVELS, gap_columns, levels_below, onset_columns
from dielectra.models.atom_batch import LARGEST_FEATURE, AtomBatch, sum_over_atoms
from dielectra.models.encoder.harmonics import symmetric_tensors
from dielectra.models.interface import NetworkOptions, Width
from dielectra.models.quasiparticle_start import ExcitonBinding, QuasiparticleStart

VOLUME_PER_ATOM = 20.0
"""Typical volume of an atom, cubic angstrom."""

SMALLEST_DEVIATION = 1e-4
SMALLEST_SCALE = 0.05
LARGEST_CORRECTION = 2.0
"""Logarithm of the largest factor by which strengths of quasiparticles deviate from what those of PBE make expect."""

OSCILLATORS_PER_KNOT = 10
"""This factor is linear between knots, 1 eV apart: few labels tell no more."""

SPACING = 0.1
"""Spacing in eV of the energies of oscillators: below the broadening, above the noise of k-point grids."""


class HeadOptions(NetworkOptions):
    """Sizes and regularisation of the head.

    ``onset`` is the width in eV over which strength rises from zero above the direct gap, ``noise`` the standard
    deviation of normal noise on the features during training.
    """

    width: Width = 256
    tensor_channels: Width = 64
    dropout: float = Field(0.15, ge=0, lt=1)
    noise: float = Field(0.05, ge=0)
    onset: float = Field(0.5, gt=0)


class Strengths(NamedTuple):
    """Oscillator strength of several crystals before broadening, and their gaps.

    Attributes
    ----------
    tensors
        Im eps of unbroadened oscillators (xx, yy, zz, yz, xz, xy), shape ``(n_crystals, n_levels, 6, n_oscillators)``.
    gaps
        Direct and fundamental gap of PBE, then of quasiparticles, then less the binding energy of an exciton, each
        where a level needs them, shape ``(n_crystals, n_gaps)``, eV.
    """

    tensors: Float[Tensor, "n_crystals n_levels 6 n_oscillators"]
    gaps: Float[Tensor, "n_crystals n_gaps"]


def broadening_matrix(
    oscillators: Float[Tensor, " n_oscillators"], energies: Float[Tensor, " n_energies"], half_width: float
) -> Float[Tensor, "n_oscillators n_energies"]:
    """Return the matrix that turns unbroadened Im eps into broadened one, as an ab initio response is broadened.

    The response at ``w + i eta`` is the unbroadened Im eps, continued as an odd function, convolved with a Lorentzian
    of half width eta. What the window lacks of a Lorentzian at its end is made up for by a factor at each energy.

    Parameters
    ----------
    oscillators
        Regular grid from zero, eV.
    energies
        Of the broadened spectrum, eV.
    half_width
        Half width at half maximum, eV: not below half the spacing of the oscillators, or 0 for strengths that are
        linear between the oscillators and vanish where these do.

    Raises
    ------
    InputError
        If the half width is another one.
    """
    spacing = float(oscillators[1] - oscillators[0])
    if half_width == 0:
        return (1 - (oscillators[:, None] - energies).abs() / spacing).clamp_min(0.0)
    if not spacing / 2 - 1e-6 <= half_width <= float(oscillators[-1]):
        raise InputError(
            f"a broadening of {half_width:g} eV cannot be had from oscillators {spacing:g} eV apart; allowed are 0 "
            f"(none) and {spacing / 2:g} to {float(oscillators[-1]):g} eV"
        )
    source, point = oscillators.double()[:, None], energies.double()
    terms = 1 / ((source - point) ** 2 + half_width**2) - 1 / ((source + point) ** 2 + half_width**2)
    inside = 0.5 + torch.atan((float(oscillators[-1]) + spacing / 2 - point) / half_width) / math.pi
    return (spacing * half_width / math.pi * terms / inside).float()


def start_of(level: str, levels: Sequence[str]) -> int | None:
    """Return the index of the level from which the strengths at a level start; None where they are learnt freely.

    Strengths of quasiparticles start from the nearest level below.
    """
    below = (levels.index(lower) for lower in levels_below(level) if lower in levels)
    return next(below, None) if LEVELS[level].quasiparticles else None


class SpectralHead(nn.Module):
    """Map features of atoms to oscillator strengths and gaps.

    A level of quasiparticles starts from the level below, where the head has one: from what a level of PBE makes expect
    (:class:`~dielectra.models.quasiparticle_start.QuasiparticleStart`), or from that of quasiparticles as it is. A
    factor that is smooth in energy is learnt, and by how much pairs are bound
    (:class:`~dielectra.models.quasiparticle_start.ExcitonBinding`). All other levels are learnt as they are.

    Parameters
    ----------
    options
        Sizes and regularisation.
    levels
        Names of the levels of theory.
    energies
        Photon energies of the broadened spectra, shape ``(n_energies,)``, eV, regular from zero.
    broadening
        Half width of the data set's Lorentzian, eV.
    n_invariants, n_tensors
        Numbers of features of an atom.
    """

    oscillators: Tensor
    energies: Tensor
    kernel: Tensor
    scale: Tensor
    invariant_mean: Tensor
    invariant_deviation: Tensor
    tensor_deviation: Tensor

    def __init__(
        self,
        options: HeadOptions,
        levels: Sequence[str],
        energies: Sequence[float],
        broadening: float,
        n_invariants: int,
        n_tensors: int,
    ) -> None:
        super().__init__()
        self.options = options
        self.starts = [start_of(level, levels) for level in levels]
        self.free = [index for index, start in enumerate(self.starts) if start is None]
        self.onsets = [onset_columns(level).start for level in levels]
        has_excitons = any(LEVELS[level].excitons for level in levels)
        n_gaps = max(gap_columns(level).stop for level in levels)
        n_oscillators = round(energies[-1] / SPACING) + 1
        self.register_buffer("energies", torch.tensor(list(energies)), persistent=False)
        self.register_buffer("oscillators", torch.linspace(0.0, energies[-1], n_oscillators), persistent=False)
        kernel = broadening_matrix(self.oscillators, self.energies, broadening)
        self.register_buffer("kernel", kernel, persistent=False)
        self.register_buffer("scale", torch.ones(len(self.free), n_oscillators))
        self.register_buffer("invariant_mean", torch.zeros(n_invariants))
        self.register_buffer("invariant_deviation", torch.ones(n_invariants))
        self.register_buffer("tensor_deviation", torch.ones(n_tensors))
        width, channels, outputs = options.width, options.tensor_channels, len(self.free) * n_oscillators
        self.atoms = nn.Sequential(
            nn.Linear(n_invariants, width), nn.SiLU(), nn.Dropout(options.dropout), nn.Linear(width, width), nn.SiLU()
        )
        self.attention = nn.Linear(width, width)
        pooled = 2 * width + 1
        self.strength = nn.Sequential(
            nn.Linear(pooled, width), nn.SiLU(), nn.Dropout(options.dropout), nn.Linear(width, outputs)
        )
        self.gap = nn.Sequential(nn.Linear(pooled, 64), nn.SiLU(), nn.Linear(64, n_gaps))
        self.mix_tensors = nn.Linear(n_tensors, channels, bias=False)
        self.gate_tensors = nn.Linear(width, channels)
        self.scale_tensors = nn.Linear(pooled, channels)
        self.anisotropy = nn.Linear(channels, outputs, bias=False)
        nn.init.normal_(self.anisotropy.weight, std=0.02)
        n_knots = (len(levels) - len(self.free)) * (n_oscillators // OSCILLATORS_PER_KNOT + 1)
        self.correction = nn.Sequential(nn.Linear(pooled, 64), nn.SiLU(), nn.Linear(64, n_knots)) if n_knots else None
        smoothing = broadening_matrix(self.oscillators, self.oscillators, SPACING)
        self.quasiparticle_start = QuasiparticleStart(self.oscillators, smoothing)
        self.binding = ExcitonBinding() if has_excitons else None

    def forward(self, batch: AtomBatch) -> Float[Tensor, "n_crystals n_levels 6 n_energies"]:
        """Return broadened Im eps on the photon energies."""
        result: Tensor = self.strengths(batch).tensors @ self.kernel
        return result

    def strengths(self, batch: AtomBatch) -> Strengths:
        """Return oscillator strengths before broadening, and gaps."""
        atoms = self._atoms(batch)
        latents = self._pool(atoms, batch)
        gaps = self._gaps(latents)
        shape = (len(batch.volumes), len(self.free), len(self.oscillators))
        mean = softplus(self.strength(latents) - 2.0).view(shape) * self.scale
        above = self.oscillators - gaps[:, [self.onsets[level] for level in self.free], None]
        mean = mean * (above / self.options.onset).clamp(0.0, 1.0)
        tensors = _nonnegative(self._anisotropy(atoms, latents, batch)) * mean[:, :, None]
        tensors = tensors * self.atom_density(batch)[:, None, None, None]
        return Strengths(self._with_raised(tensors, latents, gaps), gaps)

    def latents(self, batch: AtomBatch) -> Float[Tensor, "n_crystals n_latents"]:
        """Return the pooled features of each crystal."""
        return self._pool(self._atoms(batch), batch)

    def atom_density(self, batch: AtomBatch) -> Float[Tensor, " n_crystals"]:
        """Return the number of atoms per ``VOLUME_PER_ATOM``."""
        counts = torch.bincount(batch.crystal, minlength=len(batch.volumes))
        return VOLUME_PER_ATOM * counts / batch.volumes

    @torch.no_grad()
    def standardise(self, batch: AtomBatch) -> None:
        """Measure features by their mean and deviation over the atoms of training crystals."""
        self.invariant_mean.copy_(batch.invariants.mean(dim=0))
        self.invariant_deviation.copy_(batch.invariants.std(dim=0) + SMALLEST_DEVIATION)
        self.tensor_deviation.copy_(batch.tensors.square().mean(dim=(0, 1)).sqrt() + SMALLEST_DEVIATION)

    @torch.no_grad()
    def start_at(self, mean: Float[Tensor, "n_levels n_energies"], batch: AtomBatch) -> None:
        """Scale the untrained strengths so that their mean over training crystals is near a mean spectrum.

        Parameters
        ----------
        mean
            Mean isotropic Im eps of the labels divided by :meth:`atom_density`, at each level.
        batch
            Some training crystals.
        """
        strengths = self.strengths(batch).tensors[:, :, :3].mean(dim=2)
        predicted = (strengths / self.atom_density(batch)[:, None, None]).mean(dim=0)
        predicted = predicted[self.free]
        wanted = nn.functional.interpolate(mean[None], len(self.oscillators), mode="linear", align_corners=True)[0]
        wanted = wanted[self.free]
        wanted, predicted = wanted + SMALLEST_SCALE * wanted.max(), predicted + SMALLEST_SCALE * predicted.max()
        self.scale.copy_(wanted / predicted)

    def _with_raised(self, free: Tensor, latents: Tensor, gaps: Tensor) -> Tensor:
        """Return the strengths of all levels, given those that start from no other."""
        if self.correction is None:
            return free
        n_crystals, n_oscillators = len(free), len(self.oscillators)
        knots = self.correction(latents).view(n_crystals, len(self.starts) - len(self.free), -1)
        factors = nn.functional.interpolate(
            knots.clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION), n_oscillators, mode="linear", align_corners=True
        ).exp()
        own, raised = iter(free.unbind(dim=1)), iter(factors.unbind(dim=1))
        found: list[Tensor] = []
        for start, onset in zip(self.starts, self.onsets, strict=True):
            if start is None:
                found.append(next(own))
                continue
            expected = found[start]
            shift = gaps[:, onset] - gaps[:, self.onsets[start]]
            if self.onsets[start] == GAP_COLUMNS["pbe"].start:
                expected = self.quasiparticle_start(expected, shift)
            elif onset != self.onsets[start]:
                expected = self.quasiparticle_start.moved(expected, shift)
            absorbs = self.oscillators >= gaps[:, onset, None]
            found.append(expected * (next(raised) * absorbs)[:, None])
        return torch.stack(found, dim=1)

    def _gaps(self, latents: Tensor) -> Tensor:
        """Return the gaps: that of quasiparticles is wider than that of PBE, and an exciton lies below."""
        known = self.gap(latents)
        kinds = [softplus(known[:, :2] + 2.0)]
        if known.shape[1] > kinds[0].shape[1]:
            kinds.append(kinds[0] + softplus(known[:, 2:]))
        if self.binding is not None:
            kinds.append(kinds[1] - self.binding(kinds[1][:, 0])[:, None])
        return torch.cat(kinds, dim=1)

    def _atoms(self, batch: AtomBatch) -> Tensor:
        features = (batch.invariants - self.invariant_mean) / self.invariant_deviation
        features = features.clamp(-LARGEST_FEATURE, LARGEST_FEATURE)
        if self.training and self.options.noise:
            features = features + self.options.noise * torch.randn_like(features)
        atoms: Tensor = self.atoms(features)
        return atoms

    def _pool(self, atoms: Tensor, batch: AtomBatch) -> Tensor:
        """Return mean, attention-weighted mean and log volume per atom of each crystal."""
        n_crystals = len(batch.volumes)
        logits = self.attention(atoms)
        weights = (logits - logits.max(dim=0).values).clamp_min(-30.0).exp()
        counts = torch.bincount(batch.crystal, minlength=n_crystals)[:, None]
        total = sum_over_atoms(weights, batch.crystal, n_crystals)
        attended = sum_over_atoms(weights * atoms, batch.crystal, n_crystals) / total
        volume = (batch.volumes[:, None] / counts / VOLUME_PER_ATOM).log()
        return torch.cat([sum_over_atoms(atoms, batch.crystal, n_crystals) / counts, attended, volume], dim=1)

    def _anisotropy(self, atoms: Tensor, latents: Tensor, batch: AtomBatch) -> Tensor:
        """Return traceless symmetric tensors of all oscillators, shape ``(n_crystals, n_free, 6, n_oscillators)``."""
        n_crystals = len(batch.volumes)
        channels = self.mix_tensors(batch.tensors / self.tensor_deviation) * self.gate_tensors(atoms)[:, None]
        counts = torch.bincount(batch.crystal, minlength=n_crystals)[:, None, None]
        pooled = sum_over_atoms(channels, batch.crystal, n_crystals) / counts * self.scale_tensors(latents)[:, None]
        components = symmetric_tensors(self.anisotropy(pooled)).transpose(1, 2).contiguous()
        return components.view(n_crystals, 6, len(self.free), -1).transpose(1, 2)


def _nonnegative(traceless: Tensor) -> Tensor:
    """Return ``(1 + t)^2`` for symmetric tensors t (xx, yy, zz, yz, xz, xy in dimension -2), scaled to trace 3.

    Any tensor without negative eigenvalues is such a square, and a square has none.
    """
    xx, yy, zz, yz, xz, xy = traceless.unbind(dim=-2)
    xx, yy, zz = 1 + xx, 1 + yy, 1 + zz
    square = torch.stack(
        [
            xx * xx + xy * xy + xz * xz,
            xy * xy + yy * yy + yz * yz,
            xz * xz + yz * yz + zz * zz,
            xy * xz + yy * yz + yz * zz,
            xx * xz + xy * yz + xz * zz,
            xx * xy + xy * yy + xz * yz,
        ],
        dim=-2,
    )
    return square * (3 / square[..., :3, :].sum(dim=-2, keepdim=True))
