"""Documents that only the API has."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from dielectra.documents.crystal import PredictedCrystal, ReadCrystal
from dielectra.documents.document import Document, optional
from dielectra.documents.row import CrystalRow


class Problem(BaseModel):
    """Say why a request failed."""

    detail: str = Field(description="What was given, what is allowed, how to mend it.")


class BatchLine(Document):
    """A file of a batch: its crystals as it gives them, and of each the spectra or a row of numbers."""

    file: str
    structures: list[ReadCrystal]
    predictions: list[PredictedCrystal] | None = optional("With curves.")
    rows: list[CrystalRow] | None = optional("Without curves.")


class ListedModel(BaseModel):
    """One entry of ``dielectra models list --json``."""

    name: str
    level: str
    levels: list[str]
    architecture: str
    trained_on: str
    metrics: dict[str, Any]


class Example(BaseModel):
    """A structure file that ships with the package."""

    file: str
    title: str
    url: str


class Service(BaseModel):
    """What a page needs to know of the server it talks to; sizes in bytes."""

    version: str
    level: str
    broadening_ev: dict[str, float | None] = Field(description="Lorentzian half width of the predictions by level.")
    body_limit: int
    file_limit: int
    files_limit: int
    examples: list[Example]
