"""CPU seconds of the parts of a job."""

from __future__ import annotations

import time


class CpuClock:
    """CPU seconds of the parts of a work by name, each from the end of the part before; equal names add up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def lap(self, part: str) -> None:
        """Note the end of a part."""
        now = time.process_time()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now
