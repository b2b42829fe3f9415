"""How fast the jobs of a table are done."""

from __future__ import annotations

from collections.abc import Sequence

from dielectra.jobs.table import Job

RECENT = 20


def jobs_per_hour(done: Sequence[Job]) -> float | None:
    """Return the rate of the last twenty finished jobs, None where it cannot be told yet."""
    recent = sorted(job.finished for job in done if job.finished is not None)[-RECENT:]
    if len(recent) < 2 or recent[-1] <= recent[0]:
        return None
    return round(3600 * (len(recent) - 1) / (recent[-1] - recent[0]), 1)
