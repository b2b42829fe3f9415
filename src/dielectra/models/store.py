"""Save and load models: ``model.safetensors`` next to ``card.json``, never pickle."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from dielectra.errors import InputError
from dielectra.files import read_bytes, reading, write_whole
from dielectra.levels import check_level
from dielectra.models.card import CARD, ModelCard, read_card
from dielectra.models.interface import NETWORKS, Network
from dielectra.models.model import Model

if TYPE_CHECKING:
    from dielectra.target import Target

WEIGHTS = "model.safetensors"
LARGEST_WEIGHTS = 2**32
"""Bytes of a file of weights that is read."""

SHIPPED = Path(__file__).parent / "weights"
DEFAULT = "ladder-ensemble"
FAST = "fast"
"""Name for the model of :data:`FAST_MODELS` of the level in question."""
FAST_MODELS = {"ipa": "ladder-ipa", "rpa": "ladder-rpa"}
"""The published network by level: a tenth of the time for a poorer spectrum, without gap, bands and tensor."""


def build_network(architecture: str, options: dict[str, object], target: Target) -> Network:
    """Return an untrained network.

    Raises
    ------
    InputError
        If the architecture or an option is unknown, or it cannot predict targets of that rank.
    """
    kind: type[Network] = NETWORKS.load(architecture)
    if target.rank not in kind.ranks:
        ranks = " and ".join(str(rank) for rank in sorted(kind.ranks))
        raise InputError(f"{architecture} predicts targets of rank {ranks}; rank {target.rank} was asked for")
    try:
        return kind(kind.Options.model_validate(options), target)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, MemoryError) as error:
        problem = str(error).partition("\n")[0][:200]
        raise InputError(f"the options do not fit {architecture} ({problem}); restore the card") from error


def save_model(network: Network, card: ModelCard, folder: str | Path) -> Path:
    """Write weights and card into a folder; each file appears whole or not at all.

    Floating-point weights are stored in the card's ``dtype``. Returns the folder.
    """
    import torch

    folder = Path(folder)
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
    if card.members:
        raise InputError(f"{folder}: is an ensemble; give one of its members, such as {folder / card.members[0]}")
    payload = read_bytes(folder / WEIGHTS, LARGEST_WEIGHTS)
    if hashlib.sha256(payload).hexdigest() != card.weights_sha256:
        raise InputError(f"{folder / WEIGHTS}: differs from the digest in its card; restore it or train again")
    network = build_network(card.architecture, card.options, card.target)
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
    name = FAST_MODELS["rpa"] if str(name_or_path) == FAST else str(name_or_path)
    for folder in (Path(name_or_path), SHIPPED / name):
        if (folder / CARD).is_file():
            return folder
    raise InputError(
        f"model {str(name_or_path)!r} not found; give a folder with {CARD} and {WEIGHTS}, or one of "
        f"{FAST}, {', '.join(shipped_models())}"
    )


def model_files(folder: Path) -> list[Path]:
    """Return the files of a model, or of an ensemble with those of its members, sorted."""
    return sorted(
        file for pattern in (CARD, "*.safetensors") for file in (*folder.glob(pattern), *folder.glob(f"*/{pattern}"))
    )


def shipped_models() -> list[str]:
    """Return the names of the models inside the package."""
    return sorted(card.parent.name for card in SHIPPED.glob(f"*/{CARD}"))


@cache
def default_models() -> dict[str, str]:
    """Return the name of the default model by level: one for all that it predicts."""
    return dict.fromkeys(read_card(SHIPPED / DEFAULT).target.levels, DEFAULT)


def model_of(level: str, model: str | Path | None = None) -> str | Path:
    """Return the name or folder of a model for a level: the one given, by default that which ships.

    Parameters
    ----------
    model
        A name, ``fast`` included, or a folder, which need not have the level.

    Raises
    ------
    InputError
        If the level is unknown or no model ships for it.
    """
    check_level(level)
    if model is not None and str(model) != FAST:
        return model
    shipped = FAST_MODELS if model is not None else default_models()
    if level not in shipped:
        raise InputError(f"no model ships for level {level!r}; train one with 'dielectra climb' and pass it as --model")
    return shipped[level]
