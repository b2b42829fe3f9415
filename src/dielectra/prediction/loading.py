"""Models by name or folder, each read from disk once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dielectra.models.store import Model

KEPT = 8
"""Number of models that stay in memory."""


def loaded_model(level: str = "rpa", model: Model | str | Path | None = None) -> Model:
    """Return a model ready to predict; its weights are read once per process, and again when its files change.

    Parameters
    ----------
    level
        Level of the shipped model.
    model
        A loaded model, a name or a folder; overrides `level`.

    Raises
    ------
    InputError
        If there is no such model or it cannot be loaded.
    """
    from dielectra.models.store import CARD, WEIGHTS, Model, default_model, model_folder

    if isinstance(model, Model):
        return model
    folder = model_folder(model or default_model(level)).resolve()
    stamps = tuple((folder / name).stat().st_mtime_ns for name in (CARD, WEIGHTS))
    return _read(folder, stamps)


@lru_cache(maxsize=KEPT)
def _read(folder: Path, _stamps: tuple[int, ...]) -> Model:
    from dielectra.models.store import load_model

    return load_model(folder)
