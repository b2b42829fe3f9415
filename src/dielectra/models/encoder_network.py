"""A spectral head on a frozen encoder: dielectric tensors at all levels at once, and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from dielectra.crystal import Crystal
from dielectra.models.atom_batch import AtomBatch, collate
from dielectra.models.encoder.cache import cached_features
from dielectra.models.encoder.features import ELEMENTS, AtomFeatures, encode, load_encoder
from dielectra.models.spectral_head import HeadOptions
from dielectra.models.spectral_network import SpectralNetwork, SpectralOptions
from dielectra.target import Target


class EncoderOptions(SpectralOptions):
    """Encoder, head, and how they are trained."""

    encoder: str = "sevennet-0"


class EncodedCrystal(NamedTuple):
    """Features of the atoms of a crystal, and its volume in cubic angstrom."""

    features: AtomFeatures
    volume: float


class EncoderNetwork(SpectralNetwork):
    """Features of a foundation potential, frozen, and a head that predicts oscillator strength before broadening.

    Parameters
    ----------
    options
        Encoder and sizes.
    target
        Im eps at any levels, with its broadening, on a regular grid from 0 eV.

    Raises
    ------
    InputError
        If the encoder is unknown or the target is another one.
    """

    Options: ClassVar[type[HeadOptions]] = EncoderOptions
    elements: ClassVar[frozenset[int]] = ELEMENTS
    references: ClassVar[tuple[str, ...]] = (
        "Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024) (SevenNet, the encoder)",
    )
    options: EncoderOptions

    def __init__(self, options: EncoderOptions, target: Target) -> None:
        super().__init__(options, target, *load_encoder(options.encoder).feature_counts)

    def prepare(self, crystals: Sequence[Crystal]) -> list[EncodedCrystal]:
        """Return the features of the atoms of each crystal."""
        return _encoded(encode(crystals, load_encoder(self.options.encoder, str(self.device))), crystals)

    @property
    def preparation(self) -> str:
        """Return what fixes the result of :meth:`prepare`: the encoder alone."""
        return f"encoder {self.options.encoder}"

    def prepare_known(self, crystals: Sequence[Crystal]) -> list[EncodedCrystal]:
        """Return the features of the atoms of each crystal, kept on disk."""
        return _encoded(cached_features(crystals, load_encoder(self.options.encoder, str(self.device))), crystals)

    def collate(self, prepared: Sequence[EncodedCrystal]) -> AtomBatch:
        """Return encoded crystals as one batch."""
        return collate([one.features for one in prepared], [one.volume for one in prepared])

    def features(self, batch: AtomBatch) -> AtomBatch:
        """Return the batch: its crystals are encoded already."""
        return batch


def _encoded(features: Sequence[AtomFeatures], crystals: Sequence[Crystal]) -> list[EncodedCrystal]:
    return [EncodedCrystal(found, crystal.volume) for found, crystal in zip(features, crystals, strict=True)]
