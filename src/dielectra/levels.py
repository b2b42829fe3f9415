"""The ladder: levels of theory, each a row of one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dielectra.errors import InputError


class Level(NamedTuple):
    """A level of theory.

    Attributes
    ----------
    name
        As in data sets, cards and the option ``--level``.
    label
        As in figures.
    lower
        Name of the level below, None at the foot of the ladder.
    description
        One phrase.
    quasiparticles
        Whether absorption begins at the gap of quasiparticles, or of what is measured, and not at that of PBE.
    """

    name: str
    label: str
    lower: str | None
    description: str
    quasiparticles: bool = False


LEVELS: dict[str, Level] = {
    row.name: row
    for row in (
        Level("ipa", "IPA", None, "independent-particle approximation"),
        Level("rpa", "RPA", "ipa", "random-phase approximation, local fields included"),
        Level("alda", "ALDA", "rpa", "time-dependent DFT with the adiabatic kernel of the local-density approximation"),
        Level(
            "lrc", "LRC", "rpa", "time-dependent DFT with a static long-range kernel on quasiparticle energies", True
        ),
        Level("bse", "BSE", "lrc", "Bethe-Salpeter equation", True),
        Level("experiment", "experiment", "bse", "measured", True),
    )
}
"""Every level by name, from cheap to expensive. A new level is a row here and nothing else."""


OF_PBE, OF_QUASIPARTICLES = slice(0, 2), slice(2, 4)
"""Where the gaps of labels and models are, side by side: direct and fundamental of PBE, then of quasiparticles."""

FUNDAMENTAL_OF_PBE = 1
"""Where the fundamental gap of PBE is among them."""


def check_level(level: str) -> str:
    """Return `level` if it is a known level of theory.

    Raises
    ------
    InputError
        If it is not.
    """
    if level not in LEVELS:
        raise InputError(f"unknown level {level!r}; allowed are {', '.join(LEVELS)}")
    return level


def gap_columns(level: str) -> slice:
    """Return which of the gaps of labels and models are those of a level, direct and fundamental."""
    return OF_QUASIPARTICLES if LEVELS[check_level(level)].quasiparticles else OF_PBE


def levels_below(level: str) -> Iterator[str]:
    """Yield the names of the levels below one, the nearest first."""
    lower = LEVELS[check_level(level)].lower
    while lower is not None:
        yield lower
        lower = LEVELS[lower].lower
