"""Train a model at one level, from scratch or from a model of a lower level, and save it with its card."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.labels import Labels
from dielectra.errors import InputError
from dielectra.levels import check_level, levels_below
from dielectra.models.card import CARD, ModelCard
from dielectra.models.interface import DEFAULT_NETWORK
from dielectra.models.model import Model
from dielectra.models.store import load_model, save_model
from dielectra.target import DIELECTRIC, Target
from dielectra.training.config import TrainingConfig, network_kind
from dielectra.training.evaluation import predict_tensors, score
from dielectra.training.loop import train
from dielectra.training.sampling import choose_labels
from dielectra.training.state import STATE, EpochReport
from dielectra.training.workers import Workers
from dielectra.version import __version__

Progress = Callable[[int, int, EpochReport | None], None]


def train_model(
    source: str | Path | DataSet,
    level: str | Sequence[str],
    config: TrainingConfig,
    run: str | Path,
    init_from: str | Path | Model | None = None,
    name: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    labels: Labels | None = None,
) -> Model:
    """Train on a data set and save model, card, log and resumable state in a folder.

    Parameters
    ----------
    source
        A data set, or its name, folder or file.
    level
        Level of theory of the labels, or several from low to high, which the model then predicts together.
    run
        Folder for the result. A finished run there with the same settings and data is returned, an unfinished one
        goes on.
    init_from
        Model of a lower level to climb from; None trains directly.
    name
        Name in the card; by default the folder's.
    labels
        What to train on instead, of any target; a finished run does not check them.

    Raises
    ------
    InputError
        If the data, the level order or the run folder do not fit.
    """
    folder = Path(run)
    data = open_dataset(source)
    start = load_model(init_from) if isinstance(init_from, str | Path) else init_from
    levels = [check_level(one) for one in ([level] if isinstance(level, str) else level)]
    if start is not None and start.card.level not in (levels[-1], *levels_below(levels[-1])):
        below = ", ".join(levels_below(levels[-1])) or "none"
        raise InputError(f"cannot climb from {start.card.level} to {levels[-1]}; below it are {below}")
    settings = {"config": config.model_dump(mode="json"), "from": start.card.weights_sha256 if start else None}
    if (folder / CARD).is_file():
        return _finished(folder, settings, data.hashes if labels is None else None)
    labels = data.labels(wanted_target(data, levels, config, start)) if labels is None else labels
    workers = Workers.from_environment()
    started = time.process_time()
    with torch.random.fork_rng(devices=[]):
        network, log = train(config, labels, folder, start, device, progress)
    training, validation = choose_labels(labels, config)
    card = ModelCard(
        name=name or folder.resolve().name,
        architecture=start.card.architecture if start else config.architecture or DEFAULT_NETWORK,
        options=network.options.model_dump(mode="json"),
        target=network.target,
        level_history=[*(start.card.level_history if start else []), *levels],
        elements=sorted(_elements(training).union(start.card.elements if start else ())),
        level_elements=(start.card.level_elements if start else {})
        | {one: sorted(_elements(training.select(np.flatnonzero(training.has(one)).tolist()))) for one in levels},
        trained_on=f"{_counted(training)} of {data.name}" + (f" from {start.card.name}" if start else ""),
        data_hashes=data.hashes,
        training=settings
        | {
            "n_train": int(training.has(training.level).sum()),
            "n_validation": len(validation),
            "epochs_run": log[-1].epoch,
            "cpu_minutes": round((time.process_time() - started) / 60, 3),
        },
        dielectra_version=__version__,
    )
    if workers.is_first:
        metrics = {"validation": _validation_scores(Model(network, card), validation)}
        save_model(network, card.model_copy(update={"metrics": metrics}), folder)
        (folder / STATE).unlink(missing_ok=True)
    workers.wait()
    return load_model(folder)


def wanted_target(data: DataSet, levels: Sequence[str], config: TrainingConfig, start: Model | None) -> Target:
    """Return the spectra to train on: of the lowest rank that the network knows, or as the start predicts them."""
    if start is not None:
        return data.target(*levels, parts=start.target.parts, rank=start.target.rank)
    ranks = network_kind(config.architecture).ranks
    return data.target(*levels, rank=min(ranks) if config.rank is None else config.rank)


def _elements(labels: Labels) -> set[int]:
    """Return the atomic numbers of labelled crystals."""
    return {number for crystal in labels.crystals for number in crystal.elements}


def _counted(labels: Labels) -> str:
    """Return how many spectra of each level, or numbers, there are."""
    kind = "spectra" if labels.target.quantity == DIELECTRIC else f"values of {labels.target.quantity}"
    return " and ".join(f"{int(labels.has(level).sum())} {level}" for level in labels.target.levels) + f" {kind}"


def _validation_scores(model: Model, validation: Labels) -> dict[str, Any]:
    """Return the scores that the card notes: of spectra those of an evaluation, of numbers the errors."""
    if model.target.quantity == DIELECTRIC and "im" in model.target.parts:
        scores = score(model.card.name, predict_tensors(model, validation), validation, "validation")
        return scores.model_dump(include={"n", "sc_median", "sc_mean", "mae_median", "mse_median"})
    errors = np.abs(model.outputs(model.prepare(validation.crystals)).values[0] - validation.values).mean(
        axis=(1, 2, 3, 4)
    )
    return {"n": len(errors), "mae_median": float(np.median(errors)), "mae_mean": float(errors.mean())}


def same_settings(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether a card's training has the wanted settings; options that it does not know have their defaults."""
    defaults = TrainingConfig().model_dump(mode="json")
    configs = [defaults | settings.get("config", {}) for settings in (found, wanted)]
    return configs[0] == configs[1] and found.get("from") == wanted.get("from")


def _finished(folder: Path, settings: dict[str, Any], data_hashes: dict[str, str] | None) -> Model:
    model = load_model(folder)
    if not same_settings(model.card.training, settings):
        raise InputError(f"{folder}: holds a finished model trained with other settings; choose another folder")
    if data_hashes is not None and model.card.data_hashes != data_hashes:
        raise InputError(f"{folder}: holds a finished model of other data, or of fewer parts; choose another folder")
    return model
