"""Derived optical properties of a prediction by name, as documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dielectra.errors import InputError

if TYPE_CHECKING:
    from dielectra.documents.document import Document
    from dielectra.documents.properties import DerivedT
    from dielectra.optics.oscillators import Oscillators
    from dielectra.prediction import Prediction
    from dielectra.spectrum import Spectrum


@dataclass(frozen=True)
class PropertyOptions:
    """Options of the properties.

    Attributes
    ----------
    thickness_nm
        Thickness in nm of the film of film-colour and slme.
    illuminant
        Light of colour, body-colour and film-colour.
    path_nm
        Path in nm of light inside the crystal of body-colour.
    edge_shift
        Energy in eV by which body-colour and film-colour move the spectrum up; by default what PBE's gap lacks by an
        empirical rule.
    gap
        Direct gap in eV of slme; estimated from the spectrum by default.
    gap_indirect
        Fundamental gap in eV of slme; that of the direct gap by default.
    temperature
        Temperature in kelvin of slme.
    poles
        Number of Lorentz poles of oscillators and meep.
    fit_range
        Photon energies in eV between which oscillators and meep are fitted, for instance 0.5:3; all by default.
        A range below the gap gives poles without absorption.
    below_gap_weight
        How much more an absorption below the gap counts in that fit than another error.
    """

    thickness_nm: float = 500.0
    illuminant: Literal["D65", "A", "E"] = "D65"
    path_nm: float = 1000.0
    edge_shift: float | None = None
    gap: float | None = None
    gap_indirect: float | None = None
    temperature: float = 293.15
    poles: int = 10
    fit_range: str | None = None
    below_gap_weight: float = 1.5


Property = Callable[["Prediction", PropertyOptions], "Document"]


def check_properties(names: Sequence[str]) -> None:
    """Refuse names that are no properties.

    Raises
    ------
    InputError
        If there is one; lists those known.
    """
    for name in names:
        if name not in PROPERTIES:
            raise InputError(f"unknown property {name!r}; known are {', '.join(PROPERTIES)}")


def derive(prediction: Prediction, names: Sequence[str], options: PropertyOptions) -> dict[str, Document]:
    """Return properties by name; in place of one that cannot be had stands a ``Failure`` with the reason.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    from dielectra.documents.properties import Failure

    check_properties(names)
    found: dict[str, Document] = {}
    for name in names:
        try:
            found[name] = PROPERTIES[name](prediction, options)
        except InputError as error:
            found[name] = Failure(error=str(error))
    return found


def _with_intervals(prediction: Prediction, of: Callable[[Spectrum], DerivedT], *, by_gap: bool = False) -> DerivedT:
    from dielectra.documents.properties import with_intervals

    return with_intervals(of, prediction.spectrum, prediction.calibration, by_gap=by_gap)


def _colour(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import ColourDocument
    from dielectra.optics.colour import bulk_colour

    return _with_intervals(prediction, lambda one: ColourDocument.of(bulk_colour(one, options.illuminant)))


def _body_colour(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import BodyColour
    from dielectra.optics.colour import transmission_colour

    def colour(spectrum: Spectrum) -> BodyColour:
        found = transmission_colour(spectrum, options.path_nm, options.illuminant, options.edge_shift)
        return BodyColour.of_path(found, options.path_nm)

    return _with_intervals(prediction, colour, by_gap=True)


def _film_colour(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import FilmColour
    from dielectra.optics.colour import film_colour

    def colour(spectrum: Spectrum) -> FilmColour:
        found = film_colour(spectrum, options.thickness_nm, options.illuminant, options.edge_shift)
        return FilmColour.of_film(found, options.thickness_nm)

    return _with_intervals(prediction, colour, by_gap=True)


def _slme(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import SolarDocument
    from dielectra.optics.solar import solar_efficiency

    def efficiency(spectrum: Spectrum) -> SolarDocument:
        found = solar_efficiency(spectrum, options.gap, options.gap_indirect, options.temperature, options.thickness_nm)
        return SolarDocument.of(found)

    return _with_intervals(prediction, efficiency, by_gap=options.gap is None)


def _gap(prediction: Prediction, _: PropertyOptions) -> Document:
    from dielectra.documents.curves import NumberInterval
    from dielectra.documents.properties import GapDocument
    from dielectra.optics.onset import estimate_gap

    if prediction.gap_direct is None:
        return _with_intervals(prediction, lambda one: GapDocument(gap_direct_ev=estimate_gap(one)))
    interval = prediction.intervals.get("gap_direct_ev")
    known = None if interval is None else {"gap_direct_ev": NumberInterval(**interval._asdict())}
    return GapDocument(gap_direct_ev=prediction.gap_direct, interval=known)


def _index(prediction: Prediction, _: PropertyOptions) -> Document:
    from dielectra.documents.properties import IndexDocument
    from dielectra.optics.constants import static_dielectric_constant
    from dielectra.optics.figures_of_merit import abbe_number, visible_index

    def index(spectrum: Spectrum) -> IndexDocument:
        eps_infinity = static_dielectric_constant(spectrum.energies, spectrum.mean)
        return IndexDocument.of(eps_infinity, visible_index(spectrum), abbe_number(spectrum))

    return _with_intervals(prediction, index)


def _plasmon(prediction: Prediction, _: PropertyOptions) -> Document:
    from dielectra.documents.properties import PlasmonDocument
    from dielectra.optics.figures_of_merit import plasmon

    return _with_intervals(prediction, lambda one: PlasmonDocument.of(plasmon(one)))


def _penn_gap(prediction: Prediction, _: PropertyOptions) -> Document:
    from dielectra.documents.properties import PennGapDocument
    from dielectra.optics.figures_of_merit import penn_gap

    return _with_intervals(prediction, lambda one: PennGapDocument(penn_gap_ev=penn_gap(one)))


def _anisotropy(prediction: Prediction, _: PropertyOptions) -> Document:
    from dielectra.documents.properties import AnisotropyDocument
    from dielectra.optics.anisotropy import principal_indices

    principal = principal_indices(prediction.spectrum)
    if principal.kind == "isotropic" and not prediction.form.cubic:
        raise InputError(
            "the crystal is not cubic, but the model predicts the isotropic average only; "
            "anisotropy needs a computed tensor or a model of tensors"
        )
    return _with_intervals(prediction, lambda one: AnisotropyDocument.of(principal_indices(one)))


def _oscillators(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import OscillatorsDocument

    return OscillatorsDocument.of(_fit(prediction, options))


def _meep(prediction: Prediction, options: PropertyOptions) -> Document:
    from dielectra.documents.properties import MeepDocument

    return MeepDocument.of(_fit(prediction, options))


def _fit(prediction: Prediction, options: PropertyOptions) -> Oscillators:
    from dielectra.optics.oscillators import fit_oscillators

    return fit_oscillators(prediction.spectrum, **fit_arguments(options))


def fit_arguments(options: PropertyOptions) -> dict[str, Any]:
    """Return the options of a fit by oscillators as arguments of ``fit_oscillators``.

    Raises
    ------
    InputError
        If the range is none.
    """
    from dielectra.units import parse_range

    found: dict[str, Any] = {"n_poles": options.poles, "weight": options.below_gap_weight}
    if options.fit_range is not None:
        found["minimum_energy"], found["maximum_energy"] = parse_range(options.fit_range)
    return found


PROPERTIES: dict[str, Property] = {
    "colour": _colour,
    "body-colour": _body_colour,
    "film-colour": _film_colour,
    "slme": _slme,
    "gap": _gap,
    "index": _index,
    "plasmon": _plasmon,
    "penn-gap": _penn_gap,
    "anisotropy": _anisotropy,
    "oscillators": _oscillators,
    "meep": _meep,
}
