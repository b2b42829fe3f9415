"""Predicted and computed spectra of test materials, from the least to the most alike between the levels.

The paper's Fig. 1: materials at the 10 to 90 % quantiles of SC[IPA; RPA], so that the choice shows nothing but the
spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.data.labels import Labels
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_spectra
from dielectra.experiments.setup import LOWER, UPPER, Setup
from dielectra.experiments.strategies import shown_models
from dielectra.experiments.tables import markdown_table, number
from dielectra.experiments.trainings import Models, Training
from dielectra.spectrum import similarity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTILES = tuple(round(0.1 * step, 1) for step in range(1, 10))


def needs(setup: Setup) -> list[Training]:
    """Return DL and TL on few and on most labels, first seed."""
    return [shown.trainings[0] for shown in shown_models(setup)]


def run(setup: Setup, models: Models) -> Report:
    """Return computed and predicted spectra of the chosen materials, first seed, and the paper's nine."""
    from dielectra.training.evaluation import predict_means

    lower, upper, alike = setup.both_levels("test")
    ranks = np.argsort(alike)
    chosen = {int(ranks[round(q * (len(ranks) - 1))]): q for q in reversed(QUANTILES)}
    indices = sorted(chosen, key=lambda index: alike[index])
    some = upper.select(indices)
    predicted = {shown.name: predict_means(models[shown.trainings[0]].model(), some) for shown in shown_models(setup)}
    panels = [
        _panel(
            some.formulas[row],
            chosen[index],
            upper.energies,
            {LOWER: lower.eps2[index], UPPER: upper.eps2[index]}
            | {name: values[row] for name, values in predicted.items()},
        )
        | {"id": some.ids[row]}
        for row, index in enumerate(indices)
    ]
    return {"energies_ev": upper.energies.tolist(), "panels": panels, "published": _published_panels(setup.upper)}


def _panel(formula: str, quantile: float, energies: FloatArray, eps2: dict[str, Any]) -> dict[str, Any]:
    """Return spectra with the SC of each against the computed RPA spectrum."""
    scores = {name: float(similarity(values, eps2[UPPER], energies)) for name, values in eps2.items() if name != UPPER}
    return {
        "formula": formula,
        "quantile": quantile,
        "sc": scores,
        "eps2": {name: np.round(values, 4).tolist() for name, values in eps2.items()},
    }


def _published_panels(labels: Labels) -> dict[str, Any]:
    """Return the paper's spectra with their scores, and our RPA spectrum of those materials that the data hold."""
    energies = np.linspace(0, 10, 101)
    panels = []
    for quantile, material in zip(QUANTILES, published_spectra()["materials"], strict=True):
        panel = _panel(material["formula"], quantile, energies, {k: np.array(v) for k, v in material["eps2"].items()})
        if len(material["ids"]) == 1 and material["ids"][0] in labels.ids and labels.energies[-1] >= energies[-1]:
            ours = np.interp(energies, labels.energies, labels.eps2[labels.ids.index(material["ids"][0])])
            panel["sc"]["computed here"] = float(similarity(ours, material["eps2"][UPPER], energies))
            panel["eps2"]["computed here"] = np.round(ours, 4).tolist()
        panels.append(panel)
    return {"energies_ev": energies.tolist(), "panels": panels}


def table(report: Report) -> list[str]:
    """Return the SC with the computed RPA spectrum of every curve drawn."""
    lines = ["SC with the computed RPA spectrum, test materials at quantiles of SC[IPA; RPA], first seed:", ""]
    lines += _scores(report["panels"])
    return [*lines, "The paper's nine, on its own spectra, 0 to 10 eV:", "", *_scores(report["published"]["panels"])]


def _scores(panels: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for panel in panels for name in panel["sc"]))
    rows = [
        [panel["formula"], f"{panel['quantile']:.0%}", *(number(panel["sc"].get(name)) for name in names)]
        for panel in panels
    ]
    return markdown_table(["material", "quantile", *("IPA as RPA" if name == LOWER else name for name in names)], rows)


def figures(report: Report) -> dict[str, Figure]:
    """Return our panels and the paper's."""
    from dielectra.plots.experiments import plot_panels

    return {
        "figure": plot_panels(report["energies_ev"], report["panels"]),
        "figure-published": plot_panels(report["published"]["energies_ev"], report["published"]["panels"]),
    }


EXPERIMENT = Experiment(
    "spectra",
    "Predicted and computed spectra of test materials at the 10 to 90 % quantiles of SC[IPA; RPA], and the paper's.",
    run,
    table,
    figures,
    needs,
)
