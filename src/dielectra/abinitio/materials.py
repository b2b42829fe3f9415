"""What a campaign is given to compute: crystals with a name, from structure files."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dielectra.crystal import Crystal
from dielectra.data.schema import SPLITS
from dielectra.errors import InputError
from dielectra.jobs.table import check_name
from dielectra.structures import Entry, Refused, scan

ID_KEYS = ("mat_id", "id", "material_id")
MOMENT_KEYS = ("total_mag", "magnetic_moment")
ENDINGS = re.compile(r"\.(jsonl|json|cif|mcif|vasp|extxyz|xyz)?(\.gz)?$", re.IGNORECASE)


class Material(NamedTuple):
    """A crystal to be computed.

    ``id`` names its files, ``split`` is that of the data set it will belong to, ``magnetic_moment`` the total moment of
    the cell in Bohr magnetons where known, and a higher ``priority`` is computed earlier.
    """

    id: str
    formula: str
    crystal: Crystal
    split: str | None = None
    magnetic_moment: float = 0.0
    priority: float = 0.0


def read_materials(paths: Sequence[str | Path], shuffle: int | None = None) -> tuple[list[Material], list[Refused]]:
    """Read the crystals of structure files and folders, and what could not be used with the reason.

    JSON lines may carry ``mat_id`` (or ``id``), ``split``, ``total_mag`` and ``priority``; otherwise a crystal is named
    after its file, or after its whole path where two files have one name.

    Parameters
    ----------
    shuffle
        Seed of a random order; None keeps that of the files.
    """
    found = list(scan(paths))
    entries = [entry for entry in found if isinstance(entry, Entry)]
    refused = [entry for entry in found if isinstance(entry, Refused)]
    short = Counter(_short_name(entry) for entry in entries)
    materials: dict[str, Material] = {}
    for entry in entries:
        name = _short_name(entry) if short[_short_name(entry)] == 1 else entry.name
        try:
            material = _material(entry, name)
        except InputError as error:
            refused.append(Refused(entry.name, entry.file, entry.place, f"{entry.name}: {error}"))
            continue
        if material.id in materials:
            reason = f"{entry.name}: a second crystal of the id {material.id}; give it another one"
            refused.append(Refused(entry.name, entry.file, entry.place, reason))
        else:
            materials[material.id] = material
    chosen = list(materials.values())
    if shuffle is not None:
        chosen.sort(key=lambda material: material.id)
        random.Random(shuffle).shuffle(chosen)
    return chosen, refused


def _short_name(entry: Entry) -> str:
    """Return the name of the file without folder and endings, and the number of the structure in it."""
    file, _, index = entry.name.removeprefix(entry.file).rpartition("#")
    stem = ENDINGS.sub("", Path(entry.file).name)
    return f"{stem}-{index}" if index and not file else stem


def _material(entry: Entry, name: str) -> Material:
    """Return a crystal with what its file says of it.

    Raises
    ------
    InputError
        If a value is not a number, or the id names no file.
    """
    given = next((str(entry.data[key]) for key in ID_KEYS if entry.data.get(key)), name)
    identity = check_name(re.sub(r"[^\w.+-]", "_", given).lstrip(".") or "_")
    split = entry.data.get("split")
    if split not in (None, *SPLITS):
        raise InputError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}")
    moment = next((entry.data[key] for key in MOMENT_KEYS if entry.data.get(key) is not None), 0.0)
    numbers = [_number(value) for value in (moment, entry.data.get("priority") or 0.0)]
    return Material(identity, entry.crystal.formula, entry.crystal, split, *numbers)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{value!r} is not a number; magnetic moment and priority are")
    return number
