"""Processes that read structures and predict: they can be stopped, and their memory is bounded.

All parsing of uploads happens here. A file that takes too long or too much memory costs its own process, which is
replaced; the server and the other processes go on.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TimeExceeded
from functools import cache
from typing import Any, ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from dielectra.errors import InputError
from dielectra.export import write_csv
from dielectra.models.store import Model, load_model
from dielectra.prediction import Answers, describe, predict_files
from dielectra.structures import read_structures
from dielectra.symmetry import space_group
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
        _model(name)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _ready() -> None:
    pass


@cache
def _model(name: str) -> Model:
    return load_model(name)


def predict(uploads: Sequence[Upload], model: str, limits: Limits) -> bytes:
    """Return the JSON list of ``dielectra predict --json``; a file that cannot be used raises InputError."""
    answers = _predict(uploads, model, limits)
    entries = [describe(found, name) for name, found in zip(answers.names, answers.predictions, strict=True)]
    return json.dumps(entries, allow_nan=False).encode()


def tabulate(upload: Upload, model: str, limits: Limits) -> bytes:
    """Return the file of ``dielectra predict --csv`` for the first crystal of a structure file."""
    path = write_csv(_predict([upload], model, limits).predictions[0], upload.path.with_suffix(".csv"))
    return path.read_bytes()


def structures(uploads: Sequence[Upload], limits: Limits) -> list[dict[str, Any]]:
    """Return the crystals of structure files as plain data, in the cells the files give."""
    import gemmi
    from ase.data import chemical_symbols

    check_text(uploads)
    found: list[dict[str, Any]] = []
    for upload in uploads:
        try:
            crystals = read_structures(upload.path)
        except InputError as error:
            raise InputError(str(error).replace(str(upload.path), upload.name)) from error
        if len(found) + len(crystals) > limits.crystals:
            raise InputError(f"{upload.name}: holds {len(crystals)} crystals; up to {limits.crystals} are answered")
        for index, crystal in enumerate(crystals):
            group = space_group(crystal)
            found.append(
                {
                    "file": upload.name if len(crystals) == 1 else f"{upload.name}#{index}",
                    "formula": crystal.formula,
                    "space_group": group,
                    "space_group_symbol": gemmi.find_spacegroup_by_number(group).hm,
                    "lattice": crystal.cell.tolist(),
                    "species": [chemical_symbols[number] for number in crystal.numbers],
                    "frac_coords": crystal.frac_coords.tolist(),
                }
            )
    return found


def _predict(uploads: Sequence[Upload], model: str, limits: Limits) -> Answers:
    check_text(uploads)
    answers = predict_files(uploads, _model(model), limits.crystals)
    if answers.problems:
        raise InputError("\n".join(answers.problems))
    return answers
