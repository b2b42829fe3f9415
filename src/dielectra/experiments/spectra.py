"""Predicted and computed spectra of test materials, from the least to the most alike between the levels.

The paper's Fig. 1: materials at the quantiles of SC[IPA; RPA], so that the choice shows nothing but the spread.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from dielectra.data.store import read_labels
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.models.store import default_model, load_model
from dielectra.plots import plot_spectra_panels, save_figure
from dielectra.spectrum import similarity
from dielectra.training.evaluation import predict_labels

QUANTILES = (0.1, 0.26, 0.42, 0.58, 0.74, 0.9)
LEVELS = ("ipa", "rpa")


def run(source: str | Path, output: Path, quick: bool, n_seeds: int | None, progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Predict the test split with the shipped models; write ``report.json``, ``table.md``, ``figure.png``.

    ``quick`` and ``n_seeds`` change nothing: nothing is trained.

    Raises
    ------
    InputError
        If the test split holds no material with both levels.
    """
    labels = {level: read_labels(source, level).of_split("test") for level in LEVELS}
    shared = sorted(set(labels["ipa"].ids) & set(labels["rpa"].ids))
    if not shared:
        raise InputError(f"{source}: the test split holds no material with both levels")
    both = {level: group.select([group.ids.index(name) for name in shared]) for level, group in labels.items()}
    energies = both["rpa"].energies
    alike = similarity(both["ipa"].eps2, both["rpa"].eps2, energies)
    ranks = np.argsort(alike)
    chosen = list(dict.fromkeys(int(ranks[round(q * (len(ranks) - 1))]) for q in QUANTILES))
    models = progress.track(LEVELS, description="predicting the test split")
    predicted = {level: predict_labels(load_model(default_model(level)), both[level]) for level in models}
    panels = [
        {
            "id": shared[index],
            "formula": both["rpa"].formulas[index],
            "sc_ipa_rpa": float(alike[index]),
            "sc": {x: float(similarity(predicted[x][index], both[x].eps2[index], energies)) for x in LEVELS},
            "computed": {level: both[level].eps2[index].tolist() for level in LEVELS},
            "predicted": {level: predicted[level][index].tolist() for level in LEVELS},
        }
        for index in chosen
    ]
    report = {"experiment": "spectra", "data": str(source), "energy_ev": energies.tolist(), "panels": panels}
    save_figure(plot_spectra_panels(energies, panels), output / "figure.png")
    write_whole(output / "table.md", "\n".join(_table(panels)))
    write_whole(output / "report.json", json.dumps(report) + "\n")
    return report


def _table(panels: list[dict[str, Any]]) -> list[str]:
    lines = ["| material | SC[IPA; RPA] | SC of the predicted IPA | SC of the predicted RPA |", "|---|---:|---:|---:|"]
    for panel in panels:
        scores = f"{panel['sc']['ipa']:.3f} | {panel['sc']['rpa']:.3f}"
        lines.append(f"| {panel['formula']} | {panel['sc_ipa_rpa']:.3f} | {scores} |")
    return [*lines, ""]
