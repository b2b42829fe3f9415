"""Measured n and k: the set that ships with the package, refractiveindex.info files and CSV tables.

The shipped set is a part of the refractiveindex.info database (M. N. Polyanskiy, Sci. Data 11, 94 (2024); CC0): 91
tables of inorganic crystals, films and flakes.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum
from dielectra.units import HC, NANOMETRES_PER_MICROMETRE

FILE_ENDINGS = (".yml", ".yaml", ".csv")
GRIDS = ("energy_ev", "wavelength_nm", "wavelength_um")


class MeasuredSpectrum(NamedTuple):
    """Hold one measured spectrum and what was measured.

    Attributes
    ----------
    spectrum
        Of level ``experiment``; its tensor is isotropic with the function measured along `axis`.
    formula, polymorph, space_group
        The crystal; empty and 0 where unknown.
    axis
        ``iso``, ``o`` or ``e`` (ordinary, extraordinary), ``alpha``, ``beta`` or ``gamma``.
    kind
        ``bulk crystal``, ``film``, ``flake``, ``model fitted to experiment``, ...
    reference
        The publication.
    source
        Page of refractiveindex.info, or the file.
    comments
        What the source says about sample and temperature.
    warnings
        Doubts about the file, one sentence each.
    """

    spectrum: Spectrum
    formula: str
    polymorph: str
    space_group: int
    axis: str
    kind: str
    reference: str
    source: str
    comments: str
    warnings: tuple[str, ...] = ()


def load_measured(formula: str, space_group: int | None = None) -> list[MeasuredSpectrum]:
    """Return the shipped measured spectra of a compound; an empty list where there are none.

    Parameters
    ----------
    formula
        Chemical formula in any order (``MgO``, ``OMg``).
    space_group
        Number of the space group (1-230); by default every polymorph.

    Raises
    ------
    InputError
        If the formula cannot be read.
    """
    wanted = _composition(formula)
    return [
        _from_entry(entry)
        for entry in _shipped_entries()
        if _composition(entry["formula"]) == wanted and space_group in (None, entry["space_group"])
    ]


def measured_page(page: str) -> MeasuredSpectrum | None:
    """Return the shipped spectrum of a page of refractiveindex.info (``main/GaN/nk/Adachi.yml``), None without one."""
    return next((_from_entry(entry) for entry in _shipped_entries() if entry["page"] == page), None)


def measured_formulas() -> list[str]:
    """Return the formulas of the shipped measured spectra, sorted."""
    return sorted({entry["formula"] for entry in _shipped_entries()})


def read_measured(path: str | Path) -> MeasuredSpectrum:
    """Read n and k from a refractiveindex.info YAML file or a CSV table.

    Parameters
    ----------
    path
        A ``.yml``/``.yaml`` file with ``tabulated nk``, or ``tabulated n`` with or without ``tabulated k``; or a
        ``.csv`` file with a header that names ``energy_ev``, ``wavelength_nm`` or ``wavelength_um``, and ``n`` with or
        without ``k``, or ``eps1`` and ``eps2``. Lines that begin with ``#`` are comments. Without k the crystal is
        transparent.

    Raises
    ------
    InputError
        If the file is missing or unreadable, holds a dispersion formula instead of a table, lacks columns, or its
        numbers make no spectrum.
    """
    path = Path(path)
    if path.suffix.lower() not in FILE_ENDINGS:
        raise InputError(f"{path}: measured data are read from .yml, .yaml (refractiveindex.info) or .csv files")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if path.suffix.lower() == ".csv":
        energies, index = _parse_csv(text, path)
        details: dict[str, str] = {}
    else:
        energies, index, details = _parse_yaml(text, path)
    return _measured(energies, index, {"reference": "", "comments": "", **details, "page": str(path)})


@lru_cache(maxsize=1)
def _shipped_entries() -> list[dict[str, Any]]:
    packed = (resources.files("dielectra.optics.tables") / "measured.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).decode("utf-8").splitlines()]


@lru_cache(maxsize=1024)
def _composition(formula: str) -> tuple[tuple[str, int], ...]:
    from ase.formula import Formula

    try:
        reduced, _ = Formula(formula).reduce()
    except ValueError as error:
        raise InputError(f"{formula!r} is not a chemical formula; give one such as MgO") from error
    return tuple(sorted(reduced.count().items()))


def _from_entry(entry: Mapping[str, Any]) -> MeasuredSpectrum:
    index = np.array(entry["n"]) + 1j * np.array(entry["k"])
    return _measured(np.array(entry["energies"]), index, entry)


def _measured(energies: FloatArray, index: ComplexArray, entry: Mapping[str, Any]) -> MeasuredSpectrum:
    """Build the result; points are sorted by energy, and points of one energy but the first dropped."""
    energies, first = np.unique(energies, return_index=True)
    try:
        tensor = np.einsum("ij,w->ijw", np.eye(3), index[first] ** 2)
        spectrum = Spectrum(energies, tensor, "experiment", None, {"reference": entry["reference"]})
    except InputError as error:
        raise InputError(f"{entry['page']}: {error}") from error
    return MeasuredSpectrum(
        spectrum,
        entry.get("formula", ""),
        entry.get("polymorph", ""),
        entry.get("space_group") or 0,
        entry.get("axis", "iso"),
        entry.get("kind", "measured"),
        entry["reference"],
        entry["page"],
        entry["comments"],
    )


def _parse_csv(text: str, path: Path) -> tuple[FloatArray, ComplexArray]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = list(csv.reader(lines, skipinitialspace=True))
    heads = [head.strip().lower() for head in rows[0]] if rows else []
    grid = next((name for name in GRIDS if name in heads), None)
    if grid is None or not ("n" in heads or {"eps1", "eps2"} <= set(heads)):
        raise InputError(
            f"{path}: needs a header that names one of {', '.join(GRIDS)} and n (with k), or eps1 and eps2; it has "
            f"{', '.join(heads) or 'none'}"
        )
    try:
        table = dict(zip(heads, np.array(rows[1:], float).reshape(-1, len(heads)).T, strict=True))
    except ValueError as error:
        raise InputError(f"{path}: every row needs {len(heads)} numbers ({error})") from error
    if "n" in heads:
        index = table["n"] + 1j * table.get("k", np.zeros_like(table["n"]))
    else:
        index = np.sqrt(table["eps1"] + 1j * np.maximum(table["eps2"], 0.0))
    return _photon_energies(table[grid], grid, path), index


def _photon_energies(values: FloatArray, grid: str, path: Path) -> FloatArray:
    if grid == "energy_ev":
        return values
    if not np.all(values > 0):
        raise InputError(f"{path}: wavelengths must be positive")
    return np.asarray(HC / values / (1.0 if grid == "wavelength_nm" else NANOMETRES_PER_MICROMETRE))


def _parse_yaml(text: str, path: Path) -> tuple[FloatArray, ComplexArray, dict[str, str]]:
    import yaml

    try:
        document = yaml.safe_load(text)
        blocks = [(block["type"].strip(), block.get("data", "")) for block in document["DATA"]]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not a refractiveindex.info file; it needs a list DATA of type and data"
        ) from error
    formulas = [kind for kind, _ in blocks if not kind.startswith("tabulated")]
    if formulas:
        raise InputError(
            f"{path}: holds a dispersion {formulas[0]}, which is not read; download the table of its page as CSV"
        )
    tables = {kind.removeprefix("tabulated").strip(): _parse_table(kind, data, path) for kind, data in blocks}
    if "nk" not in tables and "n" not in tables:
        raise InputError(
            f"{path}: holds no refractive index; it has {', '.join(kind for kind, _ in blocks) or 'no data'}"
        )
    wavelength, n, *rest = tables.get("nk", tables.get("n", np.zeros((2, 0))))
    k = rest[0] if rest else np.zeros_like(n)
    if "nk" not in tables and "k" in tables:
        other, values = tables["k"]
        inside = (wavelength >= other.min()) & (wavelength <= other.max())
        wavelength, n = wavelength[inside], n[inside]
        k = np.interp(wavelength, other, values)
    details = {"reference": str(document.get("REFERENCES", "")), "comments": str(document.get("COMMENTS", ""))}
    return _photon_energies(wavelength, "wavelength_um", path), n + 1j * k, details


def _parse_table(kind: str, data: str, path: Path) -> FloatArray:
    """Return wavelength (micrometre) and values, shape ``(2 or 3, n_points)``, sorted by wavelength."""
    width = 3 if kind.endswith("nk") else 2
    try:
        table = np.array([line.split() for line in str(data).strip().splitlines()], float).reshape(-1, width)
    except ValueError as error:
        raise InputError(f"{path}: every row of '{kind}' needs {width} numbers") from error
    return table[table[:, 0].argsort()].T
