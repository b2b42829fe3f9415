"""What the worker processes do: read structures and predict.

All parsing of uploads happens here. A file that takes too long or too much memory costs its own process, which is
replaced; the server and the other processes go on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from dielectra.documents.crystal import ReadCrystal, describe, describe_cell
from dielectra.documents.document import dump_json
from dielectra.documents.files import write_csv
from dielectra.documents.row import row_of
from dielectra.errors import InputError
from dielectra.prediction import Predicted, loaded_model, predict_files
from dielectra.structures import Entry, Refused, scan
from dielectra.symmetry import space_group
from dielectra.units import AxisOptions
from dielectra.web.answers import BatchLine
from dielectra.web.limits import Limits
from dielectra.web.uploads import Upload, check_text


class Chosen(NamedTuple):
    """A level, the name or folder of the model that predicts it, how it does, and whether its members are told."""

    level: str
    model: str
    broadening: float | None = None
    allow_metals: bool = False
    members: bool = False


def initialise(models: Sequence[str], memory: int) -> None:
    """Load the models into this process, then bound its address space in bytes."""
    import torch

    torch.set_num_threads(1)
    for name in dict.fromkeys(models):
        loaded_model(model=name)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def predict(uploads: Sequence[Upload], chosen: Chosen, limits: Limits, points: AxisOptions) -> bytes:
    """Return the JSON list of ``dielectra predict --json``; a file that cannot be used raises InputError."""
    return dump_json(
        [
            describe(found.prediction, found.name, points=points, members=chosen.members)
            for found in _predict(uploads, chosen, limits)
        ]
    )


def read_and_predict(upload: Upload, chosen: Chosen, limits: Limits, curves: bool) -> bytes:
    """Return a line of a batch: the cells of a file as it gives them, and their spectra, or rows of numbers."""
    found = _predict([upload], chosen, limits)
    cells = [describe_cell(each.given, each.form.space_group, name) for name, each in found]
    if curves:
        predictions = [describe(each, name) for name, each in found]
        return dump_json(BatchLine(file=upload.name, structures=cells, predictions=predictions))
    rows = [row_of(each, name) for name, each in found]
    return dump_json(BatchLine(file=upload.name, structures=cells, rows=rows))


def tabulate(upload: Upload, chosen: Chosen, limits: Limits, points: AxisOptions) -> bytes:
    """Return the file of ``dielectra predict --csv`` for the first crystal of a structure file."""
    path = write_csv(_predict([upload], chosen, limits)[0].prediction, upload.path.with_suffix(".csv"), points)
    return path.read_bytes()


def structures(uploads: Sequence[Upload], limits: Limits) -> list[ReadCrystal]:
    """Return the crystals of structure files, in the cells the files give."""
    check_text(uploads)
    entries = list(scan(uploads))
    _refuse([entry for entry in entries if isinstance(entry, Refused)])
    if len(entries) > limits.crystals:
        raise InputError(f"{len(entries)} crystals; up to {limits.crystals} are read at a time")
    return [
        describe_cell(entry.crystal, space_group(entry.crystal), entry.name)
        for entry in entries
        if isinstance(entry, Entry)
    ]


def _predict(uploads: Sequence[Upload], chosen: Chosen, limits: Limits) -> list[Predicted]:
    check_text(uploads)
    model = loaded_model(chosen.level, chosen.model, broadening=chosen.broadening, allow_metals=chosen.allow_metals)
    outcomes = list(predict_files(uploads, model, limits.crystals))
    _refuse([outcome for outcome in outcomes if isinstance(outcome, Refused)])
    return [outcome for outcome in outcomes if isinstance(outcome, Predicted)]


def _refuse(refused: Sequence[Refused]) -> None:
    if refused:
        raise InputError("\n".join(one.reason for one in refused))
