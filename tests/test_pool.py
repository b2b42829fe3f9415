"""Worker processes are replaced whatever ends them, and end with their server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dielectra.errors import InputError
from dielectra.web.limits import Limits
from dielectra.web.pool import BusyError, Workers

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=1.0)
IMPATIENT = Limits(seconds=1.0, waiting=5, patience=0.5)


def nothing() -> None: ...


def refuse_to_start() -> None:
    raise InputError("no such model")


def double(number: int) -> int:
    return 2 * number


def fail(sentence: str) -> None:
    raise InputError(sentence)


def fail_oddly() -> None:
    class HereOnlyError(Exception): ...

    raise HereOnlyError("cannot be sent")


def run_out_of_memory() -> None:
    raise MemoryError


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_workers(work: Callable[[Workers], Awaitable[None]], n_processes: int = 1, limits: Limits = LIMITS) -> None:
    async def main() -> None:
        async with Workers(nothing, n_processes, limits) as workers:
            await work(workers)

    asyncio.run(main())


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_calls_are_answered_and_errors_come_back() -> None:
    async def work(workers: Workers) -> None:
        assert await asyncio.gather(*(workers.call(double, number) for number in range(4))) == [0, 2, 4, 6]
        with pytest.raises(InputError, match="what was wrong"):
            await workers.call(fail, "what was wrong")
        with pytest.raises(InputError, match="needs more memory"):
            await workers.call(run_out_of_memory)
        with pytest.raises(RuntimeError, match="HereOnlyError"):
            await workers.call(fail_oddly)
        assert await workers.call(double, 4) == 8
        assert (workers.n_alive, workers.n_replaced, workers.waiting) == (1, 0, 0)

    in_workers(work)


def test_a_worker_that_dies_or_takes_too_long_is_replaced() -> None:
    async def work(workers: Workers) -> None:
        for function, arguments, sentence in ((die, (), "needs more memory"), (time.sleep, (30,), "within 1 s")):
            with pytest.raises(InputError, match=sentence):
                await workers.call(function, *arguments)
            await asyncio.sleep(0)
        while workers.n_replaced < 2:
            await asyncio.sleep(0.05)
        assert await workers.call(double, 4) == 8

    in_workers(work)


def test_an_idle_worker_that_is_killed_is_replaced_before_anybody_asks() -> None:
    async def work(workers: Workers) -> None:
        for turn in range(3):
            (process,) = workers.process_ids
            os.kill(process, signal.SIGKILL)
            while workers.n_replaced == turn or workers.n_alive == 0:
                await asyncio.sleep(0.05)
            assert workers.process_ids != [process]
            assert await workers.call(double, turn) == 2 * turn

    in_workers(work)


def test_a_killed_worker_does_not_keep_the_others() -> None:
    async def work(workers: Workers) -> None:
        first, _ = workers.process_ids
        os.kill(first, signal.SIGKILL)
        assert await asyncio.gather(*(workers.call(double, number) for number in range(4))) == [0, 2, 4, 6]

    in_workers(work, 2)


def test_calls_beyond_the_limits_are_turned_away() -> None:
    async def work(workers: Workers) -> None:
        slow = [asyncio.create_task(workers.call(time.sleep, 0.9)) for _ in range(5)]
        await asyncio.sleep(0.1)
        with pytest.raises(BusyError, match="5 requests are in progress"):
            await workers.call(double, 1)
        results = await asyncio.gather(*slow, return_exceptions=True)
        assert results[0] is None
        assert all("not begun within 0.5 s" in str(found) for found in results[1:])
        assert await workers.call(double, 1) == 2

    in_workers(work, limits=IMPATIENT)


@pytest.mark.parametrize(
    ("initialise", "message"),
    [
        (refuse_to_start, "no such model"),
        (die, "a worker process was killed by SIGKILL before it was ready"),
    ],
)
def test_what_prevents_a_start_is_told(initialise: Callable[[], None], message: str) -> None:
    async def main() -> None:
        async with Workers(initialise, 1, LIMITS):
            pass

    with pytest.raises(InputError, match=message):
        asyncio.run(main())


SERVER = """
import asyncio, time
from dielectra.web.limits import Limits
from dielectra.web.pool import Workers
from test_pool import nothing

async def main():
    async with Workers(nothing, 2, Limits()) as workers:
        print(*workers.process_ids, flush=True)
        await workers.call(time.sleep, 60)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_workers_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    server = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        processes = [int(number) for number in (server.stdout or sys.stdin).readline().split()]
        assert len(processes) == 2
        assert all(is_running(process) for process in processes)
    finally:
        server.kill()
        server.communicate()
    assert wait_until(lambda: not any(is_running(process) for process in processes))
