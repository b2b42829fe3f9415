"""The one training loop: direct learning and climbing differ only in the starting weights."""

from __future__ import annotations

import csv
import hashlib
import math
import random
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from dielectra.data.store import Labels
from dielectra.errors import InputError
from dielectra.files import whole_file
from dielectra.graph import CrystalGraph, GraphBatch, batch_graphs, build_graph
from dielectra.models.optimate import OptiMate
from dielectra.models.store import Model
from dielectra.training.checkpoint import TrainingState, load_state, save_state
from dielectra.training.config import NetworkConfig, TrainingConfig
from dielectra.training.workers import Workers

VALIDATION_BATCH = 128
SMALLEST_SCALE = 0.05


class EpochReport(NamedTuple):
    """Hold one line of the training log; losses are those of the recipe, SC is the median."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_sc: float
    seconds: float


class TrainingData(NamedTuple):
    """Hold graphs and targets ``(n, n_energies)`` of one set of labels."""

    graphs: list[CrystalGraph]
    targets: Tensor


def choose_labels(labels: Labels, config: TrainingConfig) -> tuple[Labels, Labels]:
    """Return the training and validation labels of a run.

    Draws ``config.n`` labels of the training split as the paper does. With ``hold_out`` a part of them, whole formulas
    only, becomes the validation set; otherwise the validation split is used.

    Raises
    ------
    InputError
        If there are fewer labels than asked for, or no validation labels.
    """
    train = labels.of_split("train")
    if config.n is not None:
        if config.n > len(train):
            raise InputError(f"asked for n = {config.n} labels; the training split holds {len(train)}")
        train = train.select(random.Random(config.seed).sample(range(len(train)), config.n))
    if not config.hold_out:
        validation = labels.of_split("validation")
    else:
        formulas = sorted(set(train.formulas))
        n_held = max(1, round(config.hold_out * len(formulas)))
        held = set(random.Random(config.seed).sample(formulas, n_held))
        rows = range(len(train))
        validation = train.select([i for i in rows if train.formulas[i] in held])
        train = train.select([i for i in rows if train.formulas[i] not in held])
    if len(train) < 2 or len(validation) == 0:
        raise InputError(
            f"{len(train)} training and {len(validation)} validation labels are too few; "
            "give at least 2 and 1 (check the split column)"
        )
    return train, validation


def train(
    config: TrainingConfig,
    labels: Labels,
    run: Path,
    init_from: Model | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, EpochReport | None], None] | None = None,
) -> tuple[OptiMate, list[EpochReport]]:
    """Train OptiMate on labels of one level; resume if the run folder holds an unfinished run.

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
        If the labels are too few, the grids of labels and `init_from` differ, or the run folder belongs to another
        configuration.
    """
    workers = Workers.from_environment()
    training_labels, validation_labels = choose_labels(labels, config)
    network = _initial_network(config, training_labels, init_from).to(device)
    data = prepare(training_labels, network.cutoff, device)
    if config.normalise_targets:
        start_at_mean(network, data, fresh=init_from is None)
    validation = prepare(validation_labels, network.cutoff, device)
    steps_per_epoch = _steps_per_epoch(len(data.graphs), config)
    epochs = max(config.epochs, math.ceil(config.minimum_steps / steps_per_epoch))
    validate_every = max(1, epochs // config.validations)
    optimiser = _optimiser(network, config)
    averaged = deepcopy(network) if config.ema_decay else network
    state = TrainingState(network, averaged, optimiser)
    settings = run_settings(config, training_labels, init_from)
    load_state(state, run, settings)

    started = time.monotonic()
    for epoch in range(state.epoch, epochs):
        network.train()
        loss_sum = 0.0
        for batch, targets in _batches(data, config, epoch, workers, device):
            rate = learning_rate(config, state.step, epochs * steps_per_epoch)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16"):
                loss = loss_function(network(batch), targets, config.loss)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            workers.average_gradients(network)
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
    return averaged.cpu().eval(), state.log


def prepare(labels: Labels, cutoff: float, device: str = "cpu") -> TrainingData:
    """Build the graphs of labels and put their targets on the device."""
    graphs = [build_graph(crystal, cutoff) for crystal in labels.crystals]
    return TrainingData(graphs, torch.from_numpy(labels.eps2).to(device))


def run_settings(config: TrainingConfig, labels: Labels, init_from: Model | None) -> dict[str, Any]:
    """Return what fixes the result of a run: configuration, labels and starting weights, as plain data."""
    names = hashlib.sha256("\n".join([labels.level, *labels.ids]).encode()).hexdigest()
    start = init_from.card.weights_sha256 if init_from else None
    return config.model_dump(mode="json") | {"labels": names, "start": start}


def loss_function(
    prediction: Float[Tensor, "n n_energies"], target: Float[Tensor, "n n_energies"], kind: str
) -> Float[Tensor, ""]:
    """Return the mean absolute error (``l1``) or the mean of 1 - SC (``relative_l1``)."""
    difference = (prediction.float() - target).abs()
    if kind == "l1":
        return difference.mean()
    return (difference.sum(dim=1) / target.abs().sum(dim=1).clamp_min(1e-6)).mean()


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
def update_average(averaged: OptiMate, network: OptiMate, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's; the decay starts small and grows with the steps."""
    weight = 1.0 - min(decay, (1 + step) / (10 + step))
    current = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], weight)
        else:
            value.copy_(current[name])


@torch.no_grad()
def predict_batches(network: OptiMate, graphs: list[CrystalGraph], device: torch.device) -> Tensor:
    """Return the spectra of crystal graphs, shape ``(n, n_energies)``, on the device."""
    network.eval()
    parts = [
        network(batch_graphs(graphs[start : start + VALIDATION_BATCH]).to(device))
        for start in range(0, len(graphs), VALIDATION_BATCH)
    ]
    return torch.cat(parts)


def validate(network: OptiMate, data: TrainingData, kind: str) -> tuple[float, float]:
    """Return loss and median SC on validation data."""
    prediction = predict_batches(network, data.graphs, data.targets.device)
    relative = (prediction - data.targets).abs().sum(dim=1) / data.targets.abs().sum(dim=1)
    return float(loss_function(prediction, data.targets, kind)), float(1 - relative.median())


def network_arguments(config: TrainingConfig, labels: Labels) -> dict[str, Any]:
    """Return the arguments of the network that a configuration asks for on the grid of `labels`.

    Raises
    ------
    InputError
        If the output is to be broadened and the data set does not declare by how much.
    """
    arguments = {"n_energies": len(labels.energies)} | config.network.model_dump()
    if config.broaden_output:
        if labels.broadening is None or labels.energies[0] != 0:
            raise InputError(
                "broaden_output needs a data set that declares broadening_eV in its metadata and starts at 0 eV; "
                "add it, or train with broaden_output=false"
            )
        arguments["broadening_points"] = labels.broadening / float(labels.energies[1])
    return arguments


def _initial_network(config: TrainingConfig, labels: Labels, init_from: Model | None) -> OptiMate:
    n_energies = len(labels.energies)
    if init_from is not None:
        if len(init_from.grid) != n_energies or abs(init_from.grid - labels.energies).max() > 1e-6:
            raise InputError(
                f"model {init_from.card.name} predicts {init_from.card.energies}; the labels have {n_energies} points "
                f"on {labels.energies[0]:g}-{labels.energies[-1]:g} eV; use a model and data on one grid"
            )
        if config.network != NetworkConfig():
            raise InputError("a climb keeps the network it starts from; leave the network.* options out")
        return deepcopy(init_from.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return OptiMate(**network_arguments(config, labels))


@torch.no_grad()
def start_at_mean(network: OptiMate, data: TrainingData, fresh: bool) -> None:
    """Scale the output so that its mean over the training crystals is about that of the labels.

    A fresh network gets the mean spectrum (per mean density of valence electrons, where it scales with that) as its
    scale, and begins there. A climbing one keeps its predictions but for a factor at each energy, that of the mean
    spectra of both levels; ``SMALLEST_SCALE`` keeps it near 1 where there is no absorption.
    """
    mean = data.targets.mean(dim=0)
    floor = SMALLEST_SCALE * float(mean.max())
    if not fresh:
        predicted = predict_batches(network, data.graphs, data.targets.device).mean(dim=0).clamp_min(0.0)
        network.scale.mul_((mean + floor) / (predicted + floor))
        return
    network.scale.copy_(mean.clamp_min(floor))
    if network.density_scaling:
        network.scale /= network.relative_density(batch_graphs(data.graphs).to(mean.device)).mean()
    torch.nn.init.ones_(network.mlp1.last.bias)


def _optimiser(network: OptiMate, config: TrainingConfig) -> torch.optim.Adam:
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _steps_per_epoch(n_labels: int, config: TrainingConfig) -> int:
    full, rest = divmod(n_labels, config.batch_size)
    if full == 0:
        return 1
    return full + (rest > 1 and not config.drop_last)  # batch norm needs two crystals


def _batches(
    data: TrainingData, config: TrainingConfig, epoch: int, workers: Workers, device: str
) -> Iterator[tuple[GraphBatch, Tensor]]:
    """Yield the batches of an epoch in an order fixed by seed and epoch, this worker's share of each."""
    order = list(range(len(data.graphs)))
    random.Random(f"{config.seed}-{epoch}").shuffle(order)
    for step in range(_steps_per_epoch(len(order), config)):
        chosen = workers.share(order[step * config.batch_size : (step + 1) * config.batch_size])
        batch = batch_graphs([data.graphs[index] for index in chosen])
        yield batch.to(torch.device(device)), data.targets[chosen]


def _write_log(log: list[EpochReport], run: Path) -> None:
    with whole_file(run / "log.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EpochReport._fields)
        writer.writerows([[f"{value:.6g}" for value in report] for report in log])
