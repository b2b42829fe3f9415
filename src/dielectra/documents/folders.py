"""One file per crystal in a folder: no two share a name, and none that exists is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path, PurePath

from dielectra.errors import InputError
from dielectra.prediction import Prediction

LONGEST_STEM = 120
"""Letters of a file name without its ending; file systems take 255 bytes."""

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def refuse_file(folder: Path) -> None:
    """Refuse a path where a folder is needed and a file stands.

    Raises
    ------
    InputError
        If there is one.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the name of a folder")


class FolderWriter:
    """Writes one file per crystal into a folder, as the crystals come, each under a name of its own.

    Parameters
    ----------
    folder
        Made with the first file.
    ending
        Of the files, for instance ``.csv``.
    write
        Writes one prediction to a path.
    overwrite
        Whether files that exist are replaced; by default they stay.

    Attributes
    ----------
    n_files
        Number of files written.
    kept
        Files that existed and were left as they were.

    Raises
    ------
    InputError
        If a file has the name of the folder.
    """

    def __init__(
        self, folder: Path, ending: str, write: Callable[[Prediction, Path], Path], *, overwrite: bool = False
    ) -> None:
        refuse_file(folder)
        self.folder, self.n_files = folder, 0
        self.kept: list[Path] = []
        self._ending, self._write, self._overwrite = ending, write, overwrite
        self._stems = StemGiver()

    def add(self, name: str, prediction: Prediction) -> None:
        """Write the file of a crystal under the name that the scan gave it."""
        path = self.folder / f"{self._stems.next(name)}{self._ending}"
        if path.exists() and not self._overwrite:
            self.kept.append(path)
            return
        self._write(prediction, path)
        self.n_files += 1


class StemGiver:
    """Gives each crystal of a scan a file name without ending, no two alike.

    The name is that of the structure file, with the index of the crystal where it holds several (``many-3``). Where
    that is taken, also by a name in other letter case, the folder precedes it (``b-MgO``), and a number follows it.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def next(self, name: str) -> str:
        """Return the stem of the crystal that the scan calls `name`."""
        stem = next(stem for stem in _choices(name) if stem.casefold() not in self._taken)
        self._taken.add(stem.casefold())
        return stem


def file_stems(names: Sequence[str]) -> list[str]:
    """Return the stems of all crystals of a scan: see :class:`StemGiver`."""
    giver = StemGiver()
    return [giver.next(name) for name in names]


def _choices(name: str) -> Iterator[str]:
    file, _, index = name.rpartition("#")
    if not file or not index.isdecimal():
        file, index = name, ""
    path = PurePath(file.replace("\\", "/"))
    stem = path.with_suffix("").stem if path.suffix.lower() in COMPRESSED else path.stem
    short = _plain(f"{stem}-{index}" if index else stem)
    yield short
    long = _plain(f"{path.parent.name}-{short}") if path.parent.name else short
    yield long
    yield from (f"{long}-{number}" for number in count(2))


def _plain(stem: str) -> str:
    """Return a name that every file system takes: no separators, no leading dot, of bounded length."""
    return re.sub(r"[^\w.+-]", "_", stem).lstrip(".")[:LONGEST_STEM] or "crystal"
