"""One line about a predicted crystal: the row of tables, on the terminal and in files, and of ``--json --brief``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field

from dielectra.documents.document import Document
from dielectra.errors import InputError
from dielectra.files import shown
from dielectra.optics.bands import band
from dielectra.optics.colour import transmission_colour
from dielectra.optics.figures_of_merit import abbe_number
from dielectra.optics.intervals import Interval
from dielectra.optics.onset import estimate_gap
from dielectra.optics.quantities import sodium_index
from dielectra.prediction import Prediction
from dielectra.prediction.confidence import confidence
from dielectra.structures import Refused

Value = TypeVar("Value")


WITH_INTERVAL = ("gap_ev", "eps_infinity", "n_589nm")
"""Columns whose intervals a prediction has."""


def _end(end: str, column: str) -> Any:
    """Return the field of one end of an interval."""
    words = f"{end.capitalize()} end of the interval of {column}, by models that are ensembles."
    return Field(default=None, description=words)


class CrystalRow(Document):
    """A crystal in numbers; null where one cannot be had. A crystal that is refused has a reason instead."""

    file: str = Field(description="Structure file, with #index where it holds several crystals.")
    formula: str | None = Field(default=None, description="Reduced chemical formula.")
    space_group: int | None = Field(default=None, description="Number of the space group.")
    level: str | None = Field(default=None, description="Level of theory.")
    model: str | None = Field(default=None, description="Name of the model.")
    gap_ev: float | None = Field(default=None, description="Predicted gap (eV), by models that predict one.")
    gap_ev_lower: float | None = _end("lower", "gap_ev")
    gap_ev_upper: float | None = _end("upper", "gap_ev")
    eps_infinity: float | None = Field(default=None, description="Electronic dielectric constant, isotropic average.")
    eps_infinity_lower: float | None = _end("lower", "eps_infinity")
    eps_infinity_upper: float | None = _end("upper", "eps_infinity")
    n_589nm: float | None = Field(default=None, description="Refractive index at 589 nm.")
    n_589nm_lower: float | None = _end("lower", "n_589nm")
    n_589nm_upper: float | None = _end("upper", "n_589nm")
    abbe_number: float | None = Field(default=None, description="Abbe number V_d.")
    abbe_number_lower: float | None = _end("lower", "abbe_number")
    abbe_number_upper: float | None = _end("upper", "abbe_number")
    onset_ev: float | None = Field(default=None, description="Direct gap (eV) estimated from the absorption.")
    colour: str | None = Field(
        default=None,
        description="Daylight after 1 micrometre inside, by absorption alone, its edge at the likely true gap.",
    )
    confidence: str | None = Field(default=None, description="high, medium or low, by models that are ensembles.")
    metal: bool | None = Field(default=None, description="Whether it is a metal, by models that say so.")
    warnings: str = Field(default="", description="Reasons to doubt the prediction, separated by semicolons.")
    refused: str | None = Field(default=None, description="Why there is no prediction.")


def row_of(prediction: Prediction, file: str) -> CrystalRow:
    """Return the row of a predicted crystal."""
    spectrum = prediction.spectrum
    colour, abbe = _or_none(lambda: transmission_colour(spectrum)), _or_none(lambda: abbe_number(spectrum))
    ends = {key: prediction.intervals[key] for key in WITH_INTERVAL if key in prediction.intervals}
    around = None if abbe is None else _or_none(lambda: band(spectrum, abbe_number, prediction.calibration))
    if around is not None:
        ends["abbe_number"] = Interval(float(around.lower), float(around.upper), around.coverage)
    return CrystalRow(
        file=shown(file),
        formula=prediction.formula,
        space_group=prediction.form.space_group,
        level=spectrum.level,
        model=prediction.model,
        gap_ev=prediction.gap,
        eps_infinity=prediction.eps_infinity,
        n_589nm=sodium_index(spectrum),
        abbe_number=abbe,
        onset_ev=_or_none(lambda: estimate_gap(spectrum)),
        colour=colour and colour.hex,
        confidence=confidence(prediction),
        metal=prediction.metal,
        warnings="; ".join(prediction.warnings),
        **{f"{key}_{end}": getattr(one, end) for key, one in ends.items() for end in ("lower", "upper")},
    )


def refused_row(refused: Refused) -> CrystalRow:
    """Return the row of a structure that cannot be used."""
    return CrystalRow(file=shown(refused.name), refused=refused.reason)


def _or_none(value: Callable[[], Value]) -> Value | None:
    """Return a value, None where it cannot be had of this spectrum."""
    try:
        return value()
    except InputError:
        return None
