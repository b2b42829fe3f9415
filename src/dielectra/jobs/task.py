"""What a kind of work offers so that it can be done many thousand times, and the kinds that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dielectra.registry import Registry


class Task(Protocol):
    """Do one kind of work; a campaign of computations is one, a screening another."""

    @property
    def kind(self) -> str:
        """Return the registered name."""

    @property
    def results(self) -> str:
        """Return the name of the subfolder that holds the results."""

    @property
    def suffix(self) -> str:
        """Return the ending of a result's file."""

    def settings(self) -> dict[str, Any]:
        """Return what fixes the work, as JSON data; the task's opener makes an equal task of it."""

    def run(self, payload: Any, result: Path, log: Path) -> None:
        """Do one job.

        Parameters
        ----------
        payload
            JSON data of the job: one item, or a list where a job is a batch.
        result
            File to write; it must appear whole or not at all.
        log
            File for what the work has to say; it may be left unwritten.

        Raises
        ------
        InputError
            If the payload is refused; any other exception is a failure. Both end the job, not the others.
        """

    def cost(self, result: Path) -> dict[str, float]:
        """Return the CPU seconds by part that a result notes; empty where it notes none."""


Opener = Callable[[Mapping[str, Any], Sequence[str]], Task]
"""Makes a task of its settings and of the modules the user vouches for."""

TASKS = Registry(
    "dielectra.tasks",
    "task",
    {"campaign": "dielectra.abinitio.task:open_campaign", "screening": "dielectra.screening.task:open_screening"},
)


def open_task(kind: str, settings: Mapping[str, Any], trusted: Sequence[str] = ()) -> Task:
    """Return the task of a registered kind.

    Parameters
    ----------
    settings
        What :meth:`Task.settings` returned.
    trusted
        Modules outside the registries that the user named on the command line.

    Raises
    ------
    InputError
        If the kind is not registered or the settings do not fit.
    """
    opener: Opener = TASKS.load(kind)
    return opener(settings, trusted)
