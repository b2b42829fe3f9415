"""The trainings that experiments share: each in a folder named by all that fixes its result, made once.

Another data set, recipe or start gives another folder, so that nothing old is ever taken for new; an interrupted
training goes on in its own.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dielectra.data.labels import Labels
from dielectra.experiments.setup import Setup, digest, say_nothing
from dielectra.files import read_text, write_whole
from dielectra.models.card import CARD, read_card
from dielectra.models.ensemble import load_predictor
from dielectra.models.model import ModelLike
from dielectra.models.store import model_folder
from dielectra.parsing import parse_json
from dielectra.training.config import TrainingConfig
from dielectra.version import __version__

SCORES = "scores.json"
SCORED_SPLITS = ("validation", "test")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Shipped(NamedTuple):
    """Name a model inside the package that stands for a training already done."""

    name: str
    level: str


@dataclass(frozen=True)
class Training:
    """Say what fixes one model.

    Attributes
    ----------
    level, config
        Level of the labels, and all settings with number of labels and seed.
    start
        The model it climbs from; None trains directly.
    train_atoms, validation_atoms
        Cells with more atoms are left out of that split; None keeps all.
    together
        Lower levels that are learned at the same time.
    """

    level: str
    config: TrainingConfig
    start: Training | Shipped | None = None
    train_atoms: int | None = None
    validation_atoms: int | None = None
    together: tuple[str, ...] = ()

    def choose(self, labels: Labels) -> Labels:
        """Return the labels within the limits on atoms; the test split stays whole."""
        limits = {
            split: limit
            for split, limit in (("train", self.train_atoms), ("validation", self.validation_atoms))
            if limit is not None
        }
        return labels.select(
            [
                index
                for index, (split, crystal) in enumerate(zip(labels.splits, labels.crystals, strict=True))
                if crystal.n_atoms <= limits.get(split, crystal.n_atoms)
            ]
        )

    def fingerprint(self, data_digest: str) -> str:
        """Return a digest of the settings, the data, and the same of the start."""
        start: str | None = None
        if isinstance(self.start, Shipped):
            start = read_card(model_folder(self.start.name)).weights_sha256
        elif self.start is not None:
            start = self.start.fingerprint(data_digest)
        limits = [self.train_atoms, self.validation_atoms]
        levels = [*self.together, self.level] if self.together else self.level
        return digest([levels, self.config.model_dump(mode="json"), start, limits, data_digest])

    def folder_name(self, data_digest: str) -> str:
        """Return the name of the model's folder: readable first, then the fingerprint."""
        size = str(self.config.n or "all")
        if self.train_atoms is not None:
            size += f"-atoms{self.train_atoms}" + ("" if self.validation_atoms is None else "-honest")
        return f"{self.config.recipe}-{self.level}-{size}-seed{self.config.seed}-{self.fingerprint(data_digest)}"


class Trained(NamedTuple):
    """A finished model's folder, its scores by split (keys of ``evaluate --json``), and the CPU time of both."""

    folder: Path
    scores: dict[str, dict[str, Any]]
    cpu_minutes: float

    def model(self) -> ModelLike:
        """Load the model."""
        return load_predictor(self.folder)

    def material_scores(self, metric: str, split: str = "test") -> dict[str, float]:
        """Return one metric (``sc``, ``mae``, ``mse``) by material id."""
        return {entry["id"]: entry[metric] for entry in self.scores[split]["per_material"]}


Models = Mapping[Training | Shipped, Trained]


def train_all(wanted: Iterable[Training | Shipped], setup: Setup) -> dict[Training | Shipped, Trained]:
    """Return every wanted model and those they start from, trained and scored, or found again where done before."""
    stages: list[list[Training | Shipped]] = []
    stage = list(dict.fromkeys(wanted))
    while stage:
        stages.insert(0, stage)
        stage = list(dict.fromkeys(t.start for t in stage if isinstance(t, Training) and t.start is not None))
    models: dict[Training | Shipped, Trained] = {}
    total = len({training for stage in stages for training in stage})
    for stage in stages:
        for training, trained in _run(sorted(set(stage) - models.keys(), key=_cost, reverse=True), setup):
            models[training] = trained
            setup.progress(f"trained {trained.folder.name}", len(models), total)
    return models


def _cost(training: Training | Shipped) -> tuple[int, str, int]:
    """Order trainings so that the longest start first."""
    if isinstance(training, Shipped):
        return 0, training.name, 0
    return training.config.n or training.train_atoms or 10**9, training.config.recipe, training.config.seed


def _run(trainings: Sequence[Training | Shipped], setup: Setup) -> Iterator[tuple[Training | Shipped, Trained]]:
    """Yield each training as it finishes, those done before first."""
    waiting = []
    for training in trainings:
        done = _found(training, setup)
        if done is None:
            waiting.append(training)
        else:
            yield training, done
    yield from in_processes(train_one, waiting, setup)


def in_processes(
    work: Callable[[Item, Setup], Result], items: Sequence[Item], setup: Setup
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what `work` makes of it as it finishes; one fresh process with one thread per core."""
    workers = min(len(items), os.cpu_count() or 1)
    if workers == 0:
        return
    bare = replace(setup, progress=say_nothing)  # labels read and the progress bar stay here
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare_process) as pool:
        futures = {pool.submit(work, item, bare): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def prepare_process() -> None:
    """Keep torch in this process on one core, and end it when the process that started it is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _found(training: Training | Shipped, setup: Setup) -> Trained | None:
    """Return a model that is trained and scored already."""
    if isinstance(training, Shipped):
        return None
    folder = setup.models / training.folder_name(setup.data_digest)
    path = folder / SCORES
    if not (path.is_file() and (folder / CARD).is_file()):
        return None
    kept = parse_json(read_text(path), path)
    scored = (read_card(folder).weights_sha256, __version__)
    if (kept["weights_sha256"], kept["dielectra_version"]) != scored:
        return None
    return Trained(folder, kept["scores"], kept["cpu_minutes"])


def train_one(training: Training | Shipped, setup: Setup) -> Trained:
    """Train one model, unless it is there already, and score it on the validation and test splits."""
    from dielectra.training.evaluation import evaluate

    started = time.process_time()
    if isinstance(training, Shipped):
        folder, model = model_folder(training.name), load_predictor(training.name)
    else:
        folder = setup.models / training.folder_name(setup.data_digest)
        model = _train(training, folder, setup)
    scores = {
        split: evaluate(model, setup.source, training.level, split).model_dump(mode="json") for split in SCORED_SPLITS
    }
    minutes = (time.process_time() - started) / 60
    if isinstance(training, Training):
        kept = {
            "weights_sha256": model.card.weights_sha256,
            "dielectra_version": __version__,
            "cpu_minutes": minutes,
            "scores": scores,
        }
        write_whole(folder / SCORES, json.dumps(kept) + "\n")
    return Trained(folder, scores, minutes)


def _train(training: Training, folder: Path, setup: Setup) -> ModelLike:
    from dielectra.models.device import choose_device
    from dielectra.training.ensembles import train_recipe
    from dielectra.training.recipes import train_model

    device = choose_device("auto")
    if training.together:
        return train_recipe(setup.data, [*training.together, training.level], training.config, folder, device=device)
    start: Path | str | None = None
    if isinstance(training.start, Training):
        start = setup.models / training.start.folder_name(setup.data_digest)
    elif training.start is not None:
        start = training.start.name
    labels = training.choose(setup.data.labels(training.level))
    return train_model(setup.data, training.level, training.config, folder, start, device=device, labels=labels)
