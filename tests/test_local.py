"""Jobs of a task that has nothing to do with physics, and folders that come from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from dielectra.errors import InputError
from dielectra.jobs.local import run_jobs, run_next
from dielectra.jobs.table import JobTable, NewJob
from dielectra.jobs.task import TASKS
from dielectra.jobs.worker import Limits
from test_table import change

SUMMING = """
import json, os, time
from pathlib import Path
from dielectra.errors import InputError
from dielectra.files import write_whole


class Summing:
    kind, results, suffix = "summing", "sums", ".json"

    def __init__(self, scale):
        self.scale = scale

    def settings(self):
        return {"scale": self.scale}

    def run(self, payload, result, log):
        if payload == "sleep":
            os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "3599.25")
            time.sleep(3600)
        if payload == "link":
            raise InputError("no number")
        log.write_text("adding")
        write_whole(result, json.dumps(self.scale * sum(payload)))

    def cost(self, result):
        return {"total": 0.5}


def open_summing(settings, trusted):
    return Summing(settings["scale"])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of jobs that add numbers; the task is registered by an entry point."""
    package = tmp_path / "package"
    info = package / "summing-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "summing.py").write_text(SUMMING)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: summing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dielectra.tasks]\nsumming = summing:open_summing\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package), prepend=os.pathsep)
    table = JobTable.create(tmp_path / "sums", "summing", {"scale": 10})
    table.add(NewJob(f"batch-{index}", batch) for index, batch in enumerate(([0, 1, 2], [3, 4, 5], [6])))
    return table.folder


@pytest.mark.slow
def test_batches_of_any_task_are_done(folder: Path) -> None:
    assert TASKS.names() == ["campaign", "screening", "summing"]
    assert run_jobs(folder, n_workers=2)["done"] == 3
    found = {path.name: json.loads(path.read_text()) for path in (folder / "sums").iterdir()}
    assert found == {"batch-0.json": 30, "batch-1.json": 120, "batch-2.json": 60}
    assert {job.cpu_seconds["total"] for job in JobTable(folder).jobs()} == {0.5}


@pytest.mark.slow
def test_a_job_that_hangs_is_ended_with_the_programs_it_started(folder: Path) -> None:
    JobTable(folder).add([NewJob("slow", "sleep", priority=1.0)])
    started = time.monotonic()
    limits = Limits(cpu_seconds=1)
    assert limits.wall_seconds == 10
    assert run_next(folder, limits) == "slow"
    assert 10 <= time.monotonic() - started < 60
    job = JobTable(folder).job("slow")
    assert (job.state, job.error) == (
        "failed",
        "time limit reached: it hung, or waited ten times as long as it may compute",
    )
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes())
        except OSError:
            continue
    assert not any(b"3599.25" in command for command in commands)


def test_a_table_names_only_registered_tasks_and_engines(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "package" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    change(folder, "UPDATE settings SET value = '\"evil\"' WHERE key = 'task'")
    with pytest.raises(InputError, match="unknown task 'evil'; known are campaign, screening, summing"):
        run_jobs(folder)
    change(folder, "UPDATE settings SET value = '\"campaign\"' WHERE key = 'task'")
    with pytest.raises(InputError, match="does not hold the settings of a campaign"):
        run_jobs(folder)
    for key, value in (("engine", "evil"), ("engine_version", "1"), ("protocol", {"name": "x"})):
        change(folder, "INSERT INTO settings VALUES (?, ?)", key, json.dumps(value))
    with pytest.raises(InputError, match="unknown engine 'evil'; known are gpaw, gpaw-lrc, gpaw-bse, yambo"):
        run_jobs(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_links_in_a_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "sums").symlink_to(outside)
    with pytest.raises(InputError, match=r"sums: is a link, and a run would write where it leads"):
        run_jobs(folder)
    (folder / "sums").unlink()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    run_next(folder)
    for link in (folder / "locks" / "batch-1", folder / "logs" / "batch-1.txt"):
        link.symlink_to(precious)
        with pytest.raises(InputError, match="cannot be written"):
            run_jobs(folder)
        link.unlink()
        assert precious.read_text() == "mine"
        assert list(outside.iterdir()) == []
    assert run_jobs(folder)["done"] == 3


def test_work_does_not_start_where_folders_cannot_be_made(folder: Path) -> None:
    (folder / "logs").write_text("a file")
    with pytest.raises(InputError, match="logs: cannot be made"):
        run_jobs(folder)


@pytest.mark.slow
def test_a_process_that_starts_while_the_runner_is_interrupted_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    JobTable(folder).add([NewJob("slow", "sleep", priority=1.0)])
    started: list[int] = []

    class Interrupting(subprocess.Popen[bytes]):
        """A process whose runner is interrupted before it knows of it."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self.pid)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        run_jobs(folder)
    (worker,) = started
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    job = JobTable(folder).job("slow")
    assert (job.state, job.attempts) == ("waiting", 0)
