"""Structures from servers: a real OPTIMADE server on this machine, and one that answers as Materials Project does."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests

from conftest import Run, assert_same
from dielectra.elements import SYMBOLS
from dielectra.errors import InputError
from dielectra.structures import Entry, Refused, read_structure, remote, scan
from dielectra.structures.remote import is_remote, optimade_address

EXAMPLES = sorted(Path("examples").glob("*.cif"))
SILICON = {
    "lattice": {"matrix": (5.43 / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])).tolist()},
    "sites": [{"species": [{"element": "Si", "occu": 1}], "abc": [x, x, x], "label": "Si"} for x in (0.0, 0.25)],
}
ATTRIBUTES = {
    "lattice_vectors": (np.eye(3) * 4).tolist(),
    "cartesian_site_positions": [[0, 0, 0], [2, 2, 2]],
    "species_at_sites": ["Cs", "Cl"],
    "species": [{"name": name, "chemical_symbols": [name], "concentration": [1]} for name in ("Cs", "Cl")],
    "structure_features": [],
    "dimension_types": [1, 1, 1],
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def optimade_line(path: Path) -> str:
    """Return the entry of a structure file in the JSON lines of OPTIMADE."""
    crystal = read_structure(path)
    names = [SYMBOLS[number] for number in crystal.numbers]
    elements = sorted(set(names))
    attributes = {
        "elements": elements,
        "nelements": len(elements),
        "elements_ratios": [names.count(symbol) / len(names) for symbol in elements],
        "chemical_formula_descriptive": crystal.formula,
        "chemical_formula_reduced": crystal.formula,
        "chemical_formula_anonymous": "A",
        "nsites": len(names),
        "dimension_types": [1, 1, 1],
        "nperiodic_dimensions": 3,
        "lattice_vectors": crystal.cell.tolist(),
        "cartesian_site_positions": (crystal.frac_coords @ crystal.cell).tolist(),
        "species_at_sites": names,
        "species": [{"name": name, "chemical_symbols": [name], "concentration": [1.0]} for name in elements],
        "structure_features": [],
        "last_modified": "2026-01-01T00:00:00Z",
    }
    return json.dumps({"id": path.stem, "type": "structures", "attributes": attributes})


@pytest.fixture(scope="module")
def optimade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the reference server of OPTIMADE with the structures of the examples; give its address."""
    if importlib.util.find_spec("optimade") is None or importlib.util.find_spec("mongomock") is None:
        pytest.skip("needs optimade[server]")
    folder, port = tmp_path_factory.mktemp("optimade"), free_port()
    lines = ['{"x-optimade": {"meta": {"api_version": "1.2.0"}}}', *map(optimade_line, EXAMPLES)]
    (folder / "structures.jsonl").write_text("\n".join(lines) + "\n")
    settings = {
        "insert_test_data": False,
        "insert_from_jsonl": str(folder / "structures.jsonl"),
        "log_dir": str(folder),
        "base_url": f"http://127.0.0.1:{port}",
    }
    (folder / "config.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "uvicorn", "optimade.server.main:app", "--port", str(port), "--log-level", "error"]
    environment = {**os.environ, "OPTIMADE_CONFIG_FILE": str(folder / "config.json")}
    with (folder / "log").open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, cwd=folder, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                if requests.get(f"{address}/v1/info", timeout=5).ok:
                    break
            except requests.RequestException:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def answering(answer: Callable[[str, dict[str, list[str]], Any], tuple[int, Any]]) -> Iterator[str]:
    """Serve what a function returns for a path, its parameters and the headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = answer(parts.path, parse_qs(parts.query), self.headers)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def reason(source: str) -> str:
    (outcome,) = scan([source])
    assert isinstance(outcome, Refused)
    return outcome.reason


@pytest.mark.slow
def test_a_query_gives_the_structures_of_all_pages(optimade: str) -> None:
    found = {one.name: one for one in scan([f"optimade:{optimade}?page_limit=5"])}
    host = optimade.removeprefix("http://")
    assert sorted(found) == [f"{host}/{path.stem}" for path in EXAMPLES]
    for path in EXAMPLES:
        entry, known = found[f"{host}/{path.stem}"], read_structure(path)
        assert isinstance(entry, Entry)
        np.testing.assert_array_equal(entry.crystal.numbers, known.numbers)
        np.testing.assert_allclose(entry.crystal.cell, known.cell, rtol=1e-9)
        difference = entry.crystal.frac_coords - known.frac_coords
        np.testing.assert_allclose(difference - difference.round(), 0, atol=1e-9)


@pytest.mark.slow
def test_a_filter_is_that_of_the_server(optimade: str) -> None:
    plain = list(scan([f'optimade:{optimade}/v1/structures?filter=elements HAS "Ga" AND nelements<3']))
    encoded = list(scan([f"optimade:{optimade}/v1?filter=elements%20HAS%20%22Ga%22%20AND%20nelements%3C3"]))
    assert [one.name.rpartition("/")[2] for one in plain] == ["GaAs", "GaN"]
    assert [one.name for one in plain] == [one.name for one in encoded]
    assert "no structure of" in reason(f'optimade:{optimade}?filter=elements HAS "Ac"')
    assert "answers 400" in reason(f"optimade:{optimade}?filter=elements HAVE")


@pytest.mark.slow
def test_one_structure_by_its_id_is_predicted(optimade: str, run: Run) -> None:
    code, out, err = run("predict", f"optimade:{optimade}/v1/structures/MgO", "--json", "--brief")
    assert code == 0, err
    (row,) = json.loads(out)
    (local,) = json.loads(run("predict", "examples/MgO.cif", "--json", "--brief")[1])
    assert_same(row | {"file": ""}, local | {"file": ""})
    assert "nothing" in reason(f"optimade:{optimade}/v1/structures/nothing")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://x.org", "https://x.org/v1/structures"),
        ("https://x.org/optimade/", "https://x.org/optimade/v1/structures"),
        ("https://x.org/v1.1", "https://x.org/v1.1/structures"),
        ("http://x.org:80/a/v1/structures?filter=a=1", "http://x.org:80/a/v1/structures"),
        ("https://x.org/v1/structures/mp-1", "https://x.org/v1/structures/mp-1"),
    ],
)
def test_addresses_of_servers(given: str, url: str) -> None:
    found, parameters = optimade_address(f"optimade:{given}")
    assert found == url
    assert "lattice_vectors" in parameters["response_fields"]
    assert ("page_limit" in parameters) == url.endswith("/structures")


def test_the_filter_arrives_as_it_was_given() -> None:
    _, parameters = optimade_address('optimade:https://x.org?filter=chemical_formula_reduced="SiO2"&page_limit=3')
    assert (parameters["filter"], parameters["page_limit"]) == ('chemical_formula_reduced="SiO2"', "3")


def test_no_other_source_reaches_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_remote("optimade:https://x.org")
    assert is_remote("mp-149")
    for local in ("mp-149.cif", "https://x.org", "MgO.cif", "folder/mp-149", "-"):
        assert not is_remote(local)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(requests, "get", pytest.fail)
    (tmp_path / "mp-149").write_text(json.dumps(SILICON))
    (found,) = scan(["mp-149"])
    assert isinstance(found, Entry)
    assert "no such file" in reason("https://x.org")
    (upload,) = scan([("optimade:https://x.org", tmp_path / "mp-149")])  # a name of the web page's, not an order
    assert isinstance(upload, Entry)
    assert "give the address of a server" in reason("optimade:file:///etc/passwd")


def test_a_material_is_fetched_with_the_users_key(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def answer(path: str, parameters: dict[str, list[str]], headers: Any) -> tuple[int, Any]:
        seen.append((path, parameters["material_ids"], headers["X-API-KEY"]))
        known = [{"material_id": "mp-149", "structure": SILICON}] if parameters["material_ids"] == ["mp-149"] else []
        return 200, {"data": known}

    monkeypatch.setenv("MP_API_KEY", "secret")
    with answering(answer) as address:
        monkeypatch.setenv("MP_API_ENDPOINT", address)
        (found,) = scan(["mp-149"])
        assert isinstance(found, Entry)
        assert (found.name, found.crystal.formula) == ("mp-149", "Si")
        assert "knows no such material" in reason("mp-1")
    assert seen[0] == ("/materials/core/", ["mp-149"], "secret")


def test_a_key_is_needed_and_is_never_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MP_API_KEY", raising=False)
    assert "environment variable MP_API_KEY" in reason("mp-149")
    monkeypatch.setenv("MP_API_KEY", "secret")
    stolen = []
    with (
        answering(lambda *given: (stolen.append(given), (200, {}))[1]) as thief,
        answering(lambda *_: (302, f"{thief}/materials/core/")) as address,
    ):
        monkeypatch.setenv("MP_API_ENDPOINT", address)
        found = reason("mp-149")
    assert stolen == []
    assert "answers 302" in found
    assert "secret" not in found


def entry(index: int) -> dict[str, Any]:
    return {"id": f"one-{index}", "type": "structures", "attributes": ATTRIBUTES}


def test_a_server_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_PAGES", 3)

    def endless(path: str, *_: object) -> tuple[int, Any]:
        return 200, {"data": [entry(0)], "links": {"next": {"href": f"{path}?again"}}}

    with answering(endless) as address:
        *found, last = scan([f"optimade:{address}"])
    assert len(found) == 3
    assert isinstance(last, Refused)
    assert "more than 3 pages" in last.reason


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, b"x" * 3000), "a page of more than"),
        ((200, b"[1, 2"), "not valid JSON|cannot be read|JSON"),
        ((200, {"meta": {}}), "the answer holds no data"),
        ((500, {"errors": [{"detail": "out of order"}]}), "answers 500: out of order"),
        ((200, {"data": [], "links": {"next": "https://elsewhere.org/2"}}), "lies on another server"),
    ],
)
def test_bad_answers_are_said(monkeypatch: pytest.MonkeyPatch, answer: tuple[int, Any], message: str) -> None:
    monkeypatch.setattr(remote, "LARGEST_PAGE", 2000)
    with answering(lambda *_: answer) as address, pytest.raises(InputError, match=message):
        raise InputError(reason(f"optimade:{address}"))


def test_a_slow_or_absent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be reached (ConnectionError)" in reason(f"optimade:http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(remote, "READ_SECONDS", 0.2)
    with answering(lambda *_: (time.sleep(0.6), (200, {}))[1]) as address:
        assert "cannot be reached (ReadTimeout)" in reason(f"optimade:{address}")


def test_one_bad_structure_costs_no_other() -> None:
    bad = {"id": "bad", "attributes": ATTRIBUTES | {"structure_features": ["disorder"]}}
    with answering(lambda *_: (200, {"data": [entry(0), bad, "?", entry(1)]})) as address:
        found = list(scan([f"optimade:{address}"]))
    assert [isinstance(one, Entry) for one in found] == [True, False, False, True]
