"""Put materials into train, validation and test by formula, so that no formula is in two."""

from __future__ import annotations

import hashlib

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_of(formula: str, seed: int = 0) -> str:
    """Return ``train`` (80 %), ``validation`` (10 %) or ``test`` (10 %), fixed by reduced formula and seed alone.

    A formula stays in its split when a data set grows.
    """
    digest = hashlib.sha256(f"{seed}:{formula}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    for split, fraction in FRACTIONS.items():
        if position < fraction:
            return split
        position -= fraction
    return "test"
