"""Predict and compute the frequency-dependent dielectric tensor of crystals, and climb between levels of theory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dielectra.version import __version__
from dielectra.views import bind

if TYPE_CHECKING:
    from dielectra.crystal import Crystal
    from dielectra.errors import InputError
    from dielectra.models.ensemble import load_predictor as load_model
    from dielectra.predictor import PredictionWarning, Predictor, predict
    from dielectra.spectrum import Spectrum
    from dielectra.structures import read_structure

__all__ = [
    "Crystal",
    "InputError",
    "PredictionWarning",
    "Predictor",
    "Spectrum",
    "__version__",
    "load_model",
    "predict",
    "read_structure",
]

_HOMES = {
    "Crystal": "dielectra.crystal",
    "InputError": "dielectra.errors",
    "Spectrum": "dielectra.spectrum",
    "load_model": "dielectra.models.ensemble:load_predictor",
    "PredictionWarning": "dielectra.predictor",
    "Predictor": "dielectra.predictor",
    "predict": "dielectra.predictor",
    "read_structure": "dielectra.structures",
}

bind(
    {
        "quantity": "dielectra.optics.quantities:quantity_of",
        "constants": "dielectra.optics.quantities:constants_at",
        "plot": "dielectra.presentation:draw",
        "dataframe": "dielectra.presentation:to_dataframe",
        "csv": "dielectra.presentation:to_csv",
        "text": "dielectra.presentation:one_line",
        "html": "dielectra.presentation:as_html",
        "png": "dielectra.presentation:as_png",
    }
)


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that ``import dielectra`` and ``dielectra --help`` stay fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dielectra' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)
