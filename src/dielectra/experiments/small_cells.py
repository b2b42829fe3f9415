"""Learn from small cells, predict larger ones: climbs with cells of at most n atoms.

As published, checkpoints are selected on validation cells of every size, so that large cells are seen after all. The
honest version selects on small cells only; our recipe does too, because it holds out part of its own labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import SPLITS, Setup
from dielectra.experiments.strategies import strategy_training
from dielectra.experiments.tables import markdown_table, number, spread
from dielectra.experiments.trainings import Models, Trained, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERSIONS = {"as published": "paper-climb", "honest": "paper-climb", "climb": "climb"}
FEWEST_LABELS = 10
N_QUICK = 50
BOX_ATOMS = 4
"""Largest training cell of the paper's box plot."""


def cell_sizes(setup: Setup, split: str) -> list[int]:
    """Return the number of atoms of every cell of a split."""
    return [crystal.n_atoms for crystal in setup.upper.of_split(split).crystals]


def limits(setup: Setup) -> list[int]:
    """Return the largest numbers of atoms to train on: enough small cells, and test cells that are larger.

    A quick run takes that of the paper's box plot, or the nearest to it, and the last.
    """
    train, validation, test = (cell_sizes(setup, split) for split in SPLITS)
    found = [
        n
        for n in sorted(set(train))
        if min(validation) <= n < max(test) and sum(size <= n for size in train) >= FEWEST_LABELS
    ]
    if setup.quick and found:
        found = sorted({min(found, key=lambda n: abs(n - BOX_ATOMS)), found[-1]})
    return found


def training(version: str, n: int, seed: int, setup: Setup) -> Training:
    """Return the climb of a version with cells of at most `n` atoms; with 50 of them in a quick run."""
    n_cells = sum(size <= n for size in cell_sizes(setup, "train"))
    n_labels = N_QUICK if setup.quick and n_cells > N_QUICK else None
    return strategy_training(VERSIONS[version], n_labels, seed, setup, n, None if version == "as published" else n)


def needs(setup: Setup) -> list[Training]:
    """Return every version at every limit for every seed."""
    return [training(v, n, seed, setup) for n in reversed(limits(setup)) for v in VERSIONS for seed in setup.seeds]


def run(setup: Setup, models: Models) -> Report:
    """Return the medians on all and on larger test cells by limit and version, and SC by atoms for the box plot."""
    _, upper, alike = setup.both_levels("test")
    atoms = {name: crystal.n_atoms for name, crystal in zip(upper.ids, upper.crystals, strict=True)}
    baseline = dict(zip(upper.ids, alike.tolist(), strict=True))
    series = {}
    for n in limits(setup):
        larger = [name for name in upper.ids if atoms[name] > n]
        groups = {v: [models[training(v, n, seed, setup)] for seed in setup.seeds] for v in VERSIONS}
        series[n] = {
            "n_train": training("climb", n, 0, setup).config.n or sum(size <= n for size in cell_sizes(setup, "train")),
            "n_larger": len(larger),
            "ipa_as_rpa": {"all": _median(baseline, upper.ids), "larger": _median(baseline, larger)},
            "versions": {
                v: {"all": _medians(group, upper.ids), "larger": _medians(group, larger)} for v, group in groups.items()
            },
        }
    box = min(series, key=lambda n: abs(n - BOX_ATOMS), default=None)
    return {
        "series": series,
        "box": {"max_atoms": box, "by_atoms": {} if box is None else _by_atoms(box, atoms, setup, models)},
        "published": published_numbers()["small_cells"],
        "published_box": published_numbers()["small_cells_box"],
    }


def _median(values: dict[str, float], names: list[str]) -> float:
    return float(np.median([values[name] for name in names]))


def _medians(group: list[Trained], names: list[str]) -> dict[str, list[float]]:
    return {metric: [_median(m.material_scores(metric), names) for m in group] for metric in ("sc", "mse")}


def _by_atoms(n: int, atoms: dict[str, int], setup: Setup, models: Models) -> dict[int, dict[str, list[float]]]:
    """Return the SC of all seeds by atoms per cell and version."""
    scores = {v: [models[training(v, n, seed, setup)].material_scores("sc") for seed in setup.seeds] for v in VERSIONS}
    return {
        size: {
            v: [seed[name] for seed in group for name, count in atoms.items() if count == size]
            for v, group in scores.items()
        }
        for size in sorted(set(atoms.values()))
    }


def table(report: Report) -> list[str]:
    """Return medians on larger and on all test cells, ours and the paper's."""
    if not report["series"]:
        return ["The data set holds too few small cells, or no larger test cells, for this experiment.", ""]
    lines = []
    heads = ["atoms at most", "RPA spectra", "test cells", "IPA as RPA", *VERSIONS]
    for where, title in (
        ("larger", "Median SC on test cells larger than any trained on"),
        ("all", "On all test cells"),
    ):
        rows = []
        for n, entry in report["series"].items():
            count = entry["n_larger"] if where == "larger" else report["n"]["test"]
            scores = [spread(entry["versions"][v][where]["sc"]) for v in VERSIONS]
            rows.append([n, str(entry["n_train"]), str(count), number(entry["ipa_as_rpa"][where]), *scores])
        lines += [f"{title}:", "", *markdown_table(heads, rows)]
    paper: dict[str, Any] = report["published"]
    rows = [
        [str(n), str(paper["n"][i]), number(paper["sc_median"][i]), number(paper["mse_median"][i])]
        for i, n in enumerate(paper["max_atoms"])
    ]
    lines += ["As published, all 639 test cells, checkpoints selected on cells of every size:", ""]
    lines += markdown_table(["atoms at most", "RPA spectra", "median SC", "median MSE"], rows)
    versions = (
        "`as published` and `honest` are the published recipe with checkpoints selected on validation cells of every "
        "size, or on small ones only; `climb` is our recipe, which sees small cells only."
    )
    return [*lines, versions, ""]


def figures(report: Report) -> dict[str, Figure]:
    """Return the medians against the limit, and the box plot by atoms per cell."""
    from dielectra.plots.experiments import plot_small_cells

    return {"figure": plot_small_cells(report)} if report["series"] else {}


EXPERIMENT = Experiment(
    "small-cells",
    "Climbs with cells of at most n atoms only, tested on larger cells; with an honest version of model selection.",
    run,
    table,
    figures,
    needs,
)
