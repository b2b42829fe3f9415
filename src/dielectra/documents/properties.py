"""Documents of derived properties: of ``dielectra predict --property NAME --json`` and of the API for a spectrum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeVar

import numpy as np
from pydantic import Field

from dielectra.arrays import FloatArray
from dielectra.documents.curves import NumberInterval
from dielectra.documents.document import Document, optional
from dielectra.errors import InputError
from dielectra.optics.anisotropy import Anisotropy
from dielectra.optics.bands import Calibration, band, spectra_by_gap
from dielectra.optics.colour import Colour, colour_name
from dielectra.optics.figures_of_merit import Plasmon
from dielectra.optics.meep import meep_susceptibilities
from dielectra.optics.oscillators import Oscillators, describe_oscillators, quality
from dielectra.optics.solar import SolarEfficiency
from dielectra.spectrum import Spectrum

Triple = tuple[float, float, float]

SODIUM_D = 2.1038
"""Photon energy in eV of the wavelength 589.3 nm, at which birefringence is quoted."""


SIGNED = ("birefringence_589_nm", "dichroism_589_nm")
"""Keys of numbers that may be negative."""


LAB_LEAST, LAB_MOST = (0.0, -np.inf, -np.inf), (100.0, np.inf, np.inf)
"""Bounds of L*, a* and b*."""


class Derived(Document):
    """Numbers that follow from a spectrum, with their intervals."""

    interval: dict[str, NumberInterval] | None = optional(
        "Intervals of the numbers by their keys, by models that are ensembles."
    )

    def numbers(self) -> dict[str, FloatArray]:
        """Return the numbers that intervals are told of, each of shape ``(1,)``, or ``(3,)`` for Lab."""
        values = {key: getattr(self, key) for key in type(self).model_fields}
        return {
            key: np.atleast_1d(np.asarray(value, float))
            for key, value in values.items()
            if isinstance(value, float) or key == "lab"
        }


DerivedT = TypeVar("DerivedT", bound=Derived)


def with_intervals(
    derive: Callable[[Spectrum], DerivedT], spectrum: Spectrum, calibration: Calibration | None, *, by_gap: bool = False
) -> DerivedT:
    """Return what is derived of a spectrum with the intervals that the members of its ensemble give.

    Parameters
    ----------
    derive
        What makes the document of any spectrum.
    by_gap
        Whether the numbers follow the gap, whose error then counts (:func:`dielectra.optics.bands.band`).
    """
    document = derive(spectrum)
    known = document.numbers()

    def numbers(one: Spectrum) -> FloatArray:
        found = derive(one).numbers()
        return np.concatenate([found.get(key, np.full(len(value), np.nan)) for key, value in known.items()])

    try:
        found = band(spectrum, numbers, calibration, by_gap=by_gap)
    except InputError:  # of a member, or of another gap
        return document
    if found is None:
        return document
    places = np.cumsum([0, *(len(value) for value in known.values())])
    intervals = {
        key: _interval(key, value, found.lower[first:last], found.upper[first:last], found.coverage)
        for (key, value), first, last in zip(known.items(), places, places[1:], strict=False)
    }
    more: dict[str, object] = {"interval": {key: one for key, one in intervals.items() if one is not None} or None}
    if by_gap and calibration is not None and isinstance(document, BodyColour | FilmColour):
        others = [derive(one) for one in spectra_by_gap(spectrum, calibration)]
        more["hex_by_gap"] = [one.hex for one in others if isinstance(one, ColourDocument)] or None
    return document.model_copy(update=more)


def _interval(
    key: str, value: FloatArray, lower: FloatArray, upper: FloatArray, coverage: float | None
) -> NumberInterval | None:
    """Return the interval of a number; None where there is none, as of a thickness that was given."""
    if not np.isfinite([lower, upper]).all() or not np.any(upper > lower):
        return None
    if key == "lab":
        lower, upper = np.maximum(lower, LAB_LEAST), np.minimum(upper, LAB_MOST)
    elif key not in SIGNED:
        lower = np.where(value >= 0, np.maximum(lower, 0.0), lower)
    ends = (float(end[0]) if len(end) == 1 else tuple(end.tolist()) for end in (lower, upper))
    return NumberInterval(lower=next(ends), upper=next(ends), coverage=coverage)


class Failure(Document):
    """A property that cannot be had, with the reason."""

    error: str


class ColourDocument(Derived):
    """A colour: tristimulus values, chromaticity and luminance, Lab relative to the illuminant, sRGB."""

    xyz: Triple
    xyy: Triple
    lab: Triple
    srgb: Triple
    hex: str = Field(description="The sRGB colour as #rrggbb.")
    in_gamut: bool = Field(description="False where sRGB cannot show the colour and it was clipped.")
    illuminant: str

    @classmethod
    def of(cls, colour: Colour) -> ColourDocument:
        """Return the document of a colour."""
        return cls(**colour._asdict())


class FilmColour(ColourDocument):
    """The colour of light that passes a film."""

    thickness_nm: float
    hex_by_gap: list[str] | None = optional(
        "Colours for a gap that is off by -1, -1/2, 1/2 and 1 times its error, by models that know it."
    )

    @classmethod
    def of_film(cls, colour: Colour, thickness_nm: float) -> FilmColour:
        """Return the document of a film's colour."""
        return cls(thickness_nm=thickness_nm, **colour._asdict())


class BodyColour(ColourDocument):
    """The colour of light after a path inside the crystal, by absorption alone."""

    path_nm: float
    name: str = Field(description="A word or two for it.")
    hex_by_gap: list[str] | None = optional(
        "Colours for a gap that is off by -1, -1/2, 1/2 and 1 times its error, by models that know it."
    )

    @classmethod
    def of_path(cls, colour: Colour, path_nm: float) -> BodyColour:
        """Return the document of the colour after a path."""
        return cls(path_nm=path_nm, name=colour_name(colour), **colour._asdict())


class SolarDocument(Derived):
    """Efficiencies (0 to 1) under AM1.5G, short-circuit current, open-circuit voltage, and the gaps they rest on."""

    slme: float = Field(description="Spectroscopic limited maximum efficiency of the film.")
    spectroscopic_limit: float = Field(
        description="The same with full absorption above the direct gap and none below; of the fundamental gap where "
        "absorption below the direct gap counts."
    )
    short_circuit_current_ma_per_cm2: float
    open_circuit_voltage_v: float
    gap_direct_ev: float
    gap_indirect_ev: float
    gap_direct_source: str
    gap_indirect_source: str
    temperature_k: float
    thickness_nm: float
    subgap_absorption: bool = Field(description="Whether absorption below the direct gap counts.")

    @classmethod
    def of(cls, found: SolarEfficiency) -> SolarDocument:
        """Return the document of an efficiency."""
        return cls(
            slme=found.slme,
            spectroscopic_limit=found.spectroscopic_limit,
            short_circuit_current_ma_per_cm2=found.short_circuit_current,
            open_circuit_voltage_v=found.open_circuit_voltage,
            gap_direct_ev=found.gap_direct,
            gap_indirect_ev=found.gap_indirect,
            gap_direct_source=found.gap_direct_source,
            gap_indirect_source=found.gap_indirect_source,
            temperature_k=found.temperature,
            thickness_nm=found.thickness_nm,
            subgap_absorption=found.subgap_absorption,
        )


class GapDocument(Derived):
    """The direct gap estimated from the onset of absorption."""

    gap_direct_ev: float


class IndexDocument(Derived):
    """The refractive index at zero energy and over the visible range, and its dispersion."""

    static_n: float
    mean_n_380_780_nm: float
    abbe_number: float

    @classmethod
    def of(cls, eps_infinity: float, visible_index: float, abbe_number: float) -> IndexDocument:
        """Return the document of an electronic dielectric constant, a mean index and an Abbe number."""
        static = math.sqrt(max(eps_infinity, 0.0))
        return cls(static_n=static, mean_n_380_780_nm=visible_index, abbe_number=abbe_number)


class PlasmonDocument(Derived):
    """The main peak of the energy loss function."""

    energy_ev: float
    height: float
    width_ev: float | None = Field(description="Full width at half maximum; null where the grid ends too early.")

    @classmethod
    def of(cls, found: Plasmon) -> PlasmonDocument:
        """Return the document of a plasmon."""
        return cls(energy_ev=found.energy, height=found.height, width_ev=found.width)


class PennGapDocument(Derived):
    """The mean gap of the Penn model."""

    penn_gap_ev: float


class AnisotropyDocument(Derived):
    """Principal axes of a crystal, and n and k along them."""

    kind: Literal["isotropic", "uniaxial", "biaxial"]
    axes: list[list[float]] = Field(description="Unit vectors in the axes of the structure file.")
    optic_axis: list[float] | None = Field(description="Of a uniaxial crystal.")
    optic_angle_deg: float | None = Field(description="Between the optic axes of a biaxial crystal.")
    birefringence_589_nm: float
    dichroism_589_nm: float
    n: list[list[float]] = Field(description="Lists along the photon energies, one for each axis.")
    k: list[list[float]] = Field(description="Lists along the photon energies, one for each axis.")

    @classmethod
    def of(cls, principal: Anisotropy) -> AnisotropyDocument:
        """Return the document of principal indices."""
        optic_axis = principal.optic_axis
        return cls(
            kind=principal.kind,
            axes=principal.axes.tolist(),
            optic_axis=None if optic_axis is None else optic_axis.tolist(),
            optic_angle_deg=principal.optic_angle,
            birefringence_589_nm=float(np.interp(SODIUM_D, principal.energies, principal.birefringence)),
            dichroism_589_nm=float(np.interp(SODIUM_D, principal.energies, principal.dichroism)),
            n=principal.indices.real.tolist(),
            k=principal.indices.imag.tolist(),
        )


class LorentzTerm(Document):
    """A bound oscillator."""

    strength: float
    energy_ev: float
    width_ev: float


class DrudeTerm(Document):
    """Free carriers."""

    energy_ev: float
    width_ev: float


class BelowGapDocument(Document):
    """The errors of a fit below the gap, where the crystal is transparent."""

    n_error: float = Field(description="Largest difference of the refractive index.")
    largest_k: float = Field(description="Largest extinction coefficient of the fit.")
    spectrum_k: float = Field(description="Largest extinction coefficient of the spectrum: its broadening.")


class OscillatorsDocument(Document):
    """A sum of oscillators fitted to the dielectric function."""

    formula: str
    eps_infinity: float = Field(description="Constant of the fit: what lies above the fitted energies contributes it.")
    lorentz: list[LorentzTerm]
    relative_rms_error: float
    gap_ev: float | None = optional("Gap below which the fit is to stay transparent.")
    below_gap: BelowGapDocument | None = optional("Errors below the gap, where the fit has energies there.")
    drude: DrudeTerm | None = optional("Free carriers, where the fit has them.")

    @classmethod
    def of(cls, oscillators: Oscillators) -> OscillatorsDocument:
        """Return the document of a fit."""
        return cls.model_validate(describe_oscillators(oscillators))


class Susceptibility(Document):
    """An oscillator in Meep's units."""

    kind: str = Field(alias="class", description="Name of Meep's class.")
    frequency: float
    gamma: float
    sigma: float


class MeepDocument(Document):
    """The fitted oscillators as arguments of Meep's ``Medium``."""

    length_unit_um: float
    epsilon: float
    susceptibilities: list[Susceptibility]
    quality: str = Field(description="How good the fit is, below the gap too.")

    @classmethod
    def of(cls, oscillators: Oscillators) -> MeepDocument:
        """Return the document of a fit."""
        return cls.model_validate(meep_susceptibilities(oscillators) | {"quality": quality(oscillators)})
