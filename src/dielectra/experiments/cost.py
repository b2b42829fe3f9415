"""What a prediction costs against an ab initio computation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.experiments.elements import best
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import Setup
from dielectra.experiments.tables import ABSENT, markdown_table
from dielectra.experiments.trainings import Models, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dielectra.crystal import Crystal
    from dielectra.models.model import ModelLike

N_TIMED = 50
N_QUICK = 10


def needs(setup: Setup) -> tuple[Training, ...]:
    """Return TL on most labels, first seed: what the training costs too is known then."""
    return best(setup).trainings[:1]


def run(setup: Setup, models: Models) -> Report:
    """Return CPU seconds of predictions, ab initio computations (where the data set records them) and trainings."""
    crystals = setup.upper.of_split("test").crystals[: N_QUICK if setup.quick else N_TIMED]
    training = needs(setup)[0]
    trained = models[training]
    recorded = setup.data.properties("cpu_s")
    ab_initio = [float(recorded[name]) for name in setup.upper.ids if recorded.get(name)]
    return {
        "model": best(setup).name,
        "prediction_cpu_s": _prediction_seconds(trained.model(), crystals),
        "ab_initio_cpu_s": ab_initio,
        "training_cpu_s": {name: 60 * models[one].cpu_minutes for name, one in _history(training).items()},
        "published": published_numbers()["cost"],
    }


def _history(training: Training) -> dict[str, Training]:
    """Return a training and the pre-training it starts from, if that was not shipped."""
    start = training.start
    return {"climb": training} | ({"pre-training": start} if isinstance(start, Training) else {})


def _prediction_seconds(model: ModelLike, crystals: list[Crystal]) -> dict[str, list[float]]:
    """Return CPU seconds from crystal to dielectric function: one at a time, and per crystal in one batch.

    On one thread, as the computations ran.
    """
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _seconds(crystals[:1], model)  # tables and libraries are loaded once
        single = [_seconds([crystal], model) for crystal in crystals]
        return {"one at a time": single, "in one batch": [_seconds(crystals, model) / len(crystals)] * len(crystals)}
    finally:
        torch.set_num_threads(n_threads)


def _seconds(crystals: list[Crystal], model: ModelLike) -> float:
    from dielectra.prediction import predict_many

    started = time.process_time()
    predict_many(crystals, model=model)
    return time.process_time() - started


def table(report: Report) -> list[str]:
    """Return CPU time per material of prediction and computation, and how many materials pay for the training."""
    rows = [_row(f"prediction, {name}", seconds) for name, seconds in report["prediction_cpu_s"].items()]
    rows.append(_row("ab initio, this data set (IPA and RPA together)", report["ab_initio_cpu_s"]))
    paper: dict[str, Any] = report["published"]
    mean, median = (f"{3600 * paper[key]:.0f}" for key in ("mean_cpu_h", "median_cpu_h"))
    rows.append([f"ab initio RPA, as published ({paper['materials']:,} jobs)", str(paper["materials"]), median, mean])
    lines = ["CPU seconds per material:", "", *markdown_table(["", "materials", "median", "mean"], rows)]
    predicting = float(np.median(report["prediction_cpu_s"]["one at a time"]))
    lines += [
        f"The paper's are {paper['median_cpu_h']} h (median) and {paper['mean_cpu_h']} h (mean) per material.",
        "",
    ]
    if not report["ab_initio_cpu_s"]:
        return [*lines, "This data set does not record the cost of its computations (column `cpu_s`).", ""]
    computing = float(np.median(report["ab_initio_cpu_s"]))
    lines += [f"A prediction takes {computing / predicting:,.0f} times less CPU time than the median computation.", ""]
    spent = report["training_cpu_s"]
    parts = " and ".join(f"{seconds:.0f} CPU s of {name}" for name, seconds in spent.items())
    n_paid = sum(spent.values()) / computing
    return [*lines, f"{report['model']} took {parts}: as much as computing {n_paid:.1f} materials.", ""]


def _row(name: str, seconds: list[float]) -> list[str]:
    if not seconds:
        return [name, "0", ABSENT, ABSENT]
    return [name, str(len(seconds)), f"{np.median(seconds):.3g}", f"{np.mean(seconds):.3g}"]


def figures(report: Report) -> dict[str, Figure]:
    """Return the distributions of CPU time per material."""
    from dielectra.plots.experiments import plot_cost

    return {"figure": plot_cost(report)}


EXPERIMENT = Experiment(
    "cost",
    "CPU time of a prediction against that of an ab initio computation.",
    run,
    table,
    figures,
    needs,
)
