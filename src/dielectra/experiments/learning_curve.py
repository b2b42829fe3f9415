"""How many RPA spectra a climb needs: direct and transfer learning against the number of labels (the paper's Fig. 2).

Strategies (:mod:`dielectra.experiments.strategies`) are trained on the same label subsets and scored on the same
materials. Ours take their validation spectra out of the N labels; the published recipes select checkpoints on the whole
validation split without counting it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.errors import InputError
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import Setup
from dielectra.experiments.strategies import STRATEGIES, label_sizes, strategy_training
from dielectra.experiments.tables import markdown_table, number, spread
from dielectra.experiments.trainings import SCORED_SPLITS, Models, Trained, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS = {"sc_median": "Median SC", "mse_median": "Median MSE"}
PAIRS = {
    "ours": ("climb", "direct"),
    "published recipes": ("paper-climb", "paper-direct"),
    "joint learning against the published climb": ("joint", "paper-climb"),
}
N_RESAMPLED = 1000


def needs(setup: Setup) -> list[Training]:
    """Return every strategy on every number of labels for every seed."""
    return [
        strategy_training(strategy, n, seed, setup)
        for n in label_sizes(setup)
        for seed in setup.seeds
        for strategy in compared(setup)
    ]


def compared(setup: Setup) -> tuple[str, ...]:
    """Return the strategies that are compared.

    Raises
    ------
    InputError
        If one is unknown.
    """
    for strategy in setup.strategies:
        if strategy not in STRATEGIES:
            raise InputError(f"unknown strategy {strategy!r}; known are {', '.join(STRATEGIES)}")
    return setup.strategies or STRATEGIES


def run(setup: Setup, models: Models) -> Report:
    """Return medians by split, metric, strategy and number of labels, and by how much TL is above DL."""
    n_train = setup.upper.splits.count("train")
    trained = {
        strategy: {
            n or n_train: [models[strategy_training(strategy, n, seed, setup)] for seed in setup.seeds]
            for n in label_sizes(setup)
        }
        for strategy in compared(setup)
    }
    splits: dict[str, Any] = {}
    for split in SCORED_SPLITS:
        some = next(iter(next(iter(trained.values())).values()))[0].scores[split]
        splits[split] = {"n": some["n"], "baseline": some["baseline"]}
        for metric in METRICS:
            splits[split][metric] = {
                strategy: {n: [model.scores[split][metric] for model in group] for n, group in sizes.items()}
                for strategy, sizes in trained.items()
            }
    gains = {
        name: {n: _gain(trained[upper][n], trained[lower][n]) for n in trained[upper]}
        for name, (upper, lower) in PAIRS.items()
        if {upper, lower} <= trained.keys()
    }
    return {"splits": splits, "tl_minus_dl": gains, "published": published_numbers()["learning_curve"]}


def _gain(upper: list[Trained], lower: list[Trained]) -> dict[str, Any]:
    """Return the difference of test medians of SC: per seed, and its standard error over materials by bootstrap."""
    first, second = (np.array([list(m.material_scores("sc").values()) for m in group]) for group in (upper, lower))
    per_seed = np.median(first, axis=1) - np.median(second, axis=1)
    draws = np.random.default_rng(0).integers(first.shape[1], size=(N_RESAMPLED, first.shape[1]))
    resampled = (np.median(first[:, draws], axis=2) - np.median(second[:, draws], axis=2)).mean(axis=0)
    return {"per_seed": per_seed.tolist(), "standard_error_over_materials": float(resampled.std())}


def table(report: Report) -> list[str]:
    """Return medians by split and metric, the published curve, and where TL is above DL."""
    lines = []
    for split in SCORED_SPLITS:
        part = report["splits"][split]
        for metric, title in METRICS.items():
            lines += [f"{title} on the {split} split ({part['n']} materials):", ""]
            strategies = list(part[metric])
            sizes = list(part[metric][strategies[0]])
            rows = [[size, *(spread(part[metric][strategy][size]) for strategy in strategies)] for size in sizes]
            lines += markdown_table(["RPA spectra", *strategies], rows)
            means = part["baseline"][f"mean_spectrum_{metric}"]
            lower = part["baseline"][f"lower_level_{metric}"]
            lines += [f"IPA spectrum taken as RPA: {number(lower)}; mean training spectrum: {number(means)}.", ""]
    paper = report["published"]
    columns = [paper[metric][name] for metric in METRICS for name in ("DL", "TL")]
    rows = [[str(n), *(number(column[i]) for column in columns)] for i, n in enumerate(paper["n"])]
    lines += ["As published (test split, 639 materials):", ""]
    lines += markdown_table(["RPA spectra", "DL, SC", "TL, SC", "DL, MSE", "TL, MSE"], rows)
    for name, gains in report["tl_minus_dl"].items():
        lines += [f"Difference, {name}, median SC on the test split: {_verdict(gains)}", ""]
        rows = [
            [n, spread(gain["per_seed"]), f"{gain['standard_error_over_materials']:.3f}"] for n, gain in gains.items()
        ]
        lines += markdown_table(["RPA spectra", "difference", "standard error over materials"], rows)
    return lines


def _verdict(gains: dict[str, Any]) -> str:
    above = [n for n, gain in gains.items() if min(gain["per_seed"]) > 0]
    if len(above) == len(gains):
        return "above zero at every number of spectra, in every seed."
    return f"above zero in every seed at {', '.join(above) or 'no number of'} spectra, and not at the others."


def figures(report: Report) -> dict[str, Figure]:
    """Return the curves on the test split, and those on the validation split."""
    from dielectra.plots import plot_learning_curve

    drawn = {}
    for split, name in (("test", "figure"), ("validation", "figure-validation")):
        part = report["splits"][split]
        title = f"{report['data']}, {split} split ({part['n']} materials), {len(report['seeds'])} seed(s)"
        drawn[name] = plot_learning_curve(part, title, report["published"])
    return drawn


EXPERIMENT = Experiment(
    "learning-curve",
    "How many RPA spectra a climb (TL) needs, against direct learning (DL), by the published recipes and by ours.",
    run,
    table,
    figures,
    needs,
)
