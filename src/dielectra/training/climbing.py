"""Climb to a level of theory: what there is to learn from, the training, and whether it helped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.labels import Labels
from dielectra.data.schema import SPLITS
from dielectra.data.splits import sorted_formula
from dielectra.data.store import list_datasets
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.levels import levels_below
from dielectra.models.model import Model, ModelLike
from dielectra.models.store import load_model
from dielectra.training.config import TrainingConfig
from dielectra.training.ensembles import train_recipe
from dielectra.training.evaluation import baselines, lower_spectra, predict_means
from dielectra.training.recipes import Progress
from dielectra.training.sampling import choose_labels
from dielectra.training.verdict import Verdict, judge, learn_directly

Strategy = Literal["joint", "finetune", "direct"]
RECIPES: dict[Strategy, str] = {"joint": "joint", "finetune": "climb", "direct": "direct"}
"""The recipe of each strategy."""

REPORT = "climb.json"


class Plan(BaseModel):
    """What a climb has to learn from.

    Attributes
    ----------
    level, strategy
        Where to and how.
    start
        The model that is carried on; None where the training starts afresh.
    labels
        Number of labels at the level by split.
    used
        Number of labels that train the model or choose its weights, of the training split.
    missing
        Number of crystals that have a spectrum at another level, but no label.
    lower
        Number of spectra that are learned together with the labels, by level.
    held_out
        Number of labels of the validation split, which judge the climb.
    shared_formulas
        Number of formulas of these on which the lower levels were trained; None where that is not known.
    baseline
        Median SC on these of the spectrum of the level below, taken as it is, and of the mean training spectrum.
    """

    level: str
    strategy: Strategy
    start: str | None
    labels: dict[str, int]
    used: int
    missing: int
    lower: dict[str, int]
    held_out: int
    shared_formulas: int | None
    baseline: dict[str, float | None]


class Climb(NamedTuple):
    """A climbed model, and whether the climb helped."""

    model: ModelLike
    verdict: Verdict


class Labelled(NamedTuple):
    """The labels of a climb.

    Attributes
    ----------
    training
        What trains, with the lower levels that are learned together.
    choosing
        What chooses the weights.
    held_out
        What judges: the labels of the validation split.
    """

    training: Labels
    choosing: Labels
    held_out: Labels


def choose_strategy(strategy: Strategy | None, start: str | None) -> Strategy:
    """Return the strategy that was asked for; else joint, or fine-tuning of a given model.

    Raises
    ------
    InputError
        If a strategy that starts afresh is given a model, or fine-tuning none.
    """
    chosen: Strategy = strategy or ("finetune" if start else "joint")
    if chosen == "finetune" and start is None:
        raise InputError("strategy finetune carries a model on; give one with --from, or use --strategy joint")
    if chosen != "finetune" and start is not None:
        raise InputError(f"strategy {chosen} starts afresh; leave --from out, or use --strategy finetune")
    return chosen


def levels_to_learn(data: DataSet, level: str, strategy: Strategy) -> list[str]:
    """Return the levels that are learned together, from low to high.

    Raises
    ------
    InputError
        If joint learning is asked for and the data set has no level below.
    """
    below = [one for one in data.levels if one in levels_below(level)]
    if strategy != "joint":
        return [level]
    if not below:
        raise InputError(
            f"{data.source}: joint learning needs spectra of a level below {level}; it holds "
            f"{', '.join(data.levels)}; join it with one that has them (dielectra data join), carry a model on with "
            "--from, or use --strategy direct"
        )
    return [*below, level]


def climb(
    source: str | Path | DataSet,
    plan: Plan,
    config: TrainingConfig,
    run: str | Path,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Climb:
    """Train by a plan, judge the model on held-out labels, and leave plan and verdict beside it as ``climb.json``.

    Arguments are those of :func:`~dielectra.training.recipes.train_model`.
    """
    data = open_dataset(source)
    levels = levels_to_learn(data, plan.level, plan.strategy)
    model = train_recipe(data, levels, config, run, plan.start, device=device, progress=progress)
    verdict = judge_climb(model, data, plan, config)
    report = {"plan": plan.model_dump(mode="json"), "verdict": verdict.model_dump(mode="json")}
    write_whole(Path(run) / REPORT, json.dumps(report, indent=1) + "\n")
    return Climb(model, verdict)


def plan_climb(
    source: str | Path | DataSet, level: str, strategy: Strategy, config: TrainingConfig, start: str | None = None
) -> Plan:
    """Find out what a climb has to learn from.

    Raises
    ------
    InputError
        If the labels, or the levels below, are missing or too few.
    """
    data = open_dataset(source)
    found = labels_of(data, level, strategy, config)
    everything = data.labels(data.target(level))
    counts = {split: everything.splits.count(split) for split in SPLITS}
    n_metals = len({metal.id for metal in data.metals()} - set(everything.ids))
    return Plan(
        level=level,
        strategy=strategy,
        start=start,
        labels={split: n for split, n in counts.items() if n},
        used=config.n or int(found.training.has(level).sum()) + (len(found.choosing) if config.hold_out else 0),
        missing=len(data.ids) - len(everything) - n_metals,
        lower={one: int(found.training.has(one).sum()) for one in found.training.target.levels[:-1]},
        held_out=len(found.held_out),
        shared_formulas=_shared_formulas(found, None if start is None else load_model(start)),
        baseline=_baseline(data, everything, found.held_out),
    )


def judge_climb(model: ModelLike, data: DataSet, plan: Plan, config: TrainingConfig) -> Verdict:
    """Compare a climbed model on held-out labels with the level below and with direct learning.

    The level below is the known spectrum, where the data set has it, else what the start of the climb predicts.
    """
    found = labels_of(data, plan.level, plan.strategy, config)
    held_out = found.held_out
    if len(held_out) == 0:
        return judge(plan.level, np.empty((0, len(data.grid))), held_out, {})
    lower = lower_spectra(data, held_out)
    if lower is None and plan.start is not None:
        lower = predict_means(load_model(plan.start), held_out)
    labelled = np.flatnonzero(found.training.has(plan.level)).tolist()
    direct = None if plan.strategy == "direct" else learn_directly(found.training.select(labelled), held_out)
    own = predict_means(model.at(plan.level), held_out)
    verdict = judge(plan.level, own, held_out, {"lower_level": lower, "direct": direct})
    if config.hold_out or config.validations == 1:
        return verdict
    return verdict.model_copy(update={"says": f"{verdict.says}; these labels also chose the weights"})


def labels_of(data: DataSet, level: str, strategy: Strategy, config: TrainingConfig) -> Labelled:
    """Return the labels that train, choose and judge; isotropic, on the levels that are learned together."""
    labels = data.labels(data.target(*levels_to_learn(data, level, strategy)))
    training, choosing = choose_labels(labels, config)
    held_out = data.labels(data.target(level)).of_split("validation")
    return Labelled(training, choosing, held_out)


def _baseline(data: DataSet, everything: Labels, held_out: Labels) -> dict[str, float | None]:
    names = ("lower_level", "mean_spectrum")
    if len(held_out) == 0:
        return dict.fromkeys(names)
    found = baselines(data, everything, held_out)
    return {name: found[f"{name}_sc_median"] for name in names}


def _shared_formulas(found: Labelled, start: Model | None) -> int | None:
    """Return how many formulas of the held-out labels were trained on at lower levels."""
    held_out = set(map(sorted_formula, found.held_out.formulas))
    if start is None:
        return len(held_out & set(map(sorted_formula, found.training.formulas)))
    known = _formulas_of(start)
    return None if known is None else len(held_out & known)


def _formulas_of(model: Model) -> set[str] | None:
    """Return the formulas of the training split of a model's data, where they are among the data sets at hand."""
    wanted = set(model.card.data_hashes.values())
    formulas: set[str] = set()
    for name in list_datasets() if wanted else ():
        data = open_dataset(name)
        parts = tuple(part for part in data.parts if data.hashes[part.name] in wanted)
        rows = DataSet(name, parts).rows("formula", "split")
        formulas |= {sorted_formula(row["formula"]) for row in rows if row["split"] == "train"}
        wanted -= set(data.hashes.values())
    return None if wanted or not formulas else formulas
