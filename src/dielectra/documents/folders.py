"""One file per crystal in a folder: no two share a name, and none that exists is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import NamedTuple

from dielectra.errors import InputError
from dielectra.prediction import Predicted, Prediction

LONGEST_STEM = 120
"""Letters of a file name without its ending; file systems take 255 bytes."""

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class Written(NamedTuple):
    """What was written into a folder.

    Attributes
    ----------
    folder
        The folder.
    n_files
        Number of files written.
    kept
        Files that existed and were left as they were.
    """

    folder: Path
    n_files: int
    kept: tuple[Path, ...]


def refuse_file(folder: Path) -> None:
    """Refuse a path where a folder is needed and a file stands.

    Raises
    ------
    InputError
        If there is one.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the name of a folder")


def write_folder(
    found: Sequence[Predicted],
    folder: Path,
    ending: str,
    write: Callable[[Prediction, Path], Path],
    *,
    overwrite: bool = False,
) -> Written:
    """Write one file per crystal under the names of :func:`file_stems`.

    Parameters
    ----------
    ending
        Of the files, for instance ``.csv``.
    write
        Writes one prediction to a path.
    overwrite
        Whether files that exist are replaced; by default they stay.
    """
    refuse_file(folder)
    paths = [folder / f"{stem}{ending}" for stem in file_stems([name for name, _ in found])]
    kept = () if overwrite else tuple(path for path in paths if path.exists())
    for (_, prediction), path in zip(found, paths, strict=True):
        if path not in kept:
            write(prediction, path)
    return Written(folder, len(paths) - len(kept), kept)


def file_stems(names: Sequence[str]) -> list[str]:
    """Return a file name without ending for each crystal of a scan, no two alike.

    The name is that of the structure file, with the index of the crystal where it holds several (``many-3``). Where
    that is taken, also by a name in other letter case, the folder precedes it (``b-MgO``), and a number follows it.
    """
    taken: set[str] = set()
    stems = []
    for name in names:
        stem = next(stem for stem in _choices(name) if stem.casefold() not in taken)
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


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
