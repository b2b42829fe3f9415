"""The crystals of the shipped data sets: found by formula or element, opened by id, counted by element.

``scripts/catalogue.py`` writes the table.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from statistics import median

from pydantic import Field

from dielectra.documents.crystal import ReadCrystal
from dielectra.documents.document import Document, optional
from dielectra.elements import LAWRENCIUM, NUMBERS, SYMBOLS, table_place
from dielectra.errors import InputError
from dielectra.symmetry import symbol_of_space_group

MODEL = "ladder-ensemble"
"""The model whose predictions the table holds."""

MOST_FOUND = 200
MOST_ALIKE = 6
TRAINING = "train"


class CatalogueCrystal(Document):
    """A crystal of the shipped data sets."""

    id: str = Field(description="Name in the data set.")
    formula: str = Field(description="Reduced chemical formula.")
    space_group: int = Field(ge=1, le=230)
    space_group_symbol: str
    atoms: int = Field(description="Atoms in the primitive cell.")
    training: bool = Field(description="Whether it is in the training split of its data set.")
    gap_ev: float | None = optional("Computed PBE gap (eV).")
    similarity: float | None = optional("Similarity of the RPA prediction to the computed spectrum, 1 at best.")


class FoundCrystals(Document):
    """What a search finds: the first crystals, best fit first, and how many there are."""

    total: int
    crystals: list[CatalogueCrystal]


class AlikeCrystals(Document):
    """How well the model predicts crystals of the same chemistry that it has not seen."""

    elements: list[str] = Field(description="Elements that they share with the crystal.")
    total: int = Field(description="Number of crystals with all of these elements that were held out of the training.")
    median_similarity: float | None = optional("Of their RPA predictions to the computed spectra.")
    crystals: list[CatalogueCrystal] = Field(description="Some of them, those with fewest other elements first.")
    nearest: list[CatalogueCrystal] = Field(description="The crystals that were asked for by id, as far as there are.")


class SupportedElement(Document):
    """An element, its place in the periodic table, and what the shipped model knows of it."""

    symbol: str
    number: int
    row: int = Field(description="From 1; 8 and 9 are the f blocks.")
    column: int = Field(ge=1, le=18)
    levels: list[str] = Field(description="Levels whose model was trained with it.")
    training: int = Field(description="Training crystals that hold it.")
    crystals: int = Field(description="Crystals of the catalogue that hold it.")
    median_similarity: float | None = optional("Of the RPA predictions of crystals that hold it and were held out.")


@dataclass(frozen=True)
class Listed:
    """A crystal of the table.

    Attributes
    ----------
    lattice, frac_coords
        Lattice vectors in angstrom, fractional coordinates; rows.
    split
        That of its data set; the model has seen those of ``train``.
    gap_ev, predicted_gap_ev
        PBE gap and the gap that the model predicts, eV.
    similarity
        Of the RPA prediction to the computed spectrum.
    """

    id: str
    formula: str
    space_group: int
    split: str | None
    gap_ev: float | None
    predicted_gap_ev: float | None
    similarity: float | None
    lattice: list[list[float]]
    species: list[str]
    frac_coords: list[list[float]]

    @cached_property
    def elements(self) -> frozenset[str]:
        """Return the symbols of the elements."""
        return frozenset(self.species)

    @property
    def training(self) -> bool:
        """Return whether the shipped model was trained on it."""
        return self.split == TRAINING

    @cached_property
    def document(self) -> CatalogueCrystal:
        """Return the entry of a list."""
        return CatalogueCrystal(
            id=self.id,
            formula=self.formula,
            space_group=self.space_group,
            space_group_symbol=symbol_of_space_group(self.space_group),
            atoms=len(self.species),
            training=self.training,
            gap_ev=self.gap_ev,
            similarity=self.similarity,
        )


def search(query: str, limit: int) -> FoundCrystals:
    """Return the crystals that fit a query: a formula in any order, or elements (``Ga-N``, ``Ga N``).

    Those of the same composition come first, then those of the same elements, then those that hold all of the elements.

    Raises
    ------
    InputError
        If the query names no elements.
    """
    composition = _composition(query)
    elements = frozenset(composition)
    ranked = [(rank, one) for one in _table() if (rank := _rank(one, composition, elements)) is not None]
    ranked.sort(key=lambda pair: (pair[0], len(pair[1].elements), len(pair[1].species), pair[1].formula))
    return FoundCrystals(total=len(ranked), crystals=[one.document for _, one in ranked[:limit]])


def find(identifier: str) -> ReadCrystal:
    """Return a crystal by its id.

    Raises
    ------
    InputError
        If there is none.
    """
    one = next((one for one in _table() if one.id == identifier), None)
    if one is None:
        raise InputError(f"no crystal {identifier!r} in the shipped data sets; search by formula for those there are")
    return ReadCrystal(
        file=one.id,
        formula=one.formula,
        space_group=one.space_group,
        space_group_symbol=symbol_of_space_group(one.space_group),
        lattice=one.lattice,
        species=one.species,
        frac_coords=one.frac_coords,
    )


def alike(formula: str, near: Sequence[str] = ()) -> AlikeCrystals:
    """Return crystals outside the training that share as many elements with a formula as any does.

    Parameters
    ----------
    near
        Ids of crystals that are wanted too.

    Raises
    ------
    InputError
        If the formula cannot be read.
    """
    elements = frozenset(_composition(formula))
    unseen = [one for one in _table() if not one.training and one.similarity is not None]
    most = max((len(one.elements & elements) for one in unseen), default=0)
    nearest = [one.document for one in _table() if one.id in near]
    shared = Counter(one.elements & elements for one in unseen if len(one.elements & elements) == most > 0)
    if not shared:
        return AlikeCrystals(elements=[], total=0, crystals=[], nearest=nearest)
    common = max(shared, key=lambda some: (shared[some], sorted(some)))
    found = sorted((one for one in unseen if common <= one.elements), key=lambda one: (len(one.elements), one.formula))
    return AlikeCrystals(
        elements=[symbol for symbol in _composition(formula) if symbol in common],
        total=len(found),
        median_similarity=_median(found),
        crystals=[one.document for one in found[:MOST_ALIKE]],
        nearest=nearest,
    )


def elements(trained: Mapping[str, Iterable[int]]) -> list[SupportedElement]:
    """Return the periodic table of what is supported.

    Parameters
    ----------
    trained
        Atomic numbers that the model of each level was trained with.
    """
    levels = {level: frozenset(numbers) for level, numbers in trained.items()}
    entries = []
    for number in range(1, LAWRENCIUM + 1):
        symbol = SYMBOLS[number]
        holders = [one for one in _table() if symbol in one.elements]
        row, column = table_place(number)
        entries.append(
            SupportedElement(
                symbol=symbol,
                number=number,
                row=row,
                column=column,
                levels=[level for level, numbers in levels.items() if number in numbers],
                training=sum(one.training for one in holders),
                crystals=len(holders),
                median_similarity=_median([one for one in holders if not one.training]),
            )
        )
    return entries


def _rank(one: Listed, composition: dict[str, int], elements: frozenset[str]) -> int | None:
    """Return how well a crystal fits: 0 the composition, 1 the elements, 2 more elements; None where it does not."""
    if not elements <= one.elements:
        return None
    if elements != one.elements:
        return 2
    counts = Counter(one.species)
    shares = {symbol: counts[symbol] / composition[symbol] for symbol in elements}
    return 0 if max(shares.values()) - min(shares.values()) < 1e-6 * max(shares.values()) else 1


def _composition(query: str) -> dict[str, int]:
    """Return the count of each element; separators of elements are taken out."""
    from ase.formula import Formula

    try:
        counts: dict[str, int] = Formula(re.sub(r"[\s,;-]+", "", query)).count()
    except ValueError as error:
        raise InputError(f"{query!r} is no formula; give one such as GaN, or elements such as Ga-N") from error
    if not counts or not counts.keys() <= NUMBERS.keys():
        raise InputError(f"{query!r} names what is no element; give a formula such as GaN, or elements such as Ga-N")
    return counts


def _median(some: Sequence[Listed]) -> float | None:
    scores = [one.similarity for one in some if one.similarity is not None]
    return round(median(scores), 3) if scores else None


@lru_cache(maxsize=1)
def _table() -> tuple[Listed, ...]:
    packed = (resources.files("dielectra.web") / "tables" / "crystals.jsonl.gz").read_bytes()
    return tuple(Listed(**json.loads(line)) for line in gzip.decompress(packed).decode().splitlines())
