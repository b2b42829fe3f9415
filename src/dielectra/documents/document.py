"""The base of all documents: frozen, every key named and described, every number finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from dielectra.arrays import FloatArray

SIGNIFICANT_DIGITS = 7
"""Digits that curves are written with, the precision of a network in single precision."""


class Document(BaseModel):
    """A JSON object that the command line prints, the API returns and files hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    def plain(self) -> dict[str, Any]:
        """Return the document as plain data under its JSON keys."""
        return self.model_dump(by_alias=True)


def optional(description: str, **options: Any) -> Any:
    """Return a field that may be None; its key is left out then."""
    return Field(default=None, description=description, exclude_if=lambda value: value is None, **options)


def dump_json(documents: Document | Sequence[Document]) -> bytes:
    """Return a document, or a list of documents, as JSON."""
    if isinstance(documents, Document):
        return documents.model_dump_json(by_alias=True).encode()
    return TypeAdapter(list[Any]).dump_json(list(documents), by_alias=True)


def rounded(values: FloatArray) -> list[float]:
    """Return numbers rounded to :data:`SIGNIFICANT_DIGITS`."""
    with np.errstate(divide="ignore"):
        exponents = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    factors = 10.0 ** (SIGNIFICANT_DIGITS - 1 - exponents)
    numbers: list[float] = (np.round(values * factors) / factors).tolist()
    return numbers
