"""Download the published data sets: resumable, checked against the listing and against the first download."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from dielectra.errors import InputError
from dielectra.files import read_text, write_whole

FIGSHARE_API = "https://api.figshare.com/v2"
FETCH_RECORD = "fetched.json"
"""File that says where the downloaded files in its folder came from."""

TIMEOUT = 30.0
ATTEMPTS = 5
CHUNK = 2**16
"""Bytes written at a time; at most so many are lost when a connection breaks."""

Progress = Callable[[str, int, int], None]


class PublishedSet(NamedTuple):
    """A published data set: figshare article, what it is, and the SHA-256 of its files by name, where known."""

    article: int
    contents: str
    sha256: Mapping[str, str] = MappingProxyType({})


PUBLISHED_SETS = {
    "paper-ipa": PublishedSet(27440652, "IPA spectra, Grunert, Grossmann, Runge 2025"),
    "paper-rpa": PublishedSet(30257689, "IPA and RPA spectra, Grunert, Grossmann, Runge 2025"),
    "optimate3b": PublishedSet(30257551, "OptiMate3B evaluation data (data.pckl)"),
}


class FetchedFile(BaseModel):
    """A file: size in bytes and MD5 as listed, SHA-256 of the first download, None before it is complete."""

    name: str
    size: int
    md5: str
    sha256: str | None = None


class Fetched(BaseModel):
    """What a download brought and what to cite; the keys are those of ``dielectra data fetch --json``."""

    name: str
    article: int
    title: str
    doi: str
    licence: str
    citation: str
    downloaded: str
    files: list[FetchedFile]


def fetch(
    name: str,
    folder: str | Path,
    api: str = FIGSHARE_API,
    progress: Progress | None = None,
    sha256: Mapping[str, str] = MappingProxyType({}),
) -> Fetched:
    """Download a published data set into a folder, or check the one that is there.

    File names, sizes and checksums come from the repository's listing; ``fetched.json`` in the folder keeps them with
    the SHA-256 of the first download. What is complete is checked and not downloaded again, also without a network;
    what was cut off goes on where it stopped.

    Parameters
    ----------
    name
        Key of ``PUBLISHED_SETS``.
    api
        Address of figshare's API, or of a mirror of it.
    progress
        Called with file name, bytes so far and bytes in all.
    sha256
        Digests of the files by name, from another source than the repository; those that the package knows are added.

    Raises
    ------
    InputError
        If the name is unknown, there is no network, the download stops, or a file here or there is not what it was.
    """
    if name not in PUBLISHED_SETS:
        known = "; ".join(f"{key}: {entry.contents}" for key, entry in PUBLISHED_SETS.items())
        raise InputError(f"unknown published data set {name!r}; known are {known}")
    folder = Path(folder)
    before = _read_record(folder, name)
    whole = [_is_whole(folder, file) for file in before.files] if before else [False]
    if before and all(whole):
        _refuse_other_digests(before.files, {**PUBLISHED_SETS[name].sha256, **sha256})
        return before
    article = _listing(f"{api}/articles/{PUBLISHED_SETS[name].article}")
    listed, addresses = _listed_files(article["files"])
    record = _describe(name, article, _with_hashes(listed, before, folder))
    if before:
        record.downloaded = before.downloaded
    trusted = {**PUBLISHED_SETS[name].sha256, **sha256}
    _refuse_other_digests(record.files, trusted)
    for file in record.files:
        file.sha256 = trusted.get(file.name, file.sha256)
        _write_record(folder, record)
        file.sha256 = _download(file, addresses[file.name], folder, progress)
    _write_record(folder, record)
    return record


def read_digests(path: str | Path) -> dict[str, str]:
    """Return the digests of a file that ``sha256sum`` wrote, by file name.

    Raises
    ------
    InputError
        If a line is of another form.
    """
    found = {}
    for line in read_text(path).splitlines():
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](.+)", line)
        if match is None:
            raise InputError(
                f"{path}: {line[:80]!r} must read like a line of sha256sum: a digest, two spaces, a file name"
            )
        found[match[2].rpartition("/")[2]] = match[1].lower()
    return found


def _refuse_other_digests(files: Sequence[FetchedFile], known: Mapping[str, str]) -> None:
    """Raise InputError where a file was recorded with another digest than is known, or a known one is not listed."""
    listed = {file.name: file.sha256 for file in files}
    for name, digest in known.items():
        if name not in listed:
            raise InputError(f"{name}: a digest was given, but the repository lists {', '.join(listed)}")
        if listed[name] not in (None, digest):
            raise InputError(f"{name}: its SHA-256 is {listed[name]}, not {digest} as given; it is not to be trusted")


def _partial(folder: Path, name: str) -> Path:
    return folder / f".{name}.partial"


class _ResumingDownload:
    """Downloader for pooch that keeps what came before a connection broke and asks for the rest."""

    def __init__(self, partial: Path, size: int, progress: Progress | None) -> None:
        self.partial, self.size, self.progress = partial, size, progress

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:  # noqa: ARG002  (pooch's interface)
        import requests

        for attempt in range(ATTEMPTS):
            try:
                self._ask_for_the_rest(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
        shutil.move(self.partial, output_file)

    def _ask_for_the_rest(self, url: str) -> None:
        import requests

        present = self.partial.stat().st_size if self.partial.exists() else 0
        if present > self.size:
            self.partial.unlink()
            present = 0
        if present == self.size and present:
            return
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={present}-"} if present else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.partial.unlink()  # the file there is shorter than what is here
            answer.raise_for_status()
            continued = answer.headers.get("Content-Range", "").startswith(f"bytes {present}-")
            append = present > 0 and answer.status_code == requests.codes.partial_content and continued
            present = present if append else 0
            with self.partial.open("ab" if append else "wb") as file:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    present += len(chunk)
                    if present > self.size:
                        break  # the checksum will tell that this is another file
                    if self.progress is not None:
                        self.progress(self.partial.name[1 : -len(".partial")], present, self.size)
        if present < self.size:
            raise requests.ConnectionError("the answer ended early")


def _download(file: FetchedFile, url: str, folder: Path, progress: Progress | None) -> str:
    """Bring a file into the folder unless it is there; return its SHA-256."""
    import logging

    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    path, partial = folder / file.name, _partial(folder, file.name)
    kind, expected = ("sha256", file.sha256) if file.sha256 else ("md5", file.md5)
    if path.exists() and pooch.file_hash(str(path), kind) != expected:
        raise InputError(f"{path}: is not the published file; move it away, then fetch again")
    try:
        pooch.retrieve(
            url, f"{kind}:{expected}", file.name, folder, downloader=_ResumingDownload(partial, file.size, progress)
        )
    except requests.HTTPError as error:
        raise InputError(f"{file.name}: the repository returned {error}; try later") from error
    except requests.RequestException as error:
        have = partial.stat().st_size if partial.exists() else 0
        raise InputError(
            f"{file.name}: the download stopped at {have} of {file.size} bytes ({type(error).__name__}); the same "
            "command goes on there"
        ) from error
    except ValueError as error:
        if "hash" not in str(error):
            raise
        raise InputError(
            f"{file.name}: what was downloaded is not the file that was {'recorded' if file.sha256 else 'listed'} "
            "(its hash differs); it was removed. Try again; if it stays so, the published file has changed"
        ) from error
    return str(pooch.file_hash(str(path)))


def _listing(url: str) -> dict[str, Any]:
    import requests

    try:
        answer = requests.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        article = answer.json()
    except requests.HTTPError as error:
        raise InputError(f"the repository returned {error}; try later") from error
    except requests.JSONDecodeError as error:
        raise InputError(f"{url}: does not return JSON ({error}); is it figshare's API?") from error
    except requests.RequestException as error:
        raise InputError(
            f"{url}: cannot be reached ({type(error).__name__}); check the network, or download the files by hand and "
            "give them to: dielectra data import"
        ) from error
    if not isinstance(article, dict) or not article.get("files"):
        raise InputError(f"{url}: lists no file; is it figshare's API?")
    return article


def _listed_files(entries: list[dict[str, Any]]) -> tuple[list[FetchedFile], dict[str, str]]:
    """Return the files of a listing, and their addresses by name."""
    files, addresses = [], {}
    for entry in entries:
        try:
            file = FetchedFile(name=entry["name"], size=entry["size"], md5=entry["computed_md5"])
            addresses[file.name] = str(entry["download_url"])
        except (KeyError, TypeError, ValidationError) as error:
            raise InputError(f"the repository's listing cannot be understood ({error})") from None
        if Path(file.name).name != file.name or file.name in ("", ".", "..", FETCH_RECORD):
            raise InputError(f"the repository lists a file named {file.name!r}, which is not allowed here")
        files.append(file)
    return files, addresses


def _with_hashes(listed: list[FetchedFile], known: Fetched | None, folder: Path) -> list[FetchedFile]:
    """Return listed files with the SHA-256 of those that were downloaded before, and refuse another content."""
    if known is None:
        return listed
    downloaded = {file.name: file for file in known.files if file.sha256}
    for file in listed:
        if file.name not in downloaded:
            continue
        if file.md5 != downloaded[file.name].md5:
            raise InputError(
                f"{file.name}: the repository now lists another file than was downloaded on {known.downloaded}; "
                f"remove {folder} to take the new one"
            )
        file.sha256 = downloaded[file.name].sha256
    return listed


def _describe(name: str, article: dict[str, Any], files: list[FetchedFile]) -> Fetched:
    licence = article.get("license") or {}
    return Fetched(
        name=name,
        article=PUBLISHED_SETS[name].article,
        title=str(article.get("title") or ""),
        doi=str(article.get("doi") or ""),
        licence=" ".join(str(licence[key]) for key in ("name", "url") if licence.get(key)) or "not stated",
        citation=str(article.get("citation") or "not stated"),
        downloaded=datetime.now(UTC).date().isoformat(),
        files=files,
    )


def _read_record(folder: Path, name: str) -> Fetched | None:
    path = folder / FETCH_RECORD
    if not path.is_file():
        return None
    try:
        record = Fetched.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: damaged; remove it and fetch again ({error.error_count()} problems)") from None
    if record.name != name:
        raise InputError(f"{folder}: holds the published set {record.name}; choose another folder for {name}")
    return record


def _write_record(folder: Path, record: Fetched) -> None:
    write_whole(folder / FETCH_RECORD, json.dumps(record.model_dump(), indent=1) + "\n")


def _is_whole(folder: Path, file: FetchedFile) -> bool:
    """Return whether a recorded file is there; refuse one that is not what was downloaded first."""
    import pooch

    path = folder / file.name
    if not path.is_file() or file.sha256 is None:
        return False
    if pooch.file_hash(str(path)) != file.sha256:
        raise InputError(f"{path}: has changed since it was downloaded; remove it, then fetch again to restore it")
    return True
