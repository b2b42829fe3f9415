"""From crystals to predictions, in batches: the one way of the Python API, the command line and the web page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.graph import batch_graphs
from dielectra.optics.constants import is_isotropic
from dielectra.prediction.admission import Admitted, Refusal, admit
from dielectra.prediction.prediction import Prediction
from dielectra.spectrum import isotropic_spectrum
from dielectra.structures import Entry, Refused, scan

if TYPE_CHECKING:
    from dielectra.models.store import Model

BATCH = 64
"""Number of crystals that are read, admitted and given to the network together."""


class Predicted(NamedTuple):
    """The prediction of a crystal of a file, under the crystal's name in a scan."""

    name: str
    prediction: Prediction


def predict_each(crystals: Iterable[Crystal], model: Model) -> Iterator[Prediction | Refusal]:
    """Give the prediction of every crystal, or the reason why there is none, in the order of the crystals."""
    crystals = iter(crystals)
    while chunk := list(islice(crystals, BATCH)):
        outcomes = [admit(crystal, model) for crystal in chunk]
        predictions = iter(_predict_batch([found for found in outcomes if isinstance(found, Admitted)], model))
        yield from (found if isinstance(found, Refusal) else next(predictions) for found in outcomes)


def predict_files(
    sources: Iterable[str | Path | tuple[str, Path]], model: Model, maximum: int | None = None
) -> Iterator[Predicted | Refused]:
    """Give the prediction of every crystal of structure files, or the reason why there is none.

    Parameters
    ----------
    sources
        Files and folders, as :func:`dielectra.structures.scan` takes them, which also names the crystals.
    maximum
        Number of crystals above which nothing is predicted.

    Yields
    ------
    Predicted or Refused
        In the order of the scan.

    Raises
    ------
    InputError
        If there are more crystals than `maximum`.
    """
    entries = scan(sources)
    if maximum is not None:
        entries = iter(_at_most(maximum, entries))
    while chunk := list(islice(entries, BATCH)):
        outcomes = predict_each([entry.crystal for entry in chunk if isinstance(entry, Entry)], model)
        yield from (entry if isinstance(entry, Refused) else _named(entry, next(outcomes)) for entry in chunk)


def _at_most(maximum: int, entries: Iterable[Entry | Refused]) -> list[Entry | Refused]:
    found = list(entries)
    n_crystals = sum(isinstance(entry, Entry) for entry in found)
    if n_crystals > maximum:
        raise InputError(f"{n_crystals} crystals; up to {maximum} are predicted at a time")
    return found


def _named(entry: Entry, outcome: Prediction | Refusal) -> Predicted | Refused:
    if isinstance(outcome, Refusal):
        return Refused(entry.name, entry.file, entry.place, f"{entry.name}: {outcome.reason}")
    return Predicted(entry.name, outcome)


def _predict_batch(admitted: Sequence[Admitted], model: Model) -> list[Prediction]:
    import torch

    if not admitted:
        return []
    device = next(model.network.parameters()).device
    with torch.inference_mode():
        rows = model.network(batch_graphs([found.graph for found in admitted]).to(device)).cpu().numpy()
    return [_prediction(found, row, model) for found, row in zip(admitted, rows, strict=True)]


def _prediction(admitted: Admitted, row: FloatArray, model: Model) -> Prediction:
    """Return the prediction that a row of the network's output stands for, its tensor in the axes of the given cell."""
    card = model.card
    provenance = {
        "formula": admitted.given.formula,
        "model": card.name,
        "trained_on": card.trained_on,
        "warnings": list(admitted.warnings),
    }
    eps2 = np.maximum(row.astype(float), 0.0)
    spectrum = isotropic_spectrum(model.grid, eps2, card.level, card.broadening, provenance)
    if not is_isotropic(spectrum):
        turn = admitted.form.to_given_axes
        spectrum = replace(spectrum, tensor=turn(spectrum.tensor), members=tuple(map(turn, spectrum.members)))
    return Prediction(admitted.given, admitted.form, spectrum, admitted.warnings)
