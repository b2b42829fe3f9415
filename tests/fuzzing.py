"""Give every reader changed files: python tests/fuzzing.py --inputs 20000.

Whatever a reader does but answer or raise InputError is a failure: another exception, a crash, more than 5 s of CPU
time, more than 1 GB of memory. Readers work in processes of their own, so that a crash costs one input.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import multiprocessing
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from multiprocessing import connection
from pathlib import Path
from typing import NamedTuple

from fuzz_mutations import mutate
from fuzz_readers import READERS

CPU_SECONDS = 5.0
WALL_SECONDS = 60.0
MEMORY = 1000
"""Megabytes that reading one file may take on top of what the process has."""


class Outcome(NamedTuple):
    """What came of one input: ``answer``, ``refused`` or what went wrong, and where."""

    kind: str
    where: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


class Failure(NamedTuple):
    """An input that went wrong; reader, seed and number make it again."""

    reader: str
    seed: int
    number: int
    outcome: Outcome


def seed_of_today() -> int:
    """Return a seed that changes with the day."""
    return datetime.datetime.now(datetime.UTC).date().toordinal()


def make_input(reader: str, seed: int, number: int, folder: Path) -> Path:
    """Write the files of an input into an empty folder; return the changed one."""
    draw = random.Random(f"{reader} {seed} {number}")
    sample = draw.choice(READERS[reader].samples())
    for name, content in sample.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    name, content = next(iter(sample.items()))
    path = folder / name
    path.write_bytes(mutate(content, draw, READERS[reader].structured))
    return path


def try_input(reader: str, seed: int, number: int) -> Outcome:
    """Let a reader read an input, in this process."""
    from dielectra.errors import InputError

    folder = Path(tempfile.mkdtemp(prefix="dielectra-fuzz-"))
    try:
        path = make_input(reader, seed, number, folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.process_time()
        kind, where = "answer", ""
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
                warnings.simplefilter("ignore")
                READERS[reader].read(path)
        except InputError:
            kind = "refused"
        except Exception as error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "dielectra" in f.filename]
            place = next((f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames)), "?")
            kind, where = type(error).__name__, f"{place} {str(error)[:150]!r}"
        seconds = time.process_time() - begin
        megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        if seconds > CPU_SECONDS:
            kind, where = "slow", where or f"{seconds:.1f} s"
        elif megabytes > MEMORY:
            kind, where = "large", where or f"{megabytes:.0f} MB"
        return Outcome(kind, where, seconds, megabytes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _work(pipe: connection.Connection, seed: int) -> None:
    limit = 12 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while True:
        try:
            reader, number = pipe.recv()
        except EOFError:
            return
        pipe.send(try_input(reader, seed, number))


class _Process:
    """A process that reads, replaced when it crashes or hangs."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_work, args=(end, self._seed), daemon=True)
        self._process.start()
        end.close()

    def ask(self, reader: str, number: int) -> Outcome:
        self._pipe.send((reader, number))
        if self._pipe.poll(WALL_SECONDS):
            with contextlib.suppress(EOFError, ConnectionResetError):
                found: Outcome = self._pipe.recv()
                return found
            self._process.join()
            outcome = Outcome("crash", f"exit code {self._process.exitcode}")
        else:
            outcome = Outcome("hang", f"over {WALL_SECONDS:g} s")
        self.end()
        self._start()
        return outcome

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def fuzz(n_inputs: int, seed: int, readers: list[str] | None = None) -> tuple[Counter[tuple[str, str]], list[Failure]]:
    """Give readers so many inputs in all; return counts by reader and outcome, and the failures."""
    names = readers or list(READERS)
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[Failure] = []
    process = _Process(seed)
    try:
        for number in range(n_inputs):
            reader = names[number % len(names)]
            outcome = process.ask(reader, number)
            is_good = outcome.kind in ("answer", "refused")
            counts[reader, outcome.kind if is_good else "failed"] += 1
            if not is_good:
                failures.append(Failure(reader, seed, number, outcome))
    finally:
        process.end()
    return counts, failures


def report(counts: Counter[tuple[str, str]], failures: list[Failure]) -> str:
    """Return figures as lines of text: a table by reader, then each kind of failure once."""
    lines = [f"{'reader':30} {'answers':>8} {'refused':>8} {'failed':>8}"]
    for reader in READERS:
        numbers = [counts[reader, kind] for kind in ("answer", "refused", "failed")]
        if any(numbers):
            lines.append(f"{reader:30} " + " ".join(f"{number:8d}" for number in numbers))
    kinds: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        kinds.setdefault((failure.reader, failure.outcome.kind + failure.outcome.where.split(" ")[0]), []).append(
            failure
        )
    for (reader, _), found in sorted(kinds.items(), key=lambda entry: -len(entry[1])):
        first = found[0]
        again = f"--again {first.number} --seed {first.seed} --reader {reader!r}"
        lines.append(f"{len(found)} x {reader}: {first.outcome.kind} {first.outcome.where}   ({again})")
    return "\n".join(lines)


def main() -> int:
    """Fuzz from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=seed_of_today())
    parser.add_argument("--reader", action="append", choices=list(READERS))
    parser.add_argument("--again", type=int, help="number of one input: read it in this process, errors and all")
    options = parser.parse_args()
    if options.again is not None:
        folder = Path(tempfile.mkdtemp(prefix="dielectra-fuzz-"))
        path = make_input(options.reader[0], options.seed, options.again, folder)
        print(path)
        READERS[options.reader[0]].read(path)
        return 0
    begin = time.perf_counter()
    counts, failures = fuzz(options.inputs, options.seed, options.reader)
    print(report(counts, failures))
    print(
        f"{options.inputs} inputs, seed {options.seed}, {time.perf_counter() - begin:.0f} s, {len(failures)} failures"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
