"""From crystals to predictions, in batches: the one way of the Python API, the command line and the web page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.models.admission import Admitted, Estimate, Predictor, Refusal
from dielectra.optics.constants import is_isotropic
from dielectra.prediction.prediction import Prediction
from dielectra.structures import Entry, Refused, scan

BATCH = 64
"""Number of crystals that are read, admitted and given to the network together."""


class Predicted(NamedTuple):
    """The prediction of a crystal of a file, under the crystal's name in a scan."""

    name: str
    prediction: Prediction


def predict_each(crystals: Iterable[Crystal], model: Predictor) -> Iterator[Prediction | Refusal]:
    """Give the prediction of every crystal, or the reason why there is none, in the order of the crystals."""
    crystals = iter(crystals)
    while chunk := list(islice(crystals, BATCH)):
        outcomes = model.admit_each(chunk)
        admitted = [found for found in outcomes if isinstance(found, Admitted)]
        estimates = iter(model.predict(admitted) if admitted else ())
        for found in outcomes:
            yield found if isinstance(found, Refusal) else _prediction(found, next(estimates), model)


def predict_files(
    sources: Iterable[str | Path | tuple[str, Path]], model: Predictor, maximum: int | None = None
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


def _prediction(admitted: Admitted, estimate: Estimate | Refusal, model: Predictor) -> Prediction | Refusal:
    """Return a prediction with its tensor in the axes of the given cell."""
    if isinstance(estimate, Refusal):
        return estimate
    spectrum, warnings = estimate.spectrum, (*admitted.warnings, *estimate.warnings)
    known: dict[str, Any] = {"model": model.card.name, "trained_on": model.card.trained_on, "warnings": list(warnings)}
    gaps = {"gap_ev": estimate.gap, "gap_direct_ev": estimate.gap_direct}
    known |= {key: value for key, value in gaps.items() if value is not None}
    if estimate.calibration is not None:
        known["calibration"] = asdict(estimate.calibration)
    provenance = {**spectrum.provenance, "formula": admitted.given.formula, **known}
    tensor, members = spectrum.tensor, spectrum.members
    if not is_isotropic(spectrum):
        turn = admitted.form.to_given_axes
        tensor, members = turn(tensor), tuple(turn(member) for member in members)
    return Prediction(
        admitted.given,
        admitted.form,
        replace(spectrum, tensor=tensor, members=members, provenance=provenance),
        warnings,
        gap=estimate.gap,
        gap_direct=estimate.gap_direct,
        quasiparticle_gap=estimate.quasiparticle_gap,
        metal=estimate.metal,
        in_domain=estimate.in_domain,
        nearest=estimate.nearest,
        calibration=estimate.calibration,
        doubted_level=estimate.doubted_level,
    )
