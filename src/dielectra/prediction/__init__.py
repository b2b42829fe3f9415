"""From a crystal to its spectrum: admit, batch, predict.

Every crystal is admitted once, with one symmetry search: the model's ``admit`` gives all that a prediction needs of it,
or a :class:`Refusal` with the reason. Python API, command line and web page all go through :func:`predict_each`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.models.admission import Admitted, Estimate, Predictor, Refusal
from dielectra.prediction.batches import Predicted, predict_each, predict_files
from dielectra.prediction.loading import loaded_model
from dielectra.prediction.prediction import Prediction

__all__ = [
    "Admitted",
    "Estimate",
    "Predicted",
    "Prediction",
    "Predictor",
    "Refusal",
    "loaded_model",
    "predict_each",
    "predict_files",
    "predict_many",
]


def predict_many(
    crystals: Sequence[Crystal], level: str = "rpa", model: Predictor | str | Path | None = None
) -> list[Prediction]:
    """Predict the dielectric functions of many crystals in batches.

    Parameters
    ----------
    level
        Level of theory; a model that lacks it predicts its highest.
    model
        A loaded model, a name, ``fast`` for the published network, or a folder; by default the model that ships.

    Raises
    ------
    InputError
        If the model refuses a crystal; gives the reason for each one refused. :func:`predict_each` predicts the others.
    """
    outcomes = list(predict_each(crystals, loaded_model(level, model)))
    refused = [outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)]
    if refused:
        raise InputError("\n".join(refused))
    return [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
