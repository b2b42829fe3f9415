"""A fixed number of worker processes that may be stopped, run out of memory or be killed: each is replaced.

A process is asked through a pipe of its own and shares no lock with the others, so that its death, at work or idle,
costs at most the call it was answering. A process whose server has gone ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, NamedTuple, ParamSpec, TypeVar

from dielectra.errors import InputError
from dielectra.web.limits import Limits

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
TOO_MUCH = "needs more memory than a request may take; give fewer or smaller structures"
SECONDS_BETWEEN_CHECKS = 0.5
SECONDS_BETWEEN_STARTS = 1.0


class BusyError(RuntimeError):
    """More calls wait than the server takes."""


class _DiedError(RuntimeError):
    """The process has ended."""


class _NotTakenError(RuntimeError):
    """The process has ended before it took the call up."""


class _Answer(NamedTuple):
    """What a process sends back: a value, or an exception to raise."""

    is_good: bool
    value: Any


@dataclass(eq=False)
class _Call:
    """One call on its way: what is called, and the futures that tell that it was begun and what it returned."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    options: Mapping[str, Any]
    begun: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    result: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _Process:
    """One worker process and the pipe to it; its methods block and are called in threads."""

    def __init__(self, initialise: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_work, args=(end, initialise), daemon=True)
        self._process.start()
        end.close()  # so that the pipe breaks when the process dies
        try:
            answer = self._receive(None)
        except _DiedError:
            self.end()
            raise InputError(self._why_none_starts()) from None
        if not answer.is_good:
            self.end()
            raise answer.value

    def _why_none_starts(self) -> str:
        code = self._process.exitcode or 0
        reason = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return (
            f"a worker process {reason} before it was ready; where memory is short, free some or start fewer "
            "(--workers), otherwise try again"
        )

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, call: _Call, seconds: float) -> _Answer:
        """Return the result of a call; raises TimeoutError, _NotTakenError or _DiedError."""
        try:
            self._pipe.send((call.function, call.arguments, call.options))
            self._receive(seconds)  # that it has been taken up
        except TimeoutError:
            raise
        except (OSError, _DiedError) as error:
            raise _NotTakenError from error
        except Exception as error:  # what cannot be sent
            return _Answer(False, error)
        return self._receive(seconds)

    def _receive(self, seconds: float | None) -> _Answer:
        if not connection.wait([self._pipe, self._process.sentinel], seconds):
            raise TimeoutError
        try:
            if self._pipe.poll():
                return _Answer(*self._pipe.recv())
        except (EOFError, OSError) as error:
            raise _DiedError from error
        except Exception as error:  # an exception that cannot be rebuilt here
            return _Answer(False, RuntimeError(f"{type(error).__name__}: {error}"))
        raise _DiedError

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


class Workers:
    """A fixed number of worker processes; open and close as an asynchronous context manager.

    Parameters
    ----------
    initialise
        Called first in every process.
    n_processes
        How many there are, always.
    """

    def __init__(self, initialise: Callable[[], None], n_processes: int, limits: Limits) -> None:
        self._initialise, self._limits = initialise, limits
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="dielectra-worker")
        self._calls: asyncio.Queue[_Call] = asyncio.Queue()
        self._processes: list[_Process | None] = [None] * n_processes
        self._slots: list[asyncio.Task[None]] = []
        self.waiting = 0
        self.n_replaced = 0

    @property
    def n_processes(self) -> int:
        """Processes that there are, those being replaced included."""
        return len(self._processes)

    @property
    def n_alive(self) -> int:
        """Processes that are ready for work."""
        return sum(process is not None and process.is_alive for process in self._processes)

    @property
    def process_ids(self) -> list[int]:
        """Process identifiers of those."""
        found = [process._process.pid for process in self._processes if process is not None and process.is_alive]
        return [number for number in found if number is not None]

    async def __aenter__(self) -> Workers:
        """Start all processes; raises InputError where one does not get ready."""
        started = [self._in_thread(_Process, self._initialise) for _ in self._processes]
        results = await asyncio.gather(*started, return_exceptions=True)
        self._processes = [found if isinstance(found, _Process) else None for found in results]
        problems = [found for found in results if isinstance(found, BaseException)]
        if problems:
            await self._end()
            if isinstance(problems[0], OSError):
                raise InputError(f"no worker process can be started ({problems[0]}); start fewer (--workers)")
            raise problems[0]
        self._slots = [asyncio.create_task(self._run(slot)) for slot in range(len(self._processes))]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._slots:
            task.cancel()
        await self._end()
        await asyncio.gather(*self._slots, return_exceptions=True)

    async def _end(self) -> None:
        for process in self._processes:
            if process is not None:
                process._process.kill()  # the threads that wait for a result notice, and end
        self._threads.shutdown(wait=False, cancel_futures=True)
        while not self._calls.empty():
            self._calls.get_nowait().result.cancel()

    async def call(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        """Return the result of a function of a module in one of the processes.

        Raises
        ------
        InputError
            What the function raises, and where it takes too much time or memory.
        BusyError
            If too many calls wait, or this one has waited too long.
        """
        if self.waiting >= self._limits.waiting:
            raise BusyError(f"{self.waiting} requests are in progress; try again in a few seconds")
        self.waiting += 1
        try:
            call = _Call(function, arguments, options)
            self._calls.put_nowait(call)
            await asyncio.wait({call.begun}, timeout=self._limits.patience)
            if not call.begun.done():
                call.result.cancel()
                raise BusyError(f"not begun within {self._limits.patience:g} s; try again in a few seconds")
            answer: Result = await call.result
        finally:
            self.waiting -= 1
        return answer

    async def _run(self, slot: int) -> None:
        """Give one process calls, one after the other, and replace it whenever it has ended."""
        while True:
            process = await self._living(slot)
            call = await self._next_call(process)
            if call is None or call.result.done():  # no call came yet, or it has been given up
                continue
            try:
                answer = await self._answer(slot, process, call)
            except _NotTakenError:
                self._calls.put_nowait(call)  # for the next process that is free
                await asyncio.sleep(0)
                continue
            if call.result.done():
                continue
            if answer.is_good:
                call.result.set_result(answer.value)
            else:
                call.result.set_exception(answer.value)

    async def _next_call(self, process: _Process) -> _Call | None:
        """Return the next call, None where the process ends before one comes."""
        coming = asyncio.create_task(self._calls.get())
        try:
            while not coming.done() and process.is_alive:
                await asyncio.wait({coming}, timeout=SECONDS_BETWEEN_CHECKS)
        finally:
            if not coming.done():
                coming.cancel()
        return coming.result() if coming.done() and not coming.cancelled() else None

    async def _answer(self, slot: int, process: _Process, call: _Call) -> _Answer:
        if not call.begun.done():
            call.begun.set_result(None)
        try:
            return await self._in_thread(process.ask, call, self._limits.seconds)
        except _NotTakenError:
            self._processes[slot] = None
            await self._in_thread(process.end)
            raise
        except TimeoutError:
            sentence = f"not finished within {self._limits.seconds:g} s; give fewer or smaller structures"
        except _DiedError:
            sentence = TOO_MUCH
        self._processes[slot] = None
        await self._in_thread(process.end)
        return _Answer(False, InputError(sentence))

    async def _living(self, slot: int) -> _Process:
        """Return the process of a slot, another one where the old one has ended."""
        process = self._processes[slot]
        if process is not None and process.is_alive:
            return process
        if process is not None:
            await self._in_thread(process.end)
        self._processes[slot] = None
        while True:
            try:
                fresh = await self._in_thread(_Process, self._initialise)
            except (InputError, OSError):
                await asyncio.sleep(SECONDS_BETWEEN_STARTS)
                continue
            self.n_replaced += 1
            self._processes[slot] = fresh
            return fresh

    async def _in_thread(self, function: Callable[Arguments, Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _work(pipe: connection.Connection, initialise: Callable[[], None]) -> None:
    """Serve calls until the server closes the pipe or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which ends its processes
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    pipe.send(_attempt(initialise))
    while True:
        try:
            function, arguments, options = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send((True, None))
        answer = _attempt(function, *arguments, **options)
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:  # what cannot be sent
            pipe.send((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[bool, Any]:
    try:
        return True, function(*arguments, **options)
    except MemoryError:
        return False, InputError(TOO_MUCH)
    except Exception as error:
        return False, error


def _end_with_the_server() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        with contextlib.suppress(OSError):
            parent.join()
        os._exit(1)
