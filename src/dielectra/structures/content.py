"""The content of one structure file, wherever it lies: on disk, in an archive, in a pipe, in a string."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dielectra.structures.text import decode


def nothing_beside(file: str, largest: int) -> None:
    """Return None: there is no other file."""


class Content(NamedTuple):
    """A file to be read.

    Attributes
    ----------
    name
        The file in messages.
    file
        The last part of its name, without the ending of a compression.
    data
        Its bytes, unpacked.
    beside
        Returns the content of another file of the same folder, by name and with the most bytes it may have, None where
        there is no such file. Pipes and strings have no folder.
    """

    name: str
    file: str
    data: bytes
    beside: Callable[[str, int], bytes | None] = nothing_beside

    @property
    def text(self) -> str:
        """Return the content as text.

        Raises
        ------
        InputError
            If it is none.
        """
        return decode(self.data, self.name)

    @property
    def lower(self) -> str:
        """Return the file's name in lower case."""
        return self.file.lower()
