"""The document of a thin-film stack: ``dielectra stack --json``, and its spectra in ``POST /api/stack``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from dielectra.documents.curves import OtherUnits
from dielectra.documents.document import Document, optional
from dielectra.documents.properties import ColourDocument
from dielectra.optics.bands import derived_band, known_calibration, member_spectra
from dielectra.optics.stack import Material, StackAmplitudes, StackOptics
from dielectra.spectrum import Spectrum


class AngleBands(Document):
    """An interval around curves: lists over angles of lists over photon energies."""

    lower: list[list[float]]
    upper: list[list[float]]
    coverage: float | None = Field(
        ge=0, le=1, description="Share of the energies that it is to hold; null where it is the range of the members."
    )


class StackSpectra(OtherUnits):
    """Fractions of the incident power: lists over angles of lists over photon energies."""

    polarisation: str = Field(description="s, p or unpolarised.")
    angles_deg: list[float] = Field(description="Angles of incidence in degrees from the normal.")
    energy_ev: list[float] = Field(description="Photon energies (eV).")
    reflectance: list[list[float]]
    transmittance: list[list[float]]
    absorptance: list[list[float]]
    layer_absorptance: list[list[list[float]]] = Field(
        description="Part of the absorptance in each layer from the light on, the substrate's last if it has an end."
    )
    interval: dict[str, AngleBands] | None = optional(
        "Intervals of reflectance, transmittance and absorptance, with layers of models that are ensembles."
    )


class AmplitudesDocument(Document):
    """Complex amplitudes of the electric field: lists over angles of lists over photon energies."""

    reflection_re: list[list[float]]
    reflection_im: list[list[float]]
    transmission_re: list[list[float]]
    transmission_im: list[list[float]]

    @classmethod
    def of(cls, found: StackAmplitudes) -> AmplitudesDocument:
        """Return the document of amplitudes."""
        reflection, transmission = found.reflection, found.transmission
        return cls(
            reflection_re=reflection.real.tolist(),
            reflection_im=reflection.imag.tolist(),
            transmission_re=transmission.real.tolist(),
            transmission_im=transmission.imag.tolist(),
        )


class LayerDocument(Document):
    """A layer of a stack."""

    material: str
    thickness_nm: float
    coherent: bool


class SubstrateDocument(Document):
    """What carries the layers; without a thickness it has no end."""

    material: str
    thickness_nm: float | None


class StackColours(Document):
    """Colours at the first angle; null where a spectrum does not cover the visible range."""

    reflected: ColourDocument | None
    transmitted: ColourDocument | None


class StackDocument(StackSpectra):
    """A stack, its spectra and its colours."""

    file: str = Field(description="The description of the stack.")
    layers: list[LayerDocument]
    substrate: SubstrateDocument
    incidence: float = Field(description="Refractive index of the medium on the side of the light.")
    colour: StackColours
    amplitudes: AmplitudesDocument | None = optional("Of coherent layers in light that is s or p polarised.")
    warnings: list[str] = Field(description="Reasons to doubt predicted layers.")


FRACTIONS = ("reflectance", "transmittance", "absorptance")


def solve_with_bands(
    solve: Callable[[Sequence[Material]], StackOptics], materials: Sequence[Material]
) -> tuple[StackOptics, dict[str, AngleBands] | None]:
    """Return what a stack of materials does, and the intervals that ensembles among them give; None without one.

    Each member of one ensemble goes with the same member of the others, as they are of one model.
    """
    optics = solve(materials)
    predicted = [one for one in materials if isinstance(one, Spectrum) and len(one.members) > 1]
    if not predicted:
        return optics, None
    others = [
        solve([_member(material, place) for material in materials])
        for place in range(max(len(one.members) for one in predicted))
    ]
    calibration = known_calibration(predicted[0])
    bands = {}
    for name in FRACTIONS:
        centre, members = getattr(optics, name), [getattr(one, name) for one in others]
        found = derived_band(centre, members, calibration)
        lower, upper = (np.clip(end, 0.0, 1.0) for end in found[:2])
        bands[name] = AngleBands(lower=lower.tolist(), upper=upper.tolist(), coverage=found.coverage)
    return optics, bands


def _member(material: Material, place: int) -> Material:
    """Return what one member predicts of a material that was predicted; others as they are."""
    if not isinstance(material, Spectrum) or len(material.members) < 2:
        return material
    return member_spectra(material)[place % len(material.members)]


def stack_curves(optics: StackOptics) -> dict[str, Any]:
    """Return the curves of a stack as plain data under the keys of :class:`StackSpectra`."""
    return {
        "angles_deg": optics.angles.tolist(),
        "energy_ev": optics.energies.tolist(),
        "reflectance": optics.reflectance.tolist(),
        "transmittance": optics.transmittance.tolist(),
        "absorptance": optics.absorptance.tolist(),
        "layer_absorptance": optics.layer_absorptance.tolist(),
    }
