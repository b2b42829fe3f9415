"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from dielectra.cli.options import AxisChoice, Json, Level
from dielectra.errors import InputError
from dielectra.properties import PROPERTIES, PropertyOptions, check_properties, derive
from dielectra.terminal import print_documents, print_note, print_predictions, print_properties

if TYPE_CHECKING:
    from dielectra.documents.document import Document
    from dielectra.prediction import Predicted
    from dielectra.units import AxisOptions

Properties = Annotated[
    Sequence[str],
    Parameter(name="--property", negative=(), help=f"Derived property, may be repeated: {', '.join(PROPERTIES)}."),
]

Written = Annotated[
    Sequence[str],
    Parameter(
        name="--write",
        negative=(),
        help="FORM=DIR: folder for one file per crystal, may be repeated; csv, yaml, tmm, comsol, lumerical or meep.",
    ),
]


def predict(
    files: Annotated[
        list[Path],
        Parameter(help="Structure files, folders, zip or tar archives, or - for standard input.", negative=()),
    ],
    /,
    *,
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own; overrides --level.")] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, Parameter(help="Folder for one CSV file per crystal.")] = None,
    yaml: Annotated[Path | None, Parameter(help="Folder for one refractiveindex.info file per crystal.")] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the spectra.")] = None,
    force: Annotated[bool, Parameter(negative=(), help="Overwrite files that exist.")] = False,
    properties: Properties = (),
    write: Written = (),
    axis: AxisChoice = AxisChoice(),  # noqa: B008
    options: Annotated[PropertyOptions, Parameter(name="*")] = PropertyOptions(),  # noqa: B008
) -> None:
    """Predict the dielectric function of crystals from their structure files.

    Files that cannot be used are reported on stderr; the others are predicted and the exit code is 2.
    """
    from dielectra.documents.crystal import describe
    from dielectra.documents.files import check_forms
    from dielectra.prediction import Predicted, loaded_model, predict_files
    from dielectra.structures import summarise

    check_properties(properties)
    points = axis.options
    shorthands = (("csv", csv), ("yaml", yaml))
    folders = [*check_forms(write), *((form, folder) for form, folder in shorthands if folder is not None)]
    _check_places([folder for _, folder in folders], plot)
    outcomes = list(predict_files([(str(file), file) for file in files], loaded_model(level, model)))
    found = [outcome for outcome in outcomes if isinstance(outcome, Predicted)]
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Predicted)]
    problems = [outcome.reason for outcome in refused]
    problems += _write(found, folders, plot, points, overwrite=force)
    derived = [derive(prediction, properties, options) for _, prediction in found]
    problems += _failures(found, derived)
    if as_json:
        print_documents(
            [
                describe(prediction, name, documents if properties else None, points)
                for (name, prediction), documents in zip(found, derived, strict=True)
            ]
        )
    else:
        print_predictions(found, points.unit)
        print_properties([name for name, _ in found], derived)
    summary = summarise(len(found), refused) if len(outcomes) > 1 else ""
    if problems:
        raise InputError("\n".join([*problems, summary]).rstrip())
    if summary:
        print_note(summary)


def _check_places(folders: Sequence[Path], plot: Path | None) -> None:
    """Refuse, before any work, a file where a folder is needed and the reverse."""
    from dielectra.documents.folders import refuse_file

    for folder in folders:
        refuse_file(folder)
    if plot is not None:
        from dielectra.plots import check_figure_path

        check_figure_path(plot)


def _write(
    found: Sequence[Predicted],
    folders: Sequence[tuple[str, Path]],
    plot: Path | None,
    points: AxisOptions,
    *,
    overwrite: bool,
) -> list[str]:
    """Write files and figure; return a sentence for each folder that holds files of the same names."""
    from dielectra.documents.files import FORMS
    from dielectra.documents.folders import write_folder

    problems = []
    for form, folder in folders:
        write = partial(FORMS[form].write, points=points)
        written = write_folder(found, folder, FORMS[form].ending, write, overwrite=overwrite)
        print_note(f"wrote {written.n_files} files to {folder}")
        if written.kept:
            problems.append(
                f"{folder}: {len(written.kept)} of {len(found)} files exist and were left as they are, the first is "
                f"{written.kept[0].name}; pass --force to overwrite them, or name another folder"
            )
    if plot is not None and found:
        from dielectra.plots import plot_predictions, save_figure

        named = [(each.formula, each.spectrum) for _, each in found]
        save_figure(plot_predictions(named, points.unit, points.limits), plot)
    return problems


def _failures(found: Sequence[Predicted], derived: Sequence[Mapping[str, Document]]) -> list[str]:
    """Return a sentence for each derived property that cannot be had."""
    from dielectra.documents.properties import Failure

    return [
        f"{name}: {key}: {document.error}"
        for (name, _), documents in zip(found, derived, strict=True)
        for key, document in documents.items()
        if isinstance(document, Failure)
    ]
