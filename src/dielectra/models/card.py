"""The card of a model: what it is, what it was trained on, how well it does. Old cards are upgraded when read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dielectra.errors import InputError
from dielectra.files import read_text
from dielectra.grids import describe_energies
from dielectra.optics.bands import Calibration
from dielectra.optics.dressing import Dressing
from dielectra.parsing import parse_json
from dielectra.target import Target

CARD_VERSION = 2
CARD = "card.json"


class ModelCard(BaseModel):
    """Describe a model.

    Attributes
    ----------
    architecture, options
        Name of the network in the registry, and its options.
    target
        What it predicts.
    level_history
        Levels it was trained at, in that order.
    elements, level_elements
        Atomic numbers seen in training at any level, and at each level where that is noted.
    members
        Folders of the members of an ensemble, inside the model's own; empty for a single model.
    calibration
        What makes bands of the members of an ensemble, by level.
    intended_use, limits
        What the model is for, and what it cannot do, in sentences.
    dressing
        Base and parameters of a model that dresses the spectra of another, and has no weights of its own.
    weights_sha256, domain_sha256
        Digests of the files beside the card, checked when they are read; empty where there is no such file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = CARD_VERSION
    name: str
    architecture: str
    options: dict[str, Any] = Field(default_factory=dict)
    target: Target
    level_history: list[str]
    elements: list[int]
    level_elements: dict[str, list[int]] = Field(default_factory=dict)
    trained_on: str
    data_hashes: dict[str, str] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    members: list[str] = Field(default_factory=list)
    calibration: dict[str, Calibration] = Field(default_factory=dict)
    intended_use: str = ""
    limits: list[str] = Field(default_factory=list)
    dressing: Dressing | None = None
    dtype: str = "float32"
    weights_sha256: str = ""
    domain_sha256: str = ""
    licence: str = "CC-BY-4.0"
    dielectra_version: str = ""

    @property
    def level(self) -> str:
        """Return the highest level that the model predicts."""
        return self.target.level

    @property
    def broadening(self) -> float | None:
        """Return the Lorentzian broadening of what the model predicts, eV; None where unknown."""
        return self.target.broadening

    def elements_at(self, level: str) -> frozenset[int]:
        """Return the atomic numbers seen in training at a level, or at any where the level's are not noted."""
        return frozenset(self.level_elements.get(level, self.elements))

    def summary(self) -> dict[str, Any]:
        """Return what ``dielectra models list --json`` says of the model."""
        found = self.model_dump(include={"name", "architecture", "trained_on", "metrics"})
        return found | {"level": self.level, "levels": list(self.target.levels)}


def read_card(folder: Path) -> ModelCard:
    """Read and check the card of a model folder; a card of an earlier version is upgraded.

    Raises
    ------
    InputError
        If it is not valid JSON, lacks an entry, or was written by a newer version.
    """
    path = folder / CARD
    try:
        entries = parse_json(read_text(path), path)
        version = int(entries["schema_version"])
        card = ModelCard.model_validate(upgrade(entries)) if version <= CARD_VERSION else None
    except InputError:
        raise
    except (
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
    ) as error:  # not JSON, not a card, or an entry is missing or wrong
        raise InputError(f"{path}: not a valid model card ({error})") from error
    if card is None:
        raise InputError(f"{path}: has version {version}, newer than {CARD_VERSION}; upgrade dielectra")
    return card


def upgrade(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a card of any earlier version as those of the present one."""
    upgraded = dict(entries)
    while upgraded["schema_version"] < CARD_VERSION:
        upgraded = UPGRADES[upgraded["schema_version"]](upgraded)
    return upgraded


def _from_version_1(entries: dict[str, Any]) -> dict[str, Any]:
    """Make a target of level, energies and broadening: version 1 knew one isotropic imaginary part at one level.

    The similarity networks of experiments had one "energy", 0 eV.
    """
    options = dict(entries.pop("arguments"))
    options.pop("n_energies", None)
    options["broaden_output"] = bool(options.pop("broadening_points", 0.0))
    start, stop, n = entries.pop("energies")
    target = {"levels": [entries.pop("level")], "broadening": entries.pop("broadening", None)}
    if n == 1:
        target |= {"quantity": "similarity", "parts": ["re"]}
    else:
        target["energies"] = describe_energies(np.linspace(start, stop, n))
    architecture = entries.pop("architecture", "optimate")
    return entries | {"schema_version": 2, "architecture": architecture, "options": options, "target": target}


UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_version_1}
"""What makes a card of each version one of the next."""
