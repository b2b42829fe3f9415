"""Read measured n and k in the YAML form of the refractiveindex.info database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dielectra.errors import InputError
from dielectra.spectrum import Spectrum

PHOTON_ENERGY_MICRON = 1.239841984
"""Photon energy in eV times vacuum wavelength in micrometres: h c (CODATA 2018)."""


def read_tabulated(path: str | Path) -> Spectrum:
    """Return the isotropic spectrum of the ``tabulated nk`` block of a refractiveindex.info page.

    Each line holds wavelength in micrometres, n and k; the page's reference becomes the provenance.

    Raises
    ------
    InputError
        If the file is missing, is no such page, has no or several ``tabulated nk`` blocks (a formula or n alone does
        not give a dielectric function), or its numbers are not usable.
    """
    path = Path(path)
    try:
        page = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from error
    entries = page.get("DATA") if isinstance(page, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: has no DATA list; give a page of the refractiveindex.info database")
    tables = [entry for entry in entries if entry.get("type") == "tabulated nk"]
    if len(tables) != 1:
        kinds = ", ".join(str(entry.get("type")) for entry in entries) or "none"
        raise InputError(f"{path}: needs exactly one block of type 'tabulated nk'; it has {kinds}")
    wavelengths, n, k = _columns(tables[0].get("data"), path)
    energies = PHOTON_ENERGY_MICRON / wavelengths
    order = np.argsort(energies)
    tensor = np.einsum("ij,w->ijw", np.eye(3), (n[order] + 1j * k[order]) ** 2)
    reference = {"reference": str(page.get("REFERENCES") or "").strip()}
    return Spectrum(energies[order], tensor, "experiment", provenance=reference)


def _columns(text: Any, path: Path) -> NDArray[np.float64]:
    try:
        table = np.array([[float(word) for word in line.split()] for line in str(text).splitlines() if line.strip()])
    except ValueError as error:
        raise InputError(f"{path}: the table must hold numbers in three columns ({error})") from None
    if table.ndim != 2 or table.shape[1] != 3 or len(table) < 2:
        raise InputError(f"{path}: the table must hold at least two lines of wavelength, n and k; got {table.shape}")
    wavelengths, n, k = columns = table.T
    if not np.isfinite(table).all() or wavelengths.min() <= 0 or n.min() < 0 or k.min() < 0:
        raise InputError(f"{path}: wavelengths must be positive and n and k finite and not negative")
    if len(np.unique(wavelengths)) != len(wavelengths):
        raise InputError(f"{path}: a wavelength comes twice")
    return np.asarray(columns)
