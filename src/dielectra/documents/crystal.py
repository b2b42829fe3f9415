"""The document of a predicted crystal: ``dielectra predict --json``, ``POST /api/predict``, ``.json`` files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field, SerializeAsAny

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.documents.curves import (
    BandCurves,
    Curve,
    EnsembleDocument,
    NumberInterval,
    OtherUnits,
    TensorCurve,
    components_of,
    ensemble_document,
    other_unit,
)
from dielectra.documents.document import Document, optional, rounded
from dielectra.elements import SYMBOLS
from dielectra.levels import LEVELS, GapOf
from dielectra.optics.bands import Band
from dielectra.optics.quantities import QUANTITIES, tabulate_on
from dielectra.prediction import Prediction
from dielectra.prediction.confidence import confidence
from dielectra.symmetry import symbol_of_space_group
from dielectra.units import AxisOptions


class NearCrystal(Document):
    """A training crystal near a predicted one."""

    id: str = Field(description="Name in the data set.")
    formula: str = Field(description="Reduced chemical formula.")
    distance: float = Field(
        ge=0, description="Distance in the model's feature space; above 1 a crystal counts as far from the training."
    )


class PredictedCrystal(OtherUnits):
    """A predicted crystal. Curves are lists along ``energy_ev``, keyed by component."""

    file: str = Field(description="Structure file, with #index where it has several crystals.")
    formula: str = Field(description="Reduced chemical formula.")
    space_group: int = Field(ge=1, le=230, description="Number of the space group.")
    level: str = Field(description="Level of theory.")
    model: str = Field(description="Name of the model.")
    energy_ev: list[float] = Field(description="Photon energies (eV).")
    eps1: TensorCurve = Field(description="Real part of the dielectric function.")
    eps2: TensorCurve = Field(description="Imaginary part of the dielectric function.")
    n: Curve = Field(description="Refractive index.")
    k: Curve = Field(description="Extinction coefficient.")
    absorption_per_cm: Curve = Field(description="Absorption coefficient (1/cm).")
    reflectivity: Curve = Field(description="Reflectivity at normal incidence.")
    loss: Curve = Field(description="Energy loss function, -Im 1/eps.")
    static_eps: float | None = Field(description="As eps_infinity, under its first name.")
    eps_infinity: float | None = Field(
        description="Electronic dielectric constant, isotropic average; null where the grid begins above 0.1 eV."
    )
    gap_ev: float | None = optional("Predicted fundamental gap (eV), by models that predict one.")
    gap_direct_ev: float | None = optional("Predicted direct gap (eV), by models that predict one.")
    gap_of: GapOf = Field(
        description="Gap at which absorption begins: of PBE, of quasiparticles, or the latter less a binding energy."
    )
    quasiparticle_gap_ev: float | None = optional(
        "Predicted fundamental gap of quasiparticles (eV), whatever the level, by models that predict one."
    )
    metal: bool | None = optional("Whether the crystal is a metal, by models that say so.")
    in_domain: bool | None = optional("Whether the crystal is like those of the training, by models that say so.")
    nearest: list[NearCrystal] | None = optional(
        "The training crystals most like it, nearest first, by models that say so."
    )
    band: dict[str, BandCurves] | None = optional("Intervals by curve, by models that have them.")
    interval: dict[str, NumberInterval] | None = optional(
        "Intervals of gap_ev, gap_direct_ev, eps_infinity and n at 589 nm (n_589nm), by models that have them."
    )
    ensemble: EnsembleDocument | None = optional("What intervals of derived numbers follow from, where asked for.")
    confidence: str | None = optional("How far to trust it, by models that are ensembles: high, medium or low.")
    warnings: list[str] = Field(description="Reasons to doubt the prediction.")
    properties: dict[str, SerializeAsAny[Document]] | None = optional("Derived properties by name, where asked for.")
    comparison: list[SerializeAsAny[Document]] | None = optional("What other sources say, where asked for.")


class ReadCrystal(Document):
    """One crystal of a structure file in the cell that the file gives; lengths in angstrom."""

    file: str
    formula: str
    space_group: int = Field(ge=1, le=230)
    space_group_symbol: str
    lattice: list[list[float]]
    species: list[str]
    frac_coords: list[list[float]]


def describe(
    prediction: Prediction,
    file: str,
    properties: Mapping[str, Document] | None = None,
    points: AxisOptions = AxisOptions(),  # noqa: B008
    comparison: Sequence[Document] | None = None,
    *,
    members: bool = False,
) -> PredictedCrystal:
    """Return the document of a prediction.

    Parameters
    ----------
    file
        Name of the structure file.
    properties
        Derived properties by name, where there are some (:func:`dielectra.properties.derive`).
    points
        Unit, range and step of the axis; by default the photon energies of the model. In another unit its points are
        a key more.
    comparison
        What other sources say (:func:`dielectra.comparison.compare`), where asked for.
    members
        Whether the members of an ensemble are part of the document, on the energies of the model.
    """
    spectrum, table, energies = prediction.spectrum, prediction.table, prediction.spectrum.energies
    other: dict[str, list[float]] = {}
    if points != AxisOptions():
        axis = points.axis(energies)
        table, energies = tabulate_on(spectrum, axis), axis.energies
        other = other_unit(axis)
    return PredictedCrystal(
        file=file,
        formula=prediction.formula,
        space_group=prediction.form.space_group,
        level=spectrum.level,
        model=prediction.model,
        energy_ev=rounded(energies),
        **other,
        eps1=TensorCurve(**components_of(table, "eps1")),
        eps2=TensorCurve(**components_of(table, "eps2")),
        n=Curve(**components_of(table, "n")),
        k=Curve(**components_of(table, "k")),
        absorption_per_cm=Curve(**components_of(table, "absorption_per_cm")),
        reflectivity=Curve(**components_of(table, "reflectivity")),
        loss=Curve(**components_of(table, "loss")),
        static_eps=prediction.eps_infinity,
        eps_infinity=prediction.eps_infinity,
        gap_ev=prediction.gap,
        gap_direct_ev=prediction.gap_direct,
        gap_of=LEVELS[spectrum.level].gap_of,
        quasiparticle_gap_ev=prediction.quasiparticle_gap,
        metal=prediction.metal,
        in_domain=prediction.in_domain,
        nearest=[NearCrystal.model_validate(near._asdict()) for near in prediction.nearest] or None,
        band={
            QUANTITIES[name].column: _band_curves(band, spectrum.energies, energies)
            for name, band in prediction.bands.items()
        }
        or None,
        interval={key: NumberInterval(**one._asdict()) for key, one in prediction.intervals.items()} or None,
        ensemble=ensemble_document(spectrum, prediction.calibration) if members else None,
        confidence=confidence(prediction),
        warnings=list(prediction.warnings),
        properties=None if properties is None else dict(properties),
        comparison=None if comparison is None else list(comparison),
    )


def describe_cell(crystal: Crystal, space_group: int, file: str) -> ReadCrystal:
    """Return the document of a crystal as its file gives it."""
    return ReadCrystal(
        file=file,
        formula=crystal.formula,
        space_group=space_group,
        space_group_symbol=symbol_of_space_group(space_group),
        lattice=crystal.cell.tolist(),
        species=[SYMBOLS[number] for number in crystal.numbers],
        frac_coords=crystal.frac_coords.tolist(),
    )


def _band_curves(band: Band, grid: FloatArray, energies: FloatArray) -> BandCurves:
    lower, upper = (rounded(np.interp(energies, grid, end)) for end in (band.lower, band.upper))
    return BandCurves(lower=lower, upper=upper, coverage=band.coverage)
