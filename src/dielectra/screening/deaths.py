"""Where earlier processes of a job died: a note before each step, so that the next process knows what to suspect."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DEATHS = 2
"""Deaths of the process in one step after which the step is to blame: one may be a kill from outside."""

LONGEST_STEP = 600
"""Seconds after which a step hangs; the kernel then ends the process."""


class Deaths:
    """The steps of a job, and those in which its processes died.

    A step in which a process died once is taken again as it was: what is predicted together, differs in its last digits
    from what is predicted alone, and a screening that was killed is to end as if it had not been.

    Parameters
    ----------
    note
        File that outlives the process. A step that is under way stands in it as numbers of entries.
    """

    reason = "the process died, or hung, each time that this crystal was predicted alone"

    def __init__(self, note: Path) -> None:
        self.note = note
        known = _read(note)
        self.counts: dict[str, int] = known.get("deaths", {})
        if "under_way" in known:
            step = _name(*known["under_way"])
            self.counts[step] = self.counts.get(step, 0) + 1

    def parts(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the steps of a range of entries: all at once, or one by one where that is to blame."""
        if self._is_to_blame(begin, end):
            yield from ((index, index + 1) for index in range(begin, end))
        else:
            yield begin, end

    def killed(self, begin: int, end: int) -> bool:
        """Return whether a step is a crystal that is to be passed over."""
        return end - begin == 1 and self._is_to_blame(begin, end)

    def _is_to_blame(self, begin: int, end: int) -> bool:
        return self.counts.get(_name(begin, end), 0) >= DEATHS

    @contextmanager
    def watching(self, begin: int, end: int) -> Iterator[None]:
        """Note a step while it is under way, and have a process that hangs in it ended."""
        self.note.write_text(json.dumps({"under_way": [begin, end], "deaths": self.counts}))
        signal.alarm(LONGEST_STEP)
        try:
            yield
        finally:
            signal.alarm(0)

    def forget(self) -> None:
        """Remove the note of a job that is done."""
        with suppress(OSError):
            self.note.unlink(missing_ok=True)


def _name(begin: int, end: int) -> str:
    return f"{begin}-{end}"


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
