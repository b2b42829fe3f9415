from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Run
from dielectra.abinitio.campaign import computed, create_campaign, export_campaign, status
from dielectra.abinitio.materials import read_materials
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.jobs.local import run_jobs
from dielectra.jobs.table import JobTable, NewJob

VERSION_1 = Path(__file__).parent / "data" / "campaign_v1"
TRUSTED = ["oscillator_engine"]


def change(folder: Path, statement: str, *values: object) -> None:
    """Write into the table of a folder as whoever sent the folder could have done."""
    connection = sqlite3.connect(folder / "jobs.sqlite")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def read_all(folder: Path) -> None:
    """Read all that a table holds."""
    table = JobTable(folder)
    table.payloads([job.id for job in table.jobs()])


@pytest.fixture
def table(tmp_path: Path) -> JobTable:
    """Return a table of three jobs."""
    table = JobTable.create(tmp_path / "c", "campaign", {"engine": "gpaw"})
    assert table.add(NewJob(name, {"x": name}) for name in ("a", "b", "c")) == 3
    return table


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a campaign that the first edition made: m-Li is done, m-Ne refused, m-Na waits."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    return Path(shutil.copytree(VERSION_1, tmp_path / "old"))


def test_payloads_are_any_json_data(table: JobTable) -> None:
    table.add([NewJob("many", [{"x": 1}, {"x": 2}]), NewJob("none", None)])
    assert table.payload("many") == [{"x": 1}, {"x": 2}]
    assert table.payloads(["a", "none", "unknown"]) == {"a": {"x": "a"}, "none": None}
    assert table.settings() == {"engine": "gpaw"}
    assert table.kind == "campaign"


def test_jobs_that_are_there_already_are_not_added_again(table: JobTable) -> None:
    jobs = [NewJob(f"n{index}", [index]) for index in range(3)]
    assert table.add(jobs) == 3
    assert table.add(jobs) == 0


def test_a_stream_of_jobs_is_added_and_claimed_once(table: JobTable) -> None:
    assert table.add(NewJob(f"n{index}", index) for index in range(2500)) == 2500
    assert table.counts()["waiting"] == 2503
    assert table.claim("n7", "here")
    assert not table.claim("n7", "there")
    assert len(table.payloads([f"n{index}" for index in range(2500)])) == 2500


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".hidden", "", "a\0b", "a b", "x" * 200, "a\n"])
def test_names_that_could_leave_the_folder_are_refused(table: JobTable, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a job"):
        table.add([NewJob(name, {})])
    change(table.folder, "INSERT INTO jobs (id, position, payload) VALUES (?, 9, '{}')", name)
    for call in (lambda: table.waiting(9), table.jobs):
        with pytest.raises(InputError, match="cannot name a job"):
            call()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE settings SET value = '99' WHERE key = 'version'", "is of version 99; this dielectra knows 1 and 2"),
        ("DELETE FROM settings", "is of version None"),
        ("UPDATE settings SET value = '{' WHERE key = 'engine'", "cannot be used"),
        ("DROP TABLE settings", "cannot be used .no such table"),
        ("UPDATE jobs SET state = 'sold'", "cannot be used"),
        ("UPDATE jobs SET attempts = 'many'", "cannot be used"),
        ("UPDATE jobs SET cpu_seconds = '[1]'", "cannot be used"),
        ("UPDATE jobs SET payload = 'no'", "cannot be used"),
        ("UPDATE jobs SET id = x'ff' WHERE id = 'b'", "cannot name a job"),
    ],
)
def test_a_table_that_somebody_changed_is_bad_input(table: JobTable, statement: str, message: str) -> None:
    change(table.folder, statement)
    with pytest.raises(InputError, match=message):
        read_all(table.folder)


def test_a_job_that_is_listed_twice_is_bad_input(table: JobTable) -> None:
    with closing(sqlite3.connect(table.path)) as connection:
        connection.executescript(
            "ALTER TABLE jobs RENAME TO old; CREATE TABLE jobs AS SELECT * FROM old;INSERT INTO jobs SELECT * FROM old;"
        )
    with pytest.raises(InputError, match="lists a job more than once; restore it from a copy"):
        table.jobs()


def test_changed_bytes_are_bad_input_never_a_traceback(table: JobTable) -> None:
    whole = table.path.read_bytes()
    dice = random.Random(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        table.path.write_bytes(damaged[: dice.choice([len(damaged), len(damaged) // 2])])
        try:
            JobTable(table.folder).jobs()
            table.payloads(table.waiting(9))
            table.add([NewJob("d", {})])
        except InputError:
            refused += 1
    assert refused > 20
    table.path.write_bytes(b"no database")
    with pytest.raises(InputError, match="the job table cannot be used"):
        JobTable(table.folder)


def test_the_command_line_says_that_a_table_is_damaged(tmp_path: Path, run: Run) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 500)
    for verb in (("status",), ("run",), ("export", "-o", tmp_path / "out")):
        code, _, err = run("campaign", verb[0], tmp_path, *verb[1:])
        assert (code, "the job table cannot be used" in err) == (2, True)


def test_a_read_only_table_can_be_read(table: JobTable) -> None:
    table.path.chmod(0o444)
    assert table.counts()["waiting"] == 3


def fill(table: JobTable, pages: int) -> None:
    """Add more than a file of some pages can hold; the limit stands for the disk's end."""
    with table._writing() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")
        rows = [(f"n{n}", "x" * 999) for n in range(99)]
        connection.executemany("INSERT INTO jobs (id, position, payload) VALUES (?, 0, ?)", rows)


def test_a_full_disk_says_what_to_do(table: JobTable) -> None:
    connection = sqlite3.connect(table.path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    with pytest.raises(InputError, match="free some space; nothing is lost"):
        fill(table, pages)
    assert table.counts()["waiting"] == 3


def test_an_old_campaign_is_read_without_being_changed(old: Path) -> None:
    before = (old / "jobs.sqlite").read_bytes()
    assert status(old)["jobs"] == {"waiting": 1, "running": 0, "done": 1, "refused": 1, "failed": 0}
    (missing,) = status(old)["not_computed"]
    assert (missing["formula"], missing["reason"]) == ("NeH", "HNe: refused for a reason of two lines")
    (entry,) = computed(old)
    assert entry["static_eps"]["ipa"] > entry["static_eps"]["rpa"] > 1
    export_campaign(old, old / "set")
    assert open_dataset(old / "set").ids == {"m-Li"}
    assert (old / "jobs.sqlite").read_bytes() == before


@pytest.mark.slow
def test_an_old_campaign_goes_on(old: Path) -> None:
    assert run_jobs(old, trusted=TRUSTED)["done"] == 2
    table = JobTable(old)
    assert table.payload("m-Na")["formula"] == "NaH"
    materials, _ = read_materials(["examples/MgO.cif"])
    change(old, "UPDATE jobs SET state = 'running' WHERE id = 'm-Ne'")
    with pytest.raises(InputError, match="jobs are running; add to it when they have ended"):
        create_campaign(old, materials, "oscillator_engine", "ladder-1")
    change(old, "UPDATE jobs SET state = 'refused' WHERE id = 'm-Ne'")
    assert create_campaign(old, materials, "oscillator_engine", "ladder-1")[1] == 1
    assert json.loads(dict(sqlite3.connect(old / "jobs.sqlite").execute("SELECT * FROM settings"))["version"]) == 2
    assert run_jobs(old, trusted=TRUSTED)["done"] == 3
    export_campaign(old, old / "set")
    assert open_dataset(old / "set").ids == {"m-Li", "m-Na", "MgO"}
