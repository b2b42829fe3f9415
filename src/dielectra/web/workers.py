"""Processes that read structures and predict: they can be stopped, and their memory is bounded.

All parsing of uploads happens here. A file that takes too long or too much memory costs its own process, which is
replaced; the server and the other processes go on.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TimeExceeded
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from dielectra.documents.crystal import ReadCrystal, describe, describe_cell
from dielectra.documents.document import dump_json
from dielectra.documents.files import write_csv
from dielectra.errors import InputError
from dielectra.prediction import Predicted, loaded_model, predict_files
from dielectra.structures import Entry, Refused, scan
from dielectra.symmetry import space_group
from dielectra.web.answers import BatchLine
from dielectra.web.limits import Limits
from dielectra.web.uploads import Upload, check_text

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class BusyError(RuntimeError):
    """More calls wait than the server takes."""


class Workers:
    """A fixed number of worker processes, each with the models loaded; open and close as a context manager."""

    def __init__(self, models: Sequence[str], n_processes: int, limits: Limits) -> None:
        self._limits = limits
        self._waiting = 0
        self._n_processes = n_processes
        self._pool = ProcessPool(
            n_processes,
            initializer=_start,
            initargs=(tuple(models), limits.memory),
            context=multiprocessing.get_context("spawn"),
        )

    async def __aenter__(self) -> Workers:
        await asyncio.gather(*(asyncio.wrap_future(self._pool.schedule(_ready)) for _ in range(self._n_processes)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)

    async def call(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        """Return what a function of this module answers in one of the processes.

        Raises
        ------
        InputError
            What the function raises, and where it takes too much time or memory.
        BusyError
            If too many calls wait.
        """
        if self._waiting >= self._limits.waiting:
            raise BusyError(f"{self._waiting} requests are being answered; try again in a few seconds")
        self._waiting += 1
        try:
            future = self._pool.schedule(function, arguments, options, timeout=self._limits.seconds)
            answer: Result = await asyncio.wrap_future(future)
        except TimeExceeded as error:
            raise InputError(
                f"not answered within {self._limits.seconds:g} s; give fewer or smaller structures"
            ) from error
        except (MemoryError, ProcessExpired) as error:
            raise InputError("needs more memory than a request may take; give fewer or smaller structures") from error
        finally:
            self._waiting -= 1
        return answer


def _start(models: Sequence[str], memory: int) -> None:
    import torch

    torch.set_num_threads(1)
    for name in models:
        loaded_model(model=name)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _ready() -> None:
    pass


def predict(uploads: Sequence[Upload], model: str, limits: Limits) -> bytes:
    """Return the JSON list of ``dielectra predict --json``; a file that cannot be used raises InputError."""
    return dump_json([describe(found.prediction, found.name) for found in _predict(uploads, model, limits)])


def read_and_predict(upload: Upload, model: str, limits: Limits) -> bytes:
    """Return a line of a batch: the cells of a file as it gives them, and their predictions; both from one reading."""
    found = _predict([upload], model, limits)
    cells = [describe_cell(each.given, each.form.space_group, name) for name, each in found]
    predictions = [describe(each, name) for name, each in found]
    return dump_json(BatchLine(file=upload.name, structures=cells, predictions=predictions))


def tabulate(upload: Upload, model: str, limits: Limits) -> bytes:
    """Return the file of ``dielectra predict --csv`` for the first crystal of a structure file."""
    path = write_csv(_predict([upload], model, limits)[0].prediction, upload.path.with_suffix(".csv"))
    return path.read_bytes()


def structures(uploads: Sequence[Upload], limits: Limits) -> list[ReadCrystal]:
    """Return the crystals of structure files, in the cells the files give."""
    check_text(uploads)
    entries = list(scan(uploads))
    _refuse([entry for entry in entries if isinstance(entry, Refused)])
    if len(entries) > limits.crystals:
        raise InputError(f"{len(entries)} crystals; up to {limits.crystals} are read at a time")
    return [
        describe_cell(entry.crystal, space_group(entry.crystal), entry.name)
        for entry in entries
        if isinstance(entry, Entry)
    ]


def _predict(uploads: Sequence[Upload], model: str, limits: Limits) -> list[Predicted]:
    check_text(uploads)
    outcomes = list(predict_files(uploads, loaded_model(model=model), limits.crystals))
    _refuse([outcome for outcome in outcomes if isinstance(outcome, Refused)])
    return [outcome for outcome in outcomes if isinstance(outcome, Predicted)]


def _refuse(refused: Sequence[Refused]) -> None:
    if refused:
        raise InputError("\n".join(one.reason for one in refused))
