"""The JSON API gives the command line's numbers, and what is hostile gets a 4xx with a sentence."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings

from conftest import WEB_LIMITS, Run, assert_same, assert_same_table, command_line, served
from dielectra.documents.crystal import PredictedCrystal, ReadCrystal
from dielectra.documents.properties import SolarDocument
from dielectra.documents.stack import StackSpectra
from dielectra.errors import InputError
from dielectra.models.model import Model
from dielectra.models.store import default_models
from dielectra.optics.stack import Layer, stack_optics
from dielectra.predictor import predict
from dielectra.web.app import create_app, served_models
from dielectra.web.limits import MEBIBYTE, Limits
from dielectra.web.server import serve
from dielectra.web.uploads import plain_name

pytestmark = pytest.mark.slow

EXAMPLES = Path("examples")
SHIPPED = Path("src/dielectra/web/static/examples")


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    """Return a client of a server with the default model."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def form(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", file) for file in files]


def example(name: str) -> tuple[str, bytes]:
    return f"{name}.cif", (SHIPPED / f"{name}.cif").read_bytes()


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("level", ["ipa", "rpa"])
def test_predictions_are_those_of_the_command_line(
    client: httpx.Client, run: Run, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    answer = client.post("/api/predict", params={"level": level}, files=form(example("MgO"), example("GaN")))
    monkeypatch.chdir(SHIPPED)
    assert answer.status_code == 200
    assert_same(answer.json(), command_line(run, "predict", "MgO.cif", "GaN.cif", "--level", level))


def test_the_api_describes_itself_by_the_documents_of_the_command_line(client: httpx.Client, run: Run) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for document in (PredictedCrystal, SolarDocument, StackSpectra, ReadCrystal):
        described = schemas[document.__name__]["properties"]
        assert {key: entry.get("description") for key, entry in described.items()} == {
            key: field.description for key, field in document.model_fields.items()
        }
    entries = command_line(run, "predict", str(SHIPPED / "MgO.cif"), "--property", "slme")
    answer = client.post("/api/predict", files=form(example("MgO"))).json()
    for entry in (*entries, *answer):
        PredictedCrystal.model_validate(entry | {"properties": None})
    SolarDocument.model_validate(entries[0]["properties"]["slme"])


def test_models_are_the_default_ones_of_the_command_line(client: httpx.Client, run: Run) -> None:
    listed = command_line(run, "models", "list")
    defaults = [entry for entry in listed if entry["name"] in default_models().values()]
    assert client.get("/api/models").json() == defaults
    assert defaults


def test_a_table_is_that_of_the_command_line(client: httpx.Client, run: Run, tmp_path: Path) -> None:
    command_line(run, "predict", str(SHIPPED / "NaCl.cif"), "--csv", str(tmp_path))
    answer = client.post("/api/csv", files=form(example("NaCl")))
    assert answer.headers["content-type"].startswith("text/csv")
    assert_same_table(answer.content, (tmp_path / "NaCl.csv").read_bytes())


def test_units_are_those_of_the_command_line(client: httpx.Client, run: Run, tmp_path: Path) -> None:
    axis = {"unit": "nm", "range": "400:800", "step": "20"}
    options = [word for key, value in axis.items() for word in (f"--{key}", value)]
    answer = client.post("/api/predict", params=axis, files=form(example("NaCl")))
    assert answer.json()[0]["wavelength_nm"] == list(range(400, 801, 20))
    command_line(run, "predict", str(SHIPPED / "NaCl.cif"), "--csv", str(tmp_path), *options)
    table = client.post("/api/csv", params=axis, files=form(example("NaCl")))
    assert_same_table(table.content, (tmp_path / "NaCl.csv").read_bytes())
    refused = client.post("/api/predict", params={"unit": "parsec"}, files=form(example("NaCl")))
    assert refused.status_code == 422
    assert "unknown unit 'parsec'" in refused.json()["detail"]


def test_every_crystal_of_every_form_of_file_is_answered(client: httpx.Client) -> None:
    cell, coords = (np.eye(3) * 4.1).tolist(), [[0] * 3, [0.5] * 3]
    line = json.dumps({"cell": cell, "species": ["Na", "Cl"], "frac_coords": coords})
    poscar = "B2\n1.0\n4.1 0 0\n0 4.1 0\n0 0 4.1\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
    xyz = '2\nLattice="4.1 0 0 0 4.1 0 0 0 4.1" pbc="T T T"\nNa 0 0 0\nCl 2.05 2.05 2.05\n'
    files = form(("two.jsonl", f"{line}\n{line}\n".encode()), ("POSCAR", poscar.encode()), ("a.xyz", xyz.encode()))
    answer = client.post("/api/predict", files=files)
    assert answer.status_code == 200, answer.text
    entries = answer.json()
    assert [entry["file"] for entry in entries] == ["two.jsonl#0", "two.jsonl#1", "POSCAR", "a.xyz"]
    assert {entry["formula"] for entry in entries} == {"NaCl"}
    for entry in entries[1:]:
        np.testing.assert_allclose(entry["eps2"]["mean"], entries[0]["eps2"]["mean"], atol=1e-4)


def test_a_structure_is_read_as_given(client: httpx.Client) -> None:
    (crystal,) = client.post("/api/structure", files=form(example("MgO"))).json()
    assert (crystal["file"], crystal["formula"], crystal["space_group"]) == ("MgO.cif", "MgO", 225)
    assert crystal["space_group_symbol"] == "F m -3 m"
    assert sorted(crystal["species"]) == ["Mg"] * 4 + ["O"] * 4
    np.testing.assert_allclose(crystal["lattice"], 4.212 * np.eye(3), atol=1e-9)


def test_a_batch_answers_what_it_can_and_tells_the_rest(client: httpx.Client) -> None:
    content = archive(
        {
            "set/MgO.cif": example("MgO")[1],
            "SrTiO3.cif": example("SrTiO3")[1].replace(b"Ti", b"Ra"),
            "readme.txt": b"crystals",
            "__MACOSX/._MgO.cif": b"junk",
            "broken.cif": b"data_x\n",
        }
    )
    answer = client.post("/api/batch", files=form(("set.zip", content), example("NaCl")))
    first, *lines = [json.loads(line) for line in answer.text.splitlines()]
    assert first == {"files": 5}
    assert [line["file"] for line in lines] == ["MgO.cif", "SrTiO3.cif", "readme.txt", "broken.cif", "NaCl.cif"]
    alone = client.post("/api/predict", files=form(example("MgO"))).json()
    assert lines[0]["predictions"] == alone
    assert "no features for Ra" in lines[1]["problem"]
    assert "not known as a structure file" in lines[2]["problem"]
    assert "_cell_length_a" in lines[3]["problem"]
    assert lines[4]["predictions"][0]["formula"] == "NaCl"


def test_a_batch_without_curves_has_rows_of_numbers(client: httpx.Client) -> None:
    answer = client.post("/api/batch", params={"curves": False}, files=form(example("MgO")))
    _, line = [json.loads(line) for line in answer.text.splitlines()]
    (entry,) = client.post("/api/predict", files=form(example("MgO"))).json()
    (row,) = line["rows"]
    assert "predictions" not in line
    assert line["structures"][0]["formula"] == row["formula"] == "MgO"
    assert row["eps_infinity"] == entry["eps_infinity"]
    assert row["confidence"] == entry.get("confidence")


def test_a_model_of_your_own_answers_for_its_level(tiny_folder: Path, tiny_model: Model) -> None:
    models = served_models(str(tiny_folder))
    assert models == default_models() | {"ipa": str(tiny_folder)}
    with served(create_app(models, "ipa", n_workers=1)) as address, httpx.Client(base_url=address) as client:
        assert client.get("/api/service").json()["level"] == "ipa"
        (entry,) = client.post("/api/predict", params={"level": "ipa"}, files=form(example("MgO"))).json()
    assert entry["model"] == tiny_model.card.name
    assert len(entry["energy_ev"]) == 81


CELL = b"data_x\n_cell_length_a 90\n_cell_length_b 90\n_cell_length_c 90\n"
CELL += b"_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
SITES = b"loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
OPERATIONS = b"loop_\n_symmetry_equiv_pos_as_xyz\n"
CUBE = [1, 0, 0, 0, 1, 0, 0, 0, 1]
COUNTS = b"x\n1.0\n9 0 0\n0 9 0\n0 0 9\nMg O\n900000000 900000000\nDirect\n0 0 0\n"
HOSTILE = {
    "a CIF of 60,000 atoms": (("x.cif", CELL + SITES + b"O O .1 .2 .3\n" * 60_000), 422, "holds 60000 atoms or more"),
    "a CIF of a million atoms": (("x.cif", CELL + SITES + b"O O .1 .2 .3\n" * 1_000_000), 422, "may have 2 MiB"),
    "too many operations": (
        ("x.cif", CELL + OPERATIONS + b"x,y,z\n" * 9_000 + SITES + b"O O 0 0 0\n"),
        422,
        "9000 symmetry operations",
    ),
    "a POSCAR that announces a billion atoms": (("POSCAR", COUNTS), 422, "cannot be read"),
    "an extxyz that announces a billion atoms": (
        ("x.xyz", b"1000000000\n\nH 0 0 0\n"),
        422,
        "number of atoms is '1000000000', which is too large",
    ),
    "atoms on top of each other": (
        ("x.json", json.dumps({"cell": CUBE, "species": ["H"] * 4000, "frac_coords": [0] * 12000}).encode()),
        422,
        "closer than",
    ),
    "many crystals": (
        ("x.jsonl", b'{"cell":[4,0,0,0,4,0,0,0,4],"species":["H"],"frac_coords":[0,0,0]}\n' * 500),
        422,
        "500 crystals; up to 100",
    ),
    "invalid UTF-8": (("x.cif", b"data_x\n_cell_length_a 4\xff\n"), 422, "not UTF-8 text (byte 23)"),
    "zero bytes": (("x.cif", b""), 422, "empty"),
    "binary": (("x.cif", bytes(range(128)) * 100), 422, "x.cif"),
    "another kind of file": (("x.exe", b"MZ"), 422, "not known as a structure file"),
    "a compressed file": (("x.cif.gz", b"\x1f\x8b"), 422, "not compressed"),
    "a python object": (("x.pkl", b"cos\nsystem\n"), 422, "not known as a structure file"),
    "deep JSON": (("x.json", b"[" * 100_000), 422, "x.json"),
    "not numbers": (("x.json", b'{"cell":[NaN,0,0,0,4,0,0,0,4],"species":["H"],"frac_coords":[0,0,0]}'), 422, "finite"),
    "an element without features": (("x.cif", example("SrTiO3")[1].replace(b"Ti", b"Ra")), 422, "no features for Ra"),
    "a large body": (("x.cif", b" " * (17 * MEBIBYTE)), 413, "larger than 16 MiB"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_gets_a_sentence(client: httpx.Client, case: str) -> None:
    file, status, sentence = HOSTILE[case]
    begin = time.perf_counter()
    answer = client.post("/api/predict", files=form(file))
    assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.text
    assert tempfile.gettempdir() not in answer.text
    assert time.perf_counter() - begin < 2 * WEB_LIMITS.seconds
    assert client.post("/api/predict", files=form(example("MgO"))).status_code == 200


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({f"{index}.cif": b"0" * 100 for index in range(31)}, "holds 31 files; up to 30 are taken"),
        ({f"{index}.cif": bytes(5 * MEBIBYTE) for index in range(13)}, "65 MiB once unpacked; up to 64 MiB"),
        ({"../../evil.cif": b"data_x"}, "names a path outside the archive"),
        ({"/etc/evil.cif": b"data_x"}, "names a path outside the archive"),
        ({"..\\evil.cif": b"data_x"}, "names a path outside the archive"),
        ({"C:\\evil.cif": b"data_x"}, "names a path outside the archive"),
        ({}, "the archive is empty"),
    ],
)
def test_a_hostile_archive_gets_a_sentence(client: httpx.Client, members: dict[str, bytes], sentence: str) -> None:
    answer = client.post("/api/batch", files=form(("set.zip", archive(members))))
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


def test_a_damaged_or_encrypted_archive_gets_a_sentence(client: httpx.Client) -> None:
    whole = archive({"MgO.cif": example("MgO")[1] * 50})
    encrypted = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[whole.index(signature) + offset] |= 1
    for content in (b"PK\x03\x04 no archive", whole[: len(whole) // 2], bytes(encrypted), b""):
        answer = client.post("/api/batch", files=form(("set.zip", content)))
        assert (answer.status_code, answer.json()["detail"][:7]) == (422, "set.zip")
    broken = whole.replace(whole[60:70], bytes(10))
    assert client.post("/api/batch", files=form(("set.zip", broken))).status_code == 422


def test_many_archives_share_one_limit(client: httpx.Client) -> None:
    large = archive({f"{index}.cif": bytes(2 * MEBIBYTE) for index in range(12)})
    answer = client.post("/api/batch", files=form(*[(f"{index}.zip", large) for index in range(20)]))
    assert answer.status_code == 422
    assert "36 files of 72 MiB, and more" in answer.json()["detail"]


def test_a_large_member_costs_only_itself(client: httpx.Client) -> None:
    content = archive({"large.cif": bytes(3 * MEBIBYTE), "MgO.cif": example("MgO")[1]})
    _, large, small = client.post("/api/batch", files=form(("set.zip", content))).text.splitlines()
    assert "may have 2 MiB" in json.loads(large)["problem"]
    assert json.loads(small)["predictions"][0]["formula"] == "MgO"


def test_a_body_without_a_declared_length_is_cut(client: httpx.Client) -> None:
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="x.cif"\r\n\r\n'
    content = (head if index == 0 else bytes(MEBIBYTE) for index in range(100))
    answer = client.post("/api/predict", content=content, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 413
    assert "larger than 16 MiB" in answer.json()["detail"]


def test_names_decide_nothing_and_are_reported_back(client: httpx.Client) -> None:
    for name in ("../../../tmp/dielectra-evil.cif", "..\\evil.cif", "a" * 500 + ".cif", "Ä<b>ö.cif"):
        (entry,) = client.post("/api/predict", files=form((name, example("MgO")[1]))).json()
        assert entry["file"] == plain_name(name)
        assert "/" not in entry["file"]
        assert len(entry["file"]) <= 150
    assert not list(Path(tempfile.gettempdir()).glob("*evil*"))


def test_pages_carry_strict_headers(client: httpx.Client) -> None:
    for path in ("/", "/static/js/main.js", "/api/models", "/nowhere"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_a_request_under_a_foreign_name_is_refused(client: httpx.Client) -> None:
    assert client.get("/api/models", headers={"host": "evil.example"}).status_code == 400


def test_too_many_requests_at_a_time_are_turned_away() -> None:
    limits = Limits(waiting=1)
    with served(create_app(served_models(), n_workers=1, limits=limits)) as address:

        def ask(_: int) -> int:
            return httpx.post(f"{address}/api/predict", files=form(example("MgO")), timeout=60).status_code

        with ThreadPoolExecutor(6) as threads:  # asyncio would not run beside a browser's loop
            codes = set(threads.map(ask, range(6)))
    assert codes == {200, 503}


def mean_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the derived properties of a prediction are asked with."""
    parts = {key: entry[key]["mean"] for key in ("eps1", "eps2")}
    gaps = {key: entry[key] for key in ("gap_ev", "gap_direct_ev")}
    return {"energy_ev": entry["energy_ev"], **parts, "level": entry["level"], "broadening_ev": 0.3, **gaps}


def test_derived_properties_are_those_of_the_command_line(client: httpx.Client, run: Run) -> None:
    options = ("--property", "colour", "--property", "film-colour", "--property", "slme", "--thickness-nm", "200")
    (entry,) = command_line(run, "predict", str(SHIPPED / "GaAs.cif"), *options, "--illuminant", "A")
    expected = entry["properties"]
    request = {"spectrum": mean_of(entry), "thickness_nm": 200}
    colours = client.post("/api/colour", json=request | {"illuminant": "A"}).json()
    assert colours["bulk"]["lab"] == pytest.approx(expected["colour"]["lab"], abs=1e-4)
    assert colours["film"]["hex"] == expected["film-colour"]["hex"]
    solar = client.post("/api/solar", json=request).json()
    for key, value in solar.items():
        assert value == (
            expected["slme"][key] if isinstance(value, str) else pytest.approx(expected["slme"][key], rel=1e-4)
        )


def test_a_stack_is_that_of_the_python_function(client: httpx.Client) -> None:
    (entry,) = client.post("/api/predict", files=form(example("MgO"))).json()
    request = {
        "spectrum": mean_of(entry),
        "layers": [{"thickness_nm": 90, "index": {"n": 1.38}}, {"thickness_nm": 300}],
        "exit_index": None,
        "angle_degrees": 30,
        "polarisation": "s",
        "points": 12,
    }
    found = client.post("/api/stack", json=request).json()
    spectrum = predict(SHIPPED / "MgO.cif")
    layers = [Layer(1.38, 90), Layer(spectrum, 300)]
    expected = stack_optics(layers, np.linspace(0.5, 6.0, 12), 30.0, "s", exit_medium=spectrum)
    np.testing.assert_allclose(found["reflectance"][0], expected.reflectance[0], atol=1e-5)
    np.testing.assert_allclose(found["absorptance"][0], expected.absorptance[0], atol=1e-5)


def test_a_spectrum_that_is_none_gets_a_sentence(client: httpx.Client) -> None:
    spectrum = {"energy_ev": [1, 2, 3], "eps1": [1, 1], "eps2": [0, 0, 0]}
    answer = client.post("/api/colour", json={"spectrum": spectrum})
    assert answer.json()["detail"] == "energy_ev, eps1 and eps2 need one length; got 3, 2 and 3"
    answer = client.post("/api/colour", json={"spectrum": spectrum | {"eps1": [1, 1, 1]}})
    assert "covers 1-3 eV (413.3 nm to 1240 nm), but 1.58954-3.44401 eV" in answer.json()["detail"]


def test_measured_spectra_are_found_by_formula(client: httpx.Client) -> None:
    found = client.get("/api/measured", params={"formula": "Si", "space_group": 227}).json()
    assert {entry["formula"] for entry in found} == {"Si"}
    assert all(len(entry["n"]) == len(entry["energy_ev"]) for entry in found)
    assert client.get("/api/measured", params={"formula": "NaCl"}).json() == []
    assert "not a chemical formula" in client.get("/api/measured", params={"formula": "!"}).json()["detail"]


def test_the_verb_serves_until_interrupted() -> None:
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--workers", "1", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads((server.stdout or sys.stdin).readline())["url"]
        assert "Dielectra" in httpx.get(address).text
        port = address.rpartition(":")[2]
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1, port {port}"):
            serve(print, port=int(port))
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
    finally:
        server.kill()
        server.communicate()


def test_a_worker_that_is_killed_while_the_server_starts_ends_it_with_a_sentence() -> None:
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        workers: list[psutil.Process] = []
        while server.poll() is None and not workers:
            children = psutil.Process(server.pid).children()
            workers = [one for one in children if "spawn_main" in str(one.cmdline())]
        workers[0].kill()
        out, err = server.communicate(timeout=60)
    assert (server.returncode, out) == (2, "")
    assert "was killed by SIGKILL before it was ready" in err
    assert "Traceback" not in err


def test_damaged_weights_end_the_start_with_a_sentence(tiny_folder: Path, run: Run) -> None:
    weights = tiny_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    code, _, err = run("serve", "--model", tiny_folder, "--port", 0, "--workers", 1)
    assert code == 2
    assert "model.safetensors" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "port 99999 does not exist"),
        (["--host", "300.1.1.1"], "cannot listen on 300.1.1.1"),
        (["--model", "nothing"], "model 'nothing' not found"),
        (["--level", "gw"], "unknown level 'gw'"),
    ],
)
def test_bad_options_are_refused(arguments: list[str], message: str, run: Run) -> None:
    code, _, err = run("serve", *arguments)
    assert code == 2
    assert message in err


def test_examples_beside_the_page_are_those_of_the_repository() -> None:
    shared = {path.name for path in SHIPPED.glob("*.cif")} & {path.name for path in EXAMPLES.glob("*.cif")}
    assert len(shared) >= 5
    for name in shared:
        assert (SHIPPED / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_the_api_answers_as_it_describes(address: str, subtests: pytest.Subtests) -> None:
    """No 5xx; status, content type and body are those of the OpenAPI description.

    Every operation is met and, where it takes input, missed.
    """
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    description = schemathesis.openapi.from_dict(create_app(served_models()).openapi())
    for operation in (found.ok() for found in description.get_all_operations()):
        takes_input = {"parameters", "requestBody"} & set(operation.definition.raw)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes_input else (GenerationMode.POSITIVE,):

            @settings(max_examples=15, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.call_and_validate(base_url=address, checks=checks)

            with subtests.test(path=operation.path, mode=mode.value):
                ask()


CASES = Path(__file__).parent / "data" / "structures" / "hostile"


@pytest.mark.parametrize("route", ["predict", "batch"])
def test_an_archive_that_lies_about_its_sizes_is_refused_at_little_cost(client: httpx.Client, route: str) -> None:
    content = (CASES / "lie_bz2.zip").read_bytes()  # 4.5 kB that declare 1,000 bytes and unpack to gigabytes
    begin = time.perf_counter()
    answer = client.post(f"/api/{route}", files=form(("lie.zip", content)))
    assert (answer.status_code, "unpacks to more than it declares" in answer.json()["detail"]) == (413, True)
    assert time.perf_counter() - begin < 5


def test_zips_are_predicted_like_their_files(client: httpx.Client) -> None:
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        content = archive({"a/MgO.cif": example("MgO")[1]}, compression)
        answer = client.post("/api/predict", files=form(("set.zip", content), example("GaN")))
        assert [entry["file"] for entry in answer.json()] == ["MgO.cif", "GaN.cif"]
    answer = client.post("/api/predict", files=form(("set.zip", archive({"a.cif": b"x"}, zipfile.ZIP_LZMA))))
    assert (answer.status_code, "plain zip" in answer.json()["detail"]) == (422, True)


def is_worker(process: psutil.Process) -> bool:
    """Return whether a process is a live worker of the server; one killed before may not have been reaped yet."""
    return process.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(process.cmdline())


def test_a_killed_worker_is_replaced(address: str, client: httpx.Client) -> None:
    for _ in range(2):
        (worker,) = [child for child in psutil.Process().children() if is_worker(child)]
        worker.kill()
        assert client.post("/api/predict", files=form(example("MgO"))).status_code == 200
        assert client.get("/healthz").json()["workers"] == 1


def test_a_page_of_another_origin_predicts_nothing(client: httpx.Client) -> None:
    answer = client.post("/api/predict", files=form(example("MgO")), headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "script-src 'self'" in answer.headers["content-security-policy"]
