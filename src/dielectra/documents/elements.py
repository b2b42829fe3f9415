"""What a model knows of each element: ``dielectra elements --json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from dielectra.documents.document import Document, optional
from dielectra.elements import LAWRENCIUM, SYMBOLS

if TYPE_CHECKING:
    from dielectra.models.model import ModelLike

SPLITS = ("test", "validation")
"""Splits whose scores by element are looked for in a card, in this order."""


class ElementSupport(Document):
    """An element, and what a model knows of it."""

    symbol: str
    number: int = Field(description="Atomic number.")
    supported: bool = Field(description="Whether the model takes crystals with it.")
    trained: bool = Field(description="Whether crystals with it were in the training.")
    training: int | None = optional("Number of training crystals with it, by models that say so.")
    sc_median: float | None = optional("Median SC of crystals with it outside the training, where the card has it.")
    n_scored: int | None = optional("Number of these crystals.")


def element_support(model: ModelLike, level: str) -> list[ElementSupport]:
    """Return what a model knows of each element up to lawrencium."""
    counts = getattr(getattr(model, "domain", None), "counts", None)
    scores = _scores(model.card.metrics, level)
    found = []
    for number in range(1, LAWRENCIUM + 1):
        symbol, supported = SYMBOLS[number], number in model.elements
        score = scores.get(symbol, {}) if supported else {}
        found.append(
            ElementSupport(
                symbol=symbol,
                number=number,
                supported=supported,
                trained=number in model.card.elements_at(level),
                training=int(counts.get(number, 0)) if counts is not None and supported else None,
                sc_median=score.get("sc_median"),
                n_scored=score.get("n"),
            )
        )
    return found


def _scores(metrics: Mapping[str, Any], level: str) -> Mapping[str, Any]:
    """Return the scores by element of the first split in a card that has them; empty without."""
    for split in SPLITS:
        found: Mapping[str, Any] = metrics.get(split, {}).get("levels", {}).get(level, {}).get("per_element") or {}
        if found:
            return found
    return {}
