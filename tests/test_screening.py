"""Screening: pools of every form, rows that cost no others, shards that resume, questions that only read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import ase.build
import ase.db
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from conftest import Run
from dielectra.errors import InputError
from dielectra.jobs.table import JobTable
from dielectra.models.model import Model
from dielectra.models.store import save_model
from dielectra.prediction import loaded_model, predict_many
from dielectra.properties import PropertyOptions, derive
from dielectra.screening.columns import Wanted, index_column
from dielectra.screening.deaths import Deaths
from dielectra.screening.pieces import piece_of
from dielectra.screening.pool import Source, pieces_of
from dielectra.screening.query import query
from dielectra.screening.run import prepare
from dielectra.screening.shards import shards_of
from dielectra.screening.spectra import decode, encode, read_spectra
from dielectra.screening.task import open_screening
from dielectra.structures import Entry, read_structure
from dielectra.symmetry import standard_form
from test_remote import answering

pytestmark = pytest.mark.slow

EXAMPLES = Path("examples")
WANTED = Wanted((589.3, 1550.0), 500.0, spectra=True)
OFFSETS = (4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6)


def line(name: str, length: float = 4.2, species: tuple[str, ...] = ("Mg", "O")) -> dict[str, Any]:
    cell = (np.eye(3) * length).tolist()
    return {"id": name, "lattice": cell, "species": list(species), "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}


def write_lines(path: Path, n: int = 7) -> Path:
    path.write_text("".join(json.dumps(line(f"c-{index}", 4.0 + 0.1 * index)) + "\n" for index in range(n)))
    return path


def run_all(table: JobTable) -> list[dict[str, Any]]:
    """Do all jobs of a screening in this process; return the rows of the result."""
    task = open_screening(table.settings())
    for job in table.jobs():
        task.run(table.payload(job.id), table.folder / "shards" / f"{job.id}.parquet", table.folder / "note.txt")
    return [row for shard in shards_of(table.folder) for row in pq.read_table(shard).to_pylist()]


@pytest.fixture
def model(tiny_model: Model, tmp_path: Path) -> str:
    return str(save_model(tiny_model.network, tiny_model.card, tmp_path / "model"))


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Return a folder with one file of every form."""
    import gzip

    folder = tmp_path / "pool"
    folder.mkdir()
    lines = write_lines(folder / "a.jsonl").read_bytes()
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    rows = [json.loads(text) for text in lines.splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), folder / "c.parquet", row_group_size=3)
    with ase.db.connect(folder / "d.db") as database:
        for symbol in ("Si", "Ge", "C"):
            database.write(ase.build.bulk(symbol, "diamond", 5.4))
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.write(EXAMPLES / "MgO.cif", "MgO.cif")
        archive.write(EXAMPLES / "GaAs.cif", "x/GaAs.cif")
    with tarfile.open(folder / "f.tar.gz", "w:gz") as tar:
        tar.add(EXAMPLES / "MgO.cif", "MgO.cif")
        tar.add(EXAMPLES / "GaAs.cif", "x/GaAs.cif")
    attributes = {
        "lattice_vectors": (np.eye(3) * 4.2).tolist(),
        "species_at_sites": ["Mg", "O"],
        "cartesian_site_positions": [[0, 0, 0], [2.1, 2.1, 2.1]],
    }
    page = {"data": [{"id": f"op-{index}", "type": "structures", "attributes": attributes} for index in range(3)]}
    (folder / "g.json").write_text(json.dumps(page))
    (folder / "h.cif").write_bytes((EXAMPLES / "MgO.cif").read_bytes())
    return folder


COUNTS = {"a.jsonl": 7, "b.jsonl.gz": 7, "c.parquet": 7, "d.db": 3, "e.zip": 2, "f.tar.gz": 2, "g.json": 3, "h.cif": 1}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_pieces_hold_every_crystal_of_every_form_once(pool: Path, tmp_path: Path, size: int) -> None:
    pieces = list(pieces_of([Source("pool", pool)], size, tmp_path / "copies"))
    again = [piece_of(json.loads(piece.model_dump_json())) for piece in pieces]
    assert again == pieces == list(pieces_of([Source("pool", pool)], size, tmp_path / "copies"))
    entries = [entry for piece in pieces for entry in piece.read()]
    assert all(isinstance(entry, Entry) for entry in entries)
    names = [entry.name for entry in entries]
    assert len(names) == len(set(names))
    assert {form: sum(name.startswith(f"pool/{form}") for name in names) for form in COUNTS} == COUNTS
    volumes = {form: [e.crystal.volume for e in entries if e.name.startswith(f"pool/{form}")] for form in COUNTS}  # type: ignore[union-attr]
    assert volumes["a.jsonl"] == volumes["b.jsonl.gz"] == volumes["c.parquet"] == pytest.approx([a**3 for a in OFFSETS])


def test_a_query_is_asked_once_and_whole_or_not_at_all(tmp_path: Path, model: str) -> None:
    attributes = {
        "lattice_vectors": (np.eye(3) * 4.2).tolist(),
        "species_at_sites": ["Mg", "O"],
        "cartesian_site_positions": [[0, 0, 0], [2.1, 2.1, 2.1]],
    }
    asked: list[str] = []

    def answer(path: str, parameters: dict[str, list[str]], _: Any) -> tuple[int, Any]:
        asked.append(path)
        (page,) = parameters.get("page", ["1"])
        if page == "2" and len(asked) == 2:
            return 500, {}
        data = [{"id": f"op-{page}-{index}", "type": "structures", "attributes": attributes} for index in range(2)]
        return 200, {"data": data, "links": {"next": f"{path}?page=2"} if page == "1" else {}}

    with answering(answer) as server:
        pool = [f"optimade:{server}?filter=nelements=2"]
        with pytest.raises(InputError, match="answers 500"):
            prepare(tmp_path / "r", pool, model, "ipa", WANTED, crystals_per_job=3)
        table = prepare(tmp_path / "r", pool, model, "ipa", WANTED, crystals_per_job=3)
        assert table.counts()["waiting"] == 2
        prepare(tmp_path / "r", pool, model, "ipa", WANTED, crystals_per_job=3)
    assert len(asked) == 4
    rows = run_all(table)
    assert [row["id"] for row in rows] == ["op-1-0", "op-1-1", "op-2-0", "op-2-1"]
    assert {row["file"] for row in rows} == set(pool)
    assert {row["formula"] for row in rows} == {"MgO"}
    with pytest.raises(InputError, match="no such file or folder"):
        prepare(tmp_path / "s", ["optimade"], model, "ipa", WANTED)


def test_a_crystal_that_cannot_be_used_costs_one_row(tmp_path: Path, model: str) -> None:
    texts = [json.dumps(line(f"c-{index}")) for index in range(5)]
    texts[1] = texts[1][:30]
    texts[3] = json.dumps(line("c-3", species=("Xx", "O")))
    (tmp_path / "a.jsonl").write_text("\n".join(texts))
    rows = run_all(prepare(tmp_path / "r", [tmp_path / "a.jsonl"], model, "rpa", WANTED, 2))
    assert [row["id"] for row in rows][::2] == ["c-0", "c-2", "c-4"]
    assert [row["reason"] is None for row in rows] == [True, False, True, False, True]
    assert "line 2: not valid JSON" in rows[1]["reason"]
    assert "unknown element 'Xx'" in rows[3]["reason"]
    assert rows[1]["eps_infinity"] is None


def test_columns_are_the_properties_of_predict(tmp_path: Path) -> None:
    files = [EXAMPLES / f"{name}.cif" for name in ("MgO", "GaAs", "SrTiO3")]
    (tmp_path / "pool").mkdir()
    for file in files:
        (tmp_path / "pool" / file.name).write_bytes(file.read_bytes())
    rows = {
        row["formula"]: row
        for row in run_all(prepare(tmp_path / "r", [tmp_path / "pool"], "ladder-ensemble", "rpa", WANTED, 10))
    }
    model = loaded_model("rpa", "ladder-ensemble", allow_metals=True)
    predictions = predict_many([read_structure(file) for file in files], model=model)
    for prediction in predictions:
        row = rows[prediction.formula]
        assert row["space_group"] == prediction.form.space_group
        assert row["eps_infinity"] == pytest.approx(prediction.eps_infinity, rel=1e-4)
        assert row[index_column(1550.0)] == pytest.approx(prediction.spectrum.n(1550, "nm"), rel=1e-4)
        assert row["gap_ev"] == pytest.approx(prediction.gap, rel=1e-4)
        options = PropertyOptions(gap=row["gap_direct_ev"], gap_indirect=min(row["gap_ev"], row["gap_direct_ev"]))
        derived = derive(prediction, ["slme", "colour", "anisotropy"], options)
        assert row["slme"] == pytest.approx(derived["slme"].slme, rel=1e-3)  # type: ignore[attr-defined]
        assert row["birefringence"] == pytest.approx(derived["anisotropy"].birefringence_589_nm, abs=1e-4)  # type: ignore[attr-defined]
        colour = derived["colour"].hex  # type: ignore[attr-defined]
        assert max(abs(int(row["colour"][i : i + 2], 16) - int(colour[i : i + 2], 16)) for i in (1, 3, 5)) <= 1
        (kept,) = read_spectra(tmp_path / "r", [row["id"]]).values()
        wanted = prediction.spectrum.mean
        assert np.abs(kept.mean - wanted).max() < 0.01 * np.abs(wanted).max()


def test_spectra_of_any_symmetry_are_kept_in_about_a_kilobyte(crystal: Any) -> None:
    predictor = loaded_model("rpa", "ladder-ensemble", allow_metals=True)
    form = standard_form(crystal)
    (admitted,) = predictor.admit_each([crystal], [form])
    (estimate,) = predictor.predict([admitted])  # type: ignore[list-item]
    spectrum = estimate.broadened  # type: ignore[union-attr]
    assert spectrum is not None
    payload = encode(spectrum, form)
    assert len(payload) < 2500
    back = decode(payload, spectrum.energies, spectrum.level, spectrum.broadening)
    expected = form.to_given_axes(spectrum.tensor)
    assert np.abs(back.tensor - expected).max() < 0.01 * np.abs(expected).max()
    with pytest.raises(InputError, match="is damaged"):
        decode(payload[:20], spectrum.energies, spectrum.level, spectrum.broadening)


def test_a_changed_screening_is_refused(tmp_path: Path, model: str) -> None:
    source = write_lines(tmp_path / "a.jsonl")
    prepare(tmp_path / "r", [source], model, "rpa", WANTED, 3)
    assert prepare(tmp_path / "r", [source], model, "rpa", WANTED, 3).counts()["waiting"] == 3
    with pytest.raises(InputError, match="another wavelengths_nm"):
        prepare(tmp_path / "r", [source], model, "rpa", WANTED._replace(wavelengths=(633.0,)), 3)
    source.write_text(source.read_text() + "\n")
    with pytest.raises(InputError, match="another pool"):
        prepare(tmp_path / "r", [source], model, "rpa", WANTED, 3)
    with pytest.raises(InputError, match="the model predicts from"):
        prepare(tmp_path / "q", [source], model, "rpa", WANTED._replace(wavelengths=(10.0,)), 3)
    with pytest.raises(InputError, match="no such file or folder"):
        prepare(tmp_path / "q", [tmp_path / "none"], model, "rpa", WANTED, 3)
    with pytest.raises(InputError, match="no piece of a pool"):
        piece_of({"kind": "lines", "path": 3})


def die(note: Path, begin: int, end: int) -> None:
    """Leave the note of a process that died in a step."""
    with pytest.raises(KeyboardInterrupt), Deaths(note).watching(begin, end):
        raise KeyboardInterrupt


def test_a_crystal_that_kills_its_process_is_passed_over(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    die(note, 0, 64)
    assert list(Deaths(note).parts(0, 64)) == [(0, 64)], "one death may have come from outside"
    die(note, 0, 64)
    assert list(Deaths(note).parts(0, 64)) == [(index, index + 1) for index in range(64)]
    assert list(Deaths(note).parts(64, 128)) == [(64, 128)]
    die(note, 7, 8)
    assert not Deaths(note).killed(7, 8), "one death may have come from outside"
    die(note, 7, 8)
    assert Deaths(note).killed(7, 8)
    assert not Deaths(note).killed(8, 9)
    Deaths(note).forget()
    assert not note.exists()


def test_a_process_that_dies_costs_the_row_of_its_crystal(tmp_path: Path, model: str) -> None:
    """The process ends itself in the reflectivity of one crystal, as compiled code may."""
    source = write_lines(tmp_path / "a.jsonl")
    prepare(tmp_path / "r", [source], model, "rpa", WANTED, 7)
    program = (
        "import os, sys\n"
        "from dielectra.screening import task\n"
        "find = task.find_form\n"
        "task.find_form = lambda c, *of: os.abort() if abs(c.volume - 4.3**3) < 1e-6 else find(c, *of)\n"
        "from dielectra.jobs.table import JobTable\n"
        "from pathlib import Path\n"
        "table = JobTable(sys.argv[1])\n"
        "result = Path(sys.argv[1]) / 'shards' / 'piece-00000000.parquet'\n"
        "screening, payload = task.open_screening(table.settings()), table.payload('piece-00000000')\n"
        "screening.run(payload, result, result.parents[1] / 'note')\n"
    )
    codes = [
        subprocess.run([sys.executable, "-c", program, tmp_path / "r"], capture_output=True).returncode
        for _ in range(5)
    ]
    assert codes == [-signal.SIGABRT] * 4 + [0]
    rows = pq.read_table(shards_of(tmp_path / "r")[0]).to_pylist()
    assert [row["reason"] is None for row in rows] == [True] * 3 + [False] + [True] * 3
    assert "died" in rows[3]["reason"]


def test_a_killed_screening_goes_on_to_an_equal_result(tmp_path: Path, model: str, run: Run) -> None:
    source = write_lines(tmp_path / "a.jsonl", 12)
    words = [str(source), "--model", model, "--crystals-per-job", "3", "--spectra", "--json"]
    code, out, err = run("screen", *words, "-o", tmp_path / "whole", "--where", "n_atoms = 2")
    assert code == 0, err
    assert json.loads(out)["selected"] == 12
    page = (tmp_path / "whole" / "report.html").read_text()
    assert "12 crystals, 12 predicted, 0 not" in page
    assert "data:image/png;base64," in page
    assert not (tmp_path / "whole" / "pool").exists()
    command = [sys.executable, "-m", "dielectra", "screen", *words, "-o", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed" / "shards").glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children(recursive=True)
    for victim in (process, *workers):
        victim.kill()
    process.wait()
    code, _, err = run("screen", *words, "-o", tmp_path / "killed")
    assert code == 0, err
    tables = [
        pa.concat_tables([pq.read_table(path) for path in shards_of(tmp_path / name)]) for name in ("whole", "killed")
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].column("id").to_pylist() == [f"c-{index}" for index in range(12)]


def test_the_device_is_that_of_the_settings(tmp_path: Path, model: str, run: Run) -> None:
    source = write_lines(tmp_path / "a.jsonl", 2)
    table = prepare(tmp_path / "r", [source], model, "rpa", WANTED, device="meta")
    assert loaded_model("rpa", model, device=table.settings()["device"]).network.device.type == "meta"  # type: ignore[attr-defined]
    for wanted, sentence in (("tpu", "give cpu or cuda"), ("cuda", "cannot be used here")):
        if not (wanted == "cuda" and torch.cuda.is_available()):
            code, _, err = run("screen", source, "--model", model, "-o", tmp_path / wanted, "--device", wanted)
            assert (code, sentence in " ".join(err.split())) == (2, True), err
            assert not (tmp_path / wanted).exists()
    code, _, err = run("screen", source, "--model", model, "-o", tmp_path / "r", "--device", "cpu")
    assert (code, "device was meta" in " ".join(err.split())) == (2, True)


HOSTILE = (
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM glob('/*')",
    "COPY crystals TO '{file}.csv'",
    "ATTACH '{file}.db'",
    "SET enable_external_access = true",
    "DROP VIEW crystals",
    "INSERT INTO crystals VALUES (1)",
    "LOAD httpfs",
    "SELECT 1; SELECT 2",
    "SELECT nothing_of_that_name FROM crystals",
    "not SQL",
)


def test_questions_read_the_result_and_nothing_else(tmp_path: Path, model: str, run: Run) -> None:
    run_all(prepare(tmp_path / "r", [write_lines(tmp_path / "a.jsonl")], model, "rpa", WANTED, 3))
    assert query(tmp_path / "r", "SELECT count(*), count(reason) FROM crystals").rows == [(7, 0)]
    secret = tmp_path / "secret.txt"
    secret.write_text("a,b\n1,2\n")
    for statement in HOSTILE:
        with pytest.raises(InputError):
            query(tmp_path / "r", statement.format(file=secret))
    assert sorted(path.name for path in tmp_path.glob("secret*")) == ["secret.txt"]
    code, out, _ = run(
        "query", tmp_path / "r", "SELECT id, spectrum, warnings FROM crystals ORDER BY id LIMIT 2", "--json"
    )
    assert code == 0
    assert [row["id"] for row in json.loads(out)] == ["c-0", "c-1"]
    code, out, _ = run("query", tmp_path / "r", "SELECT max(n_589_3nm) AS highest FROM crystals")
    assert (code, "highest" in out) == (0, True)
    code, _, err = run("query", tmp_path / "none", "SELECT 1")
    assert (code, "holds no result of a screening" in err) == (2, True)


def two_blocks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration of Parsl for two local blocks, which find this Python's commands; return its path."""
    pytest.importorskip("parsl", reason="needs the extra [hpc]")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    path = folder / "config.py"
    path.write_text(
        "from dielectra.jobs.parsl import local_config\n"
        f"config = local_config(1, {str(folder / 'parsl')!r}, n_blocks=2)\n"
    )
    return path


@pytest.mark.filterwarnings("default")  # the warnings are Parsl's own
def test_a_screening_runs_on_two_blocks_of_parsl(tmp_path: Path, model: str, run: Run, monkeypatch: Any) -> None:
    source = write_lines(tmp_path / "a.jsonl", 9)
    config = two_blocks(tmp_path, monkeypatch)
    words = [source, "--model", model, "--crystals-per-job", "3", "--json"]
    code, out, err = run("screen", *words, "-o", tmp_path / "r", "--parsl", config)
    assert code == 0, err
    assert json.loads(out)["crystals"] == 9
    rows = query(tmp_path / "r", "SELECT id, eps_infinity FROM crystals").rows
    assert rows == query(tmp_path / "r", "SELECT DISTINCT id, eps_infinity FROM crystals ORDER BY id").rows


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose command names a folder."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(one.info["cmdline"] or [])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_parsl_outlives_its_driver(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    source = write_lines(tmp_path / "a.jsonl", 40)
    config = two_blocks(tmp_path, monkeypatch)
    command = [sys.executable, "-m", "dielectra", "screen", str(source), "-o", str(tmp_path / "r"), "--model", model]
    command += ["--crystals-per-job", "1", "--parsl", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        while driver.poll() is None and not list((tmp_path / "r").glob("shards/*.parquet")):
            time.sleep(0.1)
        children = psutil.Process(driver.pid).children()
        assert children
        driver.send_signal(number)
        assert driver.wait(timeout=120) != 0
    assert psutil.wait_procs(children, timeout=60)[1] == []
    if number == signal.SIGTERM:  # what is killed outright ends later, when its heart is missed
        end = time.monotonic() + 60
        while processes_in(tmp_path) and time.monotonic() < end:
            time.sleep(0.2)
        assert processes_in(tmp_path) == []
    for process in processes_in(tmp_path):
        os.kill(process, signal.SIGKILL)
