from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from conftest import make_aln, make_mgo
from dielectra.abinitio.campaign import computed, create_campaign, export_campaign, status
from dielectra.abinitio.convergence import compare_protocols
from dielectra.abinitio.materials import Material, read_materials
from dielectra.abinitio.protocol import LADDER_1, LADDER_1_FINE, Protocol
from dielectra.abinitio.task import record_path
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.jobs.local import run_jobs
from dielectra.jobs.table import JobTable
from dielectra.jobs.worker import Limits

TRUSTED = ["oscillator_engine"]
TESTS = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _engine_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)


def crystal_of(symbol: str, a: float = 4.0) -> Crystal:
    return make_crystal(np.eye(3) * a, [symbol, "H"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def materials(*symbols: str) -> list[Material]:
    return [Material(f"m-{symbol}", f"{symbol}H", crystal_of(symbol), "train") for symbol in symbols]


def campaign(folder: Path, *symbols: str, protocol: Protocol = LADDER_1) -> JobTable:
    return create_campaign(folder, materials(*symbols), "oscillator_engine", protocol)[0]


def run_campaign(folder: Path, n_workers: int = 1, *options: object, **more: object) -> dict[str, int]:
    return run_jobs(folder, n_workers, *options, **more, trusted=TRUSTED)  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_material_gets_both_spectra(tmp_path: Path) -> None:
    campaign(tmp_path / "c", "Li", "Na", "K")
    counts = run_campaign(tmp_path / "c", n_workers=2)
    assert counts == {"waiting": 0, "running": 0, "done": 3, "refused": 0, "failed": 0}
    for name in ("m-Li", "m-Na", "m-K"):
        records = list(open_dataset(record_path(tmp_path / "c", name)).records())
        assert [record.spectrum.level for record in records] == ["ipa", "rpa"]
        assert records[0].properties["gap_direct"] == 1.0
    entries = computed(tmp_path / "c")
    assert {entry["id"] for entry in entries} == {"m-Li", "m-Na", "m-K"}
    assert entries[0]["properties"] == {"gap_other": 1.5}
    assert all(entry["static_eps"]["ipa"] > entry["static_eps"]["rpa"] > 1 for entry in entries)


@pytest.mark.slow
def test_what_cannot_be_computed_does_not_stop_the_others(tmp_path: Path) -> None:
    campaign(tmp_path / "c", "He", "Ne", "Ar", "Kr", "Xe", "Rn", "Li")
    counts = run_campaign(tmp_path / "c", 2, Limits(cpu_seconds=4, memory=4 * 2**30), maximum_attempts=2)
    assert counts == {"waiting": 0, "running": 0, "done": 1, "refused": 1, "failed": 5}
    reasons = {entry["id"]: (entry["state"], entry["reason"]) for entry in status(tmp_path / "c")["not_computed"]}
    assert reasons["m-Ne"] == ("refused", "HNe: refused for a reason of two lines")
    assert reasons["m-He"] == ("failed", "ValueError: did not converge")
    assert reasons["m-Ar"] == ("failed", "memory limit reached")
    assert reasons["m-Kr"] == ("failed", "CPU time limit reached")
    assert reasons["m-Rn"] == ("failed", "no space left on the disk")
    assert reasons["m-Xe"] == ("failed", "its process died 2 times (signal 9)")


@pytest.mark.slow
def test_failed_jobs_can_be_tried_again(tmp_path: Path) -> None:
    table = campaign(tmp_path / "c", "He", "Ne")
    run_campaign(tmp_path / "c")
    assert table.retry(["failed"]) == 1
    assert table.counts()["waiting"] == 1
    assert table.job("m-He").attempts == 0


@pytest.mark.slow
def test_work_is_done_by_priority_then_as_added(tmp_path: Path) -> None:
    first = [m._replace(priority=p) for m, p in zip(materials("Li", "Na", "K"), (0.0, 2.0, 1.0), strict=True)]
    table, n_new = create_campaign(tmp_path / "c", first, "oscillator_engine", LADDER_1)
    assert n_new == 3
    assert create_campaign(tmp_path / "c", materials("Na", "Rb"), "oscillator_engine", LADDER_1)[1] == 1
    assert table.waiting(10) == ["m-Na", "m-K", "m-Li", "m-Rb"]
    run_campaign(tmp_path / "c")
    assert [job.id for job in table.jobs("done")] == ["m-Na", "m-K", "m-Li", "m-Rb"]


@pytest.mark.slow
def test_status_tells_cost_rate_and_what_is_left(tmp_path: Path) -> None:
    table = campaign(tmp_path / "c", "Li", "Na", "K")
    report = status(tmp_path / "c")
    assert report["jobs"]["waiting"] == 3
    assert report["cpu_seconds_median"] == {}
    run_campaign(tmp_path / "c")
    report = status(tmp_path / "c")
    assert report["cpu_seconds_median"]["total"] == pytest.approx(0.05)
    assert report["cpu_seconds_median"]["response"] == pytest.approx(0.03)
    assert report["materials_per_hour"] > 0
    assert report["hours_left"] == 0
    assert (report["engine"], report["protocol"]) == ("oscillators 1", "ladder-1")
    assert json.dumps(report)
    assert table.settings()["protocol"]["response_kpoints"] == 1000


@pytest.mark.slow
def test_an_export_adds_parts_and_rewrites_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dielectra.abinitio.campaign.MATERIALS_PER_PART", 2)
    campaign(tmp_path / "c", "Li", "Na", "K")
    run_campaign(tmp_path / "c")
    parts = export_campaign(tmp_path / "c", tmp_path / "set")
    assert [part.name for part in parts] == ["part-0000.parquet", "part-0001.parquet"]
    before = parts[0].read_bytes()
    assert export_campaign(tmp_path / "c", tmp_path / "set") == []
    campaign(tmp_path / "c", "Rb")
    run_campaign(tmp_path / "c")
    assert [part.name for part in export_campaign(tmp_path / "c", tmp_path / "set")] == ["part-0002.parquet"]
    assert parts[0].read_bytes() == before
    labels = open_dataset(tmp_path / "set").labels("rpa")
    assert sorted(labels.ids) == ["m-K", "m-Li", "m-Na", "m-Rb"]
    assert labels.broadening == 0.3
    assert open_dataset(tmp_path / "set").ids == set(labels.ids)


@pytest.mark.slow
def test_a_metal_is_kept_as_a_verdict(tmp_path: Path) -> None:
    campaign(tmp_path / "c", "Au", "Li")
    assert run_campaign(tmp_path / "c")["done"] == 2
    entries = {entry["id"]: entry for entry in computed(tmp_path / "c")}
    assert (entries["m-Au"]["metal"], entries["m-Au"]["static_eps"]) == (True, {})
    assert entries["m-Li"]["metal"] is False
    for _ in range(2):
        export_campaign(tmp_path / "c", tmp_path / "set")
        (line,) = (tmp_path / "set" / "metals.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["id"], entry["metal"], entry["gap_indirect"]) == ("m-Au", True, 0.0)
    assert sorted(entry["species"]) == ["Au", "H"]
    assert open_dataset(tmp_path / "set").ids == {"m-Li"}


@pytest.mark.slow
def test_two_protocols_are_compared_material_by_material(tmp_path: Path) -> None:
    campaign(tmp_path / "a", "Li", "Na")
    campaign(tmp_path / "b", "Li", "He", protocol=LADDER_1_FINE)
    for name in ("a", "b"):
        run_campaign(tmp_path / name)
    assert compare_protocols(tmp_path / "a", tmp_path / "b") == {"m-Li": {"ipa": 1.0, "rpa": 1.0}}


def test_a_folder_belongs_to_one_engine_and_protocol(tmp_path: Path) -> None:
    campaign(tmp_path / "c", "Li")
    with pytest.raises(InputError, match="holds a campaign of oscillator_engine by ladder-1; choose another folder"):
        campaign(tmp_path / "c", "Na", protocol=LADDER_1_FINE)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no job table"):
        campaign(tmp_path / "other", "Li")
    with pytest.raises(InputError, match="holds no job table"):
        run_campaign(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no job 'm-K' in this table"):
        JobTable(tmp_path / "c").job("m-K")


def start_runner(folder: Path, n_workers: int = 2) -> subprocess.Popen[bytes]:
    code = f"from dielectra.jobs.local import run_jobs as r; r({str(folder)!r}, {n_workers}, None, 99, None, {TRUSTED})"
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def workers_of(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"dielectra.jobs.worker" in words and str(folder).encode() in words:
                found.append(int(entry.name))
    return found


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def survive_kills(folder: Path, names: set[str], n_kills: int, longest_wait: float) -> None:
    """Kill runner or workers at random moments, then let the campaign end and check every record."""
    dice = random.Random(0)
    runner = start_runner(folder)
    for index in range(n_kills):
        time.sleep(dice.uniform(0.0, longest_wait))
        if index % 2:
            for worker in workers_of(folder):
                kill(worker)
        else:
            kill(runner.pid)
            runner.wait()
            runner = start_runner(folder)
    assert runner.wait(timeout=600) == 0
    table = JobTable(folder)
    assert [job.error for job in table.jobs() if job.state != "done"] == []
    assert table.counts() == dict.fromkeys(table.counts(), 0) | {"done": len(names)}
    assert {path.stem for path in (folder / "records").glob("*.parquet")} == names
    for name in names:
        levels = Counter(record.spectrum.level for record in open_dataset(record_path(folder, name)).records())
        assert levels == {"ipa": 1, "rpa": 1}
    parts = export_campaign(folder, folder.with_name("set"))
    assert Counter(record.id for part in parts for record in open_dataset(part).records()) == dict.fromkeys(names, 2)


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_when_killed_at_random_moments(tmp_path: Path) -> None:
    symbols = ("Li", "Be", "B", "C", "N", "O", "F", "Na", "Mg", "Al")
    campaign(tmp_path / "c", *symbols)
    survive_kills(tmp_path / "c", {f"m-{symbol}" for symbol in symbols}, n_kills=20, longest_wait=1.0)


@pytest.mark.slow
def test_two_runners_share_a_campaign(tmp_path: Path) -> None:
    symbols = ("Li", "Be", "B", "C", "N", "O")
    table = campaign(tmp_path / "c", *symbols)
    runners = [start_runner(tmp_path / "c", 1) for _ in range(2)]
    assert [runner.wait(timeout=120) for runner in runners] == [0, 0]
    jobs = table.jobs("done")
    assert len(jobs) == 6
    assert {job.attempts for job in jobs} == {1}
    assert len({job.host for job in jobs}) == 2


@pytest.mark.slow
def test_an_interrupted_runner_puts_its_jobs_back(tmp_path: Path) -> None:
    table = campaign(tmp_path / "c", "Kr")
    runner = start_runner(tmp_path / "c")
    while not workers_of(tmp_path / "c"):
        time.sleep(0.05)
    runner.terminate()
    assert runner.wait(timeout=120) != 0
    assert table.counts()["waiting"] == 1
    assert table.job("m-Kr").attempts == 0
    assert workers_of(tmp_path / "c") == []


def test_materials_are_named_after_ids_or_files(tmp_path: Path) -> None:
    entry = {"lattice": (np.eye(3) * 4).tolist(), "species": ["Na", "Cl"], "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    lines = [entry | {"mat_id": "agm/1", "split": "test", "total_mag": 0.02, "priority": 3}, entry]
    file = tmp_path / "two.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, refused = read_materials([file, "examples/MgO.cif"])
    assert [(m.id, m.formula, m.split, m.magnetic_moment, m.priority) for m in found] == [
        ("agm_1", "NaCl", "test", 0.02, 3.0),
        ("two-1", "NaCl", None, 0.0, 0.0),
        ("MgO", "MgO", None, 0.0, 0.0),
    ]
    assert refused == []
    orders = [[m.id for m in read_materials([file, "examples/MgO.cif"], shuffle=seed)[0]] for seed in range(6)]
    assert len({tuple(order) for order in orders}) > 1
    assert [m.id for m in read_materials([file, "examples/MgO.cif"], shuffle=0)[0]] == orders[0]


def test_files_of_one_name_in_two_folders_are_two_materials(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "MgO.cif").write_text(Path("examples/MgO.cif").read_text())
    found, refused = read_materials([tmp_path])
    assert refused == []
    assert len({m.id for m in found}) == 2
    assert all(m.id.endswith(f"{name}_MgO.cif") for m, name in zip(found, "ab", strict=True))


def test_a_crystal_that_cannot_be_used_costs_no_other(tmp_path: Path) -> None:
    entry = {"lattice": (np.eye(3) * 4).tolist(), "species": ["Na", "Cl"], "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    bad = {"id": "x", "total_mag": "much"}, {"id": "y", "split": "best"}, {"id": "good"}, {"species": ["Na", "Qq"]}
    lines = [entry | {"id": "good"}, *(entry | more for more in bad), entry | {"id": "../../etc/passwd"}]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, refused = read_materials([tmp_path / "all.jsonl"])
    assert [m.id for m in found] == ["good", "_.._etc_passwd"]
    reasons = " ".join(entry.reason for entry in refused)
    for text in (
        "'much' is not a number",
        "unknown split 'best'",
        "a second crystal of the id good",
        "unknown element",
    ):
        assert text in reasons


TINY = Protocol(name="tiny", response_kpoints=16, band_energy=8.0, response_cutoff=15.0)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_gpaw_survives_being_killed(tmp_path: Path) -> None:
    pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
    crystals = {"MgO": make_mgo(), "AlN": make_aln()}
    found = [Material(name, name, crystal, "train") for name, crystal in crystals.items()]
    create_campaign(tmp_path / "c", found, "gpaw", TINY)
    survive_kills(tmp_path / "c", set(crystals), n_kills=4, longest_wait=5.0)
    entries = {entry["id"]: entry["static_eps"]["ipa"] for entry in computed(tmp_path / "c")}
    assert entries["AlN"] > entries["MgO"] > 1
