"""What the paper published: typed constants and readings of its vector figures, each file with its source."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def published_numbers() -> dict[str, Any]:
    """Return scores, baselines and costs by experiment; ``source`` says where they were read."""
    return _read("numbers.json")


@cache
def published_spectra() -> dict[str, Any]:
    """Return Im eps, 0 to 10 eV in steps of 0.1, of the nine ``materials`` of the paper's Fig. 1.

    ``eps2`` of each is keyed ``ipa`` and ``rpa`` (computed), ``DL 300``, ``TL 300``, ``DL all`` and ``TL all``
    (predicted RPA after training on 300 or all 4,610 spectra).
    """
    return _read("spectra.json")


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return content
