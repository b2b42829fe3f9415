"""Write predictions in the forms other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.files import whole_file, write_whole
from dielectra.optics.constants import optical_constants
from dielectra.prediction import Prediction, describe
from dielectra.spectrum import Spectrum
from dielectra.units import HC, NANOMETRES_PER_MICROMETRE

COLUMNS = ("eps1", "eps2", "n", "k", "absorption", "reflectivity", "loss")
VASP_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
"""Order of tensor components in VASP's output and pymatgen: xx, yy, zz, xy, yz, xz."""


def write_csv(prediction: Prediction, path: str | Path) -> Path:
    """Write the isotropic optical constants of a prediction as CSV, one row per photon energy.

    The header names units; comment lines say formula, level and model. The file appears whole or not at all.
    """
    spectrum = prediction.spectrum
    constants = optical_constants(spectrum)
    table = np.column_stack([spectrum.energies, *(getattr(constants, name) for name in COLUMNS)])
    header = f"# {_title(prediction)}\nenergy_ev,eps1,eps2,n,k,absorption_per_cm,reflectivity,loss"
    with whole_file(path) as temporary:
        np.savetxt(temporary, table, fmt="%.6g", delimiter=",", header=header, comments="")
    return Path(path)


def write_json(prediction: Prediction, path: str | Path, file: str = "") -> Path:
    """Write a prediction as JSON with the keys of ``dielectra predict --json``; `file` names its structure file."""
    return write_whole(path, json.dumps(describe(prediction, file), allow_nan=False) + "\n")


def write_refractiveindex(prediction: Prediction, path: str | Path) -> Path:
    """Write isotropic n and k in the YAML form of the refractiveindex.info database (``tabulated nk``).

    Wavelengths are in micrometre, increasing; the point at 0 eV has none and is left out.
    """
    spectrum = prediction.spectrum
    constants = optical_constants(spectrum)
    inside = spectrum.energies > 0
    wavelengths = HC / NANOMETRES_PER_MICROMETRE / spectrum.energies[inside]
    table = np.column_stack([wavelengths, constants.n[inside], constants.k[inside]])[::-1]
    rows = "".join("        " + " ".join(f"{value:.6g}" for value in row) + "\n" for row in table)
    comments = "; ".join(["Predicted, not measured", *prediction.warnings])
    head = f"REFERENCES: {json.dumps('Dielectra: ' + _title(prediction))}\nCOMMENTS: {json.dumps(comments)}\n"
    return write_whole(path, f"{head}DATA:\n  - type: tabulated nk\n    data: |\n{rows}")


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


def _title(prediction: Prediction) -> str:
    spectrum = prediction.spectrum
    return (
        f"{prediction.crystal.formula}, level {spectrum.level}, model {spectrum.provenance['model']}, isotropic average"
    )
