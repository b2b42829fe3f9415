"""Models by name or folder, each read from disk once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dielectra.errors import InputError

if TYPE_CHECKING:
    from dielectra.models.admission import Predictor
    from dielectra.models.model import ModelLike

KEPT = 8
"""Number of models that stay in memory."""


def loaded_model(
    level: str = "rpa",
    model: Predictor | str | Path | None = None,
    *,
    broadening: float | None = None,
    allow_metals: bool = False,
    device: str = "cpu",
) -> Predictor:
    """Return a model or ensemble ready to predict, read once per process, and again when its files change.

    Parameters
    ----------
    level
        The level to predict; a model that lacks it predicts its highest.
    model
        A model or ensemble that is loaded, a name or a folder; by default the one that ships.
    broadening
        Half width in eV of the Lorentzian of the spectra, whose tails then reach below the gap; by default that of the
        data, without its tail below the predicted gap. 0 is none.
    allow_metals
        Predict crystals that are taken for metals, as if they were none.
    device
        Where a model that is read runs, such as ``cuda``.

    Raises
    ------
    InputError
        If there is no such model, it cannot be loaded, or cannot be broadened so.
    """
    found = _named(level, model, device) if model is None or isinstance(model, str | Path) else model
    if broadening is None and not allow_metals:
        return found
    from dielectra.models.model import ModelLike

    if not isinstance(found, ModelLike):
        raise InputError(f"{found!r} is no model of Dielectra; broadening and metals are its own business")
    wanted = found if broadening is None else found.broadened(broadening)
    return wanted.allowing_metals() if allow_metals else wanted


def _named(level: str, model: str | Path | None, device: str) -> ModelLike:
    from dielectra.models.store import model_files, model_folder, model_of

    folder = model_folder(model_of(level, model)).resolve()
    return _read(folder, tuple(file.stat().st_mtime_ns for file in model_files(folder)), device).at(level)


@lru_cache(maxsize=KEPT)
def _read(folder: Path, _stamps: tuple[int, ...], device: str) -> ModelLike:
    from dielectra.models.ensemble import load_predictor

    return load_predictor(folder, device)
