"""An equivariant network that learns its features of atoms from the spectra, or from where a potential left off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from dielectra.crystal import Crystal
from dielectra.models.atom_batch import AtomBatch
from dielectra.models.encoder.features import (
    ELEMENTS,
    AtomFeatures,
    pooled_layers,
    read_encoder_card,
    read_weights,
    refuse_unknown_elements,
)
from dielectra.models.encoder.initial import fresh_card, fresh_weights
from dielectra.models.encoder.neighbours import Neighbours, find_neighbours, in_groups, join
from dielectra.models.encoder.sevennet import SevenNet
from dielectra.models.interface import Width
from dielectra.models.spectral_head import HeadOptions
from dielectra.models.spectral_network import SpectralNetwork, SpectralOptions
from dielectra.target import Target

PAIRS_AT_ONCE = 4000
"""Pairs of atoms whose features are computed together where no gradient is wanted."""


class EquivariantOptions(SpectralOptions):
    """Layers, head, and how they are trained.

    ``start`` names an encoder of the package whose weights the layers start from; by default they start from random
    ones, ``n_layers`` of ``channels`` for each degree, with neighbours up to ``cutoff`` angstrom. ``layer_rate`` is the
    learning rate of the layers in those of the head: weights that know something are small, and change little.
    """

    start: str | None = None
    n_layers: int = Field(3, ge=1, le=8)
    channels: tuple[Width, Width, Width] = (64, 32, 16)
    cutoff: float = Field(5.0, gt=1, le=10)
    layer_rate: float = Field(1.0, gt=0, le=1)


class NeighbourBatch(NamedTuple):
    """The neighbours of the atoms of each crystal, and their cell volumes.

    Attributes
    ----------
    neighbours
        Of one crystal each.
    volumes
        Shape ``(n_crystals,)``, cubic angstrom.
    """

    neighbours: Sequence[Neighbours]
    volumes: Float[Tensor, " n_crystals"]

    def to(self, device: torch.device) -> NeighbourBatch:
        """Return the batch on another device."""
        return NeighbourBatch([one.to(device) for one in self.neighbours], self.volumes.to(device))


class EquivariantNetwork(SpectralNetwork):
    """Layers that exchange messages which turn with the crystal, and a head of oscillator strength, trained together.

    Layers and head are those of the encoder network; here no weight is frozen. Training shows each crystal or its
    mirror image, prediction averages over both.

    Parameters
    ----------
    options
        Sizes.
    target
        Im eps at any levels, with its broadening, on a regular grid from 0 eV.

    Raises
    ------
    InputError
        If the start is unknown or the target is another one.
    """

    Options: ClassVar[type[HeadOptions]] = EquivariantOptions
    elements: ClassVar[frozenset[int]] = ELEMENTS
    references: ClassVar[tuple[str, ...]] = (
        "Batzner et al., Nat. Commun. 13, 2453 (2022) (NequIP, the layers)",
        "Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024) (SevenNet)",
    )
    options: EquivariantOptions

    def __init__(self, options: EquivariantOptions, target: Target) -> None:
        if options.start is None:
            card = fresh_card(options.channels, options.n_layers, options.cutoff)
            layers = SevenNet(card, fresh_weights(card))
        else:
            card = read_encoder_card(options.start)
            layers = SevenNet(card, read_weights(options.start))
        super().__init__(options, target, *layers.feature_counts)
        self.layers = layers.learning()

    def prepare(self, crystals: Sequence[Crystal]) -> list[tuple[Neighbours, float]]:
        """Return neighbours and volume of each crystal.

        Raises
        ------
        InputError
            If a crystal contains an element that the network does not know.
        """
        for crystal in crystals:
            refuse_unknown_elements(crystal, self.layers)
        return [(find_neighbours(crystal, self.layers.card.cutoff), crystal.volume) for crystal in crystals]

    @property
    def preparation(self) -> str:
        """Return what fixes the result of :meth:`prepare`: how far neighbours may be."""
        return f"neighbours {self.layers.card.cutoff}"

    def collate(self, prepared: Sequence[tuple[Neighbours, float]]) -> NeighbourBatch:
        """Return the neighbours of crystals as one batch."""
        return NeighbourBatch([one for one, _ in prepared], torch.tensor([volume for _, volume in prepared]))

    def rates(self) -> dict[float, list[nn.Parameter]]:
        """Return the parameters of head and layers by the factor of their learning rate."""
        found: dict[float, list[nn.Parameter]] = {1.0: list(self.head.parameters())}
        found.setdefault(self.options.layer_rate, []).extend(self.layers.parameters())
        return found

    def features(self, batch: NeighbourBatch) -> AtomBatch:
        """Return the features of the atoms of a batch."""
        groups = [batch.neighbours] if torch.is_grad_enabled() else in_groups(batch.neighbours, PAIRS_AT_ONCE)
        parts = [self._features(join(group)) for group in groups]
        sizes = torch.tensor([len(one.numbers) for one in batch.neighbours], device=batch.volumes.device)
        return AtomBatch(
            torch.cat([part.invariants for part in parts]),
            torch.cat([part.tensors for part in parts]),
            torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes),
            batch.volumes,
        )

    def _features(self, neighbours: Neighbours) -> AtomFeatures:
        if not self.training:
            return pooled_layers(self.layers(neighbours, mirrored=True))
        side = 1 - 2 * int(torch.randint(2, ()))
        return pooled_layers(self.layers(neighbours._replace(directions=side * neighbours.directions)))
