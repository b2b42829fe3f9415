"""The verb that predicts spectra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from dielectra.cli.options import PROPERTY_OPTIONS, WRITING, AxisChoice, Json, Level
from dielectra.errors import InputError
from dielectra.properties import PROPERTIES, PropertyOptions, check_properties, derive, fit_arguments
from dielectra.terminal import print_note, print_warning, progress_bar, stdout

if TYPE_CHECKING:
    from dielectra.cli.outputs import Answer, Output
    from dielectra.comparison import Source
    from dielectra.prediction import Predicted
    from dielectra.structures import Refused

Properties = Annotated[
    Sequence[str],
    Parameter(
        name="--property",
        negative=(),
        group=PROPERTY_OPTIONS,
        help=f"Derived property, may be repeated: {', '.join(PROPERTIES)}.",
    ),
]

Written = Annotated[
    Sequence[str],
    Parameter(
        name="--write",
        negative=(),
        group=WRITING,
        help="FORM=DIR: folder for one file per crystal, may be repeated; csv, yaml, tmm, comsol, lumerical or meep.",
    ),
]

Compared = Annotated[
    Sequence[str],
    Parameter(
        name="--compare",
        negative=(),
        help="What to compare with, may be repeated: a level, a model, measured, or a .yml or .csv file of n and k.",
    ),
]


def predict(
    files: Annotated[
        list[str],
        Parameter(
            help="Structure files, folders, zip or tar archives, - for stdin, optimade:URL?filter=..., mp-149.",
            negative=(),
        ),
    ],
    /,
    *,
    level: Level = "rpa",
    model: Annotated[
        str | None,
        Parameter(help="Shipped model (`models list`) or folder of your own; by default the best of the level."),
    ] = None,
    broadening: Annotated[
        float | None,
        Parameter(
            help="Half width of the Lorentzian in eV, 0 for none; by default that of the data, without its tail below "
            "the predicted gap."
        ),
    ] = None,
    allow_metals: Annotated[
        bool, Parameter(negative=(), help="Predict crystals that are taken for metals too, as if they were none.")
    ] = False,
    as_json: Json = False,
    brief: Annotated[
        bool, Parameter(group=WRITING, negative=(), help="With --json: the numbers of the table, no curves.")
    ] = False,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], group=WRITING, help="CSV or Parquet file for a table, one row per crystal."),
    ] = None,
    csv: Annotated[Path | None, Parameter(group=WRITING, help="Folder for one CSV file per crystal.")] = None,
    yaml: Annotated[
        Path | None, Parameter(group=WRITING, help="Folder for one refractiveindex.info file per crystal.")
    ] = None,
    plot: Annotated[
        Path | None, Parameter(group=WRITING, help="PNG, PDF or SVG file for a figure of the spectra.")
    ] = None,
    force: Annotated[bool, Parameter(group=WRITING, negative=(), help="Overwrite files that exist.")] = False,
    properties: Properties = (),
    write: Written = (),
    compare: Compared = (),
    axis: AxisChoice = AxisChoice(),  # noqa: B008
    options: Annotated[PropertyOptions, Parameter(name="*", group=PROPERTY_OPTIONS)] = PropertyOptions(),  # noqa: B008
) -> None:
    """Predict the dielectric function of crystals from their structure files.

    Prints a line per crystal, or tab-separated values where the output is piped. Files that cannot be used are
    reported on stderr; the others are predicted and the exit code is 2.
    """
    from dielectra.cli.doubts import Doubts, told
    from dielectra.cli.outputs import FolderOutput
    from dielectra.comparison import find_sources
    from dielectra.documents.files import check_forms
    from dielectra.prediction import loaded_model, predict_files
    from dielectra.structures import Refused, summarise
    from dielectra.structures.remote import is_remote

    check_properties(properties)
    shorthands = (("csv", csv), ("yaml", yaml))
    folders = [*check_forms(write), *((form, folder) for form, folder in shorthands if folder is not None)]
    _check_places(folders, plot, output, overwrite=force)
    fit = fit_arguments(options)
    sources = find_sources(compare)
    chosen = loaded_model(level, model, broadening=broadening, allow_metals=allow_metals)
    doubts, refused, problems, n_found = Doubts(), list[Refused](), list[str](), 0
    with ExitStack() as stack:
        files_of_each = [FolderOutput(form, folder, axis.options, fit, overwrite=force) for form, folder in folders]
        others = _outputs(stack, axis, output, plot, properties, compare, as_json, brief)
        outputs = [*files_of_each, *others]
        # An argument is a path or names structures of a server; it is never the content of a file.
        named = [file if is_remote(file) else (file, Path(file)) for file in files]
        for outcome in _with_progress(predict_files(named, chosen), files):
            if isinstance(outcome, Refused):
                refused.append(outcome)
                for one in outputs:
                    one.refuse(outcome)
                continue
            n_found += 1
            doubts.add(outcome.name, outcome.prediction.warnings)
            answer, failures = _answer(outcome, properties, options, sources)
            problems += failures
            for one in outputs:
                one.add(answer)
        problems += [problem for one in outputs for problem in one.finish()]
    for line in doubts.lines():
        print_warning(line)
    summary = summarise(n_found, refused) if n_found + len(refused) > 1 else ""
    reasons = [*(one.reason for one in refused), *told(problems)]
    if reasons:
        raise InputError("\n".join([*reasons, summary]).rstrip())
    if summary:
        print_note(summary)


def _check_places(
    folders: Sequence[tuple[str, Path]], plot: Path | None, output: Path | None, *, overwrite: bool
) -> None:
    """Refuse, before any work, places of the wrong kind or of two outputs, unknown endings, and a table that exists."""
    from dielectra.documents.folders import refuse_file
    from dielectra.documents.table import check_table_path

    places = set[tuple[str, Path]]()
    for form, folder in folders:
        refuse_file(folder)
        if (form, folder.resolve()) in places:
            raise InputError(f"{folder}: is given twice for files of form {form}; name it once")
        places.add((form, folder.resolve()))
    if output is not None and ("csv", output.parent.resolve()) in places and output.suffix.lower() == ".csv":
        raise InputError(f"{output}: a table among the files of --csv might replace one of them; name another folder")
    if output is not None and check_table_path(output).exists() and not overwrite:
        raise InputError(f"{output}: exists; pass --force to overwrite it, or give another name")
    if plot is not None:
        from dielectra.plots import check_figure_path

        check_figure_path(plot)


def _outputs(
    stack: ExitStack,
    axis: AxisChoice,
    output: Path | None,
    plot: Path | None,
    properties: Sequence[str],
    compare: Sequence[str],
    as_json: bool,
    brief: bool,
) -> Iterator[Output]:
    """Give what takes answers besides the files of each crystal; files that are open close with the stack."""
    from dielectra.cli import crystal_table, outputs
    from dielectra.documents.table import open_table

    points = axis.options
    if output is not None:
        yield outputs.FileOutput(stack.enter_context(open_table(output)), output)
    if plot is not None:
        yield outputs.FigureOutput(plot, points, bool(compare))
    if as_json:
        with_properties, with_comparison = bool(properties), bool(compare)
        yield outputs.JsonOutput(points, brief=brief, with_properties=with_properties, with_comparison=with_comparison)
        return
    yield crystal_table.TerminalTable(points.unit) if stdout.is_terminal else crystal_table.PipedTable()
    yield outputs.PropertyOutput()


def _with_progress(outcomes: Iterator[Predicted | Refused], files: Sequence[str]) -> Iterator[Predicted | Refused]:
    """Pass outcomes on, and show on stderr how many files are done and how long the rest will take."""
    from dielectra.structures import count_files

    with progress_bar() as progress:
        total = 0 if progress.disable else sum(count_files(Path(file)) for file in files)
        task = progress.add_task("crystals", total=total if total > 1 else None)
        last = ""
        for outcome in outcomes:
            name = outcome.name.rpartition("#")[0] or outcome.name
            progress.update(task, advance=1 if total <= 1 or name != last else 0)
            last = name
            yield outcome


def _answer(
    outcome: Predicted, properties: Sequence[str], options: PropertyOptions, sources: Sequence[Source]
) -> tuple[Answer, list[str]]:
    """Return a prediction with all that is derived from it, and a sentence for each thing that cannot be had."""
    from dielectra.cli.outputs import Answer
    from dielectra.comparison import compare
    from dielectra.documents.properties import Failure

    name, prediction = outcome
    derived = derive(prediction, properties, options)
    failures = [f"{name}: {key}: {one.error}" for key, one in derived.items() if isinstance(one, Failure)]
    curves = []
    for source in sources:
        try:
            curves += source.curves(prediction)
        except InputError as error:
            failures.append(f"{name}: compared with {source.name}: {error}")
    return Answer(name, prediction, derived, curves, compare(prediction, curves)), failures
