"""The verbs that bring data sets in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from dielectra.cli.options import DataSetName, Json
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_table, progress_bar, short, stderr, stdout

PROBLEMS_SHOWN = 10

NewFolder = Annotated[Path, Parameter(name=["--output", "-o"], help="New folder.")]


def fetch_data(
    name: Annotated[str, Parameter(help="paper-ipa, paper-rpa or optimate3b.")],
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="Folder; one of that name here.")] = None,
    api: Annotated[str | None, Parameter(help="Address of a mirror of figshare's API.")] = None,
    digests: Annotated[
        Path | None, Parameter(help="Digests of the files from another source, as sha256sum writes them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Download a published data set and show its licence and citation; goes on where it was cut off."""
    from dielectra.data.fetching import FIGSHARE_API, fetch, read_digests

    folder = output or Path(name)
    with progress_bar() as progress:
        tasks = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=total)
            progress.update(tasks[file], completed=done)

        fetched = fetch(name, folder, api or FIGSHARE_API, show, read_digests(digests) if digests else {})
    if as_json:
        return print_json(fetched.model_dump())
    rows = [(key, short(value)) for key, value in fetched.model_dump().items() if key != "files"]
    rows += [(file.name, f"{file.size} bytes, sha256 {file.sha256}") for file in fetched.files]
    print_table(str(folder), ("entry", "value"), rows)
    return None


def import_data(
    source: Annotated[Path, Parameter(help="File or folder to import; what it holds depends on --form.")],
    /,
    *,
    output: NewFolder,
    form: Annotated[
        str,
        Parameter(
            help="published (the paper's), pairs (structure + CSV files), measured (n and k), or finished computations "
            "of yambo, gpaw, vasp or elk."
        ),
    ] = "published",
    level: Annotated[str | None, Parameter(help="Level of the spectra of pairs.")] = None,
    broadening: Annotated[float | None, Parameter(help="Lorentzian broadening of pairs or gpaw in eV.")] = None,
    energies: Annotated[
        str | None, Parameter(help="START,STOP,N in eV, or 'file': those of each file; 0,20,401 by default.")
    ] = None,
    structure: Annotated[Path | None, Parameter(help="Structure file of a page or computation.")] = None,
    extraordinary: Annotated[Path | None, Parameter(help="Page of the extraordinary ray.")] = None,
    seed: Annotated[int | None, Parameter(help="Seed of the splits by formula; 0 by default.")] = None,
    as_json: Json = False,
) -> None:
    """Turn files of others into a data set.

    Entries that cannot be used are reported on stderr; the others are imported, and the exit code is 2.
    """
    from dielectra.importing.dataset import import_dataset

    options: dict[str, Any] = {"level": level, "broadening": broadening, "energies": energies}
    options |= {"structure": structure, "extraordinary": extraordinary, "seed": seed}
    report = import_dataset(source, output, form, **options)
    for warning in report.warnings:
        stderr.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print_json(report.model_dump())
    else:
        rows = [(key, short(value)) for key, value in report.model_dump(exclude={"problems", "warnings"}).items()]
        print_table(f"data set {output}", ("quantity", "value"), rows)
    if report.problems:
        shown = report.problems[:PROBLEMS_SHOWN]
        more = len(report.problems) - len(shown)
        raise InputError("\n".join([*shown, *([f"and {more} more"] if more else [])]))


def join_data(
    *sources: Annotated[
        str, Parameter(help="Data sets, or levels of them (lrc:lrc); the first to hold a material counts.")
    ],
    output: NewFolder,
    architecture: Annotated[
        str | None, Parameter(help="Only crystals of elements that this network knows, for instance optimate.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Join data sets into one, to train a model on all of them.

    All crystals of a formula come into the split that it has in the first data set that holds it.
    """
    from dielectra.data.joining import join_datasets
    from dielectra.training.config import network_kind

    elements = network_kind(architecture).elements if architecture else None
    found = join_datasets(sources, output, elements)
    if as_json:
        return print_json(found)
    print_table(
        f"data set {output}", ("data set", "materials taken"), [(name, str(number)) for name, number in found.items()]
    )
    return None


def export_data(
    dataset: DataSetName,
    /,
    *,
    output: NewFolder,
    form: Annotated[str, Parameter(help="csv, json or published (the paper's form).")] = "csv",
    level: Annotated[str | None, Parameter(help="Level of theory; all by default.")] = None,
    split: Annotated[str | None, Parameter(help="train, validation or test; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Write every record of a data set as a file of its own."""
    from dielectra.data.exporting import export_dataset

    files = export_dataset(dataset, output, form, level, split)
    if as_json:
        return print_json([str(file) for file in files])
    stdout.print(f"{len(files)} records in {output}", markup=False, highlight=False)
    stderr.print("spectra of a crystal are in the axes of its structure file", highlight=False)
    return None
