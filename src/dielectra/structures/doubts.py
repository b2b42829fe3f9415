"""Doubts about a crystal that come from its atoms alone: a density or a distance that no crystal has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from ase.data import covalent_radii

from dielectra.crystal import Crystal, close_pairs
from dielectra.structures.claims import mass_density

DENSEST = 25.0
"""Mass density in grams per cubic centimetre above any crystal's at ambient pressure (osmium 22.6)."""

EMPTIEST = 150.0
"""Volume in cubic angstrom for each atom above any bulk crystal's (caesium 116)."""

SHORTEST = 0.6
"""Share of the sum of two covalent radii below which atoms are closer than in any bond."""


def with_doubts(crystal: Crystal) -> Crystal:
    """Return the crystal with warnings about its density and its shortest distance, if there is reason to."""
    notes = tuple(_doubts(crystal))
    return replace(crystal, warnings=(*crystal.warnings, *notes)) if notes else crystal


def _doubts(crystal: Crystal) -> Iterator[str]:
    density, each = mass_density(crystal), crystal.volume / crystal.n_atoms
    if density > DENSEST:
        yield f"a density of {density:.3g} g/cm3 is above that of any crystal at ambient pressure; check the cell"
    if each > EMPTIEST:
        yield f"{each:.3g} cubic angstrom for each atom is more than in any bulk crystal; check the unit of the cell"
    radii = covalent_radii[crystal.numbers]
    first, second, distances = close_pairs(crystal, 2 * SHORTEST * float(radii.max()))
    shares = distances / (radii[first] + radii[second]) if len(distances) else np.ones(1)
    if shares.min() < SHORTEST:
        closest = int(shares.argmin())
        yield (
            f"atoms {int(first[closest])} and {int(second[closest])} are {distances[closest]:.2f} angstrom apart, "
            "less than in any bond; check the cell and the sites"
        )
