"""Do one job in a process of its own: ``python -m dielectra.jobs.worker FOLDER JOB SECONDS BYTES [TRUSTED...]``."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dielectra.errors import InputError
from dielectra.jobs.table import JobTable, check_name
from dielectra.jobs.task import Task, open_task

DONE, FAILED, REFUSED, DISK_FULL = 0, 1, 3, 4
WALL_TIME_PER_CPU_TIME = 10
SUBFOLDERS = ("logs", "locks")
UNLIMITED = resource.RLIM_INFINITY


class Limits(NamedTuple):
    """The CPU seconds and bytes of address space that one job may use."""

    cpu_seconds: int = 4 * 3600
    memory: int = 8 * 2**30

    @property
    def wall_seconds(self) -> float:
        """Return the seconds after which a job counts as hanging."""
        return float(WALL_TIME_PER_CPU_TIME * self.cpu_seconds)


def result_path(folder: str | Path, task: Task, name: str) -> Path:
    """Return the file of a job's result, there as soon as the job is done."""
    return Path(folder) / task.results / f"{check_name(name)}{task.suffix}"


def log_path(folder: str | Path, name: str) -> Path:
    """Return the file that holds what a job's process printed."""
    return Path(folder) / "logs" / f"{check_name(name)}.txt"


def make_subfolders(folder: Path, task: Task) -> None:
    """Make the folders that a run writes to.

    Raises
    ------
    InputError
        If one of them is a link, which could lead out of the folder, or cannot be made.
    """
    for path in (folder / name for name in (task.results, *SUBFOLDERS)):
        if path.is_symlink():
            raise InputError(f"{path}: is a link, and a run would write where it leads; replace it by a folder")
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be made ({error.strerror})") from error


def search_path() -> str:
    """Return ``PYTHONPATH`` by which another process finds this package first, then what this process finds."""
    package_root = str(Path(__file__).parents[2])
    return os.pathsep.join([package_root, *filter(None, [os.environ.get("PYTHONPATH")])])


def main(arguments: list[str]) -> int:
    """Do one job under its limits; the exit code says how it ended, the last line printed says why."""
    folder, name, cpu_seconds, memory, *trusted = arguments
    limits = Limits(int(cpu_seconds), int(memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    try:
        table = JobTable(folder)
        task = open_task(table.kind, table.settings(), trusted)
        task.run(table.payload(name), result_path(folder, task, name), log_path(folder, name).with_suffix(".more.txt"))
    except MemoryError:
        _say("memory limit reached")
        return FAILED
    except Exception as error:  # whatever a job trips over ends it, not the others
        if any(isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in _causes(error)):
            return DISK_FULL
        if isinstance(error, InputError):
            _say(" ".join(str(error).split()))
            return REFUSED
        with contextlib.suppress(OSError):
            traceback.print_exc()
        _say(f"{type(error).__name__}: {' '.join(str(error).split())}")
        return FAILED
    return DONE


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _say(message: str) -> None:
    with contextlib.suppress(OSError):
        print(message, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
