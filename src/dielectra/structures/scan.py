"""Scan files, folders and archives for crystals: each is named once, and one that cannot be used costs no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dielectra.errors import InputError
from dielectra.structures.content import Content
from dielectra.structures.doubts import with_doubts
from dielectra.structures.entries import Entry, Found, Refused
from dielectra.structures.formats import read_content
from dielectra.structures.remote import is_remote, open_remote
from dielectra.structures.sources import Opened, open_source

Source = str | Path | tuple[str, Path]


def scan(sources: Source | Iterable[Source]) -> Iterator[Entry | Refused]:
    """Give the crystals of files, folders and archives one by one.

    Parameters
    ----------
    sources
        Paths of files, of folders, which are searched in depth, and of zip or tar archives; ``-`` is standard input. A
        text of several lines is the content of a file. A text such as ``optimade:URL?filter=...`` or ``mp-149`` is
        fetched from a server, and nothing else is (:mod:`dielectra.structures.remote`). A pair
        is the name by which a file is reported, and its path. One path or text by itself is one source.

    Yields
    ------
    Entry or Refused
        A crystal, or a file or structure that cannot be used with the reason. Every name occurs once. A file that is
        given twice is read once.

    Raises
    ------
    InputError
        If something that is given is no path.
    """
    names: set[str] = set()
    for name, opened in _opened(sources):
        unique = name if name not in names else next(n for i in range(2, 10**9) if (n := f"{name} ({i})") not in names)
        names.add(unique)
        yield from entries_of(unique, opened)


def read_one(source: str | Path) -> Iterator[Found]:
    """Give the structures of a source; one that cannot be used at all is one error."""
    for _, opened in _opened([source]):
        yield from _until_broken(opened)


def _opened(sources: Source | Iterable[Source]) -> Iterator[tuple[str, Opened]]:
    seen: set[Path] = set()
    for source in [sources] if isinstance(sources, str | Path) or not isinstance(sources, Iterable) else sources:
        if not isinstance(source, str | Path | tuple):
            raise InputError(f"a {type(source).__name__} is no path of a file, which scan takes; give it to predict")
        if isinstance(source, str) and "\n" in source:
            yield "text", Content("text", "", source.encode("utf-8", "replace"))
            continue
        if isinstance(source, str) and is_remote(source) and not Path(source).exists():
            yield from open_remote(source)
            continue
        name, path = source if isinstance(source, tuple) else (str(source), Path(source))
        for inner, opened in open_source(name, path):
            where = _place_on_disk(inner, name, path)
            if where is None or where not in seen:
                if where is not None:
                    seen.add(where)
                yield inner, opened


def _place_on_disk(inner: str, name: str, path: Path) -> Path | None:
    """Return the file that was opened, None where it is a member of an archive or a pipe."""
    file = path if inner == name else path / Path(inner).relative_to(name) if inner.startswith(name) else None
    try:
        return file.resolve() if file is not None and file.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def entries_of(name: str, opened: Opened) -> Iterator[Entry | Refused]:
    """Give the structures of a file under its name, or under ``name#index`` where there are several."""
    first: Found | None = None
    index = 0
    for found in _until_broken(opened):
        if index == 1 and first is not None:
            yield named(f"{name}#0", name, first)
        if index:
            yield named(f"{name}#{index}", name, found)
        else:
            first = found
        index += 1
    if index == 1 and first is not None:
        yield named(name, name, first)


def _until_broken(opened: Opened) -> Iterator[Found]:
    if isinstance(opened, InputError):
        yield Found(opened)
        return
    try:
        for found in read_content(opened):
            yield doubted(found)
    except InputError as error:
        yield Found(error)


def doubted(found: Found) -> Found:
    """Return a structure with doubts about its atoms, if there is reason to."""
    return found if isinstance(found.crystal, InputError) else found._replace(crystal=with_doubts(found.crystal))


def named(name: str, file: str, found: Found) -> Entry | Refused:
    """Return a structure under its name in a scan."""
    if isinstance(found.crystal, InputError):
        return Refused(name, file, found.place, str(found.crystal))
    return Entry(name, file, found.place, found.crystal, found.data)
