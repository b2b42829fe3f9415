"""What a campaign is given to compute: crystals with a name, from structure files."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.structures import read_entries

ID_KEYS = ("mat_id", "id", "material_id")
MOMENT_KEYS = ("total_mag", "magnetic_moment")


class Material(NamedTuple):
    """Hold a crystal to be computed.

    ``id`` names its files, ``split`` is that of the data set it will belong to, ``magnetic_moment`` the total moment of
    the cell in Bohr magnetons where known, and a higher ``priority`` is computed earlier.
    """

    id: str
    formula: str
    crystal: Crystal
    split: str | None = None
    magnetic_moment: float = 0.0
    priority: float = 0.0


def read_materials(paths: Sequence[str | Path], shuffle: int | None = None) -> list[Material]:
    """Read the crystals of structure files.

    JSON lines may carry ``mat_id`` (or ``id``), ``split``, ``total_mag`` and ``priority``; otherwise a crystal is named
    after its file.

    Parameters
    ----------
    shuffle
        Seed of a random order; None keeps that of the files.

    Raises
    ------
    InputError
        If a file cannot be used or two crystals have one name.
    """
    materials = [material for path in paths for material in _of_file(Path(path))]
    names = [material.id for material in materials]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"two crystals are named {twice[0]}; rename a file or give ids")
    if shuffle is not None:
        materials.sort(key=lambda material: material.id)
        random.Random(shuffle).shuffle(materials)
    return materials


def _of_file(path: Path) -> list[Material]:
    entries = read_entries(path)
    stem = re.sub(r"\.(gz|jsonl|json|cif|vasp|extxyz|xyz)$", "", path.name.removesuffix(".gz"))
    names = [stem] if len(entries) == 1 else [f"{stem}-{index}" for index in range(len(entries))]
    return [_material(crystal, entry, name) for (crystal, entry), name in zip(entries, names, strict=True)]


def _material(crystal: Crystal, entry: dict[str, Any], name: str) -> Material:
    name = str(next((entry[key] for key in ID_KEYS if entry.get(key)), name))
    moment = next((float(entry[key]) for key in MOMENT_KEYS if entry.get(key) is not None), 0.0)
    priority = float(entry.get("priority") or 0.0)
    return Material(re.sub(r"[^\w.+-]", "_", name), crystal.formula, crystal, entry.get("split"), moment, priority)
