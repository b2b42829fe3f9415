"""The document of a thin-film stack: ``dielectra stack --json``, and its spectra in ``POST /api/stack``."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dielectra.documents.curves import OtherUnits
from dielectra.documents.document import Document, optional
from dielectra.documents.properties import ColourDocument
from dielectra.optics.stack import StackAmplitudes, StackOptics


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
