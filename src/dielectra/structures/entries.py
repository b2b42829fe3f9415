"""What readers and scans of structure files give: crystals, or the reasons why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from dielectra.crystal import Crystal
from dielectra.errors import InputError

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Found(NamedTuple):
    """One structure of a file, as its reader gives it.

    Attributes
    ----------
    crystal
        The crystal, or the error that says why this one cannot be used.
    place
        Where it stands in the file: ``block NaCl``, ``line 3``, ``frame 0``; empty where the file is the structure.
    data
        What else the file says about it.
    """

    crystal: Crystal | InputError
    place: str = ""
    data: Mapping[str, Any] = NOTHING


class Entry(NamedTuple):
    """A crystal of a scan.

    Attributes
    ----------
    name
        Unique in the scan: the file as it was given, followed by ``#index`` where it holds several structures.
    file
        The file as it was given, or as it is called within a folder or an archive that was given.
    place
        Where the structure stands in the file: ``block NaCl``, ``line 3``; empty where the file is the structure.
    crystal
        The cell as the file gives it.
    data
        What else the file says about it: the other keys of a JSON line, the properties of a database row.
    """

    name: str
    file: str
    place: str
    crystal: Crystal
    data: Mapping[str, Any] = NOTHING


class Refused(NamedTuple):
    """A file, or a structure in a file, that cannot be used.

    Attributes
    ----------
    name, file, place
        As in :class:`Entry`.
    reason
        One sentence that names the file, the place and the fault, and says how to mend it.
    """

    name: str
    file: str
    place: str
    reason: str
