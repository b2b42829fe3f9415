"""The common frame: an experiment says which models it needs, what it finds in them, and how that is shown."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import N_SEEDS, SPLITS, Setup
from dielectra.experiments.trainings import Models, Shipped, Training, train_all
from dielectra.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = dict[str, Any]
"""What an experiment found, as plain data; tables and figures are made from it alone."""


def no_models(_: Setup) -> list[Training | Shipped]:
    """Need nothing."""
    return []


def no_pages(_: Report) -> dict[str, str]:
    """Make no page."""
    return {}


@dataclass(frozen=True)
class Experiment:
    """Declare an experiment.

    Attributes
    ----------
    name
        As given to ``dielectra reproduce``.
    shows
        One sentence.
    run
        Returns what it finds; takes the models that it needs, trained and scored.
    table
        Returns Markdown lines.
    figures
        Returns figures by file name without ending; the first is ``figure``.
    needs
        Returns the models it needs.
    pages
        Returns HTML pages by file name without ending.
    """

    name: str
    shows: str
    run: Callable[[Setup, Models], Report]
    table: Callable[[Report], list[str]]
    figures: Callable[[Report], dict[str, Figure]]
    needs: Callable[[Setup], Iterable[Training | Shipped]] = no_models
    pages: Callable[[Report], dict[str, str]] = no_pages


def perform(experiment: Experiment, setup: Setup, output: Path) -> Report:
    """Run an experiment and write ``report.json``, ``table.md``, ``figure*.png`` and its pages into a folder.

    Returns
    -------
    Report
        The content of ``report.json``: what the experiment found and on what.

    Raises
    ------
    InputError
        If the data set does not hold both levels in every split.
    """
    from dielectra.plots import save_figure

    started = time.monotonic()
    setup.check()
    models = train_all(experiment.needs(setup), setup)
    found = experiment.run(setup, models)
    spent = sum(trained.cpu_minutes for training, trained in models.items() if isinstance(training, Training))
    report = {
        "experiment": experiment.name,
        "command": command(experiment.name, setup, output),
        "data": setup.source,
        "data_digest": setup.data_digest,
        "engine": setup.data.engine,
        "n": {split: setup.upper.splits.count(split) for split in SPLITS},
        "seeds": list(setup.seeds),
        "quick": setup.quick,
        "ipa_as_rpa": baseline(setup),
        "models": sorted(str(trained.folder) for trained in models.values()),
        "minutes": round((time.monotonic() - started) / 60, 2),
        "training_cpu_minutes": round(spent + found.pop("further_cpu_minutes", 0.0), 2),
    } | found
    report = _plain(report)
    figures, pages = experiment.figures(report), experiment.pages(report)
    report |= {"figures": list(figures), "pages": list(pages)}
    for name, figure in figures.items():
        save_figure(figure, output / f"{name}.png")
    for name, page in pages.items():
        write_whole(output / f"{name}.html", page)
    write_whole(output / "table.md", "\n".join([*experiment.table(report), *_origin(report)]))
    write_whole(output / "report.json", json.dumps(report, indent=1) + "\n")
    return report


def command(name: str, setup: Setup, output: Path) -> str:
    """Return the command that runs an experiment so."""
    words = ["dielectra", "reproduce", name, "--data", setup.source]
    words += ["--quick"] if setup.quick else []
    usual = 1 if setup.quick else N_SEEDS
    words += ["--seeds", str(len(setup.seeds))] if len(setup.seeds) != usual else []
    words += ["--n", ",".join(map(str, setup.sizes))] if setup.sizes else []
    words += ["--strategies", ",".join(setup.strategies)] if setup.strategies else []
    words += ["-o", str(output)]
    return shlex.join(words if setup.models == output / "models" else [*words, "--models", str(setup.models)])


def baseline(setup: Setup) -> dict[str, float]:
    """Return the median SC and MSE on the test split of the IPA spectrum taken as RPA, and the paper's."""
    lower, upper, alike = setup.both_levels("test")
    squares = ((lower.eps2.astype(float) - upper.eps2) ** 2).mean(axis=1)
    published = published_numbers()["baseline"]
    return {
        "sc_median": float(np.median(alike)),
        "mse_median": float(np.median(squares)),
        "published_sc_median": published["sc_median"],
        "published_mse_median": published["mse_median"],
    }


def _plain(report: Report) -> Report:
    """Return a report as its file will hold it."""
    plain: Report = json.loads(json.dumps(report, allow_nan=False))
    return plain


def _origin(report: Report) -> list[str]:
    """Return the lines that end every table: the baseline, the data, the seeds, the command."""
    ours, counts = report["ipa_as_rpa"], report["n"]
    levels = (
        f"IPA spectrum taken as RPA, test split: median SC {ours['sc_median']:.3f} (published "
        f"{ours['published_sc_median']:.3f}), median MSE {ours['mse_median']:.3f} (published "
        f"{ours['published_mse_median']:.3f})."
    )
    data = (
        f"Data set {report['data']} ({report['data_digest']}): {counts['train']} training, {counts['validation']} "
        f"validation and {counts['test']} test materials with RPA spectra; {len(report['seeds'])} seed(s); mean over "
        "seeds, and (lowest to highest)."
    )
    quick = " Quick run: at most 100 labels, and short trainings by our recipes." if report["quick"] else ""
    cost = (
        f"`{report['command']}`, {report['minutes']:.1f} min; its models took {report['training_cpu_minutes']:.1f} "
        "CPU minutes when they were trained."
    )
    return [levels, "", data + quick, "", cost, ""]
