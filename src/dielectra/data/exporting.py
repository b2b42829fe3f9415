"""Write a data set as files that other programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.dataset import open_dataset
from dielectra.data.published_form import entry_from_records
from dielectra.data.schema import Record
from dielectra.elements import SYMBOLS
from dielectra.errors import InputError
from dielectra.files import new_folder, whole_file, write_whole
from dielectra.levels import check_level
from dielectra.spectrum import COMPONENTS

FORMS = ("csv", "json", "published")


def export_dataset(
    source: str | Path, folder: str | Path, form: str = "csv", level: str | None = None, split: str | None = None
) -> list[Path]:
    """Write every record as files; return them in order.

    Parameters
    ----------
    source
        Name, folder or file of a data set.
    folder
        New or empty folder.
    form
        ``csv``: ``LEVEL/ID.csv`` with all six components, and the structure ``LEVEL/ID.json``; a folder of one level
        can be imported again as ``pairs``. ``json``: ``LEVEL/ID.json`` with structure, spectrum and gaps.
        ``published``: ``ID.json``, the paper's form, 2,001 points by linear interpolation.
    level, split
        Leave out what is at another level or in another split.

    Raises
    ------
    InputError
        If an option is unknown, the folder holds something, or no record remains.
    """
    if form not in FORMS:
        raise InputError(f"unknown form {form!r}; allowed are {', '.join(FORMS)}")
    folder = new_folder(folder)
    level = check_level(level) if level is not None else None
    records = (record for record in open_dataset(source).records(level) if split is None or record.split == split)
    write = {"csv": _write_csv, "json": _write_json, "published": _write_published}[form]
    written = list(write(records, folder))
    if not written:
        raise InputError(
            f"{source}: holds no {level or ''} record to export{f' in the split {split}' if split else ''}"
        )
    return written


def record_document(record: Record) -> dict[str, Any]:
    """Return a record as plain data: structure, spectrum by component, and further columns."""
    tensor = record.spectrum.tensor
    return {
        **_structure_document(record),
        "level": record.spectrum.level,
        "split": record.split,
        "broadening_ev": record.spectrum.broadening,
        "energy_ev": record.spectrum.energies.tolist(),
        "eps1": {name: np.round(tensor[i, j].real, 6).tolist() for name, (i, j) in COMPONENTS.items()},
        "eps2": {name: np.round(tensor[i, j].imag, 6).tolist() for name, (i, j) in COMPONENTS.items()},
        **record.properties,
        "provenance": dict(record.spectrum.provenance),
    }


def _structure_document(record: Record) -> dict[str, Any]:
    crystal = record.crystal
    return {
        "id": record.id,
        "formula": record.formula,
        "lattice": crystal.cell.tolist(),
        "species": [SYMBOLS[number] for number in crystal.numbers],
        "frac_coords": crystal.frac_coords.tolist(),
    }


def _write_csv(records: Iterable[Record], folder: Path) -> Iterator[Path]:
    names = [f"{part}_{name}" for name in COMPONENTS for part in ("eps1", "eps2")]
    for record in records:
        spectrum = record.spectrum
        flat = [spectrum.component(name) for name in COMPONENTS]
        table = np.column_stack([spectrum.energies, *(part for row in flat for part in (row.real, row.imag))])
        comment = f"# {record.formula}, {record.id}, level {spectrum.level}, broadening {spectrum.broadening} eV"
        header = f"{comment}\n{','.join(['energy_ev', *names])}"
        path = _new_file(record, folder / spectrum.level, ".csv")
        with whole_file(path) as temporary:
            np.savetxt(temporary, table, fmt="%.7g", delimiter=",", header=header, comments="")
        write_whole(path.with_name(path.name[:-4] + ".json"), json.dumps(_structure_document(record)) + "\n")
        yield path


def _write_json(records: Iterable[Record], folder: Path) -> Iterator[Path]:
    for record in records:
        path = _new_file(record, folder / record.spectrum.level, ".json")
        yield write_whole(path, json.dumps(record_document(record), allow_nan=False) + "\n")


def _write_published(records: Iterable[Record], folder: Path) -> Iterator[Path]:
    """Write one file per material, whose levels follow each other in a part."""
    for _, group in groupby(records, key=lambda record: record.id):
        material = list(group)
        entry = entry_from_records(material)
        yield write_whole(_new_file(material[0], folder, ".json"), json.dumps(entry, allow_nan=False) + "\n")


def _new_file(record: Record, folder: Path, suffix: str) -> Path:
    """Return the path of a record's file: its id as a name that stays in the folder and is not taken."""
    stem = re.sub(r"[^\w.+-]", "_", record.id).lstrip(".") or "_"
    path = folder / f"{stem}{suffix}"
    if path.exists():
        raise InputError(f"record {record.id}: another record was written as {path}; give the two ids that differ more")
    return path
