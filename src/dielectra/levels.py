"""The ladder: levels of theory, each a row of one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from dielectra.errors import InputError

GapOf = Literal["pbe", "quasiparticles", "exciton"]


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
    excitons
        Whether bound pairs of an electron and a hole absorb below the gap of quasiparticles.
    """

    name: str
    label: str
    lower: str | None
    description: str
    quasiparticles: bool = False
    excitons: bool = False

    @property
    def gap_of(self) -> GapOf:
        """Return what the gap at which absorption begins is that of."""
        return "exciton" if self.excitons else "quasiparticles" if self.quasiparticles else "pbe"


LEVELS: dict[str, Level] = {
    row.name: row
    for row in (
        Level("ipa", "IPA", None, "independent-particle approximation"),
        Level("rpa", "RPA", "ipa", "random-phase approximation, local fields included"),
        Level("alda", "ALDA", "rpa", "time-dependent DFT with the adiabatic kernel of the local-density approximation"),
        Level(
            "lrc", "LRC", "rpa", "time-dependent DFT with a static long-range kernel on quasiparticle energies", True
        ),
        Level("bse", "BSE", "lrc", "Bethe-Salpeter equation", True, True),
        Level("experiment", "experiment", "bse", "measured", True),
    )
}
"""Every level by name, from cheap to expensive. A new level is a row here and nothing else."""


GAP_COLUMNS: dict[GapOf, slice] = {"pbe": slice(0, 2), "quasiparticles": slice(2, 4), "exciton": slice(4, 6)}
"""Where gaps are, side by side: direct and fundamental of PBE, then of quasiparticles, then (of models alone) less the
binding energy of an exciton."""

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
    """Return which of the gaps of labels and models are those of a level's bands, direct and fundamental."""
    return GAP_COLUMNS["quasiparticles" if LEVELS[check_level(level)].quasiparticles else "pbe"]


def onset_columns(level: str) -> slice:
    """Return which of the gaps of models are those at which absorption begins at a level."""
    return GAP_COLUMNS[LEVELS[check_level(level)].gap_of]


def levels_below(level: str) -> Iterator[str]:
    """Yield the names of the levels below one, the nearest first."""
    lower = LEVELS[check_level(level)].lower
    while lower is not None:
        yield lower
        lower = LEVELS[lower].lower
