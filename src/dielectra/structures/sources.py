"""Open what a scan is given: files, folders, archives, compressed files, standard input."""

from __future__ import annotations

import bz2
import io
import lzma
import stat
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from dielectra.errors import InputError
from dielectra.files import MEBIBYTE, read_bytes, reading, shown
from dielectra.parsing import unpack_gzip
from dielectra.structures.content import Content
from dielectra.structures.formats import LOOKED_AT, knows, recognises

LARGEST_FILE = 256 * MEBIBYTE
"""Bytes of a structure file, unpacked."""

LARGEST_ARCHIVE = 1024 * MEBIBYTE
"""Bytes of all members of an archive, unpacked."""

MOST_MEMBERS = 100_000
"""Members of an archive."""

LONGEST_HEADER = 64 * 1024
"""Bytes of a tar header that is itself stored as a member (long names, extended attributes)."""

COMPRESSIONS = (".gz", ".bz2", ".xz")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
SYSTEM_PARTS = ("__MACOSX", ".git", "__pycache__")
STANDARD_INPUT = "-"
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that zipfile unpacks piece by piece; others it unpacks whole, whatever that takes."""

Opened = Content | InputError


def open_source(name: str, path: Path) -> Iterator[tuple[str, Opened]]:
    """Yield the files of a source, each under its name, with its content or the error that it gives.

    A folder is searched in depth, an archive is opened; in both, files that are no structure files by their names are
    passed over. Other files are taken at the user's word.
    """
    if name == STANDARD_INPUT:
        yield "stdin", _guarded(_standard_input)
    elif _is_folder(path):
        yield from _of_folder(name, path)
    elif is_archive(path.name):
        yield from _of_archive(name, path)
    else:
        yield name, _guarded(partial(_of_file, name, path))


def count_files(path: Path) -> int:
    """Return about how many structure files a source holds, without reading one; an archive counts as one file."""
    if not _is_folder(path):
        return 1
    inside = (file.relative_to(path) for file in path.rglob("*") if is_archive(file.name) or knows(_plain(file.name)))
    return sum(not any(part in SYSTEM_PARTS for part in inner.parts) for inner in inside)


def _of_folder(name: str, folder: Path) -> Iterator[tuple[str, Opened]]:
    some = False
    for inner, path in structure_files(name, folder):
        some = True
        yield from open_source(inner, path)
    if not some:
        yield name, InputError(f"{shown(name)}: the folder holds no structure file")


def structure_files(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the structure files and archives of a folder, searched in depth, under their names, sorted."""
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part in SYSTEM_PARTS for part in inner.parts) or not _is_regular(path):
            continue
        if is_archive(path.name) or knows(_plain(path.name)) or _is_recognised(path):
            yield str(Path(name) / inner), path


def _is_recognised(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return recognises(file.read(LOOKED_AT))
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _of_file(name: str, path: Path) -> Content:
    try:
        is_there = path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(name)}: no such file ({type(error).__name__})") from error
    if not is_there:
        raise InputError(f"{shown(name)}: no such file")
    data = read_bytes(path, LARGEST_FILE)
    return Content(shown(name), _plain(path.name), _unpacked(data, path.name, name), partial(_in_folder, path.parent))


def _in_folder(folder: Path, file: str, largest: int) -> bytes | None:
    return read_bytes(folder / file, largest) if (folder / file).is_file() else None


def _standard_input() -> Content:
    data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"standard input: more than {LARGEST_FILE / MEBIBYTE:g} MiB")
    return Content("stdin", "", data)


def _of_archive(name: str, path: Path) -> Iterator[tuple[str, Opened]]:
    members = _zipped(name, path) if path.name.lower().endswith(".zip") else tar_members(name, path)
    some = False
    budget = LARGEST_ARCHIVE
    try:
        for member, opened in members:
            some = True
            if isinstance(opened, Content):
                budget -= len(opened.data)
            if budget < 0:
                raise InputError(f"{shown(name)}: more than {LARGEST_ARCHIVE / MEBIBYTE:g} MiB once unpacked; split it")
            yield member, opened
    except InputError as error:
        some = True
        yield name, error
    if not some:
        yield name, InputError(f"{shown(name)}: the archive holds no structure file")


def _zipped(name: str, path: Path) -> Iterator[tuple[str, Opened]]:
    with reading(name), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise InputError(f"{shown(name)}: holds {len(members)} files; up to {MOST_MEMBERS} are read")
        for member in members:
            inner = f"{name}/{member.filename}"
            if not member.is_dir() and is_wanted(member.filename):
                yield inner, _guarded(partial(zip_member, archive, member, inner))
            elif is_archive(member.filename):
                yield inner, _nested(inner)


def zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Content:
    """Return the content of a member of a zip archive."""
    data = _unpacked(_zip_bytes(archive, member, name), member.filename, name)
    inner = PurePosixPath(member.filename)

    def beside(file: str, largest: int) -> bytes | None:
        wanted = inner.with_name(file)
        other = next((one for one in archive.infolist() if PurePosixPath(one.filename) == wanted), None)
        return None if other is None else _zip_bytes(archive, other, name, largest)

    return Content(shown(name), _plain(inner.name), data, beside)


def _zip_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, largest: int = LARGEST_FILE) -> bytes:
    """Read a member by what it holds; its declared size is not believed."""
    if member.flag_bits & 1:
        raise InputError(f"{shown(name)}: is encrypted; give a plain archive")
    if member.compress_type not in ZIP_METHODS:
        raise InputError(f"{shown(name)}: is compressed in a rare way; pack it with the usual one (deflate)")
    try:
        with reading(name), archive.open(member) as file:
            return _bounded(file, member.file_size, name, largest)
    except RuntimeError as error:
        raise InputError(f"{shown(name)}: cannot be unpacked ({error})") from error


def _bounded(file: IO[bytes], declared: int, name: str, largest: int = LARGEST_FILE) -> bytes:
    """Return the content of a member up to a limit."""
    data = file.read(largest + 1) if declared <= largest else None
    if data is None or len(data) > largest:
        raise InputError(f"{shown(name)}: more than {largest / MEBIBYTE:g} MiB once unpacked")
    return data


def tar_members(name: str, path: Path) -> Iterator[tuple[str, Opened]]:
    """Yield the structure files of a tar archive one by one, in its order."""
    ending = path.name.lower()
    mode = f"r:{next((kind for kind in ('gz', 'bz2', 'xz') if ending.endswith(kind)), '')}"
    with reading(name), tarfile.open(path, mode, tarinfo=_BoundedHeader) as archive:  # type: ignore[call-overload]
        for member in _regular_members(archive, name):
            inner = f"{name}/{PurePosixPath(member.name)}"  # tar writes ./a.cif for what lies in a packed folder
            if is_wanted(member.name):
                yield inner, _guarded(partial(_tar_member, archive, member, inner))
            elif is_archive(member.name):
                yield inner, _nested(inner)


def _regular_members(archive: tarfile.TarFile, name: str) -> Iterator[tarfile.TarInfo]:
    """Yield the regular files of an archive as long as they are few and not too large."""
    for count, member in enumerate(archive):
        if count > MOST_MEMBERS or member.offset_data + member.size > LARGEST_ARCHIVE:
            raise InputError(f"{shown(name)}: holds too much; up to {MOST_MEMBERS} files and 1 GiB are unpacked")
        if member.isfile():
            yield member


def _tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Content:
    def content_of(found: tarfile.TarInfo, where: str, largest: int = LARGEST_FILE) -> bytes:
        with reading(where):
            file = archive.extractfile(found)
            return b"" if file is None else _bounded(file, found.size, where, largest)

    inner = PurePosixPath(member.name)

    def beside(file: str, largest: int) -> bytes | None:
        wanted = inner.with_name(file)
        with reading(name):
            other = next((one for one in _regular_members(archive, name) if PurePosixPath(one.name) == wanted), None)
        return None if other is None else content_of(other, f"{name}, {file}", largest)

    return Content(shown(name), _plain(inner.name), _unpacked(content_of(member, name), member.name, name), beside)


class _BoundedHeader(tarfile.TarInfo):
    """A member of a tar archive whose own header has a bounded length."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and self.size > LONGEST_HEADER:
            raise tarfile.ReadError(f"a name or attribute of {self.size} bytes")
        member: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return member


HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def _nested(name: str) -> InputError:
    return InputError(f"{shown(name)}: is an archive inside of an archive and is not opened; unpack the outer one")


def _guarded(read: Callable[[], Content]) -> Opened:
    """Return what a function reads, or the error it raises."""
    try:
        return read()
    except InputError as error:
        return error


def is_wanted(name: str) -> bool:
    """Return whether a member of an archive is a structure file by its name."""
    path = PurePosixPath(name.replace("\\", "/"))
    return knows(_plain(path.name)) and not any(part in SYSTEM_PARTS for part in path.parts)


def is_archive(file: str) -> bool:
    """Return whether a file is an archive by its name."""
    return file.lower().endswith(ARCHIVES)


def _plain(file: str) -> str:
    """Return a file's name without the ending of a compression."""
    return next((file[: -len(end)] for end in COMPRESSIONS if file.lower().endswith(end)), file)


def _unpacked(data: bytes, file: str, name: str) -> bytes:
    """Return the bytes of a file that may be compressed by its name."""
    ending = file.lower()
    if ending.endswith(".gz"):
        return unpack_gzip(data, name, LARGEST_FILE)
    if not ending.endswith(COMPRESSIONS):
        return data
    unpack = bz2.BZ2File if ending.endswith(".bz2") else lzma.LZMAFile
    with reading(name), unpack(io.BytesIO(data)) as file_:
        unpacked: bytes = file_.read(LARGEST_FILE + 1)
    if len(unpacked) > LARGEST_FILE:
        raise InputError(f"{shown(name)}: more than {LARGEST_FILE / MEBIBYTE:g} MiB once unpacked")
    return unpacked
