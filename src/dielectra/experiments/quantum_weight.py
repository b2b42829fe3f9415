"""Quantum weight: the integral of Im eps over the window, predicted against computed (the paper's Fig. S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import Setup
from dielectra.experiments.strategies import shown_models
from dielectra.experiments.tables import markdown_table, number, spread
from dielectra.experiments.trainings import Models, Training
from dielectra.spectrum import quantum_weight

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = {"mae": "MAE (eV)", "median_percent": "median error (%)", "r2": "R2", "bias": "bias (eV)"}


def needs(setup: Setup) -> list[Training]:
    """Return DL and TL on few and on most labels."""
    return [training for shown in shown_models(setup) for training in shown.trainings]


def run(setup: Setup, models: Models) -> Report:
    """Return computed and predicted quantum weights of the test split, and their errors."""
    from dielectra.training.evaluation import predict_means

    labels = setup.upper.of_split("test")
    computed = np.array([quantum_weight(labels.energies, eps2) for eps2 in labels.eps2])
    predicted: dict[str, list[list[float]]] = {}
    scores: dict[str, dict[str, list[float]]] = {}
    for shown in shown_models(setup):
        weights = [
            np.array([quantum_weight(labels.energies, eps2) for eps2 in predict_means(trained.model(), labels)])
            for trained in shown.trained(models)
        ]
        predicted[shown.name] = [values.tolist() for values in weights]
        found = [_errors(values, computed) for values in weights]
        scores[shown.name] = {key: [seed[key] for seed in found] for key in found[0]}
    paper = {shown.name: published_numbers()["quantum_weight"][shown.published] for shown in shown_models(setup)}
    return {
        "ids": labels.ids,
        "computed_ev": computed.tolist(),
        "predicted_ev": predicted,
        "scores": scores,
        "published": paper,
    }


def _errors(predicted: FloatArray, computed: FloatArray) -> dict[str, float]:
    """Return mean absolute error, median relative error in percent, R2 where it is defined, and bias."""
    difference = predicted - computed
    errors = {
        "mae": float(np.abs(difference).mean()),
        "median_percent": float(100 * np.median(np.abs(difference) / computed)),
        "bias": float(difference.mean()),
    }
    if np.var(computed) > 0:
        errors["r2"] = float(1 - (difference**2).mean() / np.var(computed))
    return errors


def table(report: Report) -> list[str]:
    """Return errors, ours and published."""
    rows = [
        [name, *(f"{spread(found.get(key, []), 2)} / {number(report['published'][name][key], 2)}" for key in SCORES)]
        for name, found in report["scores"].items()
    ]
    title = "Integral of Im eps over the window on the test split, ours / published (300 and 4,610 spectra):"
    return [title, "", *markdown_table(["model", *SCORES.values()], rows)]


def figures(report: Report) -> dict[str, Figure]:
    """Return the parity of predicted and computed quantum weights."""
    from dielectra.plots.experiments import plot_parity

    return {"figure": plot_parity(report["computed_ev"], report["predicted_ev"])}


EXPERIMENT = Experiment(
    "quantum-weight",
    "The integral of Im eps over the window, predicted against computed.",
    run,
    table,
    figures,
    needs,
)
