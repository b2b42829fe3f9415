"""Run the jobs of a folder on this machine, each in a process with limits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from dielectra.errors import InputError
from dielectra.jobs.table import JobTable, State, check_name
from dielectra.jobs.task import Task, open_task
from dielectra.jobs.worker import DISK_FULL, REFUSED, Limits, log_path, make_subfolders, result_path, search_path

POLL_SECONDS = 0.1
MAXIMUM_ATTEMPTS = 3
CANDIDATES = 20

Progress = Callable[[dict[str, int]], None]


class Running(NamedTuple):
    """The worker process of a job, the file whose lock both processes share, and when it counts as hanging."""

    process: subprocess.Popen[bytes]
    lock: IO[bytes]
    deadline: float


class Workplace(NamedTuple):
    """What every step of a run needs."""

    folder: Path
    table: JobTable
    task: Task
    limits: Limits
    maximum_attempts: int
    trusted: tuple[str, ...]


def run_jobs(
    folder: str | Path,
    n_workers: int = 1,
    limits: Limits | None = None,
    maximum_attempts: int = MAXIMUM_ATTEMPTS,
    progress: Progress | None = None,
    trusted: Sequence[str] = (),
) -> dict[str, int]:
    """Work until no job waits; return the number of jobs in each state.

    A job whose process dies is tried again up to `maximum_attempts` times; one that is refused, fails by an error or
    reaches a limit is not. Jobs left by a killed runner are taken over.

    Parameters
    ----------
    trusted
        Modules outside the registries that the user vouches for; the table alone cannot have one imported.

    Raises
    ------
    InputError
        If the folder holds no job table, or its task is unknown or cannot run here.
    """
    place = _workplace(folder, limits, maximum_attempts, trusted)
    active: dict[str, Running] = {}
    try:
        with interruptible():
            return _work(place, n_workers, active, progress)
    finally:
        for running in active.values():
            _kill(running.process)
        for name, running in active.items():
            with contextlib.suppress(InputError):  # what a table that fails keeps as running is taken over later
                _settle(place, name, running, forgive=True)


def _work(place: Workplace, n_workers: int, active: dict[str, Running], progress: Progress | None) -> dict[str, int]:
    """Keep so many workers busy until no job waits; `active` has those at work, whatever happens."""
    while True:
        while len(active) < n_workers:
            with _interrupts_held_back():
                begun = _begin(place, active)
                active |= dict([begun] if begun else [])
            if begun is None:
                break
        ended = [name for name, running in active.items() if _has_ended(running)]
        for name in ended:
            _settle(place, name, active.pop(name))
        counts = place.table.counts()
        if ended and progress is not None:
            progress(counts)
        if not active and not counts["waiting"] and not counts["running"]:
            return counts
        time.sleep(POLL_SECONDS)


def run_next(
    folder: str | Path,
    limits: Limits | None = None,
    maximum_attempts: int = MAXIMUM_ATTEMPTS,
    trusted: Sequence[str] = (),
) -> str | None:
    """Do the first job that waits, here and now; return its name, None where none waits.

    This is the unit of work that a cluster's nodes are given.
    """
    place = _workplace(folder, limits, maximum_attempts, trusted)
    begun = None
    try:
        with interruptible():
            with _interrupts_held_back():
                begun = _begin(place, ())
            if begun is not None:
                begun[1].process.wait(place.limits.wall_seconds)
    except subprocess.TimeoutExpired:
        pass
    except BaseException:
        if begun is not None:
            _kill(begun[1].process)
            _settle(place, *begun, forgive=True)
        raise
    if begun is None:
        return None
    name, running = begun
    _kill(running.process)
    _settle(place, name, running)
    return name


def _workplace(folder: str | Path, limits: Limits | None, maximum_attempts: int, trusted: Sequence[str]) -> Workplace:
    table = JobTable(folder)
    task = open_task(table.kind, table.settings(), trusted)
    make_subfolders(table.folder, task)
    return Workplace(table.folder, table, task, limits or Limits(), maximum_attempts, tuple(trusted))


def _begin(place: Workplace, mine: Collection[str]) -> tuple[str, Running] | None:
    """Start the first waiting job; None where none waits."""
    claimed = _claim(place, mine)
    if claimed is None:
        return None
    name, lock = claimed
    try:
        return name, _start(place, name, lock)
    except BaseException:
        with lock:
            place.table.put_back(name, forgive=True)
        raise


def _claim(place: Workplace, mine: Collection[str]) -> tuple[str, IO[bytes]] | None:
    """Take the first waiting job and its lock; where none waits, put back what dead processes left running."""
    for attempt in ("waiting", "taken over"):
        if attempt == "taken over":
            _take_over(place, mine)
        for name in place.table.waiting(CANDIDATES):
            lock = _lock(place.folder, name)
            if lock is None:
                continue
            if place.table.claim(name, f"{platform.node()}:{os.getpid()}"):
                return name, lock
            lock.close()
    return None


def _lock(folder: Path, name: str) -> IO[bytes] | None:
    """Return the locked file of a job, None where another process has it."""
    file = _open_own(folder / "locks" / check_name(name))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _open_own(path: Path) -> IO[bytes]:
    """Open a file for writing without following a link that somebody may have put in its place."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "wb")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def _take_over(place: Workplace, mine: Collection[str]) -> None:
    """Settle running jobs that no process works on: done where the result is there, else waiting again."""
    for job in place.table.jobs("running"):
        lock = None if job.id in mine else _lock(place.folder, job.id)
        if lock is None:
            continue
        with lock:
            result = result_path(place.folder, place.task, job.id)
            if result.is_file():
                place.table.finish(job.id, "done", cpu_seconds=place.task.cost(result))
            else:
                place.table.put_back(job.id, forgive=True)


def _start(place: Workplace, name: str, lock: IO[bytes]) -> Running:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    limits = place.limits
    arguments = [str(place.folder), name, str(limits.cpu_seconds), str(limits.memory), *place.trusted]
    with _open_own(log_path(place.folder, name)) as log:
        log.truncate()
        process = subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-P", "-m", "dielectra.jobs.worker", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=os.environ | one_thread | {"PYTHONPATH": search_path()},
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
    return Running(process, lock, time.monotonic() + limits.wall_seconds)


def _has_ended(running: Running) -> bool:
    if time.monotonic() > running.deadline:
        _kill(running.process)
    return running.process.poll() is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker and the programs it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _settle(place: Workplace, name: str, running: Running, forgive: bool = False) -> None:
    """Write down how a worker ended, then free its lock; the result's file, not the exit code, says it is done."""
    result = result_path(place.folder, place.task, name)
    with running.lock:
        if result.is_file():
            place.table.finish(name, "done", cpu_seconds=place.task.cost(result))
            return
        code = running.process.returncode
        ending = _ending(code, log_path(place.folder, name), time.monotonic() > running.deadline)
        if ending is not None:
            place.table.finish(name, *ending)
        elif forgive or place.table.job(name).attempts < place.maximum_attempts:
            place.table.put_back(name, forgive)
        else:
            died = f"its process died {place.maximum_attempts} times (signal {-code})"
            place.table.finish(name, "failed", died)


def _ending(code: int, log: Path, overdue: bool) -> tuple[State, str] | None:
    """Return state and reason of a job without a result; None where its process was killed."""
    if overdue:
        return "failed", "time limit reached: it hung, or waited ten times as long as it may compute"
    if code == -signal.SIGXCPU:
        return "failed", "CPU time limit reached"
    if code == DISK_FULL:
        return "failed", "no space left on the disk"
    if code >= 0:
        return ("refused" if code == REFUSED else "failed"), _last_line(log)
    return None


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, so that what was started is ended. Only a main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait: a process that has started but is noted nowhere yet would outlive its runner."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)

    handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
