"""Markdown tables of the reports, and the spread over seeds in their cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ABSENT = "-"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first column is text and whose others are numbers, and an empty line."""
    ruler = "|---|" + "---:|" * (len(heads) - 1)
    return [f"| {' | '.join(heads)} |", ruler, *(f"| {' | '.join(row)} |" for row in rows), ""]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return the mean over seeds with the lowest and the highest; one value stands alone."""
    if not values:
        return ABSENT
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash where there is none."""
    return ABSENT if value is None else f"{value:.{digits}f}"
