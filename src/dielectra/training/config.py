"""Training settings: the published recipes and ours, from names, YAML files and dotted overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dielectra.errors import InputError
from dielectra.settings import merge, read_yaml, validate, with_overrides


class NetworkConfig(BaseModel):
    """Hold the sizes of OptiMate; defaults are the published ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node_widths: tuple[int, ...] = (48, 48)
    convolutions: tuple[tuple[int, int], ...] = ((48, 4), (96, 4))
    output_widths: tuple[int, ...] = (1024, 1024, 1024)
    cutoff: float = Field(5.0, gt=0.5, le=10)
    n_gaussians: int = Field(51, ge=2)
    density_scaling: bool = False


class TrainingConfig(BaseModel):
    """Hold every setting of one training; defaults are the published recipe of direct learning.

    ``minimum_steps`` lengthens training on few labels until that many optimiser steps are done. ``validations`` is how
    often the network is validated, evenly spread. ``hold_out`` is the fraction of the labels set aside for validation
    and early stopping; at 0 the data set's validation split is used, which the label count then does not show.
    ``patience`` counts validations without improvement. ``normalise_targets`` lets the network start at the mean
    spectrum of the labels, in a climb by scaling what it predicts. ``broaden_output`` ends the network with the
    Lorentzian broadening that the data set declares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = "paper-direct"
    epochs: int = Field(500, ge=1)
    minimum_steps: int = Field(0, ge=0)
    batch_size: int = Field(20, ge=2)
    drop_last: bool = False
    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1)
    loss: Literal["l1", "relative_l1"] = "l1"
    normalise_targets: bool = False
    broaden_output: bool = False
    ema_decay: float = Field(0.0, ge=0, lt=1)
    validations: int = Field(25, ge=1)
    patience: int | None = Field(None, ge=1)
    hold_out: float = Field(0.0, ge=0, lt=0.9)
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = Field(0, ge=0)
    n: int | None = Field(None, ge=2)
    network: NetworkConfig = NetworkConfig()


PUBLISHED_NETWORKS = {
    100: NetworkConfig(node_widths=(96, 96, 96), convolutions=((192, 2),), output_widths=(512, 512, 512)),
    300: NetworkConfig(node_widths=(96, 96, 96), convolutions=((384, 4),), output_widths=(512, 512)),
    1000: NetworkConfig(
        node_widths=(96, 96, 96), convolutions=((192, 8), (96, 8), (96, 2)), output_widths=(2048, 2048, 2048)
    ),
    3000: NetworkConfig(node_widths=(48, 48, 48), convolutions=((384, 8),), output_widths=(2048, 2048, 2048)),
    4610: NetworkConfig(node_widths=(96, 96), convolutions=((192, 8), (192, 2)), output_widths=(2048, 2048, 2048)),
}
"""Sizes the paper tuned for direct learning on each number of RPA spectra."""

_OURS: dict[str, Any] = {
    "batch_size": 32,
    "optimiser": "adamw",
    "schedule": "cosine",
    "warmup": 0.05,
    "weight_decay": 1e-3,
    "loss": "relative_l1",
    "normalise_targets": True,
    "broaden_output": True,
    "ema_decay": 0.99,
    "hold_out": 0.2,
}
_DIRECT = _OURS | {
    "learning_rate": 3e-3,
    "epochs": 100,
    "minimum_steps": 300,
    "network": {"output_widths": (512, 512), "density_scaling": True},
}
RECIPES: dict[str, dict[str, Any]] = {
    "paper-pretrain": {"batch_size": 128, "learning_rate": 1e-3, "weight_decay": 0.0},
    "paper-direct": {"batch_size": 20, "drop_last": True},
    "paper-climb": {"batch_size": 128},
    "pretrain": _DIRECT | {"hold_out": 0.0},
    "direct": _DIRECT,
    "climb": _OURS | {"learning_rate": 3e-4, "epochs": 40, "minimum_steps": 300},
}
"""What each recipe changes of the defaults.

``paper-*`` are as published; the learning rate of the pre-training is not known and was chosen on validation data.
``pretrain`` (many cheap labels), ``direct`` and ``climb`` (few expensive ones, a fifth of them held out for validation)
are ours.
"""


def published_network(n_labels: int) -> NetworkConfig:
    """Return the sizes the paper tuned for the training-set size nearest to `n_labels` (on a log scale)."""
    nearest = min(PUBLISHED_NETWORKS, key=lambda size: max(size / n_labels, n_labels / size))
    return PUBLISHED_NETWORKS[nearest]


def load_config(
    recipe: str, file: str | Path | None = None, overrides: Sequence[str] = (), **settings: Any
) -> TrainingConfig:
    """Resolve a recipe, a YAML file, dotted overrides and keyword settings, later ones winning.

    Parameters
    ----------
    recipe
        Name of a recipe in ``RECIPES``.
    file
        YAML file with the keys of :class:`TrainingConfig`.
    overrides
        Entries such as ``learning_rate=1e-4`` or ``network.output_widths=[512,512]``.

    Raises
    ------
    InputError
        If the recipe or an option is unknown or a value not allowed; names the dotted option and the nearest known one.
    """
    if recipe not in RECIPES:
        raise InputError(f"unknown recipe {recipe!r}; known are {', '.join(RECIPES)}")
    entries: dict[str, Any] = {"recipe": recipe} | RECIPES[recipe]
    if file is not None:
        entries = merge(entries, read_yaml(file))
    entries = with_overrides(entries, overrides)
    entries |= {key: value for key, value in settings.items() if value is not None}
    return validate(TrainingConfig, entries)
