"""The verb that predicts spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_predictions


def predict(
    files: Annotated[list[Path], Parameter(help="Structure files: CIF, POSCAR, extxyz, JSON lines.", negative=())],
    /,
    *,
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own; overrides --level.")] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, Parameter(help="Folder for one CSV file per crystal.")] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the spectra.")] = None,
) -> None:
    """Predict the dielectric function of crystals from their structure files.

    Files that cannot be used are reported on stderr; the others are answered all the same and the exit code is 2.
    """
    from dielectra.export import write_csv
    from dielectra.models.store import default_model, load_model
    from dielectra.prediction import describe, predict_files

    loaded = load_model(model or default_model(level))
    names, predictions, problems = predict_files([(str(file), file) for file in files], loaded)
    if csv is not None:
        for name, prediction in zip(names, predictions, strict=True):
            write_csv(prediction, csv / f"{_file_stem(name)}.csv")
    if plot is not None and predictions:
        from dielectra.plots import plot_predictions, save_figure

        save_figure(plot_predictions([(p.crystal.formula, p.spectrum) for p in predictions]), plot)
    if as_json:
        print_json([describe(p, name) for name, p in zip(names, predictions, strict=True)])
    else:
        print_predictions(names, predictions)
    if problems:
        raise InputError("\n".join(problems))


def _file_stem(name: str) -> str:
    path, _, index = name.partition("#")
    return Path(path).stem + (f"-{index}" if index else "")
