"""How many RPA spectra a climb needs: direct and transfer learning against the number of labels (the paper's Fig. 2).

Four strategies are trained on the same label subsets and scored on the same materials: direct learning (DL) and
transfer learning (TL), each by the published recipe and by ours. Ours take their validation spectra out of the N
labels; the published recipes select checkpoints on the whole validation split without counting it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import Progress

from dielectra.data.store import read_labels
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.training.config import load_config, published_network

SIZES = (25, 50, 100, 200)
QUICK_SIZES = (25, 50, 100)
N_SEEDS = 3
SPLITS = ("validation", "test")
STRATEGIES = ("paper-direct", "direct", "paper-climb", "climb")
PRETRAINING = {"paper-climb": "paper-pretrain", "climb": "pretrain"}
SHIPPED_START = "ladder-ipa"


class Job(NamedTuple):
    """Describe one training: recipe, level, number of labels (None: all), seed, and the model it starts from."""

    recipe: str
    level: str
    n: int | None
    seed: int
    start: str | None

    @property
    def name(self) -> str:
        """Return the folder name of the trained model."""
        return f"{self.recipe}-{self.level}-{self.n or 'all'}-{self.seed}"


def run(source: str | Path, output: Path, quick: bool, n_seeds: int | None, progress: Progress) -> dict[str, Any]:
    """Train and score every strategy at every number of labels; write ``report.json``, ``table.md``, ``figure.png``.

    Finished trainings are found again in ``output/models`` and not repeated.

    Parameters
    ----------
    quick
        One seed, at most 100 labels, and climbs that start from the shipped IPA model instead of a new pre-training.

    Raises
    ------
    InputError
        If the data set lacks a level or a split.
    """
    started = time.monotonic()
    labels = read_labels(source, "rpa")
    n_train = len(labels.of_split("train"))
    for split in SPLITS:
        if len(labels.of_split(split)) == 0:
            raise InputError(f"{source}: the split {split!r} holds no RPA spectrum; the learning curve needs one")
    seeds = range(n_seeds or (1 if quick else N_SEEDS))
    sizes: list[int | None] = [size for size in (QUICK_SIZES if quick else SIZES) if size < n_train]
    sizes = sizes if quick else [*sizes, None]
    models = output / "models"
    pretraining = [] if quick else [Job(recipe, "ipa", None, s, None) for recipe in PRETRAINING.values() for s in seeds]
    climbs = [
        _job(strategy, n, seed, models, quick) for n in reversed(sizes) for seed in seeds for strategy in STRATEGIES
    ]
    task = progress.add_task("learning curve", total=len(pretraining) + len(climbs))
    scores: dict[str, dict[str, Any]] = {}
    for stage in (pretraining, climbs):
        for job, result in _run_jobs(stage, source, models):
            scores[job.name] = result
            progress.update(task, advance=1, description=f"learning curve: {job.name}")
    report = {
        "experiment": "learning-curve",
        "data": str(source),
        "n_train": n_train,
        "seeds": list(seeds),
        "quick": quick,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "splits": {split: _collect(split, climbs, scores, n_train) for split in SPLITS},
        "runs": scores,
    }
    _write_report(report, output)
    return report


def _job(strategy: str, n: int | None, seed: int, models: Path, quick: bool) -> Job:
    start = None
    if strategy in PRETRAINING:
        pretrained = Job(PRETRAINING[strategy], "ipa", None, seed, None)
        start = SHIPPED_START if quick else str(models / pretrained.name)
    return Job(strategy, "rpa", n, seed, start)


def _run_jobs(jobs: Sequence[Job], source: str | Path, models: Path) -> Iterable[tuple[Job, dict[str, Any]]]:
    """Yield each job with its scores as it finishes; one process with one thread per core, spawned afresh."""
    workers = min(len(jobs), os.cpu_count() or 1)
    if workers == 0:
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_job, job, str(source), models): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def run_job(job: Job, source: str, models: Path) -> dict[str, Any]:
    """Train one model, unless it is there already, and return its scores on both splits."""
    import torch

    from dielectra.training.evaluation import evaluate
    from dielectra.training.recipes import train_model

    torch.set_num_threads(1)
    n_labels = job.n or len(read_labels(source, job.level).of_split("train"))
    network = published_network(n_labels) if job.recipe == "paper-direct" else None
    config = load_config(job.recipe, n=job.n, seed=job.seed, network=network)
    model = train_model(source, job.level, config, models / job.name, job.start)
    found = {split: evaluate(model, source, job.level, split) for split in SPLITS}
    keep = {"n", "sc_median", "sc_mean", "mae_median", "mse_median", "baseline"}
    return {split: result.model_dump(include=keep) for split, result in found.items()}


def _collect(split: str, jobs: Sequence[Job], scores: dict[str, dict[str, Any]], n_train: int) -> dict[str, Any]:
    curves: dict[str, dict[int, list[float]]] = {strategy: {} for strategy in STRATEGIES}
    for job in sorted(jobs, key=lambda job: (job.n or n_train, job.seed)):
        curves[job.recipe].setdefault(job.n or n_train, []).append(scores[job.name][split]["sc_median"])
    some = scores[jobs[0].name][split]
    return {"n": some["n"], "baseline": some["baseline"], "sc_median": curves}


def _write_report(report: dict[str, Any], output: Path) -> None:
    from dielectra.plots import plot_learning_curve, save_figure

    output.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        part = report["splits"][split]
        title = f"{report['data']}, {split} split ({part['n']} materials), {len(report['seeds'])} seed(s)"
        figure = plot_learning_curve(part["sc_median"], part["baseline"]["lower_level_sc_median"], title)
        save_figure(figure, output / ("figure.png" if split == "test" else f"figure-{split}.png"))
    write_whole(output / "table.md", "\n".join(_table(report)))
    write_whole(output / "report.json", json.dumps(report, indent=1) + "\n")


def _table(report: dict[str, Any]) -> list[str]:
    lines = []
    for split in SPLITS:
        part = report["splits"][split]
        title = f"Median SC on the {split} split ({part['n']} materials), mean over {len(report['seeds'])} seed(s)"
        lines += [f"{title} (lowest to highest):", ""]
        lines += ["| RPA spectra | " + " | ".join(STRATEGIES) + " |", "|---:|" + "---:|" * len(STRATEGIES)]
        for size in sorted(part["sc_median"]["climb"]):
            cells = [part["sc_median"][strategy][size] for strategy in STRATEGIES]
            lines.append(f"| {size} | " + " | ".join(_cell(values) for values in cells) + " |")
        baseline = part["baseline"]
        lower, mean = baseline["lower_level_sc_median"], baseline["mean_spectrum_sc_median"]
        lines += ["", f"IPA spectrum taken as RPA: {lower:.3f}; mean training spectrum: {mean:.3f}.", ""]
    return lines


def _cell(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
