"""Cut a pool into pieces: by lines, rows, members and files, without reading a crystal.

What cannot be entered at any place (compressed lines, tar archives, answers of a server) is copied once, in pieces,
into the folder of the result.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from dielectra.errors import InputError
from dielectra.files import reading, shown, whole_file
from dielectra.jobs.table import chunks
from dielectra.screening.pieces import Database, Files, Lines, Members, Piece, Rows, open_lines
from dielectra.structures.ase_forms import open_database
from dielectra.structures.content import Content
from dielectra.structures.remote import is_remote, open_remote
from dielectra.structures.sources import is_archive, is_wanted, structure_files, tar_members

LINES = (".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
COMPRESSED = (".gz", ".bz2")
COPIES = "pool"
"""Subfolder of a result for pieces of what cannot be entered at any place."""

FILES_PER_PIECE = 200
"""Files of one piece at most: a file may hold many structures, as pages of an OPTIMADE response do."""


class Source(NamedTuple):
    """A file, folder or archive of a pool, and the name by which the user gave it; a query has its text as both."""

    name: str
    path: Path

    @property
    def is_query(self) -> bool:
        """Whether a server is asked; a file of that name comes first."""
        return is_remote(self.name) and not self.path.exists()


def pieces_of(sources: Sequence[Source], size: int, copies: Path) -> Iterator[Piece]:
    """Yield the pieces of a pool, each of about `size` crystals, the same for the same pool.

    Parameters
    ----------
    copies
        Folder for copies of what cannot be entered at any place; a copy that is there is not made again.

    Raises
    ------
    InputError
        If a source is missing or damaged, or a server does not answer as it should.
    """
    for number, source in enumerate(sources):
        copy = copies / f"{number:04d}"
        if source.is_query:
            yield from _of_lines(Source(source.name, _answers(source.name, copy.with_suffix(".jsonl"))), size)
        elif source.path.exists():
            yield from _of_files([source], size, copy)
        else:
            raise InputError(f"{shown(source.name)}: no such file or folder")


def _of_files(files: Iterable[Source], size: int, copies: Path) -> Iterator[Piece]:
    """Yield pieces of files, archives and folders; small files are gathered."""
    small: list[Source] = []
    for number, source in enumerate(files):
        pieces = _of_large(source, size, Path(f"{copies}-{number:06d}"))
        if pieces is None:
            small.append(source)
        else:
            yield from pieces
        if len(small) == min(size, FILES_PER_PIECE):
            yield Files(files=tuple(small))
            small = []
    if small:
        yield Files(files=tuple(small))


def _of_large(source: Source, size: int, copies: Path) -> Iterator[Piece] | None:
    """Return the pieces of a folder or of a file that may be large; None for any other file."""
    file = source.path.name.lower()
    plain = _unpacked_name(file)
    if source.path.is_dir():
        return _of_files(_inside(source), size, copies)
    if plain.endswith(LINES):
        return _of_lines(source, size) if plain == file else _of_compressed_lines(source, size, copies)
    if file.endswith(PARQUET):
        return _of_rows(source, size)
    if file.endswith(".db"):
        return _of_database(source, size)
    if file.endswith(".zip"):
        return _of_zip(source, size)
    return _of_tar(source, size, copies) if is_archive(file) else None


def _inside(folder: Source) -> Iterator[Source]:
    known = dict(structure_files(folder.name, folder.path))
    known |= {
        str(Path(folder.name) / path.relative_to(folder.path)): path
        for path in folder.path.rglob("*")
        if path.name.lower().endswith(PARQUET) and path.is_file()
    }
    if not known:
        raise InputError(f"{shown(folder.name)}: the folder holds no structure file")
    yield from (Source(name, known[name]) for name in sorted(known))


def _of_lines(source: Source, size: int) -> Iterator[Piece]:
    with reading(source.path), source.path.open("rb") as file:
        offset, first = 0, 1
        while lines := list(islice(file, size)):
            yield Lines(name=source.name, path=source.path, offset=offset, first=first, count=len(lines))
            offset, first = offset + sum(map(len, lines)), first + len(lines)


def _of_compressed_lines(source: Source, size: int, copies: Path) -> Iterator[Piece]:
    with reading(source.path), open_lines(source.path) as file:
        first = 1
        for number in count():
            if not (lines := list(islice(file, size))):
                return
            copy = copies.with_name(f"{copies.name}-{number:08d}.jsonl.gz")
            if not copy.is_file():
                with whole_file(copy) as temporary:
                    temporary.write_bytes(gzip.compress(b"".join(lines), 1, mtime=0))
            yield Lines(name=source.name, path=copy, first=first, count=len(lines))
            first += len(lines)


def _answers(query: str, copy: Path) -> Path:
    """Write what servers answer to a query as lines, all of it or nothing."""
    if not copy.is_file():
        with whole_file(copy) as temporary, temporary.open("wb") as file:
            for _, content in open_remote(query):
                if isinstance(content, InputError):
                    raise content
                file.write(content.data + b"\n")
    return copy


def _of_rows(source: Source, size: int) -> Iterator[Piece]:
    with reading(source.path), pq.ParquetFile(source.path) as file:
        n_rows = file.metadata.num_rows
    for first in range(0, n_rows, size):
        yield Rows(name=source.name, path=source.path, first=first, count=min(size, n_rows - first))


def _of_database(source: Source, size: int) -> Iterator[Piece]:
    with reading(source.path), open_database(source.path) as database:
        numbers = (number for (number,) in database.execute("SELECT id FROM systems ORDER BY id"))
        for chunk in chunks(numbers, size):
            yield Database(name=source.name, path=source.path, first=chunk[0], last=chunk[-1])


def _of_zip(source: Source, size: int) -> Iterator[Piece]:
    with reading(source.path), zipfile.ZipFile(source.path) as archive:
        members = [member.filename for member in archive.infolist() if not member.is_dir()]
    for chunk in chunks((name for name in members if is_wanted(name)), min(size, FILES_PER_PIECE)):
        yield Members(name=source.name, path=source.path, members=tuple(chunk))


def _of_tar(source: Source, size: int, copies: Path) -> Iterator[Piece]:
    for number, chunk in enumerate(chunks(tar_members(source.name, source.path), min(size, FILES_PER_PIECE))):
        copy = copies.with_name(f"{copies.name}-{number:08d}.zip")
        inner = {_unpacked_name(name.removeprefix(f"{source.name}/")): opened for name, opened in chunk}
        contents = {name: opened for name, opened in inner.items() if isinstance(opened, Content)}
        with whole_file(copy) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content.data)
        refused = tuple((name, str(opened)) for name, opened in inner.items() if isinstance(opened, InputError))
        yield Members(name=source.name, path=copy, members=tuple(contents), refused=refused)


def _unpacked_name(file: str) -> str:
    return next((file[: -len(end)] for end in COMPRESSED if file.lower().endswith(end)), file)
