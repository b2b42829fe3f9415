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
    """Return the loss of a prediction: a mean over what does not have weight 0.

    ``l1`` is the mean absolute error, ``relative_l1`` the mean of 1 - SC over crystals and levels. ``relative_l1_mean``
    is half of it for xx, yy and zz and half for their average: 1 - SC of a tensor and of the isotropic spectrum.
    """
    weights = weights[:, :, :, None]
    if kind == "relative_l1_mean":
        difference = (prediction.float() - values)[:, :, :, :3] * weights
        error = (difference.abs() + difference.sum(dim=3, keepdim=True).abs() / difference.shape[3]) / 2
        return _relative(error, values[:, :, :, :3], weights)
    error = (prediction.float() - values).abs() * weights
    if kind == "l1":
        return error.sum() / (weights.sum() * values.shape[3]).clamp_min(1.0)
    return _relative(error, values, weights)


def _relative(error: Tensor, values: Tensor, weights: Tensor) -> Float[Tensor, ""]:
    """Return the mean over labelled crystals and levels of the error relative to the labels."""
    by_level = error.sum(dim=(2, 3, 4)) / area(values, weights).clamp_min(SMALLEST_AREA)
    labelled = weights.amax(dim=(2, 3, 4)) > 0
    return by_level[labelled].mean()


def area(values: Tensor, weights: Tensor) -> Float[Tensor, "n levels"]:
    """Return the sum of the absolute labels of each crystal and level; weights as broadcast over components."""
    return (values.abs() * weights).sum(dim=(2, 3, 4))
