"""The state of an unfinished training, saved so that a killed run goes on with the same result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from dielectra.errors import InputError
from dielectra.files import reading, write_whole
from dielectra.models.interface import Network
from dielectra.parsing import parse_json

STATE = "state.safetensors"


class EpochReport(NamedTuple):
    """One line of the training log; losses are those of the recipe, SC is the median."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_sc: float
    seconds: float


class TrainingState:
    """Everything that changes during training.

    Attributes
    ----------
    epoch, step
        Finished epochs and optimiser steps.
    best_loss, best_weights
        Lowest validation loss so far and the averaged weights that reached it.
    stale
        Validations since then.
    log
        One report per validation.
    """

    def __init__(self, network: Network, averaged: Network, optimiser: torch.optim.Adam) -> None:
        self.network, self.averaged, self.optimiser = network, averaged, optimiser
        self.epoch = self.step = self.stale = 0
        self.best_loss = float("inf")
        self.best_weights: dict[str, Tensor] = _copy(averaged.state_dict())
        self.log: list[EpochReport] = []

    def record(self, report: EpochReport, averaged: Network, validation_loss: float) -> None:
        """Add a validation and keep the weights if they are the best so far."""
        self.log.append(report)
        self.stale += 1
        if validation_loss < self.best_loss:
            self.best_loss, self.stale = validation_loss, 0
            self.best_weights = _copy(averaged.state_dict())


def save_state(state: TrainingState, run: Path, settings: Mapping[str, Any]) -> None:
    """Write the state and what fixes the run into its folder; the file appears whole or not at all."""
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous().clone()
        for part, weights in _parts(state).items()
        for name, value in weights.items()
    }
    scalars = {
        "epoch": state.epoch,
        "step": state.step,
        "stale": state.stale,
        "best_loss": state.best_loss,
        "log": [list(report) for report in state.log],
        "settings": dict(settings),
    }
    write_whole(run / STATE, save_tensors(tensors, metadata={"state": json.dumps(scalars)}))


def load_state(state: TrainingState, run: Path, settings: Mapping[str, Any]) -> None:
    """Restore the state of an unfinished run in place; do nothing where there is none.

    Raises
    ------
    InputError
        If the folder holds a run with other settings or a damaged state.
    """
    path = run / STATE
    if not path.is_file():
        return
    try:
        with reading(path), safe_open(path, framework="pt") as file:
            scalars = parse_json(file.metadata()["state"], path)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (InputError, KeyError, TypeError) as error:
        problem = str(error).removeprefix(f"{path}: ")
        raise InputError(f"{path}: damaged ({problem}); delete it to start the run anew") from error
    changed = _differences(scalars["settings"], settings)
    if changed:
        raise InputError(f"{run}: holds a run with other settings ({', '.join(changed)}); choose another folder")
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = value
    state.network.load_state_dict(parts["network"])
    if state.averaged is not state.network:
        state.averaged.load_state_dict(parts["averaged"])
    _restore_optimiser(state, parts["optimiser"])
    state.best_weights = parts["best"]
    state.epoch, state.step, state.stale = scalars["epoch"], scalars["step"], scalars["stale"]
    state.best_loss = scalars["best_loss"]
    state.log = [EpochReport(*report) for report in scalars["log"]]


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _parts(state: TrainingState) -> dict[str, dict[str, Tensor]]:
    moments = {
        f"{index}/{key}": value
        for index, entries in state.optimiser.state_dict()["state"].items()
        for key, value in entries.items()
    }
    parts = {"network": state.network.state_dict(), "best": state.best_weights, "optimiser": moments}
    if state.averaged is not state.network:
        parts["averaged"] = state.averaged.state_dict()
    return parts


def _restore_optimiser(state: TrainingState, moments: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        index, _, key = name.partition("/")
        entries.setdefault(int(index), {})[key] = value
    current = state.optimiser.state_dict()
    state.optimiser.load_state_dict({"state": entries, "param_groups": current["param_groups"]})


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
