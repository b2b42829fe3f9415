"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_predictions

if TYPE_CHECKING:
    from dielectra.prediction import Prediction
    from dielectra.structures import Crystal


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
    from dielectra.prediction import describe

    loaded = load_model(model or default_model(level))
    names, crystals, problems = _read_all(files)
    predictions, names, refused = _predict_each(names, crystals, loaded)
    problems += refused
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


def _read_all(files: Sequence[Path]) -> tuple[list[str], list[Crystal], list[str]]:
    from dielectra.structures import read_structures

    names, crystals, problems = [], [], []
    for file in files:
        try:
            found = read_structures(file)
        except InputError as error:
            problems.append(str(error))
            continue
        names += [str(file) if len(found) == 1 else f"{file}#{index}" for index in range(len(found))]
        crystals += found
    return names, crystals, problems


def _predict_each(
    names: Sequence[str], crystals: Sequence[Crystal], model: Any
) -> tuple[list[Prediction], list[str], list[str]]:
    """Predict all crystals at once; where one is refused, find it and answer the others."""
    from dielectra.prediction import predict_many

    if not crystals:
        return [], [], []
    try:
        return predict_many(crystals, model=model), list(names), []
    except InputError as error:
        if len(crystals) == 1:
            return [], [], [f"{names[0]}: {error}"]
    middle = len(crystals) // 2
    first = _predict_each(names[:middle], crystals[:middle], model)
    second = _predict_each(names[middle:], crystals[middle:], model)
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _file_stem(name: str) -> str:
    path, _, index = name.partition("#")
    return Path(path).stem + (f"-{index}" if index else "")
