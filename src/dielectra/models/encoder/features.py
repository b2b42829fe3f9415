"""Features of atoms that a network on a frozen encoder starts from: invariants and symmetric tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor

from dielectra.crystal import Crystal
from dielectra.elements import symbols
from dielectra.errors import InputError
from dielectra.models.encoder.neighbours import Neighbours, find_neighbours, in_groups, join
from dielectra.models.encoder.sevennet import EncoderCard, Parts, SevenNet

WEIGHTS = Path(__file__).parent / "weights"
ELEMENTS = frozenset(range(1, 95)) - frozenset(range(84, 89))
"""Atomic numbers that every encoder of the package knows."""

PAIRS_PER_BATCH = {"cpu": 400, "cuda": 50_000}
"""Pairs of atoms that are encoded together by kind of device: on a processor, larger batches leave its cache."""


class AtomFeatures(NamedTuple):
    """Features of the atoms of one crystal.

    They are those of a crystal and of its mirror image, averaged: SevenNet does not know parity, the dielectric tensor
    does.

    Attributes
    ----------
    invariants
        Unchanged by rotation: scalars of every layer and norms of the higher degrees, shape
        ``(n_atoms, n_invariants)``.
    tensors
        The parts of degree 2, which turn with the crystal, shape ``(n_atoms, 5, n_tensors)``
        (:func:`dielectra.models.encoder.harmonics.symmetric_tensors` gives their Cartesian form).
    """

    invariants: Float[Tensor, "n_atoms n_invariants"]
    tensors: Float[Tensor, "n_atoms 5 n_tensors"]


def list_encoders() -> list[str]:
    """Return the names of the encoders inside the package."""
    return sorted(card.stem for card in WEIGHTS.glob("*.json"))


@cache
def load_encoder(name: str, device: str = "cpu") -> SevenNet:
    """Load an encoder of the package in evaluation mode.

    Raises
    ------
    InputError
        If there is none of that name, or its weights differ from the digest in its card.
    """
    return SevenNet(read_encoder_card(name), read_weights(name)).to(device).eval()


def read_encoder_card(name: str) -> EncoderCard:
    """Return what describes an encoder of the package.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in list_encoders():
        raise InputError(f"unknown encoder {name!r}; allowed are {', '.join(list_encoders())}")
    return EncoderCard.model_validate_json((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def read_weights(name: str) -> dict[str, Tensor]:
    """Return the converted tensors of an encoder of the package by name.

    Raises
    ------
    InputError
        If there is none of that name, or its weights differ from the digest in its card.
    """
    card = read_encoder_card(name)
    payload = (WEIGHTS / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(payload).hexdigest() != card.weights_sha256:
        raise InputError(f"encoder {name}: its weights differ from the digest in its card; install dielectra again")
    return load(payload)


def encode(crystals: Sequence[Crystal], encoder: SevenNet) -> list[AtomFeatures]:
    """Return the features of the atoms of each crystal, on the CPU; they are computed where the encoder is.

    Raises
    ------
    InputError
        If a crystal contains an element that the encoder does not know.
    """
    features: list[AtomFeatures] = []
    for batch in _batches(crystals, encoder):
        joined = join(batch).to(encoder.rows.device)
        with torch.inference_mode():
            invariants, tensors = (part.cpu() for part in pooled_layers(encoder(joined, mirrored=True)))
        sizes = [len(neighbours.numbers) for neighbours in batch]
        features += map(AtomFeatures, torch.split(invariants, sizes), torch.split(tensors, sizes))
    return features


def _batches(crystals: Sequence[Crystal], encoder: SevenNet) -> Iterator[list[Neighbours]]:
    """Return the neighbours of successive crystals, ``PAIRS_PER_BATCH`` or one crystal at a time."""
    largest = PAIRS_PER_BATCH.get(encoder.rows.device.type, PAIRS_PER_BATCH["cuda"])
    return in_groups((_neighbours(crystal, encoder) for crystal in crystals), largest)


def _neighbours(crystal: Crystal, encoder: SevenNet) -> Neighbours:
    refuse_unknown_elements(crystal, encoder)
    return find_neighbours(crystal, encoder.card.cutoff)


def refuse_unknown_elements(crystal: Crystal, encoder: SevenNet) -> None:
    """Raise InputError if the encoder has no embedding for an element of the crystal."""
    unknown = sorted(crystal.elements - encoder.elements)
    if unknown:
        raise InputError(f"{crystal.formula}: encoder {encoder.card.name} does not know {symbols(unknown)}")


def pooled_layers(layers: list[Parts]) -> AtomFeatures:
    """Return scalars, norms and tensors of every layer, mean over the copies."""
    parts = [(degree, part) for layer in layers for degree, part in enumerate(layer)]
    invariants = torch.cat([(part.norm(dim=1) if degree else part[:, 0]).mean(dim=1) for degree, part in parts], dim=1)
    tensors = torch.cat([layer[2].mean(dim=2) for layer in layers if len(layer) > 2], dim=2)
    return AtomFeatures(invariants, tensors)
