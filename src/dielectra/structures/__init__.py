"""Read crystals of any common form.

:func:`read_structure` reads one, :func:`scan` gives those of many files and folders one by one.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.structures.entries import Entry, Found, Refused
from dielectra.structures.objects import from_object
from dielectra.structures.scan import read_one, scan
from dielectra.structures.sources import count_files
from dielectra.structures.summary import summarise

__all__ = ["Entry", "Refused", "count_files", "read_entries", "read_structure", "read_structures", "scan", "summarise"]


def read_structure(source: Any) -> Crystal:
    """Read one crystal from a file, from the text of one, or from an object of another library.

    Parameters
    ----------
    source
        Path of a structure file in any form that ``docs/structures.md`` lists, the text of one (a CIF, say),
        ``ase.Atoms``, pymatgen ``Structure``, a mapping as in JSON lines, or a :class:`Crystal`.

    Returns
    -------
    Crystal
        The cell as given, with doubts about the source in ``warnings``.

    Raises
    ------
    InputError
        If the source is missing, empty, holds several crystals, or is not an ordered periodic crystal.
    """
    if isinstance(source, str | Path):
        first, *more = islice(read_one(source), 2)
        crystal = _crystal(first)
        if more:
            name = _shortened(source)
            raise InputError(f"{name}: holds more than one structure; one is expected, read_structures gives all")
        return crystal
    return from_object(source, type(source).__name__)


def read_structures(source: str | Path) -> list[Crystal]:
    """Read every crystal of a file, of a folder or an archive, or of the text of a file.

    Returns
    -------
    list of Crystal
        At least one.

    Raises
    ------
    InputError
        If the source is missing, empty, unreadable, or one of its structures is not an ordered periodic crystal.
    """
    return [crystal for crystal, _ in read_entries(source)]


def read_entries(source: str | Path) -> list[tuple[Crystal, dict[str, Any]]]:
    """Read every crystal of a file with what else the file says of it; arguments and errors of `read_structures`."""
    return [(_crystal(found), dict(found.data)) for found in read_one(source)]


def _crystal(found: Found) -> Crystal:
    if isinstance(found.crystal, InputError):
        raise found.crystal
    return found.crystal


def _shortened(source: str | Path) -> str:
    return "text" if "\n" in str(source) else str(source)
