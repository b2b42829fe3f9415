"""The shapes of what the API answers, for its description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """Say why a request was not answered."""

    detail: str = Field(description="What was given, what is allowed, how to mend it.")


class ByComponent(BaseModel):
    """A spectrum along the Cartesian axes and its isotropic average."""

    xx: list[float]
    yy: list[float]
    zz: list[float]
    mean: list[float]


class PredictedCrystal(BaseModel):
    """One entry of ``dielectra predict --json``."""

    file: str
    formula: str
    level: str
    model: str
    energy_ev: list[float]
    eps1: ByComponent
    eps2: ByComponent
    n: ByComponent
    k: ByComponent
    absorption_per_cm: ByComponent
    reflectivity: ByComponent
    loss: ByComponent
    static_eps: float | None
    warnings: list[str]


class ListedModel(BaseModel):
    """One entry of ``dielectra models list --json``."""

    name: str
    level: str
    architecture: str
    trained_on: str
    metrics: dict[str, Any]


class ReadCrystal(BaseModel):
    """One crystal of a structure file in the cell the file gives; lengths in angstrom."""

    file: str
    formula: str
    space_group: int = Field(ge=1, le=230)
    space_group_symbol: str
    lattice: list[list[float]]
    species: list[str]
    frac_coords: list[list[float]]


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
