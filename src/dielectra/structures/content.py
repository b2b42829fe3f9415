"""The content of one structure file, wherever it lies: on disk, in an archive, in a pipe, in a string."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dielectra.structures.text import decode


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
    folder
        Where other files of the same computation lie; None in archives, pipes and strings.
    """

    name: str
    file: str
    data: bytes
    folder: Path | None = None

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
