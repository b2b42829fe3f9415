"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.properties import PROPERTIES, PropertyOptions, check_properties, derive
from dielectra.terminal import print_documents, print_predictions, print_properties

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

    Files that cannot be used are reported on stderr; the others are predicted and the exit code is 2.
    """
    from dielectra.documents.crystal import describe
    from dielectra.documents.files import write_csv, write_refractiveindex
    from dielectra.documents.properties import Failure
    from dielectra.prediction import Predicted, loaded_model, predict_files

    check_properties(properties)
    outcomes = list(predict_files([(str(file), file) for file in files], loaded_model(level, model)))
    found = [outcome for outcome in outcomes if isinstance(outcome, Predicted)]
    for name, prediction in found:
        if csv is not None:
            write_csv(prediction, csv / f"{_file_stem(name)}.csv")
        if yaml is not None:
            write_refractiveindex(prediction, yaml / f"{_file_stem(name)}.yml")
    if plot is not None and found:
        from dielectra.plots import plot_predictions, save_figure

        save_figure(plot_predictions([(each.formula, each.spectrum) for _, each in found]), plot)
    derived = [derive(prediction, properties, options) for _, prediction in found]
    problems = [outcome.reason for outcome in outcomes if not isinstance(outcome, Predicted)]
    problems += [
        f"{name}: {key}: {document.error}"
        for (name, _), documents in zip(found, derived, strict=True)
        for key, document in documents.items()
        if isinstance(document, Failure)
    ]
    if as_json:
        print_documents(
            [
                describe(prediction, name, documents if properties else None)
                for (name, prediction), documents in zip(found, derived, strict=True)
            ]
        )
    else:
        print_predictions(found)
        print_properties([name for name, _ in found], derived)
    if problems:
        raise InputError("\n".join(problems))


def _file_stem(name: str) -> str:
    path, _, index = name.partition("#")
    return Path(path).stem + (f"-{index}" if index else "")
