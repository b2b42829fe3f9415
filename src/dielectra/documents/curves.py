"""Curves in documents: lists along the photon energies, by component."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from dielectra.arrays import FloatArray
from dielectra.documents.document import Document, optional, rounded
from dielectra.optics.bands import Calibration
from dielectra.spectrum import COMPONENTS, Spectrum
from dielectra.units import EV, Axis

MOST_POINTS = 5000
"""Points of a curve that is taken from others."""

MOST_MEMBERS = 20


class Curve(Document):
    """A curve of the isotropic average (``mean``), and along the axes of the structure file where they differ."""

    xx: list[float] | None = optional("Field along x; left out where the spectrum is isotropic.")
    yy: list[float] | None = optional("Field along y; left out where the spectrum is isotropic.")
    zz: list[float] | None = optional("Field along z; left out where the spectrum is isotropic.")
    mean: list[float] = Field(description="Of the isotropic average of the tensor.")


class TensorCurve(Curve):
    """The real or imaginary part of the dielectric tensor, with the off-diagonal components that do not vanish."""

    yz: list[float] | None = optional("Left out where it vanishes.")
    xz: list[float] | None = optional("Left out where it vanishes.")
    xy: list[float] | None = optional("Left out where it vanishes.")


class BandCurves(Document):
    """An interval around the isotropic average of a curve."""

    lower: list[float]
    upper: list[float]
    coverage: float | None = Field(
        ge=0,
        le=1,
        description="Share of the energies at which the true curve lies inside; null where it is not calibrated.",
    )


class NumberInterval(Document):
    """An interval around a number, or around each of three."""

    lower: float | tuple[float, float, float]
    upper: float | tuple[float, float, float]
    coverage: float | None = Field(
        ge=0,
        le=1,
        description="Share of known crystals, or of their energies, that it is to hold; null where it is the range of "
        "the members.",
    )


class MemberCurves(Document):
    """The isotropic average of the dielectric function that one member of an ensemble predicts."""

    eps1: list[float] = Field(max_length=MOST_POINTS, description="Real part.")
    eps2: list[float] = Field(max_length=MOST_POINTS, description="Imaginary part.")


class EnsembleDocument(Document):
    """What the intervals of derived numbers follow from: the members of an ensemble, and its calibration."""

    members: list[MemberCurves] = Field(max_length=MOST_MEMBERS)
    coverage: float | None = Field(ge=0, le=1, description="Share that intervals are to hold; null if uncalibrated.")
    factors: dict[str, float] = Field(description="What the members' spread is multiplied with, by quantity.")
    gap_errors: dict[str, float] = Field(description="Errors of predicted gaps (eV) that this share stays below.")

    def calibration(self) -> dict[str, object] | None:
        """Return the calibration as the provenance of a spectrum has it; None without one."""
        if self.coverage is None:
            return None
        return {"coverage": self.coverage, "factors": self.factors, "gap_errors": self.gap_errors}


def ensemble_document(spectrum: Spectrum, calibration: Calibration | None) -> EnsembleDocument | None:
    """Return the ensemble behind a predicted spectrum; None without one."""
    if len(spectrum.members) < 2:
        return None
    return EnsembleDocument(
        members=[MemberCurves(eps1=rounded(one.real), eps2=rounded(one.imag)) for one in spectrum.member_means],
        coverage=None if calibration is None else calibration.coverage,
        factors={} if calibration is None else dict(calibration.factors),
        gap_errors={} if calibration is None else dict(calibration.gap_errors),
    )


class OtherUnits(Document):
    """The points of curves in the unit that was asked for, in addition to ``energy_ev``."""

    wavelength_nm: list[float] | None = optional("Wavelengths (nm), where asked for.")
    wavelength_um: list[float] | None = optional("Wavelengths (micrometre), where asked for.")
    wavenumber_per_cm: list[float] | None = optional("Wavenumbers (1/cm), where asked for.")
    frequency_thz: list[float] | None = optional("Frequencies (THz), where asked for.")


def other_unit(axis: Axis) -> dict[str, list[float]]:
    """Return the key of :class:`OtherUnits` that an axis needs: none for one in eV."""
    return {} if axis.unit is EV else {axis.unit.column: rounded(axis.values)}


class MeanCurves(Document):
    """The curves of an isotropic spectrum."""

    energy_ev: list[float] = Field(description="Photon energies (eV).")
    eps1: list[float] = Field(description="Real part of the dielectric function.")
    eps2: list[float] = Field(description="Imaginary part of the dielectric function.")
    n: list[float] = Field(description="Refractive index.")
    k: list[float] = Field(description="Extinction coefficient.")
    absorption_per_cm: list[float] = Field(description="Absorption coefficient (1/cm).")
    reflectivity: list[float] = Field(description="Reflectivity at normal incidence.")
    loss: list[float] = Field(description="Energy loss function, -Im 1/eps.")


def mean_curves(table: Mapping[str, FloatArray]) -> dict[str, list[float]]:
    """Return the keys of :class:`MeanCurves` from a table of :func:`dielectra.optics.quantities.tabulate`."""
    return {key: rounded(table[key]) for key in MeanCurves.model_fields}


def components_of(table: Mapping[str, FloatArray], key: str) -> dict[str, list[float]]:
    """Return the columns of a quantity in a table by component."""
    columns = {"mean": key} | {name: f"{key}_{name}" for name in COMPONENTS}
    return {name: rounded(table[column]) for name, column in columns.items() if column in table}
