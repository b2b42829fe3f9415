"""Uploaded files: stored in a given folder under names of our own, checked before anything parses them.

Nothing that a user names decides where a byte is written. The user's name of a file lives on only in the response.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dielectra.errors import InputError
from dielectra.parsing import read_member
from dielectra.web.limits import MEBIBYTE, Limits

ENDINGS = {
    ".cif": ".cif",
    ".vasp": ".vasp",
    ".poscar": ".vasp",
    ".xyz": ".extxyz",
    ".extxyz": ".extxyz",
    ".json": ".jsonl",
    ".jsonl": ".jsonl",
}
LONGEST_NAME = 150
SYSTEM_FILES = ("__MACOSX", ".DS_Store", "Thumbs.db")


class TooLargeError(InputError):
    """An archive that holds more than it declares."""


class Upload(NamedTuple):
    """The user's name of a file, and the path where it is stored."""

    name: str
    path: Path


def plain_name(name: str) -> str:
    """Return the last part of a file's name, printable and of bounded length."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[-LONGEST_NAME:] or "unnamed"


def stored_ending(name: str) -> str:
    """Return the ending under which a structure file of that name is stored.

    Raises
    ------
    InputError
        If the name is not that of a structure file.
    """
    last = name.rpartition("/")[2]
    if last.upper().startswith(("POSCAR", "CONTCAR")):
        return ".vasp"
    ending = PurePosixPath(last).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f"{name}: not known as a structure file by its name; give .cif, POSCAR, .vasp, .extxyz, .xyz or .jsonl, "
            "not compressed"
        )
    return ENDINGS[ending]


def store(files: Sequence[tuple[str, bytes]], folder: Path, limits: Limits, *, zips: bool = False) -> list[Upload]:
    """Write uploaded files into a folder.

    Parameters
    ----------
    zips
        Whether zip archives are taken too; :func:`unpack` opens them.

    Raises
    ------
    InputError
        If there are too many, or one is too large or not known as a structure file.
    """
    if len(files) > limits.files:
        raise InputError(f"{len(files)} files in one request; up to {limits.files} are taken")
    uploads = []
    for index, (given, content) in enumerate(files):
        name = plain_name(given)
        is_zip = zips and name.lower().endswith(".zip")
        if not is_zip:
            _refuse_large(name, len(content), limits)
        path = folder / f"{index}{'.zip' if is_zip else stored_ending(name)}"
        path.write_bytes(content)
        uploads.append(Upload(name, path))
    return uploads


def unpack(upload: Upload, limits: Limits) -> list[tuple[Upload, str]]:
    """Unpack the files of a zip into its folder.

    Returns
    -------
    list of (Upload, str)
        Each file with a sentence that says why it cannot be used, empty where it can; such a file is not unpacked.

    Raises
    ------
    InputError
        If the archive is broken, encrypted, holds too much, or names a path outside itself.
    """
    try:
        with zipfile.ZipFile(upload.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and _is_users(member.filename)]
            _check_members(upload.name, members, limits)
            return [_unpack_one(archive, member, upload, index, limits) for index, member in enumerate(members)]
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError) as error:
        raise InputError(f"{upload.name}: cannot be unpacked ({error}); give a plain zip archive") from error


def _is_users(name: str) -> bool:
    return not any(part in SYSTEM_FILES for part in PurePosixPath(name).parts)


def _check_members(name: str, members: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    """Refuse an archive by what it declares; reading a member stops at its declared size."""
    if not members:
        raise InputError(f"{name}: the archive is empty")
    if len(members) > limits.files:
        raise InputError(f"{name}: holds {len(members)} files; up to {limits.files} are taken")
    size = sum(member.file_size for member in members)
    if size > limits.unpacked:
        raise InputError(f"{name}: {_mebibytes(size)} once unpacked; up to {_mebibytes(limits.unpacked)} are taken")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise InputError(f"{name}: names a path outside the archive; pack the files without parent folders")
        if member.flag_bits & 1:
            raise InputError(f"{name}: is encrypted; give a plain zip archive")


def _unpack_one(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, upload: Upload, index: int, limits: Limits
) -> tuple[Upload, str]:
    name = plain_name(member.filename)
    try:
        ending = stored_ending(name)
        _refuse_large(name, member.file_size, limits)
    except InputError as error:
        return Upload(name, upload.path), str(error)
    path = upload.path.with_name(f"{upload.path.stem}-{index}{ending}")
    content = read_member(archive, member, limits.file)
    if len(content) > member.file_size:
        raise TooLargeError(f"{upload.name}: unpacks to more than it declares; such an archive is not to be trusted")
    path.write_bytes(content)
    return Upload(name, path), ""


def _refuse_large(name: str, size: int, limits: Limits) -> None:
    if size > limits.file:
        raise InputError(f"{name}: {_mebibytes(size)}; a structure file may have {_mebibytes(limits.file)}")


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:.3g} MiB"


def check_text(uploads: Iterable[Upload]) -> None:
    """Raise InputError where a file is not UTF-8 text."""
    for upload in uploads:
        try:
            upload.path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{upload.name}: not UTF-8 text (byte {error.start}); save it as plain text") from error
