from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dielectra.data import fetching
from dielectra.data.fetching import CHUNK, PUBLISHED_SETS, fetch, read_digests
from dielectra.errors import InputError

ARTICLE = PUBLISHED_SETS["paper-ipa"].article


class Repository(ThreadingHTTPServer):
    """Answer as figshare does, from memory, with the faults a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"one.json": b'{"a": 1}' * 40_000, "two.zip": bytes(range(256)) * 700}
        self.ranges = self.lengths = True
        self.cuts = 0  # how many answers still break off half-way
        self.gone: set[str] = set()
        self.listing: dict[str, Any] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.sent = 0

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v2"

    def describe(self) -> dict[str, Any]:
        files = [
            {
                "name": name,
                "size": len(content),
                "computed_md5": hashlib.md5(content).hexdigest(),
                "download_url": f"{self.api}/files/{name}",
            }
            for name, content in self.files.items()
        ]
        licence = {"name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}
        return {"title": "Spectra", "doi": "10.6084/x", "license": licence, "citation": "A (2025)", "files": files}


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Range"]))
        name = self.path.rpartition("/")[2]
        if self.path == f"/v2/articles/{ARTICLE}":
            self.answer(200, json.dumps(self.server.listing or self.server.describe()).encode())
        elif name in self.server.gone or name not in self.server.files:
            self.answer(404, b"gone")
        else:
            self.send_file(self.server.files[name])

    def send_file(self, content: bytes) -> None:
        wanted = self.headers["Range"]
        if wanted and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.answer(416, b"")
                return
            self.answer(206, content[start:], f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.answer(200, content)

    def answer(self, status: int, content: bytes, range_: str | None = None) -> None:
        self.send_response(status)
        if self.server.lengths:
            self.send_header("Content-Length", str(len(content)))
        if range_:
            self.send_header("Content-Range", range_)
        self.end_headers()
        if "/files/" in self.path and self.server.cuts:
            self.server.cuts -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)
        self.wfile.flush()
        self.server.sent += len(content) if "/files/" in self.path else 0
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def repository() -> Iterator[Repository]:
    server = Repository()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_files_of_the_listing_come_with_licence_and_citation(repository: Repository, tmp_path: Path) -> None:
    seen = []
    fetched = fetch("paper-ipa", tmp_path / "set", repository.api, lambda *state: seen.append(state))
    for name, content in repository.files.items():
        assert (tmp_path / "set" / name).read_bytes() == content
        assert (name, len(content), len(content)) in seen
    assert fetched.licence == "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/"
    assert fetched.citation == "A (2025)"
    digests = {file.name: file.sha256 for file in fetched.files}
    assert digests == {name: hashlib.sha256(content).hexdigest() for name, content in repository.files.items()}
    names = {path.name for path in (tmp_path / "set").iterdir()}
    assert names == {*repository.files, "fetched.json"}


def test_what_is_whole_is_checked_without_a_network(repository: Repository, tmp_path: Path) -> None:
    first = fetch("paper-ipa", tmp_path, repository.api)
    assert fetch("paper-ipa", tmp_path, "http://127.0.0.1:9/v2") == first


def test_an_answer_that_ends_early_without_saying_so_is_resumed(repository: Repository, tmp_path: Path) -> None:
    repository.lengths = False
    repository.cuts = 1
    fetch("paper-ipa", tmp_path, repository.api)
    content = repository.files["one.json"]
    assert (tmp_path / "one.json").read_bytes() == content
    assert repository.sent == sum(map(len, repository.files.values()))


def test_a_file_shorter_than_listed_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    repository.listing = repository.describe()
    repository.files["one.json"] = repository.files["one.json"][:-8]
    with pytest.raises(InputError, match=r"one.json: the repository returned 416"):
        fetch("paper-ipa", tmp_path, repository.api)
    assert {path.name for path in tmp_path.iterdir()} == {"fetched.json"}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_is_resumed(repository: Repository, tmp_path: Path, ranges: bool) -> None:
    repository.ranges = ranges
    repository.cuts = 1
    fetch("paper-ipa", tmp_path, repository.api)
    content = repository.files["one.json"]
    assert (tmp_path / "one.json").read_bytes() == content
    kept = len(content) // 2 // CHUNK * CHUNK
    assert repository.requests[2] == ("/v2/files/one.json", f"bytes={kept}-")
    total = sum(map(len, repository.files.values()))
    assert repository.sent == len(content) // 2 + total - (kept if ranges else 0)


def test_a_download_goes_on_in_the_next_call(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    repository.cuts = 1
    with pytest.raises(InputError, match=r"one.json: the download stopped at 131072 of 320000 bytes .* goes on there"):
        fetch("paper-ipa", tmp_path, repository.api)
    assert not (tmp_path / "one.json").exists()
    fetch("paper-ipa", tmp_path, repository.api)
    assert (tmp_path / "one.json").read_bytes() == repository.files["one.json"]
    assert ("/v2/files/one.json", "bytes=131072-") in repository.requests


def test_a_fetch_that_ended_between_two_files_is_not_taken_as_whole(repository: Repository, tmp_path: Path) -> None:
    repository.gone = {"two.zip"}
    with pytest.raises(InputError, match=r"two.zip: the repository returned 404"):
        fetch("paper-ipa", tmp_path, repository.api)
    repository.gone = set()
    repository.requests.clear()
    fetch("paper-ipa", tmp_path, repository.api)
    assert [path for path, _ in repository.requests] == [f"/v2/articles/{ARTICLE}", "/v2/files/two.zip"]


def test_a_partial_file_of_other_content_is_caught(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / ".one.json.partial").write_bytes(b"x" * 1000)
    with pytest.raises(InputError, match=r"one.json: what was downloaded is not the file that was listed"):
        fetch("paper-ipa", tmp_path, repository.api)
    assert fetch("paper-ipa", tmp_path, repository.api).files[0].sha256


def test_a_file_that_changed_here_is_refused(repository: Repository, tmp_path: Path) -> None:
    fetch("paper-ipa", tmp_path, repository.api)
    (tmp_path / "one.json").write_bytes(b"{}")
    with pytest.raises(InputError, match=r"one.json: has changed since it was downloaded"):
        fetch("paper-ipa", tmp_path, repository.api)
    (tmp_path / "one.json").unlink()
    fetch("paper-ipa", tmp_path, repository.api)
    assert (tmp_path / "one.json").read_bytes() == repository.files["one.json"]


def test_a_file_that_changed_there_is_refused(repository: Repository, tmp_path: Path) -> None:
    fetch("paper-ipa", tmp_path, repository.api)
    (tmp_path / "one.json").unlink()
    honest = repository.describe()
    repository.files["one.json"] = b'{"a": 2}' * 40_000
    with pytest.raises(InputError, match=r"one.json: the repository now lists another file"):
        fetch("paper-ipa", tmp_path, repository.api)
    repository.listing = honest
    with pytest.raises(InputError, match=r"one.json: what was downloaded is not the file that was recorded"):
        fetch("paper-ipa", tmp_path, repository.api)
    assert not (tmp_path / "one.json").exists()


def test_a_file_of_the_user_is_not_overwritten(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("mine")
    with pytest.raises(InputError, match="is not the published file; move it away"):
        fetch("paper-ipa", tmp_path, repository.api)
    assert (tmp_path / "one.json").read_text() == "mine"


def test_files_downloaded_by_hand_are_taken_over(repository: Repository, tmp_path: Path) -> None:
    for name, content in repository.files.items():
        (tmp_path / name).write_bytes(content)
    fetch("paper-ipa", tmp_path, repository.api)
    assert repository.sent == 0


def test_no_network_is_said(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"cannot be reached .*check the network, or download the files by hand"):
        fetch("paper-ipa", tmp_path, f"http://127.0.0.1:{port}/v2")


def test_an_unknown_set_and_a_foreign_folder_are_refused(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown published data set 'paper'; known are paper-ipa"):
        fetch("paper", tmp_path)
    fetch("paper-ipa", tmp_path, repository.api)
    with pytest.raises(InputError, match="holds the published set paper-ipa"):
        fetch("paper-rpa", tmp_path, repository.api)
    (tmp_path / "fetched.json").write_text("{")
    with pytest.raises(InputError, match=r"fetched.json: damaged"):
        fetch("paper-ipa", tmp_path, repository.api)


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ({"files": []}, "lists no file"),
        ({"files": [{"name": "a"}]}, "cannot be understood"),
        (
            {"files": [{"name": "../a", "size": 1, "computed_md5": "x", "download_url": "http://127.0.0.1/"}]},
            r"file named '\.\./a', which is not allowed",
        ),
    ],
)
def test_a_strange_listing_is_refused(
    repository: Repository, tmp_path: Path, listing: dict[str, Any], message: str
) -> None:
    repository.listing = listing
    with pytest.raises(InputError, match=message):
        fetch("paper-ipa", tmp_path, repository.api)


def test_an_address_that_is_not_the_api_is_said(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the repository returned 404"):
        fetch("paper-ipa", tmp_path, f"{repository.api}/elsewhere")


def test_digests_from_elsewhere_decide(repository: Repository, tmp_path: Path) -> None:
    first = fetch("paper-ipa", tmp_path / "first", repository.api).files[0]
    listing = tmp_path / "SHA256SUMS"
    listing.write_text(f"{first.sha256}  somewhere/{first.name}\n")
    right = read_digests(listing)
    assert fetch("paper-ipa", tmp_path / "second", repository.api, sha256=right).files[0].sha256 == first.sha256
    wrong = {first.name: "0" * 64}
    with pytest.raises(InputError, match="its hash differs"):
        fetch("paper-ipa", tmp_path / "third", repository.api, sha256=wrong)
    assert not (tmp_path / "third" / first.name).exists()
    with pytest.raises(InputError, match="is not to be trusted"):
        fetch("paper-ipa", tmp_path / "first", repository.api, sha256=wrong)
    with pytest.raises(InputError, match="a digest was given"):
        fetch("paper-ipa", tmp_path / "fourth", repository.api, sha256={"other.zip": "0" * 64})
    listing.write_text("no digest\n")
    with pytest.raises(InputError, match="must read like a line of sha256sum"):
        read_digests(listing)
