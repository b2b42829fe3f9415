"""The verb that computes thin-film stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import AxisChoice, Json
from dielectra.errors import InputError
from dielectra.terminal import print_documents, print_stack


def stack(
    description: Annotated[Path, Parameter(help="YAML file that lists the layers; see examples/stack.yaml.")],
    /,
    *,
    overrides: Annotated[
        list[str] | None,
        Parameter(name="--set", negative=(), help="Option of the file, e.g. polarisation=p; may be repeated."),
    ] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the spectra.")] = None,
    csv: Annotated[Path | None, Parameter(help="CSV file of the spectra, with what each layer absorbs.")] = None,
    axis: AxisChoice = AxisChoice(),  # noqa: B008
    as_json: Json = False,
) -> None:
    """Compute what a stack of thin films reflects, transmits and absorbs.

    Layers are predicted crystals, measured spectra or constants, in any order.
    """
    from dielectra.documents.table import check_table_path
    from dielectra.stack_description import read_stack
    from dielectra.stack_file import compute_stack, describe_stack, files_of, layer_labels, stack_table

    if csv is not None:
        check_table_path(csv, (".csv",))
    if plot is not None:
        from dielectra.plots import check_figure_path

        check_figure_path(plot)
    described = read_stack(description, overrides or ())
    read = (description, *files_of(described, description.parent))
    if csv is not None and csv.resolve() in {path.resolve() for path in read}:
        raise InputError(f"{csv}: is one of the files that the stack is made of; give another name")
    result = compute_stack(described, description.parent, axis.options)
    if csv is not None:
        from dielectra.files import write_whole
        from dielectra.optics.quantities import csv_text

        title = f"{description.name}, {result.description.polarisation} light"
        write_whole(csv, csv_text(title, stack_table(result)))
    if plot is not None:
        from dielectra.plots import plot_stack, save_figure

        bands = {name: (one.lower, one.upper) for name, one in (result.bands or {}).items()}
        labels = layer_labels(result.description)
        save_figure(plot_stack(result.optics, result.axis.unit.name, labels, bands), plot)
    print_documents(describe_stack(result, str(description))) if as_json else print_stack(result)
