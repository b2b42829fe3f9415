"""Scan files and folders for crystals: each is named once, and one that cannot be used costs no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dielectra.errors import InputError
from dielectra.structures.entries import Entry, Found, Refused
from dielectra.structures.formats import read_file


def scan(sources: Iterable[str | Path | tuple[str, Path]]) -> Iterator[Entry | Refused]:
    """Give the crystals of files and folders one by one.

    Parameters
    ----------
    sources
        Paths of files and of folders, which are searched in depth. A pair is the name by which a file is reported,
        and its path.

    Yields
    ------
    Entry or Refused
        A crystal, or a file or structure that cannot be used with the reason. Every name occurs once. A file that is
        given twice is read once.
    """
    seen: set[Path] = set()
    for source in sources:
        name, path = source if isinstance(source, tuple) else (str(source), Path(source))
        files = sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield from _of_file(name if file == path else str(Path(name) / file.relative_to(path)), file)


def _of_file(name: str, path: Path) -> Iterator[Entry | Refused]:
    """Give the structures of a file under its name, or under ``name#index`` where there are several."""
    first: Found | None = None
    index = 0
    for found in _until_broken(path, name):
        if index == 1 and first is not None:
            yield _named(f"{name}#0", name, first)
        if index:
            yield _named(f"{name}#{index}", name, found)
        else:
            first = found
        index += 1
    if index == 1 and first is not None:
        yield _named(name, name, first)


def _until_broken(path: Path, name: str) -> Iterator[Found]:
    try:
        yield from read_file(path, name)
    except InputError as error:  # a parser's own words name the path, which the user may never have seen
        yield Found(InputError(str(error).replace(str(path), name)))


def _named(name: str, file: str, found: Found) -> Entry | Refused:
    if isinstance(found.crystal, InputError):
        return Refused(name, file, found.place, str(found.crystal))
    return Entry(name, file, found.place, found.crystal, found.data)
