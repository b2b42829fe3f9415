"""Read the documents of a file, folder or archive, one at a time and in memory only."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from dielectra.data.fetching import FETCH_RECORD
from dielectra.errors import InputError

LARGEST_DOCUMENT = 64 * 2**20
"""Bytes that one document of an archive may unpack to; a published record of 2,001 energies has below 1 MB."""

LARGEST_RATIO = 200
"""How many times its own size an archive may unpack to; JSON numbers reach about 5."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
DOCUMENTS = (".json",)
PICKLES = (".pckl", ".pkl", ".pickle")


class Document(NamedTuple):
    """One file: its name in messages, and its bytes."""

    name: str
    content: bytes


def read_documents(source: str | Path) -> Iterator[Document]:
    """Yield the JSON documents and pickles of a file, of a folder and its subfolders, or of an archive.

    Nothing is unpacked onto the disk. Names are sorted in a folder and in stored order in an archive.

    Raises
    ------
    InputError
        If the source is missing, of another kind or damaged, or an archive holds a link, a path that leaves it, or
        unpacks to more than the limits of this module.
    """
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and _kind(file.name))
        if not files:
            raise InputError(f"{path}: holds no file to import; allowed are {_allowed()}")
    elif path.is_file():
        files = [path]
        if not _kind(path.name):
            raise InputError(f"{path}: cannot be imported; allowed are {_allowed()} and folders of them")
    else:
        raise InputError(f"{path}: no such file or folder")
    for file in files:
        yield from _read_archive(file) if _kind(file.name) == "archive" else [Document(str(file), file.read_bytes())]


def is_pickle(name: str) -> bool:
    """Return whether a document's name says that it is a pickle."""
    return name.lower().endswith(PICKLES)


def _kind(name: str) -> str | None:
    lower = name.lower()
    if lower.endswith(ARCHIVES):
        return "archive"
    return "document" if lower.endswith(DOCUMENTS + PICKLES) and name != FETCH_RECORD else None


def _allowed() -> str:
    return ", ".join(DOCUMENTS + PICKLES + ARCHIVES)


def _read_archive(path: Path) -> Iterator[Document]:
    left = LARGEST_DOCUMENT + LARGEST_RATIO * path.stat().st_size
    members = _zip_members(path) if path.name.lower().endswith(".zip") else _tar_members(path)
    try:
        for name, file in members:
            inside = PurePosixPath(name.replace("\\", "/"))
            if inside.is_absolute() or ".." in inside.parts:
                raise InputError(
                    f"{path}: its member {name!r} leaves the archive; such an archive is not to be trusted"
                )
            if _kind(inside.name) != "document" or inside.name.startswith("._"):  # macOS resource forks
                continue
            content = file.read(LARGEST_DOCUMENT + 1)
            left -= len(content)
            if len(content) > LARGEST_DOCUMENT or left < 0:
                raise InputError(
                    f"{path}: {name} unpacks to more than is allowed ({LARGEST_DOCUMENT >> 20} MiB a document, "
                    f"{LARGEST_RATIO} times the archive in all); if you trust it, unpack it and import the folder"
                )
            yield Document(f"{path}:{name}", content)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise InputError(f"{path}: damaged or not an archive ({error}); download it again") from error


def _zip_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.flag_bits & 1:
                raise InputError(f"{path}: {member.filename} is encrypted; unpack it and import the folder")
            if not member.is_dir():
                with archive.open(member) as file:
                    yield member.filename, file


def _tar_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if member.islnk() or member.issym():
                raise InputError(f"{path}: its member {member.name!r} is a link; such an archive is not to be trusted")
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file
