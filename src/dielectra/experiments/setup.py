"""What an experiment runs on: data set, seeds, extent, the folder of models, and a progress bar."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dielectra.arrays import FloatArray
from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.labels import Labels
from dielectra.errors import InputError
from dielectra.spectrum import similarity

LOWER, UPPER = "ipa", "rpa"
"""The levels the paper climbs from and to."""
SPLITS = ("train", "validation", "test")
N_SEEDS = 3
Progress = Callable[[str, int, int], None]


def say_nothing(_: str, __: int, ___: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Setup:
    """What all experiments of one call share.

    Attributes
    ----------
    source
        Name, folder or file of a data set.
    models
        Folder of the trained models, one folder each; may be shared by any number of experiments.
    quick
        Fewer labels, shorter trainings: shows within minutes that all works, not how well it does.
    seeds
        Each draws its own labels and initial weights.
    progress
        Called with (what is done, finished, total).
    sizes
        Numbers of labels of the learning curve; empty for the usual ones.
    strategies
        Strategies of the learning curve; empty for all.
    """

    source: str
    models: Path
    quick: bool = False
    seeds: tuple[int, ...] = tuple(range(N_SEEDS))
    progress: Progress = say_nothing
    sizes: tuple[int, ...] = ()
    strategies: tuple[str, ...] = ()

    @cached_property
    def data(self) -> DataSet:
        """Return the data set, opened once."""
        return open_dataset(self.source)

    @cached_property
    def lower(self) -> Labels:
        """Return the IPA labels."""
        return self.data.labels(LOWER)

    @cached_property
    def upper(self) -> Labels:
        """Return the RPA labels."""
        return self.data.labels(UPPER)

    @property
    def data_hashes(self) -> dict[str, str]:
        """Return the SHA-256 digest of every part of the data set."""
        return self.data.hashes

    @property
    def data_digest(self) -> str:
        """Return one digest for the content of the data set, whatever the names of its parts."""
        return self.data.digest

    def check(self) -> None:
        """Check that the data set holds both levels in every split.

        Raises
        ------
        InputError
            If it does not; all experiments need them.
        """
        for labels in (self.lower, self.upper):
            for split in SPLITS:
                if split not in labels.splits:
                    raise InputError(
                        f"{self.source}: the split {split!r} holds no {labels.level} spectrum; the experiments need "
                        f"both levels in {', '.join(SPLITS)} (dielectra.data.splits.split_of gives splits)"
                    )

    def both_levels(self, split: str | None = None) -> tuple[Labels, Labels, FloatArray]:
        """Return the materials of a split (None: all) with both levels, and their SC[IPA; RPA], shape ``(n,)``.

        Raises
        ------
        InputError
            If there are none.
        """
        position = {name: index for index, name in enumerate(self.lower.ids)}
        chosen = [
            index
            for index, name in enumerate(self.upper.ids)
            if name in position and split in (None, self.upper.splits[index])
        ]
        if not chosen:
            raise InputError(f"{self.source}: no material of the split {split!r} has both levels")
        upper = self.upper.select(chosen)
        lower = self.lower.select([position[name] for name in upper.ids])
        return lower, upper, similarity(lower.eps2, upper.eps2, upper.energies)


def digest(entries: object) -> str:
    """Return a short digest of plain data."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:10]
