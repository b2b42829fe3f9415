"""Derived optical properties of a prediction by name, as plain data for the command line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dielectra.errors import InputError

if TYPE_CHECKING:
    from dielectra.prediction import Prediction

SODIUM_D = 2.1038
"""Photon energy in eV of the wavelength 589.3 nm, at which birefringence is quoted."""


@dataclass(frozen=True)
class PropertyOptions:
    """Hold what the properties depend on besides the spectrum.

    Attributes
    ----------
    thickness_nm
        Thickness in nm of the film of film-colour and slme.
    illuminant
        Light of colour and film-colour.
    gap
        Direct gap in eV of slme; estimated from the spectrum by default.
    gap_indirect
        Fundamental gap in eV of slme; that of the direct gap by default.
    temperature
        Temperature in kelvin of slme.
    poles
        Number of Lorentz poles of oscillators and meep.
    """

    thickness_nm: float = 500.0
    illuminant: Literal["D65", "A", "E"] = "D65"
    gap: float | None = None
    gap_indirect: float | None = None
    temperature: float = 293.15
    poles: int = 10


Property = Callable[["Prediction", PropertyOptions], dict[str, Any]]


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


def derive(prediction: Prediction, names: Sequence[str], options: PropertyOptions) -> dict[str, dict[str, Any]]:
    """Return properties by name as plain data; one that cannot be had is an object with the only key ``error``.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    check_properties(names)
    answers = {}
    for name in names:
        try:
            answers[name] = PROPERTIES[name](prediction, options)
        except InputError as error:
            answers[name] = {"error": str(error)}
    return answers


def _colour(prediction: Prediction, options: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.colour import bulk_colour

    return bulk_colour(prediction.spectrum, options.illuminant)._asdict()


def _film_colour(prediction: Prediction, options: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.colour import film_colour

    colour = film_colour(prediction.spectrum, options.thickness_nm, options.illuminant)
    return {"thickness_nm": options.thickness_nm} | colour._asdict()


def _slme(prediction: Prediction, options: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.solar import solar_efficiency

    efficiency = solar_efficiency(
        prediction.spectrum, options.gap, options.gap_indirect, options.temperature, options.thickness_nm
    )
    units = {
        "short_circuit_current": "short_circuit_current_ma_per_cm2",
        "open_circuit_voltage": "open_circuit_voltage_v",
        "gap_direct": "gap_direct_ev",
        "gap_indirect": "gap_indirect_ev",
        "temperature": "temperature_k",
    }
    return {units.get(key, key): value for key, value in efficiency._asdict().items()}


def _gap(prediction: Prediction, _: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.onset import estimate_gap

    return {"gap_direct_ev": estimate_gap(prediction.spectrum)}


def _index(prediction: Prediction, _: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.constants import static_dielectric_constant
    from dielectra.optics.figures_of_merit import abbe_number, visible_index

    spectrum = prediction.spectrum
    static = static_dielectric_constant(spectrum.energies, spectrum.mean)
    return {
        "static_n": math.sqrt(max(static, 0.0)),
        "mean_n_380_780_nm": visible_index(spectrum),
        "abbe_number": abbe_number(spectrum),
    }


def _plasmon(prediction: Prediction, _: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.figures_of_merit import plasmon

    energy, height, width = plasmon(prediction.spectrum)
    return {"energy_ev": energy, "height": height, "width_ev": width}


def _penn_gap(prediction: Prediction, _: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.figures_of_merit import penn_gap

    return {"penn_gap_ev": penn_gap(prediction.spectrum)}


def _anisotropy(prediction: Prediction, _: PropertyOptions) -> dict[str, Any]:
    import numpy as np

    from dielectra.optics.anisotropy import principal_indices
    from dielectra.symmetry import FIRST_CUBIC, space_group

    principal = principal_indices(prediction.spectrum)
    if principal.kind == "isotropic" and space_group(prediction.crystal) < FIRST_CUBIC:
        raise InputError(
            "the crystal is not cubic, but the model predicts the isotropic average only; "
            "anisotropy needs a computed tensor or a model of tensors"
        )
    optic_axis = principal.optic_axis
    return {
        "kind": principal.kind,
        "axes": principal.axes.tolist(),
        "optic_axis": None if optic_axis is None else optic_axis.tolist(),
        "optic_angle_deg": principal.optic_angle,
        "birefringence_589_nm": float(np.interp(SODIUM_D, principal.energies, principal.birefringence)),
        "dichroism_589_nm": float(np.interp(SODIUM_D, principal.energies, principal.dichroism)),
        "n": principal.indices.real.tolist(),
        "k": principal.indices.imag.tolist(),
    }


def _oscillators(prediction: Prediction, options: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.oscillators import describe_oscillators, fit_oscillators

    return describe_oscillators(fit_oscillators(prediction.spectrum, options.poles))


def _meep(prediction: Prediction, options: PropertyOptions) -> dict[str, Any]:
    from dielectra.optics.oscillators import fit_oscillators, meep_susceptibilities

    return meep_susceptibilities(fit_oscillators(prediction.spectrum, options.poles))


PROPERTIES: dict[str, Property] = {
    "colour": _colour,
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
