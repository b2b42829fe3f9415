"""Where earlier processes of a job died: a note before each step, so that the next process knows what to suspect."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DEATHS_ALONE = 2
"""Deaths of the process with one crystal after which it is passed over: a kill from outside may be one."""

LONGEST_STEP = 600
"""Seconds after which a step hangs; the kernel then ends the process."""


class Deaths:
    """The steps of a job, and those in which its processes died.

    Parameters
    ----------
    note
        File that outlives the process. A step that is under way stands in it as numbers of entries.
    """

    reason = "the process died, or hung, each time that this crystal was predicted alone"

    def __init__(self, note: Path) -> None:
        self.note = note
        known = _read(note)
        self.suspected: list[list[int]] = known.get("suspected", [])
        self.alone: dict[str, int] = known.get("alone", {})
        under_way = known.get("under_way")
        if under_way:
            begin, end = under_way
            if end - begin == 1:
                self.alone[str(begin)] = self.alone.get(str(begin), 0) + 1
            else:
                self.suspected.append([begin, end])

    def parts(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the steps of a range of entries: all at once, or one by one where a process died among them."""
        if any(first < end and begin < last for first, last in self.suspected):
            yield from ((index, index + 1) for index in range(begin, end))
        else:
            yield begin, end

    def killed(self, begin: int, end: int) -> bool:
        """Return whether a step is a crystal that is to be passed over."""
        return end - begin == 1 and self.alone.get(str(begin), 0) >= DEATHS_ALONE

    @contextmanager
    def watching(self, begin: int, end: int) -> Iterator[None]:
        """Note a step while it is under way, and have a process that hangs in it ended."""
        state = {"under_way": [begin, end], "suspected": self.suspected, "alone": self.alone}
        self.note.write_text(json.dumps(state))
        signal.alarm(LONGEST_STEP)
        try:
            yield
        finally:
            signal.alarm(0)

    def forget(self) -> None:
        """Remove the note of a job that is done."""
        with suppress(OSError):
            self.note.unlink(missing_ok=True)


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
