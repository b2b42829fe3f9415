"""Training settings: the published recipes and ours, from names, YAML files and dotted overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dielectra.errors import InputError
from dielectra.settings import merge, read_yaml, validate, with_overrides

if TYPE_CHECKING:
    from dielectra.models.interface import Network


class TrainingConfig(BaseModel):
    """Every setting of one training; defaults are the published recipe of direct learning.

    ``architecture`` is the name of a network and ``network`` its options where they are not the defaults; a climb keeps
    those of the model it starts from. ``rank`` is 0 for isotropic averages, 2 for tensors; by default the lowest that
    the network knows.
    ``minimum_steps`` lengthens training on few labels until that many optimiser steps are done. ``validations`` is how
    often the network is validated, evenly spread. ``hold_out`` is the fraction of the labels set aside for validation
    and early stopping; at 0 the data set's validation split is used, which the label count then does not show.
    ``patience`` counts validations without improvement. ``normalise_targets`` lets the network start at the mean of the
    labels, in a climb by scaling what it predicts. With labels of several levels, ``highest_share`` of each batch has
    the highest one; 0 takes crystals as they come. ``gradient_clip`` is the largest norm of a gradient. ``members``
    makes an ensemble: network options of each member where they differ, with seeds counted on from ``seed``. ``draw``
    is the seed by which ``n`` labels and those held out are drawn, by default ``seed``; members share theirs.
    ``scalars`` names a set of crystals whose gaps and static dielectric constant are known but no spectrum;
    ``scalar_batch_size`` of them join every batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = "paper-direct"
    epochs: int = Field(500, ge=1)
    minimum_steps: int = Field(0, ge=0)
    batch_size: int = Field(20, ge=2)
    highest_share: float = Field(0.5, ge=0, lt=1)
    drop_last: bool = False
    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1)
    gradient_clip: float | None = Field(None, gt=0)
    loss: Literal["l1", "relative_l1", "relative_l1_mean"] = "l1"
    normalise_targets: bool = False
    ema_decay: float = Field(0.0, ge=0, lt=1)
    validations: int = Field(25, ge=1)
    patience: int | None = Field(None, ge=1)
    hold_out: float = Field(0.0, ge=0, lt=0.9)
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = Field(0, ge=0)
    n: int | None = Field(None, ge=2)
    draw: int | None = Field(None, ge=0)
    scalars: str | None = None
    scalar_batch_size: int = Field(32, ge=2)
    architecture: str | None = None
    rank: Literal[0, 2] | None = None
    network: dict[str, Any] = Field(default_factory=dict)
    members: tuple[dict[str, Any], ...] = ()

    def __hash__(self) -> int:
        """Return a hash of all settings, the network's options included."""
        return hash(self.model_dump_json())


_OURS: dict[str, Any] = {
    "batch_size": 32,
    "optimiser": "adamw",
    "schedule": "cosine",
    "warmup": 0.05,
    "weight_decay": 1e-3,
    "loss": "relative_l1",
    "normalise_targets": True,
    "ema_decay": 0.99,
    "hold_out": 0.2,
}
_DIRECT = _OURS | {
    "learning_rate": 3e-3,
    "epochs": 100,
    "minimum_steps": 300,
    "network": {"output_widths": (512, 512), "density_scaling": True, "broaden_output": True},
}
_ENCODER = _OURS | {
    "architecture": "encoder",
    "rank": 2,
    "learning_rate": 2e-3,
    "epochs": 60,
    "weight_decay": 1e-2,
    "gradient_clip": 5.0,
    "loss": "relative_l1_mean",
    "ema_decay": 0.998,
    "validations": 1,
    "hold_out": 0.0,
}
RECIPES: dict[str, dict[str, Any]] = {
    "paper-pretrain": {"batch_size": 128, "learning_rate": 1e-3, "weight_decay": 0.0},
    "paper-direct": {"batch_size": 20, "drop_last": True},
    "paper-climb": {"batch_size": 128},
    "pretrain": _DIRECT | {"hold_out": 0.0},
    "direct": _DIRECT,
    "climb": _OURS | {"learning_rate": 3e-4, "epochs": 40, "minimum_steps": 300},
    "encoder": _ENCODER,
    "equivariant": _ENCODER | {"architecture": "equivariant"},
    "joint": _ENCODER
    | {
        "architecture": "difference",
        "epochs": 30,
        "members": [{"encoder": f"sevennet-{kind}"} for kind in ("0", "l3i5")],
    },
    "ensemble": _ENCODER | {"members": [{"encoder": f"sevennet-{kind}"} for kind in ("0", "l3i5", "0", "l3i5", "0")]},
}
"""What each recipe changes of the defaults.

``paper-*`` are as published; the learning rate of the pre-training is not known and was chosen on validation data.
``pretrain`` (many cheap labels), ``direct`` and ``climb`` (few expensive ones, a fifth of them held out for validation)
are ours. ``encoder`` trains a head on a frozen encoder at all levels of the labels, ``equivariant`` such a head and the
layers below it from random weights, ``ensemble`` five heads on two encoders; ``joint`` (few labels) two, half as long,
and then regresses the difference between the two highest levels. None of them uses the validation labels, which are
left for calibration and for judging a climb.
"""


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
    wanted = with_overrides({} if file is None else read_yaml(file), overrides)
    wanted |= {key: value for key, value in settings.items() if value is not None}
    entries: dict[str, Any] = {"recipe": recipe} | RECIPES[recipe]
    if wanted.get("architecture") is not None:
        entries.pop("network", None)  # the recipes' options are those of the default network
    entries = merge(entries, wanted)
    config = validate(TrainingConfig, entries)
    if not config.network:
        return config
    options = validate(network_kind(config.architecture).Options, config.network, "network")
    return config.model_copy(update={"network": options.model_dump(mode="json", exclude_unset=True)})


def network_kind(architecture: str | None) -> type[Network]:
    """Return the network of an architecture.

    Raises
    ------
    InputError
        If the architecture is unknown.
    """
    from dielectra.models.interface import DEFAULT_NETWORK, NETWORKS

    kind: type[Network] = NETWORKS.load(architecture or DEFAULT_NETWORK)
    return kind
