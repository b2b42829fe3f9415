"""The verb that repeats the paper's experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json
from dielectra.errors import InputError
from dielectra.terminal import print_json, progress_bar, stderr, stdout


def reproduce(
    experiment: Annotated[
        str,
        Parameter(
            help="learning-curve, small-cells, correlations, similarity, "
            "quantum-weight, spectra, elements, cost, or all."
        ),
    ],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder for report, table and figures.")],
    data: Annotated[str, Parameter(help="Data set: name, folder or file.")] = "ladder",
    quick: Annotated[bool, Parameter(negative=(), help="One seed, few labels: minutes, not hours.")] = False,
    seeds: Annotated[int | None, Parameter(help="Number of seeds; 3, in a quick run 1.")] = None,
    models: Annotated[
        Path | None, Parameter(help="Folder of trained models that experiments share; OUTPUT/models by default.")
    ] = None,
    n: Annotated[
        str | None,
        Parameter(help="Numbers of labels of the learning curve, e.g. 50,100,300; by default the usual ones."),
    ] = None,
    strategies: Annotated[
        str | None, Parameter(help="Strategies of the learning curve, e.g. joint,paper-climb; by default all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an experiment of the paper on a data set.

    An interrupted one goes on where it stopped. `all` runs every one, each in a folder of its own, and writes them into
    one page, `report.html`. Models trained once are found again by every experiment with the same folder of models, as
    long as the data set stays as it is.
    """
    from dielectra.experiments import ALL, EXPERIMENTS, SUMMARY, run_experiment

    with progress_bar() as bar:
        task = bar.add_task(experiment, total=None)

        def show(done: str, finished: int, total: int) -> None:
            bar.update(task, completed=finished, total=total, description=f"{experiment}: {done}")

        chosen = strategies.split(",") if strategies else ()
        report = run_experiment(experiment, data, output, quick, seeds, models, show, _numbers(n), chosen)
    if as_json:
        print_json(report)
        return
    if experiment == ALL:
        stdout.print(f"{', '.join(EXPERIMENTS)}: {output / SUMMARY}", highlight=False, soft_wrap=True)
        return
    stdout.print((output / "table.md").read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)
    stderr.print(f"report, table and figures are in {output}", highlight=False, soft_wrap=True)


def _numbers(given: str | None) -> list[int]:
    """Return numbers of labels written with commas."""
    try:
        found = [int(word) for word in given.split(",")] if given else []
    except ValueError:
        found = [0]
    if any(number < 2 for number in found):
        raise InputError(f"--n {given}: give whole numbers from 2 with commas, such as 50,100,300")
    return found
