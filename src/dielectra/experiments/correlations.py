"""Where networks do well: SC of predictions against SC between the levels and SC of the IPA network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import Setup
from dielectra.experiments.strategies import lower_models, shown_models
from dielectra.experiments.tables import markdown_table, number, spread
from dielectra.experiments.trainings import Models, Shipped, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGAINST = {"sc_between_levels": "SC[IPA; RPA]", "sc_lower_network": "SC[IPA_ML; IPA]"}


def needs(setup: Setup) -> list[Training | Shipped]:
    """Return the IPA models, and DL and TL on few and on most labels."""
    return [*lower_models(setup), *(training for shown in shown_models(setup) for training in shown.trainings)]


def run(setup: Setup, models: Models) -> Report:
    """Return the SC of every test material by model and seed, their statistics and their correlations."""
    lower, upper, alike = setup.both_levels("test")
    networks = [models[training].material_scores("sc") for training in lower_models(setup)]
    series: dict[str, list[list[float]]] = {
        "sc_between_levels": [alike.tolist()],
        "sc_lower_network": [[scores[name] for name in lower.ids] for scores in networks],
    }
    shown = shown_models(setup)
    for one in shown:
        scores = [trained.material_scores("sc") for trained in one.trained(models)]
        series[one.name] = [[seed[name] for name in upper.ids] for seed in scores]
    return {
        "ids": upper.ids,
        "sc": series,
        "statistics": {name: _statistics(seeds) for name, seeds in series.items()},
        "pearson": {one.name: {key: _correlations(series[one.name], series[key]) for key in AGAINST} for one in shown},
        "published": {"sc_between_levels": "IPA as RPA", "sc_lower_network": "IPA network"}
        | {one.name: one.published for one in shown},
    }


def _statistics(seeds: list[list[float]]) -> dict[str, list[float]]:
    """Return mean, median and quantiles over materials, one value per seed."""
    return {
        "mean": [float(np.mean(values)) for values in seeds],
        "median": [float(np.median(values)) for values in seeds],
        "q10": [float(np.quantile(values, 0.1)) for values in seeds],
        "q90": [float(np.quantile(values, 0.9)) for values in seeds],
    }


def _correlations(first: list[list[float]], second: list[list[float]]) -> list[float]:
    """Return Pearson's coefficient per seed; a series of one seed goes with each of the other's."""
    pairs = [(values, second[index % len(second)]) for index, values in enumerate(first)]
    return [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs if np.std(a) > 0 and np.std(b) > 0]


def table(report: Report) -> list[str]:
    """Return statistics of SC, ours and published, and correlations."""
    paper: dict[str, Any] = published_numbers()["sc_statistics"]
    rows = []
    for name, statistics in report["statistics"].items():
        theirs = paper[report["published"][name]]
        cells = [f"{spread(statistics[key])} / {number(theirs.get(key))}" for key in ("mean", "median", "q10", "q90")]
        rows.append([AGAINST.get(name, name), *cells])
    lines = ["SC on the test split, ours / published (300 and 4,610 spectra):", ""]
    lines += markdown_table(["model", "mean", "median", "10 % quantile", "90 % quantile"], rows)
    rows = [[name, *(spread(found[key], 2) for key in AGAINST)] for name, found in report["pearson"].items()]
    lines += ["Pearson's correlation of SC[RPA_model; RPA] over test materials:", ""]
    lines += markdown_table(["model", *(f"with {title}" for title in AGAINST.values())], rows)
    return lines


def figures(report: Report) -> dict[str, Figure]:
    """Return histograms of SC, and 2-D histograms of SC against SC."""
    from dielectra.plots.experiments import plot_correlations, plot_histograms

    return {
        "figure": plot_histograms(report["sc"], AGAINST),
        "figure-correlations": plot_correlations(report["sc"], AGAINST),
    }


EXPERIMENT = Experiment(
    "correlations",
    "Histograms of SC, and whether DL and TL do well where IPA is close to RPA, or where the IPA network does well.",
    run,
    table,
    figures,
    needs,
)
