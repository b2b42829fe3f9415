"""Losses of predicted targets, with weights that say what the labels lack."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

SMALLEST_AREA = 1e-6


def loss_function(
    prediction: Float[Tensor, "n levels parts components energies"],
    values: Float[Tensor, "n levels parts components energies"],
    weights: Float[Tensor, "n levels parts energies"],
    kind: str,
) -> Float[Tensor, ""]:
    """Return the mean absolute error (``l1``), or the mean of 1 - SC over crystals and levels (``relative_l1``).

    What has weight 0 does not count.
    """
    weights = weights[:, :, :, None]
    error = (prediction.float() - values).abs() * weights
    if kind == "l1":
        return error.sum() / (weights.sum() * values.shape[3]).clamp_min(1.0)
    by_level = error.sum(dim=(2, 3, 4)) / area(values, weights).clamp_min(SMALLEST_AREA)
    labelled = weights.amax(dim=(2, 3, 4)) > 0
    return by_level[labelled].mean()


def area(values: Tensor, weights: Tensor) -> Float[Tensor, "n levels"]:
    """Return the sum of the absolute labels of each crystal and level; weights as broadcast over components."""
    return (values.abs() * weights).sum(dim=(2, 3, 4))
