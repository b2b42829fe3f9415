"""Numbers of text formats: finite, counted, and named where they are not."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from dielectra.errors import InputError

LONGEST_NUMBER = 60
BARE_EXPONENT = re.compile(r"(?<=[\d.])(?=[+-]\d{3}$)")
"""Where Fortran leaves the letter of an exponent of three digits out: ``0.25-102``."""


def floats(words: Sequence[str], count: int, what: str) -> list[float]:
    """Return the first `count` words as finite numbers; ``1.5D0`` and ``0.25-102`` of Fortran are some.

    Raises
    ------
    InputError
        If there are fewer or one is no number; the message starts with `what`.
    """
    if len(words) < count:
        raise InputError(f"{what} needs {count} numbers, got {len(words)}")
    return [_float(word, what) for word in words[:count]]


def whole(word: str, what: str) -> int:
    """Return a word as an integer that is not negative.

    Raises
    ------
    InputError
        If it is none, or has more than nine digits.
    """
    if not word.isascii() or not word.isdigit():
        raise InputError(f"{what} is {word[:40]!r}; give an integer")
    if len(word) > 9:
        raise InputError(f"{what} is {word[:40]!r}, which is too large")
    return int(word)


def _float(word: str, what: str) -> float:
    advice = "write a decimal point" if "," in word else "write a finite number"
    try:
        plain = BARE_EXPONENT.sub("e", word.lower().replace("d", "e"))
        value = float(plain) if len(word) <= LONGEST_NUMBER and "_" not in word else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{what}: {word[:40]!r} is not a number; {advice}")
    return value
