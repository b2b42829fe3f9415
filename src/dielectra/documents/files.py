"""Write predictions in the forms other programs read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.documents.crystal import describe
from dielectra.documents.document import dump_json
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.optics.constants import is_isotropic, refractive_index
from dielectra.optics.quantities import csv_text, interpolate, tabulate_on
from dielectra.prediction import Prediction
from dielectra.spectrum import Spectrum
from dielectra.units import NM, THZ, UM, Axis, AxisOptions, format_energy, from_energies

GRID = AxisOptions()
"""The photon energies of the model as they are."""

LOWEST_ENERGY = 0.5
"""Photon energy in eV below which phonons rule the response of a crystal; no level of theory here has them."""

SMALLEST_SHARE = 1e-3
"""Off-diagonal components below this share of the largest component are not spoken of."""

VASP_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
"""Order of tensor components in VASP's output and pymatgen: xx, yy, zz, xy, yz, xz."""


def write_csv(prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
    """Write the optical constants of a prediction as CSV, one row per point of the axis.

    Columns are named by the keys of the JSON document: ``energy_ev``, ``eps1``, ... for the isotropic average; then,
    where the spectrum is not isotropic, ``eps1_xx``, ``eps1_yy``, ... A comment line says formula, level, model,
    where the data hold and what is doubtful. The file appears whole or not at all.

    Parameters
    ----------
    points
        Unit, range and step of the first column; by default the photon energies of the model.
    """
    table = prediction.table if points == GRID else tabulate_on(prediction.spectrum, _axis(prediction, points))
    return write_whole(path, csv_text("; ".join(notes(prediction)), table))


def write_json(prediction: Prediction, path: str | Path, file: str = "") -> Path:
    """Write the document of ``dielectra predict --json``; `file` names the structure file in it."""
    return write_whole(path, dump_json(describe(prediction, file)) + b"\n")


def write_refractiveindex(prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
    """Write isotropic n and k in the YAML form of the refractiveindex.info database (``tabulated nk``).

    Wavelengths are in micrometre, increasing; points as for :func:`refractive_indices`.
    """
    energies, index = refractive_indices(prediction, points)
    rows = _rows(("        ", " "), from_energies(energies, UM), index.real, index.imag)
    name, *comments = notes(prediction, averaged=True)
    said = "; ".join(["Predicted, not measured", *comments])
    head = f"REFERENCES: {json.dumps(f'Dielectra: {name}')}\nCOMMENTS: {json.dumps(said)}\n"
    return write_whole(path, f"{head}DATA:\n  - type: tabulated nk\n    data: |\n{rows}")


def write_tmm(prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
    """Write wavelength (nm), n and k as a text table that ``numpy.loadtxt`` reads, for ``tmm`` and optiland."""
    energies, index = refractive_indices(prediction, points)
    use = "w, n, k = numpy.loadtxt(FILE, unpack=True); nk = lambda nm: numpy.interp(nm, w, n + 1j * k)"
    head = "".join(f"# {line}\n" for line in (*notes(prediction, averaged=True), use, "wavelength_nm n k"))
    return write_whole(path, head + _rows(("", " "), from_energies(energies, NM), index.real, index.imag))


def write_comsol(prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
    """Write wavelength (micrometre), n and k as a spreadsheet for an interpolation function of COMSOL.

    COMSOL writes the index of an absorbing medium as n - i k and asks for n and k, both positive.
    """
    energies, index = refractive_indices(prediction, points)
    use = "interpolation function with one argument (um) and two functions: n and ki (positive where it absorbs)"
    head = "".join(f"% {line}\n" for line in (*notes(prediction, averaged=True), use, "wavelength n ki"))
    return write_whole(path, head + _rows(("", " "), from_energies(energies, UM), index.real, index.imag))


def write_lumerical(prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
    """Write a Lumerical script (``.lsf``) that adds the crystal to the material database as sampled data.

    Frequencies are in Hz, increasing; the permittivity has a positive imaginary part where the crystal absorbs. Where
    the tensor is not isotropic, so is the material, with xx, yy and zz in the axes of the structure file; a comment
    says what share the other components would have. The name tells polymorphs apart by their space group.
    """
    energies, _ = refractive_indices(prediction, points)
    spectrum, energies = prediction.spectrum, np.sort(energies)
    components = ("mean",) if is_isotropic(spectrum) else ("xx", "yy", "zz")
    columns = [interpolate(spectrum, energies, component) for component in components]
    named = f"{prediction.formula} {prediction.form.space_group} ({spectrum.level}, Dielectra)"
    rows = ";\n".join(
        ", ".join([f"{frequency:.9e}", *(f"{eps.real:.6g}+{max(eps.imag, 0.0):.6g}*1i" for eps in row)])
        for frequency, *row in zip(from_energies(energies, THZ) * 1e12, *columns, strict=True)
    )
    lines = [
        *(f"# {line}" for line in (*notes(prediction), *_left_out(spectrum))),
        f"# frequency (Hz), relative permittivity {', '.join(components)}",
        f"sampled = [\n{rows}\n];",
        'material = addmaterial("Sampled 3D data");',
        f'setmaterial(material, "name", "{named}");',
        *([f'setmaterial("{named}", "anisotropy", 1);  # diagonal'] if len(components) > 1 else []),
        f'setmaterial("{named}", "sampled data", sampled);',
    ]
    return write_whole(path, "\n".join(lines) + "\n")


def write_meep(
    prediction: Prediction,
    path: str | Path,
    points: AxisOptions = GRID,
    fit: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Write a Python module whose ``medium`` is the fitted crystal for Meep, lengths in micrometre.

    The range of `points`, where there is one, is that of the fit, unless `fit` has one: arguments of
    :func:`~dielectra.optics.oscillators.fit_oscillators` by name.
    """
    from dielectra.optics.meep import least_resolution, meep_susceptibilities
    from dielectra.optics.oscillators import fit_oscillators, quality

    window: dict[str, Any] = {}
    if points.limits:
        axis = _axis(prediction, points).energies
        window = {"minimum_energy": float(axis.min()), "maximum_energy": float(axis.max())}
    fitted = fit_oscillators(prediction.spectrum, **{**window, **fit})
    document = meep_susceptibilities(fitted)
    keys = ("frequency", "gamma", "sigma")
    terms = "".join(
        f"    meep.{term['class']}({', '.join(f'{key}={term[key]!r}' for key in keys)}),\n"
        for term in document["susceptibilities"]
    )
    name, *more = notes(prediction, averaged=True)
    lines = [
        f"{name}, fitted by oscillators for Meep.\n",
        *(f"{line}." for line in (*more, quality(fitted))),
        f"The length unit is one micrometre; time steps are stable from a resolution of {least_resolution(fitted)} on.",
    ]
    text = "\n".join(lines).replace("\\", "/").replace('"', "'")
    return write_whole(
        path,
        f'"""{text}\n"""\n\nimport meep\n\nsusceptibilities = [\n'
        f"{terms}]\nmedium = meep.Medium(epsilon={document['epsilon']!r}, E_susceptibilities=susceptibilities)\n",
    )


class Writer(Protocol):
    """A function that writes a prediction."""

    def __call__(self, prediction: Prediction, path: str | Path, points: AxisOptions = GRID) -> Path:
        """Write the file and return its path."""


class Form(NamedTuple):
    """A form of files: the ending of their names, the function that writes one, and whether that takes a ``fit``."""

    ending: str
    write: Writer
    is_fitted: bool = False


FORMS = {
    "csv": Form(".csv", write_csv),
    "yaml": Form(".yml", write_refractiveindex),
    "tmm": Form(".nk.txt", write_tmm),
    "comsol": Form(".comsol.txt", write_comsol),
    "lumerical": Form(".lsf", write_lumerical),
    "meep": Form(".py", write_meep, is_fitted=True),
}


def check_forms(entries: Sequence[str]) -> list[tuple[str, Path]]:
    """Return forms and folders of entries such as ``tmm=out``.

    Raises
    ------
    InputError
        If an entry is no pair or its form is unknown.
    """
    pairs = []
    for entry in entries:
        form, equals, folder = entry.partition("=")
        if not (equals and folder) or form not in FORMS:
            raise InputError(f"--write takes FORM=DIR with one of the forms {', '.join(FORMS)}; got {entry!r}")
        pairs.append((form, Path(folder)))
    return pairs


def refractive_indices(prediction: Prediction, points: AxisOptions = GRID) -> tuple[FloatArray, ComplexArray]:
    """Return photon energies (eV, falling) and the complex index of the isotropic average, for files of n and k.

    By default the model's points from 0.5 eV on: below, phonons that no level of theory here holds make the index. A
    range that is asked for is taken as it is.
    """
    energies = np.sort(_axis(prediction, points).energies)[::-1]
    lowest = LOWEST_ENERGY if points.limits is None and prediction.spectrum.level != "experiment" else 0.0
    energies = energies[(energies >= lowest) & (energies > 0)]
    return energies, refractive_index(interpolate(prediction.spectrum, energies))


def validity(prediction: Prediction) -> str:
    """Return where the data of a prediction hold, in one sentence."""
    end = float(prediction.spectrum.energies[-1])
    low, high = (format_energy(energy, NM) for energy in (LOWEST_ENERGY, end))
    return f"electronic response without phonons: holds from {LOWEST_ENERGY:g} eV ({low}) to {end:g} eV ({high})"


def _axis(prediction: Prediction, points: AxisOptions) -> Axis:
    return points.axis(prediction.spectrum.energies)


def _rows(margins: tuple[str, str], *columns: FloatArray) -> str:
    before, between = margins
    return "".join(before + between.join(f"{value:.6g}" for value in row) + "\n" for row in zip(*columns, strict=True))


def tensor_columns(spectrum: Spectrum) -> dict[str, Any]:
    """Return the full tensor as a dictionary for ``ase.Atoms.info`` (extxyz) or pymatgen's ``Structure.properties``.

    Returns
    -------
    dict
        ``dielectric_energies_ev`` of shape ``(n_energies,)``; ``dielectric_real`` and ``dielectric_imaginary`` of shape
        ``(n_energies, 6)``, components xx, yy, zz, xy, yz, xz as in VASP's output, so that the three together are what
        pymatgen's ``Vasprun.dielectric`` holds; ``dielectric_level``; ``dielectric_broadening_ev`` where known.
    """
    flat = np.array([spectrum.tensor[row, column] for row, column in VASP_ORDER]).T
    columns = {
        "dielectric_energies_ev": spectrum.energies,
        "dielectric_real": flat.real,
        "dielectric_imaginary": flat.imag,
        "dielectric_level": spectrum.level,
    }
    return columns if spectrum.broadening is None else columns | {"dielectric_broadening_ev": spectrum.broadening}


def notes(prediction: Prediction, *, averaged: bool = False) -> list[str]:
    """Return what a file says of itself, a line each: what it is, where it holds, what is doubtful.

    Parameters
    ----------
    averaged
        Whether the file holds the isotropic average of a tensor.
    """
    average = ", isotropic average" if averaged else ""
    if averaged and not is_isotropic(prediction.spectrum):
        average += " of axes that differ"
    doubts = (f"doubt: {' '.join(note.split())}" for note in prediction.warnings)
    return [title(prediction) + average, validity(prediction), *doubts]


def _left_out(spectrum: Spectrum) -> list[str]:
    """Return a line where off-diagonal components are left out of a file of diagonal ones."""
    others = np.abs(spectrum.tensor[[0, 0, 1], [1, 2, 2]]).max()
    share = float(others / np.abs(spectrum.tensor).max())
    if share < SMALLEST_SHARE:
        return []
    return [f"off-diagonal components, up to {share:.1%} of the largest, are left out; rotate the crystal to its axes"]


def title(prediction: Prediction) -> str:
    """Return formula, level and model of a prediction in a line."""
    return f"{prediction.formula}, level {prediction.spectrum.level}, model {prediction.model}"
