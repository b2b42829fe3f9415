"""Run the jobs of a folder on a cluster by Parsl: SLURM, PBS, Kubernetes, or the processors of this machine.

Every node runs :func:`dielectra.jobs.local.run_next` on the folder, which all nodes must share.
"""

from __future__ import annotations

import runpy
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dielectra.errors import InputError
from dielectra.jobs.local import MAXIMUM_ATTEMPTS, Progress, interruptible, run_next
from dielectra.jobs.table import JobTable
from dielectra.jobs.worker import Limits, search_path

PARENT_DEATH = ["setpriv", "--pdeathsig", "TERM"]
"""Command of util-linux that starts another one which gets a signal when its parent dies."""

POLL_SECONDS = 0.5
LARGEST_QUEUE = 2000
FAILURES_IN_A_ROW = 5


def run_on_cluster(
    folder: str | Path,
    config: Any,
    limits: Limits | None = None,
    maximum_attempts: int = MAXIMUM_ATTEMPTS,
    progress: Progress | None = None,
    trusted: Sequence[str] = (),
) -> dict[str, int]:
    """Work until no job waits; return the number of jobs in each state.

    Killed drivers, nodes and workers lose nothing: the same call, or any other runner, goes on. Ctrl-C and SIGTERM give
    the nodes back; when the driver is killed outright, they miss it within minutes and end.

    Parameters
    ----------
    config
        ``parsl.Config`` whose executor offers one worker per job.
    trusted
        Modules outside the registries that the user vouches for.

    Raises
    ------
    InputError
        If the folder holds no job table, Parsl is missing, or the nodes cannot run what they are given.
    """
    require_parsl()
    import parsl

    folder = Path(folder).resolve()
    table = JobTable(folder)
    _end_with_this_process(config)
    with interruptible(), parsl.load(config) as kernel:
        app = parsl.python_app(run_next, data_flow_kernel=kernel)
        futures: list[Future[str | None]] = []
        failures = 0
        while True:
            ended = [future for future in futures if future.done()]
            futures = [future for future in futures if not future.done()]
            for future in ended:
                error = future.exception()
                failures = failures + 1 if error else 0
                if failures == FAILURES_IN_A_ROW:
                    raise InputError(f"{failures} tasks in a row failed on the nodes; the last one by: {error!r}")
            counts = table.counts()
            if ended and progress is not None:
                progress(counts)
            unfinished = counts["waiting"] + counts["running"]
            if not futures and not unfinished:
                return counts
            for _ in range(min(unfinished, LARGEST_QUEUE) - len(futures)):
                futures.append(app(str(folder), limits, maximum_attempts, tuple(trusted)))
            time.sleep(POLL_SECONDS)


def _end_with_this_process(config: Any) -> None:
    """Let the kernel end Parsl's interchange, by which nodes live, with this process, which may be killed."""
    from parsl.executors import HighThroughputExecutor

    for executor in config.executors:
        if isinstance(executor, HighThroughputExecutor) and shutil.which(PARENT_DEATH[0]) is not None:
            command = [*executor.interchange_launch_cmd]
            if command[: len(PARENT_DEATH)] != PARENT_DEATH:
                executor.interchange_launch_cmd = [*PARENT_DEATH, *command]


def require_parsl() -> None:
    """Check that Parsl is installed.

    Raises
    ------
    InputError
        If it is not; the message says how to install it.
    """
    if find_spec("parsl") is None:
        raise InputError("Parsl is not installed; pip install 'dielectra[hpc]' does it")


def read_config(path: str | Path) -> Any:
    """Return the ``parsl.Config`` that a Python file names ``config``.

    Raises
    ------
    InputError
        If Parsl or the file is missing, Parsl is not on PATH, the file fails, or it has no such name.
    """
    require_parsl()
    from parsl import Config

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if shutil.which("interchange.py") is None:
        raise InputError("Parsl's programs are not on PATH; activate the virtual environment it is installed in")
    try:
        config = runpy.run_path(str(path)).get("config")
    except Exception as error:  # the file is the user's
        raise InputError(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, Config):
        raise InputError(f"{path}: must define 'config', a parsl.Config; found {type(config).__name__}")
    return config


def local_config(n_workers: int, folder: str | Path, n_blocks: int = 1) -> Any:
    """Return a configuration that runs on the processors of this machine; Parsl's own files go to `folder`.

    A block is what a cluster would give one batch job; each has `n_workers`.
    """
    require_parsl()
    from parsl import Config, providers
    from parsl.executors import HighThroughputExecutor

    provider: Any = providers.LocalProvider  # untyped
    programs = Path(sys.executable).parent
    setup = f"export PATH={programs}:$PATH PYTHONPATH={search_path()}"
    executor = HighThroughputExecutor(
        label="here",
        address="127.0.0.1",
        max_workers_per_node=n_workers,
        interchange_launch_cmd=[str(programs / "interchange.py")],
        provider=provider(init_blocks=n_blocks, max_blocks=n_blocks, worker_init=setup),
    )
    return Config(executors=[executor], run_dir=str(folder), strategy="none", initialize_logging=False)
