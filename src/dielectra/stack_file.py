"""Thin-film stacks described in YAML: predicted, measured and constant layers in any order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.documents.curves import other_unit
from dielectra.documents.properties import ColourDocument
from dielectra.documents.stack import (
    AmplitudesDocument,
    AngleBands,
    LayerDocument,
    StackColours,
    StackDocument,
    SubstrateDocument,
    solve_with_bands,
    stack_curves,
)
from dielectra.errors import InputError
from dielectra.optics.colour import Colour, colour_of, visible_energies
from dielectra.optics.constants import refractive_index
from dielectra.optics.measured import FILE_ENDINGS, load_measured, measured_formulas, measured_page, read_measured
from dielectra.optics.stack import Layer, Material, StackAmplitudes, StackOptics, stack_amplitudes, stack_optics
from dielectra.spectrum import Spectrum
from dielectra.stack_description import MaterialDescription, StackDescription
from dielectra.units import Axis, AxisOptions, even_axis, make_axis, parse_range

STEPS = 200
"""Steps of an axis that has a range but no step."""


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
        Reasons to doubt predicted layers.
    bands
        Intervals of reflectance, transmittance and absorptance by these names; None without predicted layers.
    """

    description: StackDescription
    axis: Axis
    optics: StackOptics
    amplitudes: StackAmplitudes | None
    reflected: Colour | None
    transmitted: Colour | None
    warnings: list[str]
    bands: dict[str, AngleBands] | None = None


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
    axis = _axis(description, points)
    optics, bands = solve_with_bands(partial(_solve, description, axis.energies, description.angles), materials)
    amplitudes = None
    layers, light = _layers(description, materials)
    if description.polarisation != "unpolarised" and all(layer.coherent for layer in layers):
        amplitudes = stack_amplitudes(layers, axis.energies, description.angles, **light)
    colours: tuple[Colour | None, Colour | None] = (None, None)
    if all(_covers_visible(material) for material in materials):
        seen = _solve(description, visible_energies(), description.angles[0], materials)
        colours = colour_of(seen.reflectance[0]), colour_of(seen.transmittance[0])
    return StackResult(description, axis, optics, amplitudes, *colours, warnings, bands)


def _layers(description: StackDescription, materials: Sequence[Material]) -> tuple[list[Layer], dict[str, Any]]:
    """Return the layers of a stack of materials, the substrate's last, and the light on it with what lies behind."""
    layers = [
        Layer(material, entry.thickness_nm, entry.coherent)
        for material, entry in zip(materials, description.layers, strict=False)
    ]
    behind = materials[-1]
    if description.substrate.thickness_nm is not None:
        layers.append(Layer(behind, description.substrate.thickness_nm, coherent=False))
        behind = 1.0
    polarisation = description.polarisation
    return layers, {"incidence": description.incidence, "exit_medium": behind, "polarisation": polarisation}


def _solve(
    description: StackDescription,
    energies: FloatArray,
    angles: Sequence[float] | float,
    materials: Sequence[Material],
) -> StackOptics:
    layers, light = _layers(description, materials)
    return stack_optics(layers, energies, angles, **light)


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


def files_of(description: StackDescription, folder: str | Path) -> list[Path]:
    """Return the files that the materials of a stack may be read from."""
    entries = (*description.layers, description.substrate)
    return [Path(folder) / name for entry in entries for name in (entry.structure, entry.data) if name is not None]


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
        interval=result.bands,
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
