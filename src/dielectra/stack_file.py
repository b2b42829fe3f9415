"""Thin-film stacks described in YAML: predicted, measured and constant layers in any order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from dielectra.arrays import FloatArray
from dielectra.documents.curves import other_unit
from dielectra.documents.properties import ColourDocument
from dielectra.documents.stack import (
    AmplitudesDocument,
    LayerDocument,
    StackColours,
    StackDocument,
    SubstrateDocument,
    stack_curves,
)
from dielectra.errors import InputError
from dielectra.optics.colour import Colour, colour_of, visible_energies
from dielectra.optics.constants import refractive_index
from dielectra.optics.measured import FILE_ENDINGS, load_measured, measured_formulas, measured_page, read_measured
from dielectra.optics.stack import Layer, Material, StackAmplitudes, StackOptics, stack_amplitudes, stack_optics
from dielectra.settings import read_yaml, validate, with_overrides
from dielectra.spectrum import Spectrum
from dielectra.units import Axis, AxisOptions, even_axis, make_axis, parse_range

STEPS = 200
"""Steps of an axis that has a range but no step."""


def _complex(value: Any) -> Any:
    """Take a complex number also as a list of real and imaginary part."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int | float) for part in value):
        return complex(*value)
    return value


Number = Annotated[complex, BeforeValidator(_complex)]


class MaterialDescription(BaseModel):
    """Name a material in exactly one way.

    ``structure``: a crystal file, whose spectrum is predicted. ``data``: a CSV or refractiveindex.info file, or a
    formula or page of the shipped measurements. ``index``: n, or n + i k as ``1.5+0.1j`` or ``[1.5, 0.1]``. ``eps``:
    dielectric constant, likewise. File names are relative to the description's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    structure: str | None = None
    data: str | None = None
    index: Number | None = None
    eps: Number | None = None

    @field_validator("index", "eps")
    @classmethod
    def _refuse_gain(cls, value: complex | None) -> complex | None:
        if value is not None and (value.imag < 0 or value == 0):
            raise ValueError(f"{value} amplifies or vanishes; give a number with an imaginary part of at least 0")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> MaterialDescription:
        ways = ("structure", "data", "index", "eps")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(ways)}; got {', '.join(given) or 'none'}")
        return self

    @property
    def label(self) -> str:
        """Return the material in a few words."""
        if self.structure is not None:
            return Path(self.structure).stem
        if self.data is not None:
            return self.data
        name, value = ("n", self.index) if self.index is not None else ("eps", self.eps)
        return f"{name} = {value.real:g}" + (f" + {value.imag:g}i" if value.imag else "") if value is not None else ""


class LayerDescription(MaterialDescription):
    """Describe one layer; ``coherent: false`` for one so thick or uneven that its two faces do not interfere."""

    thickness_nm: float = Field(gt=0)
    coherent: bool = True


class SubstrateDescription(MaterialDescription):
    """Describe what carries the layers: without end, or with a thickness as an incoherent plate with air behind."""

    thickness_nm: float | None = Field(None, gt=0)


class EnergyRange(BaseModel):
    """Describe photon energies in eV, evenly spaced, both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(1.2, ge=0)
    stop: float = Field(4.0, gt=0)
    n: int = Field(281, ge=2, le=20001)

    @model_validator(mode="after")
    def _increasing(self) -> EnergyRange:
        if self.stop <= self.start:
            raise ValueError(f"stop ({self.stop:g}) must exceed start ({self.start:g})")
        return self


class AxisDescription(BaseModel):
    """Describe the axis in any unit: ``{unit: nm, range: "400:800", step: 2}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["ev", "nm", "um", "cm-1", "thz"] = "ev"
    range: str
    step: float | None = Field(None, gt=0)


class StackDescription(BaseModel):
    """Describe a stack and the light on it.

    ``layers`` are listed from the side of the light on, ``incidence`` is the refractive index of the medium it comes
    from, ``angles`` are in degrees from the normal. ``axis`` replaces ``energies_ev`` where it is given. ``level`` and
    ``model`` say how structures are predicted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[LayerDescription, ...]
    substrate: SubstrateDescription = SubstrateDescription(index=1.0)
    incidence: float = Field(1.0, gt=0)
    angles: tuple[Annotated[float, Field(ge=0, lt=90)], ...] = Field((0.0,), min_length=1)
    polarisation: Literal["s", "p", "unpolarised"] = "unpolarised"
    energies_ev: EnergyRange = EnergyRange()
    axis: AxisDescription | None = None
    level: str = "rpa"
    model: str | None = None


class StackResult(NamedTuple):
    """A stack and what it does with light.

    Attributes
    ----------
    axis
        Points of the spectra, in the unit that was asked for.
    amplitudes
        Of coherent layers in light that is s or p polarised, else None.
    reflected, transmitted
        Colours under D65 at the first angle; None where a spectrum does not cover the visible range.
    warnings
        What a user should know about predicted layers.
    """

    description: StackDescription
    axis: Axis
    optics: StackOptics
    amplitudes: StackAmplitudes | None
    reflected: Colour | None
    transmitted: Colour | None
    warnings: list[str]


def read_stack(path: str | Path, overrides: Sequence[str] = ()) -> StackDescription:
    """Read the description of a stack.

    Parameters
    ----------
    path
        YAML file with the keys of :class:`StackDescription`.
    overrides
        Entries such as ``polarisation=p`` or ``energies_ev.stop=6``.

    Raises
    ------
    InputError
        If the file cannot be read, an option is unknown, or a value not allowed; names the dotted option.
    """
    try:
        return validate(StackDescription, with_overrides(read_yaml(path), overrides))
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


def compute_stack(
    description: StackDescription,
    folder: str | Path = ".",
    points: AxisOptions = AxisOptions(),  # noqa: B008
) -> StackResult:
    """Return reflectance, transmittance, absorptance and colours of a described stack.

    Parameters
    ----------
    folder
        Where relative file names begin.
    points
        Unit, range and step of the axis, where they are not to be those of the description.

    Raises
    ------
    InputError
        If a material cannot be found, read or predicted, or does not cover the photon energies.
    """
    entries: list[MaterialDescription] = [*description.layers, description.substrate]
    predicted, warnings = _predict_all(entries, Path(folder), description)
    materials = [_material(entry, Path(folder), predicted) for entry in entries]
    layers = [
        Layer(material, entry.thickness_nm, entry.coherent)
        for material, entry in zip(materials, description.layers, strict=False)
    ]
    behind, polarisation = materials[-1], description.polarisation
    if description.substrate.thickness_nm is not None:
        layers.append(Layer(behind, description.substrate.thickness_nm, coherent=False))
        behind = 1.0
    light: dict[str, Any] = {"incidence": description.incidence, "exit_medium": behind, "polarisation": polarisation}

    def solve(energies: FloatArray, angles: Sequence[float] | float) -> StackOptics:
        return stack_optics(layers, energies, angles, **light)

    axis = _axis(description, points)
    optics = solve(axis.energies, description.angles)
    amplitudes = None
    if polarisation != "unpolarised" and all(layer.coherent for layer in layers):
        amplitudes = stack_amplitudes(layers, axis.energies, description.angles, **light)
    colours: tuple[Colour | None, Colour | None] = (None, None)
    if all(_covers_visible(material) for material in materials):
        seen = solve(visible_energies(), description.angles[0])
        colours = colour_of(seen.reflectance[0]), colour_of(seen.transmittance[0])
    return StackResult(description, axis, optics, amplitudes, *colours, warnings)


def _axis(description: StackDescription, points: AxisOptions) -> Axis:
    """Return the axis asked for, else that of the description; a range without a step has 201 points."""
    unit, limits, step = points.unit, points.limits, points.step
    if points == AxisOptions() and description.axis is not None:
        unit, limits, step = description.axis.unit, description.axis.range, description.axis.step
    if limits is not None:
        ends = parse_range(limits, unit)
        return even_axis(unit, ends, (ends[1] - ends[0]) / STEPS if step is None else step)
    window = description.energies_ev
    return make_axis(np.linspace(window.start, window.stop, window.n), unit, None, step)


def layer_labels(description: StackDescription) -> list[str]:
    """Return the materials of all layers, the substrate last, in a few words each."""
    return [entry.label for entry in (*description.layers, description.substrate)]


def stack_table(result: StackResult) -> dict[str, FloatArray]:
    """Return a computed stack as columns: angle, axis, fractions of the power, those absorbed in each layer.

    Where there are amplitudes their real and imaginary parts follow. Rows run over the axis, angle by angle.
    """
    optics, axis = result.optics, result.axis
    columns = {
        "angle_deg": np.repeat(optics.angles, len(axis.values)),
        axis.unit.column: np.tile(axis.values, len(optics.angles)),
        "reflectance": optics.reflectance.ravel(),
        "transmittance": optics.transmittance.ravel(),
        "absorptance": optics.absorptance.ravel(),
    }
    for number, (label, part) in enumerate(
        zip(layer_labels(result.description), optics.layer_absorptance, strict=False), 1
    ):
        columns[f"absorptance_{number}_{re.sub(r'[^A-Za-z0-9.]+', '_', label)}"] = part.ravel()
    if result.amplitudes is not None:
        for name, values in (("r", result.amplitudes.reflection), ("t", result.amplitudes.transmission)):
            columns |= {f"{name}_re": values.real.ravel(), f"{name}_im": values.imag.ravel()}
    return columns


def describe_stack(result: StackResult, file: str) -> StackDocument:
    """Return the document of a computed stack."""
    description = result.description
    layers = [
        LayerDocument(material=layer.label, thickness_nm=layer.thickness_nm, coherent=layer.coherent)
        for layer in description.layers
    ]
    substrate = SubstrateDocument(material=description.substrate.label, thickness_nm=description.substrate.thickness_nm)
    colours = [
        None if colour is None else ColourDocument.of(colour) for colour in (result.reflected, result.transmitted)
    ]
    return StackDocument(
        file=file,
        layers=layers,
        substrate=substrate,
        incidence=description.incidence,
        polarisation=description.polarisation,
        **stack_curves(result.optics),
        **other_unit(result.axis),
        amplitudes=None if result.amplitudes is None else AmplitudesDocument.of(result.amplitudes),
        colour=StackColours(reflected=colours[0], transmitted=colours[1]),
        warnings=result.warnings,
    )


def _predict_all(
    entries: Sequence[MaterialDescription], folder: Path, description: StackDescription
) -> tuple[dict[str, Spectrum], list[str]]:
    """Return the predicted spectrum of every structure file named, and the warnings that go with them."""
    files = sorted({entry.structure for entry in entries if entry.structure is not None})
    if not files:
        return {}, []
    from dielectra.prediction import predict_many
    from dielectra.structures import read_structure

    crystals = [read_structure(folder / file) for file in files]
    predictions = predict_many(crystals, description.level, description.model)
    warnings = [f"{file}: {note}" for file, found in zip(files, predictions, strict=True) for note in found.warnings]
    return {file: found.spectrum for file, found in zip(files, predictions, strict=True)}, warnings


def _material(entry: MaterialDescription, folder: Path, predicted: Mapping[str, Spectrum]) -> Material:
    if entry.structure is not None:
        return predicted[entry.structure]
    if entry.data is not None:
        return _measured_spectrum(entry.data, folder)
    if entry.index is not None:
        return entry.index
    return complex(refractive_index(entry.eps or 0.0))


def _measured_spectrum(name: str, folder: Path) -> Spectrum:
    """Return the spectrum of a file, of a page of the shipped set, or of the one page of a formula."""
    if "/" not in name and not name.lower().endswith(FILE_ENDINGS):
        found = load_measured(name)
        if len(found) > 1:
            pages = "; ".join(f"{entry.source} ({entry.kind}, axis {entry.axis})" for entry in found)
            raise InputError(f"data {name!r} names several measurements; give one of the pages {pages}")
        if not found:
            raise InputError(
                f"no measurement of {name!r} ships with the package; there are {', '.join(measured_formulas())}"
            )
        return found[0].spectrum
    page = measured_page(name)
    return (page or read_measured(folder / name)).spectrum


def _covers_visible(material: Material) -> bool:
    energies = visible_energies()
    if not isinstance(material, Spectrum):
        return True
    return bool(material.energies[0] <= energies.min() and material.energies[-1] >= energies.max())
