"""Run commands of Dielectra from a server that has imported the libraries: each in a process and session of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from multiprocessing import get_context, set_forkserver_preload
from multiprocessing.context import ForkServerProcess
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("cli", "training.recipes", "data.dataset", "prediction", "importing.dataset", "abinitio.campaign", "plots")


def prepare_server() -> None:
    """Fix what commands inherit: their path, one thread a process so that sums have one order, libraries."""
    paths = [str(ROOT / "src"), str(ROOT / "tests")]
    sys.path[:0] = paths
    os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    set_forkserver_preload([f"dielectra.{room}" for room in ROOMS])


def start(command: Sequence[object], errors: Path | None = None) -> ForkServerProcess:
    """Start a command, given by its words behind ``dielectra``; what it prints on stderr goes into a file."""
    words = [str(word) for word in command]
    process = get_context("forkserver").Process(target=_work, args=(words, str(errors or os.devnull)))
    process.start()
    return process


def run(command: Sequence[object]) -> None:
    """Run a command that must succeed to its end."""
    process = start(command)
    process.join()
    if process.exitcode:
        raise SystemExit(f"dielectra {' '.join(map(str, command))} ended with {process.exitcode}")


def _work(words: list[str], errors: str) -> None:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = ["dielectra", *words]
    from dielectra.cli import main

    main()
