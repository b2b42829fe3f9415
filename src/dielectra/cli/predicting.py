"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.properties import PROPERTIES, PropertyOptions, check_properties, derive
from dielectra.terminal import print_json, print_predictions, print_properties

if TYPE_CHECKING:
    from dielectra.prediction import Prediction
    from dielectra.structures import Crystal

Properties = Annotated[
    Sequence[str],
    Parameter(name="--property", negative=(), help=f"Derived property, may be repeated: {', '.join(PROPERTIES)}."),
]


def predict(
    files: Annotated[list[Path], Parameter(help="Structure files: CIF, POSCAR, extxyz, JSON lines.", negative=())],
    /,
    *,
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own; overrides --level.")] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, Parameter(help="Folder for one CSV file per crystal.")] = None,
    yaml: Annotated[Path | None, Parameter(help="Folder for one refractiveindex.info file per crystal.")] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the spectra.")] = None,
    properties: Properties = (),
    options: Annotated[PropertyOptions, Parameter(name="*")] = PropertyOptions(),  # noqa: B008
) -> None:
    """Predict the dielectric function of crystals from their structure files.

    Files that cannot be used are reported on stderr; the others are answered all the same and the exit code is 2.
    """
    from dielectra.export import write_csv, write_refractiveindex
    from dielectra.models.store import default_model, load_model
    from dielectra.prediction import describe

    check_properties(properties)
    loaded = load_model(model or default_model(level))
    names, crystals, problems = _read_all(files)
    predictions, names, refused = _predict_each(names, crystals, loaded)
    problems += refused
    for name, prediction in zip(names, predictions, strict=True):
        if csv is not None:
            write_csv(prediction, csv / f"{_file_stem(name)}.csv")
        if yaml is not None:
            write_refractiveindex(prediction, yaml / f"{_file_stem(name)}.yml")
    if plot is not None and predictions:
        from dielectra.plots import plot_predictions, save_figure

        save_figure(plot_predictions([(p.crystal.formula, p.spectrum) for p in predictions]), plot)
    derived = [derive(prediction, properties, options) for prediction in predictions]
    problems += [
        f"{name}: {key}: {answer['error']}"
        for name, answers in zip(names, derived, strict=True)
        for key, answer in answers.items()
        if "error" in answer
    ]
    if as_json:
        entries = [describe(prediction, name) for name, prediction in zip(names, predictions, strict=True)]
        print_json([e | {"properties": p} if properties else e for e, p in zip(entries, derived, strict=True)])
    else:
        print_predictions(names, predictions)
        print_properties(names, derived)
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
