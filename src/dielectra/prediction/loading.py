"""Models by name or folder, each read from disk once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dielectra.models.admission import Predictor
    from dielectra.models.model import ModelLike

KEPT = 8
"""Number of models that stay in memory."""


def loaded_model(level: str = "rpa", model: Predictor | str | Path | None = None) -> Predictor:
    """Return a model or ensemble ready to predict, read once per process, and again when its files change.

    Parameters
    ----------
    level
        Level of the shipped model, or the one to predict of a model that predicts several.
    model
        A model or ensemble that is loaded, a name or a folder; overrides `level`.

    Raises
    ------
    InputError
        If there is no such model or it cannot be loaded.
    """
    if model is not None and not isinstance(model, str | Path):
        return model
    from dielectra.models.store import default_model, model_files, model_folder

    folder = model_folder(model or default_model(level)).resolve()
    return _read(folder, tuple(file.stat().st_mtime_ns for file in model_files(folder))).at(level)


@lru_cache(maxsize=KEPT)
def _read(folder: Path, _stamps: tuple[int, ...]) -> ModelLike:
    from dielectra.models.ensemble import load_predictor

    return load_predictor(folder)
