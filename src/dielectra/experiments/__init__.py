"""The paper's experiments, each one command: data, seeds, table, figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.progress import Progress

from dielectra.errors import InputError
from dielectra.experiments import learning_curve, spectra

EXPERIMENTS = {"learning-curve": learning_curve.run, "spectra": spectra.run}


def run_experiment(
    name: str, source: str | Path, output: Path, quick: bool, n_seeds: int | None, progress: Progress
) -> dict[str, Any]:
    """Run an experiment and return its report as plain data.

    Raises
    ------
    InputError
        If there is no experiment of that name, or the data set does not fit it.
    """
    if name not in EXPERIMENTS:
        raise InputError(f"unknown experiment {name!r}; known are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name](source, output, quick, n_seeds, progress)
