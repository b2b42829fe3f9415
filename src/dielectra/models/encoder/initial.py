"""Fresh weights of the interaction layers, for a network that learns them from spectra."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dielectra.models.encoder.features import read_weights
from dielectra.models.encoder.sevennet import EncoderCard, Polynomial, couplings

TERMS_FROM = "sevennet-0"
"""Encoder whose elements and Clebsch-Gordan tensors are taken over; these are no weights."""

GAIN = 1.6790
"""Factor of SiLU that makes its mean square 1 for normal input."""

N_BASIS, RADIAL_WIDTH = 8, 64
NEIGHBOURS = 50
"""Typical number of neighbours, by which the sum over messages is scaled."""


def fresh_card(channels: Sequence[int], n_layers: int, cutoff: float) -> EncoderCard:
    """Return the sizes of layers of equal width whose last one keeps tensors too.

    Parameters
    ----------
    channels
        Number of channels of each degree, 0 first.
    cutoff
        Largest distance of a neighbour, angstrom.
    """
    return EncoderCard(
        name="fresh",
        source="random numbers",
        source_sha256="",
        weights_sha256="",
        licence="",
        reference="",
        channels=((channels[0],), *(tuple(channels),) * n_layers),
        degree=len(channels) - 1,
        cutoff=cutoff,
        gain=GAIN,
        envelope=Polynomial(power=6),
    )


def fresh_weights(card: EncoderCard) -> dict[str, Tensor]:
    """Return normal random weights that keep the size of features from layer to layer, from torch's generator."""
    stored = read_weights(TERMS_FROM)
    weights = {name: value for name, value in stored.items() if name == "numbers" or name.startswith("coupling.")}
    weights["frequencies"] = torch.arange(1, N_BASIS + 1) * (math.pi / card.cutoff)
    weights["embedding"] = torch.randn(len(weights["numbers"]), card.channels[0][0])
    for index, (before, after) in enumerate(zip(card.channels[:-1], card.channels[1:], strict=True)):
        terms = couplings(len(before) - 1, card.degree, len(after) - 1)
        outputs = [after[0] + sum(after[1:]), *after[1:]]
        layer = {
            "radial.0": _normal(N_BASIS, RADIAL_WIDTH),
            "radial.1": GAIN * _normal(RADIAL_WIDTH, RADIAL_WIDTH),
            "radial.2": GAIN * _normal(RADIAL_WIDTH, sum(before[term.atom] for term in terms)),
        }
        for degree, width in enumerate(before):
            layer[f"sender.{degree}"] = _normal(width, width)
            if degree < len(after):
                layer[f"connection.{degree}"] = _normal(width, outputs[degree])
        for degree, width in enumerate(outputs):
            fan_in = sum(before[term.atom] for term in terms if term.message == degree)
            layer[f"receiver.{degree}"] = _normal(fan_in, width) / math.sqrt(NEIGHBOURS)
        weights |= {f"layers.{index}.{name}": value for name, value in layer.items()}
    return weights


def _normal(n_rows: int, n_columns: int) -> Tensor:
    return torch.randn(n_rows, n_columns) / math.sqrt(n_rows)
