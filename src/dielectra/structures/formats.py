"""Choose the reader of a structure file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dielectra.errors import InputError
from dielectra.structures.cif import read_cif
from dielectra.structures.entries import Found
from dielectra.structures.json_lines import read_json
from dielectra.structures.objects import from_ase
from dielectra.structures.text import decode


def read_file(path: Path, name: str) -> Iterator[Found]:
    """Give the structures of one file one by one; `name` stands for the file in messages.

    Raises
    ------
    InputError
        If the file as a whole is missing, empty or unreadable, or holds no structure.
    """
    if not path.is_file():
        raise InputError(f"{name}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{name}: the file is empty")
    plain_name = path.name.removesuffix(".gz").lower()
    if plain_name.endswith((".jsonl", ".json")):
        found = read_json(path, name)
    elif plain_name.endswith(".cif"):
        found = read_cif(decode(_content(path), name), name)
    else:
        found = _read_with_ase(path, name)
    first = next(found, None)
    if first is None:
        raise InputError(f"{name}: holds no structure")
    yield first
    yield from found


def _content(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _read_with_ase(path: Path, name: str) -> Iterator[Found]:
    for index, atoms in enumerate(_frames(path, name)):
        try:
            yield Found(from_ase(atoms, name), f"frame {index}")
        except InputError as error:
            yield Found(error, f"frame {index}")


def _frames(path: Path, name: str) -> list[Any]:
    from ase.io import read

    plain_name = path.name.removesuffix(".gz")
    form = "extxyz" if plain_name.endswith((".xyz", ".extxyz")) else None
    if plain_name.upper().startswith(("POSCAR", "CONTCAR")) or plain_name.endswith((".vasp", ".poscar")):
        form = "vasp"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = read(path, index=":", format=form)
    except Exception as error:  # ASE's readers raise whatever their parsing trips over
        raise InputError(
            f"{name}: cannot be read as a crystal structure ({type(error).__name__}: {error}); "
            "give a CIF, POSCAR, extxyz or JSON-lines file"
        ) from error
    return frames if isinstance(frames, list) else [frames]
