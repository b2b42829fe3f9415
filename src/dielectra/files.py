"""The boundary to the file system: files are written whole or not at all, and read up to a limit.

Every reader and writer of the package stands inside :func:`reading`, :func:`understanding` or :func:`writing`. There,
and nowhere else, what an operating system or a library raises becomes :class:`~dielectra.errors.InputError`.
"""

from __future__ import annotations

import csv
import errno
import lzma
import os
import secrets
import sqlite3
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dielectra.errors import InputError

MEBIBYTE = 2**20
LARGEST_TEXT = 256 * MEBIBYTE
"""Bytes of a text file that is read at once; crystals and spectra need a thousandth of it."""

DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    UnicodeError,
    OverflowError,
    RecursionError,
    MemoryError,
    csv.Error,
    lzma.LZMAError,
    sqlite3.Error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)
"""What standard libraries raise on damaged content."""

LIBRARIES = {"pyarrow": ("ArrowException",), "safetensors": ("SafetensorError",), "yaml": ("YAMLError",)}
"""What other libraries raise on damaged content; looked up only where the library has been imported."""

HINTS = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the quota is used up; free some space or write elsewhere",
    errno.EACCES: "permission is denied; choose a place you have access to",
    errno.EPERM: "permission is denied; choose a place you have access to",
    errno.EROFS: "the file system is read-only; write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; give a shorter one",
    errno.EISDIR: "is a folder; give the name of a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder; give another path",
    errno.EEXIST: "a file stands where a folder is needed; give another path",
    errno.ENOENT: "no such file",
    errno.ELOOP: "the links lead in a circle; give the file itself",
    errno.ENXIO: "is not a regular file; give the name of a file",
    errno.EINVAL: "the name cannot be used; give another one",
    errno.EFBIG: "larger than the system allows; give a smaller file",
}

SQLITE = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS, sqlite3.SQLITE_PERM: errno.EACCES}
"""Errors of the operating system by the code that SQLite gives for them."""


def shown(path: str | Path) -> str:
    """Return a path as one printable line: line breaks and bytes that are no text are escaped."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn what a system, decompressor, database or parser raises in the block into InputError.

    Errors of one's own code (KeyError, TypeError and the like) pass: a reader checks what it takes from a file.
    """
    with _boundary(path, "read"):
        yield


@contextmanager
def understanding(path: str | Path, kind: str) -> Iterator[None]:
    """Turn whatever a reader trips over in a file's content into InputError: a stranger's file may hold anything.

    Parameters
    ----------
    kind
        What the content is taken for, such as ``an input of pw.x``.
    """
    try:
        yield
    except (InputError, BrokenPipeError):
        raise
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {reason(error)}") from error
    except Exception as error:
        raise InputError(f"{shown(path)}: cannot be read as {kind}: {_damage(error)}") from error


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what a system or library raises in the block, while it writes, into InputError."""
    with _boundary(path, "written"):
        yield


@contextmanager
def _boundary(path: str | Path, verb: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be {verb}: {reason(error)}") from error
    except Exception as error:
        if not isinstance(error, _foreign()) and "embedded null" not in str(error):
            raise
        raise InputError(f"{shown(path)}: cannot be {verb}: {_damage(error)}") from error


def reason(error: OSError) -> str:
    """Return what an error of the operating system means and how to mend it."""
    fallback = error.strerror or str(error).partition("\n")[0] or type(error).__name__
    return HINTS.get(error.errno or 0) or shown(fallback)[:300]


def _foreign() -> tuple[type[Exception], ...]:
    """Return the exceptions that mean damaged content, of those libraries that have been imported."""
    found = [getattr(sys.modules.get(library), name, None) for library, names in LIBRARIES.items() for name in names]
    return (*DAMAGE, *(kind for kind in found if kind is not None))


def _damage(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, sqlite3.Error) and (number := SQLITE.get(getattr(error, "sqlite_errorcode", 0))):
        return HINTS[number]
    text = shown(" ".join(str(error).split()))[:300]
    return f"damaged, or of another kind than expected ({type(error).__name__}{f': {text}' if text else ''})"


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary file in the target's folder to write to; rename it to `path` when the block ends well.

    The temporary file has an unpredictable name and is created exclusively, so that no link is followed. Content and
    name are flushed to disk. Where the block fails the temporary file is removed and the target stays as it was.

    Raises
    ------
    InputError
        If the file cannot be written, or something that is no regular file has its name.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_irregular(path)
        temporary = _create_beside(path)
    try:
        with writing(path):
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _create_beside(path: Path) -> Path:
    """Create an empty file that nobody could have foreseen; mode as for any new file."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o666))
    return temporary


def flush(path: Path) -> None:
    """Have the content of a file, or the names in a folder, written to disk."""
    is_folder = path.is_dir()
    if is_folder and sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not is_folder or error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems flush no folders
            raise
    finally:
        os.close(descriptor)


def new_folder(folder: str | Path) -> Path:
    """Return a folder that is new or empty.

    Raises
    ------
    InputError
        If it has anything in it, or is a file.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{shown(folder)}: exists already; give a new folder")
    return folder


def write_whole(path: str | Path, payload: bytes | str) -> Path:
    """Write bytes, or text as UTF-8; the file appears whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(payload.encode("utf-8", "backslashreplace") if isinstance(payload, str) else payload)
    return Path(path)


def _refuse_irregular(path: Path) -> None:
    """Raise OSError where a folder, pipe, socket or device has the name."""
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO, "", str(path))


def read_bytes(path: str | Path, largest: int = LARGEST_TEXT) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    InputError
        If it cannot be read, is a folder, pipe or device, or has more than `largest` bytes.
    """
    path = Path(path)
    with reading(path):
        _refuse_irregular(path)
        with path.open("rb") as file:
            content = file.read(largest + 1)
    if len(content) > largest:
        raise InputError(f"{shown(path)}: more than {largest / MEBIBYTE:g} MiB; split it into smaller files")
    return content


def read_text(path: str | Path, largest: int = LARGEST_TEXT) -> str:
    """Return the content of a text file in UTF-8, with or without a byte-order mark, or in UTF-16 with one.

    Raises
    ------
    InputError
        As :func:`read_bytes`, and if it is not text.
    """
    return decode(read_bytes(path, largest), path)


def decode(content: bytes, where: str | Path) -> str:
    """Return bytes as text: UTF-8 with or without a byte-order mark, UTF-16 with one."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeError as error:
        position = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(f"{shown(where)}: not UTF-8 text{position}; save it as plain text") from error
