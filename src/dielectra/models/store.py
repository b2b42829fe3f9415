"""Save and load networks: ``model.safetensors`` beside ``card.json``, never pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.files import read_bytes, read_text, reading, write_whole
from dielectra.graph import batch_graphs, build_graph
from dielectra.levels import check_level
from dielectra.models.admission import Admitted, Estimate, Preparation, Refusal, admit
from dielectra.models.optimate import OptiMate, supported_elements
from dielectra.parsing import parse_json
from dielectra.spectrum import isotropic_spectrum

CARD_VERSION = 1
WEIGHTS = "model.safetensors"
LARGEST_WEIGHTS = 2**32
"""Bytes of a file of weights that is read."""

CARD = "card.json"
SHIPPED = Path(__file__).parent / "weights"
ARCHITECTURES = {"optimate": OptiMate}
DEFAULT_MODELS = {"ipa": "ladder-ipa", "rpa": "ladder-rpa"}


class ModelCard(BaseModel):
    """Describe a model: what it is, what it was trained on, how well it does.

    ``energies`` is ``(start, stop, n)`` of the regular grid in eV, ``arguments`` are those of the architecture,
    ``elements`` the atomic numbers seen in training at any level, ``level_history`` the levels climbed through.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = CARD_VERSION
    name: str
    architecture: str = "optimate"
    arguments: dict[str, Any]
    level: str
    level_history: list[str]
    energies: tuple[float, float, int]
    broadening: float | None = None
    elements: list[int]
    trained_on: str
    data_hashes: dict[str, str] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    dtype: str = "float32"
    weights_sha256: str = ""
    licence: str = "CC-BY-4.0"
    dielectra_version: str = ""

    def summary(self) -> dict[str, Any]:
        """Return what ``dielectra models list --json`` says of the model."""
        return self.model_dump(include={"name", "level", "architecture", "trained_on", "metrics"})


@dataclass(frozen=True, eq=False)
class Model:
    """Hold a network in evaluation mode with its card."""

    network: OptiMate
    card: ModelCard

    def admit(self, crystal: Crystal) -> Admitted | Refusal:
        """Find out all that a prediction needs of a crystal, or why it is refused; see :func:`admit`."""
        return admit(crystal, self.card, supported_elements(), self._prepare, isotropic=True)

    def predict(self, admitted: Sequence[Admitted]) -> list[Estimate]:
        """Return what is predicted of each admitted crystal."""
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            rows = self.network(batch_graphs([found.prepared for found in admitted]).to(device)).cpu().numpy()
        eps2 = np.maximum(rows.astype(float), 0.0)
        return [Estimate(isotropic_spectrum(self.grid, row, self.card.level, self.card.broadening)) for row in eps2]

    def _prepare(self, crystal: Crystal) -> Preparation:
        graph = build_graph(crystal, self.network.cutoff)
        if len(np.unique(graph.target)) == crystal.n_atoms:
            return Preparation(graph)
        sees = f"an atom has no neighbour within {self.network.cutoff:g} angstrom; the model sees it as isolated"
        return Preparation(graph, (sees,))

    @property
    def grid(self) -> FloatArray:
        """Return the photon energies of the predicted spectra, shape ``(n_energies,)``, eV."""
        return np.linspace(*self.card.energies)


def build_network(card: ModelCard) -> OptiMate:
    """Return an untrained network of the card's architecture.

    Raises
    ------
    InputError
        If the architecture is unknown.
    """
    if card.architecture not in ARCHITECTURES:
        raise InputError(f"unknown architecture {card.architecture!r}; known are {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[card.architecture](**card.arguments)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, MemoryError) as error:
        problem = str(error).partition("\n")[0][:200]
        raise InputError(
            f"the card's arguments do not fit {card.architecture} ({problem}); restore the card"
        ) from error


def save_model(network: OptiMate, card: ModelCard, folder: str | Path) -> Path:
    """Write weights and card into a folder; each file appears whole or not at all.

    Floating-point weights are stored in the card's ``dtype``. Returns the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = getattr(torch, card.dtype)
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    payload = save_tensors(tensors)
    finished = card.model_copy(update={"weights_sha256": hashlib.sha256(payload).hexdigest()})
    write_whole(folder / WEIGHTS, payload)
    write_whole(folder / CARD, finished.model_dump_json(indent=1) + "\n")
    return folder


def load_model(name_or_path: str | Path, device: str = "cpu") -> Model:
    """Load a shipped model by name or a saved one by folder.

    Raises
    ------
    InputError
        If there is no such model, its card is malformed or newer than this version, or its weights differ from the
        digest in the card.
    """
    folder = model_folder(name_or_path)
    card = read_card(folder)
    payload = read_bytes(folder / WEIGHTS, LARGEST_WEIGHTS)
    if hashlib.sha256(payload).hexdigest() != card.weights_sha256:
        raise InputError(f"{folder / WEIGHTS}: differs from the digest in its card; restore it or train again")
    network = build_network(card)
    try:
        with reading(folder / WEIGHTS):
            network.load_state_dict(load_tensors(payload))
    except RuntimeError as error:
        raise InputError(f"{folder}: the weights do not fit the architecture in the card ({error})") from error
    return Model(network.to(device).eval(), card)


def model_folder(name_or_path: str | Path) -> Path:
    """Return the folder of a model by name or path.

    Raises
    ------
    InputError
        If there is none; the message lists the shipped models.
    """
    for folder in (Path(name_or_path), SHIPPED / str(name_or_path)):
        if (folder / CARD).is_file() and (folder / WEIGHTS).is_file():
            return folder
    raise InputError(
        f"model {str(name_or_path)!r} not found; give a folder with {CARD} and {WEIGHTS}, or one of "
        f"{', '.join(shipped_models())}"
    )


def shipped_models() -> list[str]:
    """Return the names of the models inside the package."""
    return sorted(card.parent.name for card in SHIPPED.glob(f"*/{CARD}"))


def read_card(folder: Path) -> ModelCard:
    """Read and check the card of a model folder.

    Raises
    ------
    InputError
        If it is not valid JSON, lacks an entry, or was written by a newer version.
    """
    path = folder / CARD
    try:
        card = ModelCard.model_validate(parse_json(read_text(path), path))
    except ValidationError as error:
        raise InputError(f"{path}: not a valid model card ({error})") from error
    if card.schema_version > CARD_VERSION:
        raise InputError(f"{path}: has version {card.schema_version}, newer than {CARD_VERSION}; upgrade dielectra")
    check_level(card.level)
    return card


def default_model(level: str) -> str:
    """Return the name of the shipped model of a level.

    Raises
    ------
    InputError
        If the level is unknown or no model ships for it.
    """
    check_level(level)
    if level not in DEFAULT_MODELS:
        raise InputError(f"no model ships for level {level!r}; train one with 'dielectra climb' and pass it as --model")
    return DEFAULT_MODELS[level]
