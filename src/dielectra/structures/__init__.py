"""Read crystals of any common form.

:func:`read_structure` reads one, :func:`scan` gives those of many files and folders one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.structures.entries import Entry, Found, Refused
from dielectra.structures.formats import read_file
from dielectra.structures.objects import from_object
from dielectra.structures.scan import scan

__all__ = ["Entry", "Refused", "read_entries", "read_structure", "read_structures", "scan"]


def read_structure(source: Any) -> Crystal:
    """Read one crystal from a file or from an object of another library.

    Parameters
    ----------
    source
        Path of a CIF, POSCAR/CONTCAR, extxyz or JSON-lines file (``.gz`` allowed), ``ase.Atoms``, pymatgen
        ``Structure``, or a :class:`Crystal`.

    Returns
    -------
    Crystal
        The cell as given; :func:`standardise` makes it primitive.

    Raises
    ------
    InputError
        If the source is missing, empty, holds several crystals, or is not an ordered periodic crystal.
    """
    if isinstance(source, str | Path):
        crystals = read_structures(source)
        if len(crystals) > 1:
            raise InputError(
                f"{source}: holds {len(crystals)} structures where one is expected; use read_structures for all"
            )
        return crystals[0]
    return from_object(source, type(source).__name__)


def read_structures(path: str | Path) -> list[Crystal]:
    """Read every crystal of a file.

    Parameters
    ----------
    path
        CIF, POSCAR/CONTCAR, extxyz, any other format that ASE recognises, or JSON lines with the keys ``lattice`` (or
        ``cell``), ``species`` (or ``numbers``) and ``frac_coords``.

    Returns
    -------
    list of Crystal
        At least one.

    Raises
    ------
    InputError
        If the file is missing, empty, unreadable, or one of its structures is not an ordered periodic crystal.
    """
    return [crystal for crystal, _ in read_entries(path)]


def read_entries(path: str | Path) -> list[tuple[Crystal, dict[str, Any]]]:
    """Read every crystal of a file with what else the file says of it; arguments and errors of `read_structures`."""
    return [(_crystal(found), dict(found.data)) for found in read_file(Path(path), str(path))]


def _crystal(found: Found) -> Crystal:
    if isinstance(found.crystal, InputError):
        raise found.crystal
    return found.crystal
