"""Requests for derived optics, and the documents that the functions of ``dielectra.optics`` make of them.

The functions run in a worker process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.documents.curves import MOST_POINTS, EnsembleDocument, MeanCurves, mean_curves
from dielectra.documents.document import Document
from dielectra.documents.properties import BodyColour, ColourDocument, FilmColour, SolarDocument, with_intervals
from dielectra.documents.stack import StackSpectra, solve_with_bands, stack_curves
from dielectra.errors import InputError
from dielectra.optics.bands import known_calibration
from dielectra.optics.colour import bulk_colour, film_colour, transmission_colour
from dielectra.optics.measured import load_measured
from dielectra.optics.quantities import tabulate
from dielectra.optics.solar import solar_efficiency
from dielectra.optics.stack import Layer, Material, StackOptics, stack_optics
from dielectra.spectrum import Spectrum

LARGEST = 1e6


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class IsotropicSpectrum(_Request):
    """The ``mean`` of a prediction: photon energies (eV), real and imaginary part of the dielectric function."""

    energy_ev: list[float] = Field(min_length=2, max_length=MOST_POINTS)
    eps1: list[float] = Field(min_length=2, max_length=MOST_POINTS)
    eps2: list[float] = Field(min_length=2, max_length=MOST_POINTS)
    level: str = Field("rpa", max_length=20)
    broadening_ev: float | None = Field(None, ge=0, le=5, description="Lorentzian half width, where it is known.")
    gap_ev: float | None = Field(None, ge=0, le=100, description="Predicted fundamental gap, where there is one.")
    gap_direct_ev: float | None = Field(None, ge=0, le=100, description="Predicted direct gap, where there is one.")
    ensemble: EnsembleDocument | None = Field(
        None, description="That of the prediction; with it numbers come with intervals."
    )

    def spectrum(self) -> Spectrum:
        """Return the spectrum; raises InputError where the numbers make none."""
        energies = np.array(self.energy_ev)
        if energies.max() > LARGEST:
            raise InputError(f"energies may reach {LARGEST:g}")
        tensor = _isotropic(energies, self.eps1, self.eps2)
        members = [] if self.ensemble is None else self.ensemble.members
        tensors = tuple(_isotropic(energies, member.eps1, member.eps2) for member in members)
        gaps = {"gap_ev": self.gap_ev, "gap_direct_ev": self.gap_direct_ev}
        known: dict[str, object] = {key: value for key, value in gaps.items() if value is not None}
        if known:
            known["model"] = "the one whose gap came with the spectrum"
        if self.ensemble is not None:
            known["calibration"] = self.ensemble.calibration()
        return Spectrum(energies, tensor, self.level, self.broadening_ev, known, tensors)


def _isotropic(energies: FloatArray, eps1: list[float], eps2: list[float]) -> ComplexArray:
    """Return an isotropic tensor; raises InputError where lengths differ or numbers are too large."""
    real, imaginary = np.array(eps1), np.array(eps2)
    if not len(energies) == len(real) == len(imaginary):
        raise InputError(
            f"energy_ev, eps1 and eps2 need one length; got {len(energies)}, {len(real)} and {len(imaginary)}"
        )
    if max(np.abs(real).max(), np.abs(imaginary).max()) > LARGEST:
        raise InputError(f"dielectric functions may reach {LARGEST:g}")
    return np.asarray(np.einsum("ij,w->ijw", np.eye(3), real + 1j * imaginary))


class ColourRequest(_Request):
    """Ask for the colours of a crystal in reflection, and of light through its film or body."""

    spectrum: IsotropicSpectrum
    thickness_nm: float = Field(500.0, ge=0, le=1e7)
    illuminant: Literal["D65", "A", "E"] = "D65"


class ColoursAnswer(Document):
    """The colours of a polished crystal, of light through its film, and of light after as long a path inside it."""

    bulk: ColourDocument
    film: FilmColour
    body: BodyColour


class SolarRequest(_Request):
    """Ask for the efficiency of a solar absorber; gaps that are not given are estimated from the spectrum."""

    spectrum: IsotropicSpectrum
    thickness_nm: float = Field(500.0, gt=0, le=1e7)
    temperature_k: float = Field(293.15, ge=100, le=1000)
    gap_direct_ev: float | None = Field(None, gt=0, le=20)
    gap_indirect_ev: float | None = Field(None, gt=0, le=20)
    keep_subgap: bool = Field(False, description="Count a measured crystal's absorption below its direct gap.")


class Index(_Request):
    """A constant complex refractive index."""

    n: float = Field(ge=0.01, le=100)
    k: float = Field(0.0, ge=0, le=100)


class StackLayer(_Request):
    """A layer; without an index it is of the crystal."""

    thickness_nm: float = Field(ge=0, le=1e7)
    index: Index | None = None
    coherent: bool = True


class StackRequest(_Request):
    """Ask what a stack of layers reflects and transmits; without an exit index the crystal lies behind it."""

    spectrum: IsotropicSpectrum
    layers: list[StackLayer] = Field(max_length=50)
    exit_index: Index | None = None
    angle_degrees: float = Field(0.0, ge=0, lt=90)
    polarisation: Literal["s", "p", "unpolarised"] = "unpolarised"
    minimum_energy_ev: float = Field(0.5, ge=0, le=1000)
    maximum_energy_ev: float = Field(6.0, ge=0, le=1000)
    points: int = Field(221, ge=2, le=2001)


class MeasuredCurves(MeanCurves):
    """One measured spectrum with its source, and its optical constants."""

    formula: str
    polymorph: str
    axis: str
    kind: str
    reference: str
    source: str


def colours(request: ColourRequest) -> ColoursAnswer:
    """Return the colours."""
    spectrum, (thickness, light) = request.spectrum.spectrum(), (request.thickness_nm, request.illuminant)
    calibration = known_calibration(spectrum)

    def bulk(one: Spectrum) -> ColourDocument:
        return ColourDocument.of(bulk_colour(one, light))

    def film(one: Spectrum) -> FilmColour:
        return FilmColour.of_film(film_colour(one, thickness, light), thickness)

    def body(one: Spectrum) -> BodyColour:
        return BodyColour.of_path(transmission_colour(one, thickness, light), thickness)

    return ColoursAnswer(
        bulk=with_intervals(bulk, spectrum, calibration),
        film=with_intervals(film, spectrum, calibration, by_gap=True),
        body=with_intervals(body, spectrum, calibration, by_gap=True),
    )


def solar(request: SolarRequest) -> SolarDocument:
    """Return the efficiency of a film as solar absorber."""
    spectrum = request.spectrum.spectrum()

    def efficiency(one: Spectrum) -> SolarDocument:
        found = solar_efficiency(
            one,
            request.gap_direct_ev,
            request.gap_indirect_ev,
            request.temperature_k,
            request.thickness_nm,
            request.keep_subgap,
        )
        return SolarDocument.of(found)

    calibration = known_calibration(spectrum)
    return with_intervals(efficiency, spectrum, calibration, by_gap=request.gap_direct_ev is None)


def stack(request: StackRequest) -> StackSpectra:
    """Return reflectance, transmittance and absorptance of a stack."""
    energies = np.linspace(request.minimum_energy_ev, request.maximum_energy_ev, request.points)

    def solve(materials: Sequence[Material]) -> StackOptics:
        (crystal,) = materials

        def material(index: Index | None) -> Material:
            return crystal if index is None else complex(index.n, index.k)

        layers = [Layer(material(layer.index), layer.thickness_nm, layer.coherent) for layer in request.layers]
        exit_medium = material(request.exit_index)
        return stack_optics(layers, energies, request.angle_degrees, request.polarisation, exit_medium=exit_medium)

    found, bands = solve_with_bands(solve, [request.spectrum.spectrum()])
    return StackSpectra(polarisation=request.polarisation, interval=bands, **stack_curves(found))


def measured(formula: str, space_group: int | None) -> list[MeasuredCurves]:
    """Return the shipped measured spectra of a compound with their optical constants.

    A space group leaves out those of other polymorphs; those whose source states none come last.
    """
    found = [entry for entry in load_measured(formula) if space_group is None or entry.space_group in (space_group, 0)]
    return [
        MeasuredCurves(
            formula=entry.formula,
            polymorph=entry.polymorph,
            axis=entry.axis,
            kind=entry.kind,
            reference=entry.reference,
            source=entry.source,
            **mean_curves(tabulate(entry.spectrum, components=("mean",))),
        )
        for entry in sorted(found, key=lambda entry: entry.space_group == 0)
    ]
