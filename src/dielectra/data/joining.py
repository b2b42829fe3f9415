"""Join data sets into one, for models that are trained on several of them, or on levels of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.splits import sorted_formula
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.files import new_folder
from dielectra.levels import LEVELS


def join_datasets(
    sources: Sequence[str],
    output: str | Path,
    elements: frozenset[int] | None = None,
) -> dict[str, int]:
    """Write what several data sets hold as one part; return how many materials were taken from each.

    Parameters
    ----------
    sources
        Names, folders or files of data sets. Of materials with one id the earlier data set wins. ``NAME:LEVEL`` takes
        the records of one level only, and adds them to the materials that are there without it. All crystals of a
        formula get the split that it has in the first data set that holds it.
    output
        New or empty folder.
    elements
        Atomic numbers of the crystals that are taken; all by default.

    Raises
    ------
    InputError
        If no data set is given or one is unknown, their energies or broadenings differ, nothing remains, or the folder
        holds something.
    """
    if not sources:
        raise InputError("give the data sets to join; dielectra data list names those that ship")
    opened = [_open(source) for source in sources]
    first = _first_of_a_kind([data for data, _ in opened])
    groups: dict[str, list[Record | Metal]] = {}
    splits: dict[str, str | None] = {}
    found: dict[str, int] = {}
    for source, (data, level) in zip(sources, opened, strict=True):
        fresh: dict[str, list[Record | Metal]] = {}
        entries: Iterator[Record | Metal] = chain(data.records(level), () if level else data.metals())
        for one in entries:
            held = groups.get(one.id, [])
            is_new = level not in map(_level_of, held) if level else not held
            if is_new and (elements is None or one.crystal.elements <= elements):
                formula = sorted_formula(one.formula)
                fresh.setdefault(one.id, []).append(replace(one, split=splits.setdefault(formula, one.split)))
        for name, taken in fresh.items():
            groups.setdefault(name, []).extend(taken)
        found[source] = len(fresh)
    if not groups:
        raise InputError(f"{', '.join(sources)}: nothing is left to join")
    header = {"engine": first.engine or "unknown"}
    if first.broadening is not None:
        header["broadening_eV"] = f"{first.broadening:g}"
    everything = list(chain.from_iterable(groups.values()))
    write_part(everything, new_folder(output) / "part-0000.parquet", header, first.grid)
    return found


def _level_of(entry: Record | Metal) -> str:
    return entry.level if isinstance(entry, Metal) else entry.spectrum.level


def _open(source: str) -> tuple[DataSet, str | None]:
    """Return a data set, and the one level of it that is wanted."""
    name, colon, level = source.rpartition(":")
    if colon and level in LEVELS:
        return open_dataset(name), level
    return open_dataset(source), None


def _first_of_a_kind(opened: Sequence[DataSet]) -> DataSet:
    """Return the first data set after a look at whether the others fit to it."""
    first = opened[0]
    for other in opened[1:]:
        if not np.array_equal(first.grid, other.grid):
            raise InputError(
                f"{other.source}: its photon energies are not those of {first.source}; import it with "
                f"--energies {first.grid[0]:g},{first.grid[-1]:g},{len(first.grid)}"
            )
        if first.broadening != other.broadening:
            raise InputError(
                f"{other.source}: its broadening is {other.broadening} eV, that of {first.source} {first.broadening} "
                "eV; a model has one for all levels: compute or import both with the same"
            )
    return first
