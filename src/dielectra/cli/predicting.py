"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.properties import PROPERTIES, PropertyOptions, check_properties, derive
from dielectra.terminal import print_json, print_predictions, print_properties

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
    from dielectra.prediction import describe, predict_files

    check_properties(properties)
    loaded = load_model(model or default_model(level))
    names, predictions, problems = predict_files([(str(file), file) for file in files], loaded)
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


def _file_stem(name: str) -> str:
    path, _, index = name.partition("#")
    return Path(path).stem + (f"-{index}" if index else "")
