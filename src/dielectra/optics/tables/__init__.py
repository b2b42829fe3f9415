"""Small reference tables that ship with the package; the first lines of each file name its source."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np

from dielectra.arrays import FloatArray


@lru_cache(maxsize=4)
def read_table(name: str) -> FloatArray:
    """Return the columns of a shipped CSV file, shape ``(n_columns, n_rows)``, read-only."""
    text = (resources.files(__name__) / name).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")][1:]
    table = np.array([row.split(",") for row in rows], float).T
    table.setflags(write=False)
    return table
