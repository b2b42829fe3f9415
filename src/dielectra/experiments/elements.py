"""Which elements the data hold and where the error is: periodic tables of training set, test set, and error."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dielectra.data.labels import Labels
from dielectra.elements import NUMBERS, SYMBOLS
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.setup import Setup
from dielectra.experiments.strategies import Shown, shown_models
from dielectra.experiments.tables import ABSENT, markdown_table
from dielectra.experiments.trainings import Models, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def best(setup: Setup) -> Shown:
    """Return TL on most labels."""
    return shown_models(setup)[-1]


def needs(setup: Setup) -> tuple[Training, ...]:
    """Return TL on most labels."""
    return best(setup).trainings


def run(setup: Setup, models: Models) -> Report:
    """Return the materials with each element in training and test split, and the mean of 1 - SC over the latter."""
    test = setup.upper.of_split("test")
    scores = [trained.material_scores("sc") for trained in best(setup).trained(models)]
    errors = {name: [1 - seed[name] for seed in scores] for name in test.ids}
    by_element: dict[str, list[list[float]]] = {}
    for name, crystal in zip(test.ids, test.crystals, strict=True):
        for element in crystal.elements:
            by_element.setdefault(SYMBOLS[element], []).append(errors[name])
    return {
        "model": best(setup).name,
        "train": _counts(setup.upper.of_split("train")),
        "test": _counts(test),
        "error": {element: _mean_error(np.array(by_element[element])) for element in sorted(by_element)},
    }


def _counts(labels: Labels) -> dict[str, int]:
    """Return the number of materials with each element, by atomic number."""
    counts = Counter(element for crystal in labels.crystals for element in crystal.elements)
    return {SYMBOLS[number]: counts[number] for number in sorted(counts)}


def _mean_error(errors: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> dict[str, float | list[float] | None]:
    """Return the mean of errors ``(n_materials, n_seeds)``, per seed, and its standard error over materials."""
    per_material = errors.mean(axis=1)
    n = len(per_material)
    return {
        "mean": float(per_material.mean()),
        "per_seed": errors.mean(axis=0).tolist(),
        "standard_error_over_materials": float(per_material.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
    }


def table(report: Report) -> list[str]:
    """Return counts and error by element, and which test elements were not seen in training."""
    rows = []
    for element in sorted(report["train"] | report["test"], key=NUMBERS.__getitem__):
        error = report["error"].get(element)
        cells = [ABSENT, ABSENT, ABSENT]
        if error is not None:
            deviation = error["standard_error_over_materials"]
            low, high = min(error["per_seed"]), max(error["per_seed"])
            cells = [
                f"{error['mean']:.3f}",
                ABSENT if deviation is None else f"{deviation:.3f}",
                f"{low:.3f} to {high:.3f}",
            ]
        rows.append([element, str(report["train"].get(element, 0)), str(report["test"].get(element, 0)), *cells])
    unseen = [element for element in report["test"] if element not in report["train"]]
    heads = ["element", "training materials", "test materials", "mean 1 - SC", "standard error", "over seeds"]
    lines = [f"Materials that hold each element, and the error of {report['model']} on those of the test split:", ""]
    lines += markdown_table(heads, rows)
    return [*lines, f"Elements of the test split not seen in training: {', '.join(unseen) or 'none'}.", ""]


def figures(report: Report) -> dict[str, Figure]:
    """Return three periodic tables: training set, test set, error."""
    from dielectra.plots.periodic_table import plot_elements

    return {"figure": plot_elements(report)}


EXPERIMENT = Experiment(
    "elements",
    "Periodic tables of training and test set, and of the error of TL by element.",
    run,
    table,
    figures,
    needs,
)
