"""The paper's experiments, each one command: data, seeds, table, figure.

A new experiment is one module that declares an :class:`~dielectra.experiments.frame.Experiment`, and one line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dielectra.errors import InputError
from dielectra.experiments import (
    correlations,
    cost,
    elements,
    learning_curve,
    quantum_weight,
    similarity,
    small_cells,
    spectra,
)
from dielectra.experiments.frame import Report, perform
from dielectra.experiments.html import write_summary
from dielectra.experiments.setup import N_SEEDS, Progress, Setup, say_nothing

MODULES = (learning_curve, small_cells, correlations, similarity, quantum_weight, spectra, elements, cost)
EXPERIMENTS = {module.EXPERIMENT.name: module.EXPERIMENT for module in MODULES}
ALL = "all"
SUMMARY = "report.html"
OVERVIEW = "overview.png"


def run_experiment(
    name: str,
    source: str | Path,
    output: Path,
    quick: bool = False,
    n_seeds: int | None = None,
    models: Path | None = None,
    progress: Progress = say_nothing,
    sizes: Sequence[int] = (),
    strategies: Sequence[str] = (),
) -> Report:
    """Run an experiment, or all of them, and return what it found as plain data.

    Parameters
    ----------
    name
        Name of an experiment, or ``all``.
    source
        Name, folder or file of a data set with IPA and RPA spectra in all three splits.
    output
        Folder for ``report.json``, ``table.md`` and ``figure*.png``; with ``all`` one folder per experiment,
        ``report.html``, which holds everything, and ``overview.png``.
    quick
        Fewer labels and shorter trainings.
    n_seeds
        By default 3, in a quick run 1.
    models
        Folder of the trained models, which experiments may share; by default ``models`` in the output.
    progress
        Called with (what is done, finished, total).
    sizes, strategies
        Numbers of labels and strategies of the learning curve; by default the usual numbers and all strategies.

    Returns
    -------
    dict
        The content of ``report.json``; with ``all`` one of these per name.

    Raises
    ------
    InputError
        If there is no experiment of that name, the number of seeds is not positive, or the data set does not fit.
    """
    if name not in (*EXPERIMENTS, ALL):
        raise InputError(f"unknown experiment {name!r}; known are {', '.join(EXPERIMENTS)}, and {ALL}")
    if n_seeds is not None and n_seeds < 1:
        raise InputError(f"{n_seeds} seeds asked for; give at least 1")
    seeds = tuple(range(n_seeds or (1 if quick else N_SEEDS)))
    setup = Setup(
        str(source), models or output / "models", quick, seeds, progress, tuple(sorted(sizes)), tuple(strategies)
    )
    if name != ALL:
        return perform(EXPERIMENTS[name], setup, output)
    from dielectra.plots.overview import plot_overview
    from dielectra.plots.style import save_figure

    reports = {one: perform(experiment, setup, output / one) for one, experiment in EXPERIMENTS.items()}
    save_figure(plot_overview(reports["spectra"], reports["learning-curve"]), output / OVERVIEW)
    write_summary(output / SUMMARY, [(EXPERIMENTS[one], report, output / one) for one, report in reports.items()])
    return reports
