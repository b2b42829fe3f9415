"""Many ab initio computations that may be killed at any moment and go on where they stopped.

The job table says what is to be done; a record's file, which appears whole or not at all, says what is done; the lock
of a material, which runner and worker both hold and the kernel frees with the last of them, says that it is being
computed. Nothing is claimed without its lock, so that a running job whose lock is free has lost its processes. A
campaign may be run by several processes, on machines that share its folder.
"""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from dielectra.abinitio.cost import median_by_part
from dielectra.abinitio.jobs import JobTable
from dielectra.abinitio.materials import Material
from dielectra.abinitio.protocol import PROTOCOLS, NamedProtocol
from dielectra.abinitio.worker import (
    REFUSED,
    Limits,
    cpu_seconds_of,
    default_protocol,
    load_engine,
    log_path,
    provenance,
    record_path,
)
from dielectra.data.store import material_ids, read_records, write_part
from dielectra.errors import InputError

POLL_SECONDS = 0.1
MATERIALS_PER_PART = 120
MAXIMUM_ATTEMPTS = 3
CANDIDATES = 20

Progress = Callable[[dict[str, int]], None]


class Running(NamedTuple):
    """Hold the worker process of a material and the file whose lock both processes share."""

    process: subprocess.Popen[bytes]
    lock: IO[bytes]


def create_campaign(
    folder: str | Path, materials: Sequence[Material], engine: str, protocol: NamedProtocol | None = None
) -> tuple[JobTable, int]:
    """Make a campaign, or add materials to one; return its job table and how many materials are new.

    Parameters
    ----------
    protocol
        Settings of the computations; those the engine names as its own where None.

    Raises
    ------
    InputError
        If the engine is unknown or missing, the protocol is not one of its, or the folder holds a campaign of
        another engine or protocol.
    """
    folder = Path(folder)
    module = load_engine(engine)
    kind = type(default_protocol(module))
    protocol = protocol or default_protocol(module)
    if not isinstance(protocol, kind):
        fitting = ", ".join(name for name, known in PROTOCOLS.items() if isinstance(known, kind))
        raise InputError(f"the engine {engine} cannot follow {protocol.name}; its protocols are {fitting}")
    settings = {"engine": engine, "engine_version": module.version(), "protocol": protocol.model_dump(mode="json")}
    try:
        table = JobTable(folder)
    except InputError:
        if folder.exists() and any(folder.iterdir()):
            raise
        table = JobTable.create(folder, settings)
    present = table.settings()
    if any(present[key] != settings[key] for key in ("engine", "protocol")):
        raise InputError(
            f"{folder}: holds a campaign of {present['engine']} by {present['protocol']['name']}; choose another folder"
        )
    return table, table.add(materials)


def run_campaign(
    folder: str | Path,
    n_workers: int = 1,
    limits: Limits | None = None,
    maximum_attempts: int = MAXIMUM_ATTEMPTS,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Compute until no job waits; return the number of jobs in each state.

    A computation that dies is tried again up to `maximum_attempts` times; one that is refused, fails by an error or
    reaches a limit is not. Jobs left by a killed runner are taken over.

    Raises
    ------
    InputError
        If the folder holds no campaign.
    """
    folder = Path(folder)
    table = JobTable(folder)
    limits = limits or Limits()
    active: dict[str, Running] = {}
    handler = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while True:
            while len(active) < n_workers and (claimed := _claim(table, folder, active)) is not None:
                name, lock = claimed
                active[name] = Running(_start(folder, name, limits, lock), lock)
            for name in [name for name, running in active.items() if running.process.poll() is not None]:
                _settle(table, folder, name, active.pop(name), maximum_attempts)
                if progress is not None:
                    progress(table.counts())
            counts = table.counts()
            if not active and not counts["waiting"] and not counts["running"]:
                return counts
            time.sleep(POLL_SECONDS)
    finally:
        signal.signal(signal.SIGTERM, handler)
        for name, running in active.items():
            running.process.kill()
            running.process.wait()
            _settle(table, folder, name, running, maximum_attempts, forgive=True)


def compute_next(
    folder: str | Path, limits: Limits | None = None, maximum_attempts: int = MAXIMUM_ATTEMPTS
) -> str | None:
    """Compute the first job that waits, here and now; return its material, None where none waits.

    This is the unit of work that a cluster's nodes are given.
    """
    folder = Path(folder)
    table = JobTable(folder)
    claimed = _claim(table, folder, ())
    if claimed is None:
        return None
    name, lock = claimed
    running = Running(_start(folder, name, limits or Limits(), lock), lock)
    try:
        running.process.wait()
    except BaseException:
        running.process.kill()
        running.process.wait()
        _settle(table, folder, name, running, maximum_attempts, forgive=True)
        raise
    _settle(table, folder, name, running, maximum_attempts)
    return name


def status(folder: str | Path) -> dict[str, Any]:
    """Return the state of a campaign as plain data.

    Holds counts by state, CPU seconds per material (median, and the median of each part), materials per hour and hours
    left, and the reason for every material that was refused or failed.
    """
    table = JobTable(Path(folder))
    settings, jobs = table.settings(), table.jobs()
    done = [job for job in jobs if job.state == "done" and job.finished is not None]
    counts = table.counts()
    rate = _rate([job.finished for job in done if job.finished is not None])
    cpu_seconds = [{"total": sum(job.cpu_seconds.values()), **job.cpu_seconds} for job in done]
    left = counts["waiting"] + counts["running"]
    return {
        "engine": settings["engine_version"],
        "protocol": settings["protocol"]["name"],
        "jobs": counts,
        "cpu_seconds_median": median_by_part(cpu_seconds),
        "cpu_hours": round(sum(seconds["total"] for seconds in cpu_seconds) / 3600, 3),
        "materials_per_hour": rate,
        "hours_left": round(left / rate, 2) if rate else None,
        "not_computed": [
            {"id": job.material.id, "formula": job.material.formula, "state": job.state, "reason": job.error}
            for job in jobs
            if job.state in ("refused", "failed")
        ],
    }


def computed(folder: str | Path) -> list[dict[str, Any]]:
    """Return gaps, static dielectric constants and cost of what a campaign has computed, as plain data."""
    folder = Path(folder)
    found = []
    for job in JobTable(folder).jobs("done"):
        records = list(read_records(record_path(folder, job.material.id)))
        properties = records[0].properties
        entry = {"id": job.material.id, "formula": job.material.formula, "cpu_seconds": properties["cpu_s"]}
        entry |= {"gap_direct_ev": properties["gap_direct"], "gap_indirect_ev": properties["gap_indirect"]}
        entry["static_eps"] = {record.spectrum.level: float(record.spectrum.mean[0].real) for record in records}
        found.append(entry)
    return found


def export_campaign(folder: str | Path, output: str | Path) -> list[Path]:
    """Write what is done and not yet in the output folder as further Parquet parts; return the new files.

    Existing parts are never rewritten; materials they hold are left out.

    Raises
    ------
    InputError
        If the folder holds no campaign or a part of the output is damaged.
    """
    folder, output = Path(folder), Path(output)
    table = JobTable(folder)
    existing = sorted(output.glob("part-*.parquet"))
    present = {name for part in existing for name in material_ids(part)}
    names = [job.material.id for job in table.jobs("done") if job.material.id not in present]
    first = 1 + max((int(part.stem.removeprefix("part-")) for part in existing), default=-1)
    parts: list[Path] = []
    for index in range(0, len(names), MATERIALS_PER_PART):
        chosen = names[index : index + MATERIALS_PER_PART]
        records = [record for name in chosen for record in read_records(record_path(folder, name))]
        target = output / f"part-{first + len(parts):04d}.parquet"
        parts.append(write_part(records, target, provenance(table.settings())))
    return parts


def _claim(table: JobTable, folder: Path, mine: Collection[str]) -> tuple[str, IO[bytes]] | None:
    """Take the first waiting job and its lock; where none waits, put back what dead processes left running."""
    for attempt in ("waiting", "taken over"):
        if attempt == "taken over":
            _take_over(table, folder, mine)
        for name in table.waiting(CANDIDATES):
            lock = _lock(folder, name)
            if lock is None:
                continue
            if table.claim(name, f"{platform.node()}:{os.getpid()}"):
                return name, lock
            lock.close()
    return None


def _lock(folder: Path, name: str) -> IO[bytes] | None:
    """Return the locked file of a material, None where another process holds it."""
    path = folder / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _take_over(table: JobTable, folder: Path, mine: Collection[str]) -> None:
    """Settle running jobs that no process holds: done where the record is there, else waiting again."""
    for job in table.jobs("running"):
        name = job.material.id
        lock = None if name in mine else _lock(folder, name)
        if lock is None:
            continue
        with lock:
            if record_path(folder, name).is_file():
                table.finish(name, "done", cpu_seconds=cpu_seconds_of(record_path(folder, name)))
            else:
                table.put_back(name, forgive=True)


def _start(folder: Path, name: str, limits: Limits, lock: IO[bytes]) -> subprocess.Popen[bytes]:
    log = log_path(folder, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    arguments = [str(folder), name, str(limits.cpu_seconds), str(limits.memory)]
    with log.open("wb") as file:
        return subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-m", "dielectra.abinitio.worker", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | one_thread,
            pass_fds=[lock.fileno()],
        )


def _settle(
    table: JobTable, folder: Path, name: str, running: Running, maximum_attempts: int, forgive: bool = False
) -> None:
    """Write down how a worker ended, then free its lock; the record's file, not the exit code, says it is done."""
    code, record = running.process.returncode, record_path(folder, name)
    with running.lock:
        if record.is_file():
            table.finish(name, "done", cpu_seconds=cpu_seconds_of(record))
        elif code == REFUSED:
            table.finish(name, "refused", _last_line(log_path(folder, name)))
        elif code == -signal.SIGXCPU:
            table.finish(name, "failed", "CPU time limit reached")
        elif code >= 0:
            table.finish(name, "failed", _last_line(log_path(folder, name)))
        elif forgive or table.job(name).attempts < maximum_attempts:
            table.put_back(name, forgive)
        else:
            table.finish(name, "failed", f"its process died {maximum_attempts} times (signal {-code})")


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def _rate(finished: Sequence[float]) -> float | None:
    """Return materials per hour over the last twenty."""
    recent = list(finished)[-20:]
    if len(recent) < 2 or recent[-1] <= recent[0]:
        return None
    return round(3600 * (len(recent) - 1) / (recent[-1] - recent[0]), 1)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
