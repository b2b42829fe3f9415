"""One line about a predicted crystal: the row of tables, on the terminal and in files, and of ``--json --brief``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import Field

from dielectra.documents.document import Document
from dielectra.errors import InputError
from dielectra.files import shown
from dielectra.optics.colour import transmission_colour
from dielectra.optics.figures_of_merit import abbe_number
from dielectra.optics.onset import estimate_gap
from dielectra.optics.quantities import sodium_index
from dielectra.prediction import Prediction
from dielectra.prediction.confidence import confidence
from dielectra.structures import Refused

Value = TypeVar("Value")


class CrystalRow(Document):
    """A crystal in numbers; null where one cannot be had. A crystal that is refused has a reason instead."""

    file: str = Field(description="Structure file, with #index where it holds several crystals.")
    formula: str | None = Field(default=None, description="Reduced chemical formula.")
    space_group: int | None = Field(default=None, description="Number of the space group.")
    level: str | None = Field(default=None, description="Level of theory.")
    model: str | None = Field(default=None, description="Name of the model.")
    gap_ev: float | None = Field(default=None, description="Predicted gap (eV), by models that predict one.")
    eps_infinity: float | None = Field(default=None, description="Electronic dielectric constant, isotropic average.")
    n_589nm: float | None = Field(default=None, description="Refractive index at 589 nm.")
    abbe_number: float | None = Field(default=None, description="Abbe number V_d.")
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
    colour = _or_none(lambda: transmission_colour(spectrum))
    return CrystalRow(
        file=shown(file),
        formula=prediction.formula,
        space_group=prediction.form.space_group,
        level=spectrum.level,
        model=prediction.model,
        gap_ev=prediction.gap,
        eps_infinity=prediction.eps_infinity,
        n_589nm=sodium_index(spectrum),
        abbe_number=_or_none(lambda: abbe_number(spectrum)),
        onset_ev=_or_none(lambda: estimate_gap(spectrum)),
        colour=colour and colour.hex,
        confidence=confidence(prediction),
        metal=prediction.metal,
        warnings="; ".join(prediction.warnings),
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
