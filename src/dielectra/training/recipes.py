"""Train a model at one level, from scratch or from a model of a lower level, and save it with its card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dielectra import __version__
from dielectra.data.store import Labels, dataset_hashes, read_labels
from dielectra.errors import InputError
from dielectra.levels import check_level, levels_below
from dielectra.models.store import CARD, Model, ModelCard, load_model, save_model
from dielectra.training.checkpoint import STATE
from dielectra.training.config import TrainingConfig
from dielectra.training.evaluation import predict_labels, score
from dielectra.training.loop import EpochReport, choose_labels, network_arguments, train
from dielectra.training.workers import Workers

Progress = Callable[[int, int, EpochReport | None], None]


def train_model(
    source: str | Path,
    level: str,
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
        Name, folder or file of a data set.
    level
        Level of theory of the labels.
    run
        Folder for the result. A finished run there with the same settings and data is returned, an unfinished one
        goes on.
    init_from
        Model of a lower level to climb from; None trains directly.
    name
        Name in the card; by default the folder's.
    labels
        Those of the data set to use, where not all of the level; a finished run does not check them.

    Raises
    ------
    InputError
        If the data, the level order or the run folder do not fit.
    """
    folder = Path(run)
    start = None if init_from is None or isinstance(init_from, Model) else load_model(init_from)
    start = init_from if isinstance(init_from, Model) else start
    check_level(level)
    if start is not None and start.card.level not in (level, *levels_below(level)):
        raise InputError(
            f"cannot climb from {start.card.level} to {level}; below it are {', '.join(levels_below(level)) or 'none'}"
        )
    settings = {"config": config.model_dump(mode="json"), "from": start.card.weights_sha256 if start else None}
    if (folder / CARD).is_file():
        return _finished(folder, settings, dataset_hashes(source) if labels is None else None)
    labels = read_labels(source, level) if labels is None else labels
    workers = Workers.from_environment()
    network, log = train(config, labels, folder, start, device, progress)
    training, validation = choose_labels(labels, config)
    elements = {number for crystal in training.crystals for number in crystal.elements}
    card = ModelCard(
        name=name or folder.resolve().name,
        arguments=start.card.arguments if start else network_arguments(config, labels),
        level=level,
        level_history=[*(start.card.level_history if start else []), level],
        energies=(float(labels.energies[0]), float(labels.energies[-1]), len(labels.energies)),
        broadening=labels.broadening,
        elements=sorted(elements | set(start.card.elements if start else [])),
        trained_on=f"{len(training)} {level} spectra of {Path(source).name}"
        + (f" from {start.card.name}" if start else ""),
        data_hashes=dataset_hashes(source),
        training=settings | {"n_train": len(training), "n_validation": len(validation), "epochs_run": log[-1].epoch},
        dielectra_version=__version__,
    )
    model = Model(network, card)
    scores = score(card.name, predict_labels(model, validation), validation, "validation")
    metrics = {"validation": scores.model_dump(include={"n", "sc_median", "sc_mean", "mae_median", "mse_median"})}
    if workers.is_first:
        save_model(network, card.model_copy(update={"metrics": metrics}), folder)
        (folder / STATE).unlink(missing_ok=True)
    workers.wait()
    return load_model(folder)


def _finished(folder: Path, settings: dict[str, Any], data_hashes: dict[str, str] | None) -> Model:
    model = load_model(folder)
    if any(model.card.training.get(key) != value for key, value in settings.items()):
        raise InputError(f"{folder}: holds a finished model trained with other settings; choose another folder")
    if data_hashes is not None and model.card.data_hashes != data_hashes:
        raise InputError(f"{folder}: holds a finished model of other data, or of fewer parts; choose another folder")
    return model
