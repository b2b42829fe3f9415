"""The one training loop: direct learning and climbing differ only in the starting weights."""

from __future__ import annotations

import csv
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dielectra.data.labels import Labels
from dielectra.elements import symbols
from dielectra.errors import InputError
from dielectra.files import whole_file
from dielectra.models.interface import DEFAULT_NETWORK, Network
from dielectra.models.model import Model, predict_prepared
from dielectra.models.store import build_network
from dielectra.target import Target
from dielectra.training.config import TrainingConfig
from dielectra.training.losses import area, loss_function
from dielectra.training.sampling import batches, choose_labels
from dielectra.training.scalars import prepare_scalars
from dielectra.training.state import EpochReport, TrainingState, load_state, save_state
from dielectra.training.workers import Workers

EPOCHS_PER_SEED = 1_000_000
"""More epochs than any training has, so that no two seeds share a random stream."""


class TrainingData(NamedTuple):
    """Labels with what the network needs of their crystals; arrays on the device of the training."""

    labels: Labels
    prepared: list[Any]
    values: Tensor
    weights: Tensor
    gaps: Tensor


def train(
    config: TrainingConfig,
    labels: Labels,
    run: Path,
    init_from: Model | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, EpochReport | None], None] | None = None,
) -> tuple[Network, list[EpochReport]]:
    """Train a network on labels; resume if the run folder holds an unfinished run.

    Parameters
    ----------
    run
        Folder for the state and ``log.csv``.
    init_from
        Model of a lower level whose weights the network starts from (climb); None starts from scratch.
    progress
        Called with (epoch, epochs, report or None) after every epoch.

    Returns
    -------
    network
        With the weights of the best validation, on the CPU.
    list of EpochReport
        The training log.

    Raises
    ------
    InputError
        If the labels are too few, hold elements that the network cannot represent, the grids of labels and `init_from`
        differ, or the run folder belongs to another configuration.
    """
    workers = Workers.from_environment()
    training_labels, validation_labels = choose_labels(labels, config)
    network = _initial_network(config, training_labels, init_from).to(device)
    for chosen_labels in (training_labels, validation_labels):
        _refuse_other_elements(chosen_labels, network)
    data = prepare(training_labels, network, device)
    if config.normalise_targets:
        start_at_mean(network, data, fresh=init_from is None)
    validation = prepare(validation_labels, network, device)
    steps_per_epoch = sum(1 for _ in batches(training_labels, config, 0))
    epochs = max(config.epochs, math.ceil(config.minimum_steps / steps_per_epoch))
    validate_every = max(1, epochs // config.validations)
    optimiser = _optimiser(network, config)
    averaged = deepcopy(network) if config.ema_decay else network
    state = TrainingState(network, averaged, optimiser)
    scalars = prepare_scalars(config, labels, validation_labels, network, device)
    settings = run_settings(config, training_labels, init_from) | ({"scalars": scalars.digest} if scalars else {})
    load_state(state, run, settings)

    started = time.monotonic()
    for epoch in range(state.epoch, epochs):
        torch.manual_seed(config.seed * EPOCHS_PER_SEED + epoch)  # dropout and noise are the same after a kill
        network.train()
        loss_sum = 0.0
        further: Iterator[Tensor | float] = (
            repeat(0.0) if scalars is None else scalars.losses(network, config, epoch, workers)
        )
        for indices in batches(training_labels, config, epoch):
            chosen = workers.share(indices)
            batch = network.collate([data.prepared[index] for index in chosen]).to(torch.device(device))
            rate = learning_rate(config, state.step, epochs * steps_per_epoch)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["factor"]
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16"):
                criterion = partial(
                    loss_function, values=data.values[chosen], weights=data.weights[chosen], kind=config.loss
                )
                loss = network.loss(batch, criterion, data.gaps[chosen]) + next(further)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            workers.average_gradients(network)
            if config.gradient_clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
            optimiser.step()
            state.step += 1
            if config.ema_decay:
                update_average(averaged, network, config.ema_decay, state.step)
            loss_sum += float(loss.detach())
        state.epoch = epoch + 1
        report = None
        if state.epoch % validate_every == 0 or state.epoch == epochs:
            workers.share_buffers(averaged)
            validation_loss, validation_sc = validate(averaged, validation, config.loss)
            seconds = time.monotonic() - started
            report = EpochReport(
                state.epoch, state.step, rate, loss_sum / steps_per_epoch, validation_loss, validation_sc, seconds
            )
            state.record(report, averaged, validation_loss)
            if workers.is_first:
                save_state(state, run, settings)
                _write_log(state.log, run)
        if progress is not None and workers.is_first:
            progress(state.epoch, epochs, report)
        if config.patience is not None and state.stale > config.patience:
            break
    averaged.load_state_dict(state.best_weights)
    averaged = averaged.cpu().eval()
    averaged.conclude(data.prepared, data.values.cpu(), data.weights.cpu())
    return averaged, state.log


def prepare(labels: Labels, network: Network, device: str = "cpu") -> TrainingData:
    """Find out what a network needs of the labelled crystals, and put arrays on the device."""
    arrays = (torch.from_numpy(np.array(array)).to(device) for array in (labels.values, labels.weights, labels.gaps))
    return TrainingData(labels, network.prepare_known(labels.crystals), *arrays)


def run_settings(config: TrainingConfig, labels: Labels, init_from: Model | None) -> dict[str, Any]:
    """Return what fixes the result of a run: configuration, labels and starting weights, as plain data."""
    names = hashlib.sha256("\n".join([*labels.target.levels, *labels.ids]).encode()).hexdigest()
    start = init_from.card.weights_sha256 if init_from else None
    return config.model_dump(mode="json") | {"labels": names, "start": start}


def learning_rate(config: TrainingConfig, step: int, total_steps: int) -> float:
    """Return the rate at a step: linear warm-up, then constant or a half cosine down to 1 % of the peak."""
    warmup_steps = max(1, round(config.warmup * total_steps))
    if config.warmup and step < warmup_steps:
        return config.learning_rate * (step + 1) / warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    fraction = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction)))


@torch.no_grad()
def update_average(averaged: Network, network: Network, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's; the decay starts small and grows with the steps."""
    weight = 1.0 - min(decay, (1 + step) / (10 + step))
    current = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], weight)
        else:
            value.copy_(current[name])


def validate(network: Network, data: TrainingData, kind: str) -> tuple[float, float]:
    """Return loss and median SC at the highest level on validation data."""
    prediction, _ = predict_prepared(network, data.prepared)
    weights = data.weights[:, -1:, :, None]
    error = (prediction - data.values)[:, -1:].abs() * weights
    relative = error.sum(dim=(1, 2, 3, 4)) / area(data.values[:, -1:], weights)[:, 0]
    return float(loss_function(prediction, data.values, data.weights, kind)), float(1 - relative.median())


def _initial_network(config: TrainingConfig, labels: Labels, init_from: Model | None) -> Network:
    if init_from is not None:
        if not _same_output(init_from.target, labels.target):
            given, wanted = (_described(target) for target in (init_from.target, labels.target))
            raise InputError(f"model {init_from.card.name} predicts {given}; the labels are {wanted}; use one target")
        if config.network or config.architecture not in (None, init_from.card.architecture):
            raise InputError("a climb keeps the network it starts from; leave architecture and network.* options out")
        broadening = labels.broadening if labels.broadening is not None else init_from.target.broadening
        target = labels.target.model_copy(update={"broadening": broadening})
        network = build_network(init_from.card.architecture, init_from.card.options, target)
        network.load_state_dict(init_from.network.state_dict())
        return network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_network(config.architecture or DEFAULT_NETWORK, config.network, labels.target)


def _refuse_other_elements(labels: Labels, network: Network) -> None:
    """Refuse crystals that a network has no features for: training on them would end in NaN."""
    unknown = [crystal.elements - network.elements for crystal in labels.crystals]
    n_crystals = sum(map(bool, unknown))
    if n_crystals:
        raise InputError(
            f"{n_crystals} of {len(labels)} crystals hold elements that {type(network).__name__} has no features for "
            f"({symbols(set().union(*unknown))}); leave them out (dielectra data join --architecture optimate), or "
            "train the architecture encoder"
        )


def _same_output(given: Target, wanted: Target) -> bool:
    """Return whether targets differ in nothing but the levels and the broadening."""
    alike = (given.quantity, given.parts, given.rank) == (wanted.quantity, wanted.parts, wanted.rank)
    return alike and given.shape == wanted.shape and given.is_on_grid(wanted.grid)


def _described(target: Target) -> str:
    return (
        f"{target.quantity} ({', '.join(target.parts)}) of rank {target.rank} at {len(target.levels)} level(s), "
        f"{len(target.grid)} points on {target.grid[0]:g}-{target.grid[-1]:g} eV"
    )


@torch.no_grad()
def start_at_mean(network: Network, data: TrainingData, fresh: bool) -> None:
    """Let the network start, without dropout, at the mean of the labels; a climbing one gets its own mean too."""
    network.eval()
    weights = data.weights[:, :, :, None]
    counts = weights.sum(dim=0).clamp_min(1.0)
    mean = (data.values * weights).sum(dim=0) / counts
    predicted = None if fresh else (predict_prepared(network, data.prepared)[0] * weights).sum(dim=0) / counts
    network.start_at(mean, network.collate(data.prepared).to(mean.device), predicted)


def _optimiser(network: Network, config: TrainingConfig) -> torch.optim.Adam:
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    groups = [{"params": parameters, "factor": factor} for factor, parameters in network.rates().items()]
    return kind(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _write_log(log: list[EpochReport], run: Path) -> None:
    with whole_file(run / "log.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EpochReport._fields)
        writer.writerows([[f"{value:.6g}" for value in report] for report in log])
