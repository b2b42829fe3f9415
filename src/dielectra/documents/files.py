"""Write predictions in the forms other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.documents.crystal import describe
from dielectra.documents.document import dump_json
from dielectra.files import whole_file, write_whole
from dielectra.prediction import Prediction
from dielectra.spectrum import Spectrum
from dielectra.units import HC, NANOMETRES_PER_MICROMETRE

VASP_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
"""Order of tensor components in VASP's output and pymatgen: xx, yy, zz, xy, yz, xz."""


def write_csv(prediction: Prediction, path: str | Path) -> Path:
    """Write the optical constants of a prediction as CSV, one row per photon energy.

    Columns are named by the keys of the JSON document: ``energy_ev``, ``eps1``, ... for the isotropic average; then,
    where the spectrum is not isotropic, ``eps1_xx``, ``eps1_yy``, ... A comment line says formula, level and model. The
    file appears whole or not at all.
    """
    header = f"# {_title(prediction)}\n{','.join(prediction.table)}"
    rows = np.column_stack(list(prediction.table.values()))
    with whole_file(path) as temporary:
        np.savetxt(temporary, rows, fmt="%.6g", delimiter=",", header=header, comments="")
    return Path(path)


def write_json(prediction: Prediction, path: str | Path, file: str = "") -> Path:
    """Write the document of ``dielectra predict --json``; `file` names the structure file in it."""
    return write_whole(path, dump_json(describe(prediction, file)) + b"\n")


def write_refractiveindex(prediction: Prediction, path: str | Path) -> Path:
    """Write isotropic n and k in the YAML form of the refractiveindex.info database (``tabulated nk``).

    Wavelengths are in micrometre, increasing; the point at 0 eV has none and is left out.
    """
    energies, n, k = (prediction.table[key] for key in ("energy_ev", "n", "k"))
    inside = energies > 0
    wavelengths = HC / NANOMETRES_PER_MICROMETRE / energies[inside]
    table = np.column_stack([wavelengths, n[inside], k[inside]])[::-1]
    rows = "".join("        " + " ".join(f"{value:.6g}" for value in row) + "\n" for row in table)
    comments = "; ".join(["Predicted, not measured", *prediction.warnings])
    title = f"Dielectra: {_title(prediction)}, isotropic average"
    head = f"REFERENCES: {json.dumps(title)}\nCOMMENTS: {json.dumps(comments)}\n"
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
    return f"{prediction.formula}, level {prediction.spectrum.level}, model {prediction.model}"
