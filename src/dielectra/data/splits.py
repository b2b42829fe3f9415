"""Put materials into train, validation and test: by formula, so that no formula is in two, or as the paper did."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from pathlib import Path

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


def split_of_new(formula: str, is_measured: bool = False) -> str:
    """Return the split of a material that no published list names, fixed by its formula alone.

    The SHA-256 digest of the reduced formula, elements sorted and no subscript 1, is taken modulo 10: 0 is ``test``, 1
    ``validation``, else ``train``. Of measured compounds, those whose digest is a multiple of 3 are
    ``experiment-test``: no model may see their computed spectrum either.

    Parameters
    ----------
    formula
        In any order of elements.
    is_measured
        Whether measured optical constants of the compound are at hand.
    """
    digest = int.from_bytes(hashlib.sha256(sorted_formula(formula).encode()).digest(), "big")
    if is_measured and digest % 3 == 0:
        return "experiment-test"
    return {0: "test", 1: "validation"}.get(digest % 10, "train")


def sorted_formula(formula: str) -> str:
    """Return a reduced formula with elements in alphabetical order and no subscript 1 (``O3SrTi``)."""
    from ase.formula import Formula

    counts, _ = Formula(formula).reduce()
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in sorted(counts.count().items()))


@cache
def paper_splits() -> dict[str, str]:
    """Return the split of each of the paper's 9,748 material ids.

    Source: the lists published with the code of Grunert, Grossmann, Runge, Nat. Commun. 16, 8142 (2025), MIT licence.
    """
    lists = json.loads(gzip.decompress(Path(__file__).with_name("paper_splits.json.gz").read_bytes()))
    return {name: split for split in FRACTIONS for name in lists[split]}
