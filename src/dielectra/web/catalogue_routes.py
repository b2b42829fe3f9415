"""The routes that look things up in the shipped data sets; they predict nothing and answer at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from dielectra.documents.crystal import ReadCrystal
from dielectra.web import catalogue
from dielectra.web.api import PROBLEMS, Shared

router = APIRouter(prefix="/api", responses={422: PROBLEMS[422]})

Formula = Annotated[str, Query(min_length=1, max_length=100, description="Chemical formula, in any order.")]


@router.get("/crystals")
def find_crystals(
    query: Annotated[str, Query(min_length=1, max_length=100, description="Formula (GaN) or elements (Ga-N, Ga N).")],
    limit: Annotated[int, Query(ge=1, le=catalogue.MOST_FOUND)] = 20,
) -> catalogue.FoundCrystals:
    """Search the crystals of the shipped data sets: same composition first, then same elements, then more elements."""
    return catalogue.search(query, limit)


@router.get("/crystals/{id}")
def read_crystal(id_: Annotated[str, Path(alias="id", max_length=100)]) -> ReadCrystal:
    """Return a crystal of the shipped data sets by its id."""
    return catalogue.find(id_)


@router.get("/alike")
def find_alike(
    formula: Formula,
    near: Annotated[list[str], Query(max_length=20, description="Ids of crystals that are wanted too.")] = [],  # noqa: B006
) -> catalogue.AlikeCrystals:
    """Return held-out crystals of the same chemistry, and how well their spectra are predicted."""
    return catalogue.alike(formula, near)


@router.get("/elements")
def list_elements(served: Shared) -> list[catalogue.SupportedElement]:
    """Return the periodic table: which levels were trained with an element, and how many training crystals hold it."""
    return catalogue.elements({level: card.elements_at(level) for level, card in served.cards.items()})
