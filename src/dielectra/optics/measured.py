"""Measured n and k: the set that ships with the package, refractiveindex.info files and CSV tables.

The shipped set is a part of the refractiveindex.info database (M. N. Polyanskiy, Sci. Data 11, 94 (2024); CC0): 91
tables of inorganic crystals, films and flakes.
"""

from __future__ import annotations

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
from dielectra.optics.index_files import read_index
from dielectra.spectrum import Spectrum

FILE_ENDINGS = (".yml", ".yaml", ".csv")


class MeasuredSpectrum(NamedTuple):
    """One measured spectrum, with what was measured.

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
        A ``.yml``, ``.yaml`` or ``.csv`` file of :func:`dielectra.optics.index_files.read_index`.

    Raises
    ------
    InputError
        If the file is missing or unreadable, holds no refractive index, or its numbers make no spectrum.
    """
    path = Path(path)
    if path.suffix.lower() not in FILE_ENDINGS:
        raise InputError(f"{path}: measured data are read from .yml, .yaml (refractiveindex.info) or .csv files")
    table = read_index(path)
    details = {"reference": table.reference, "comments": table.comments, "page": str(path), "warnings": table.warnings}
    return _measured(table.energies, table.values, details)


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
        doubts = tuple(entry.get("warnings", ()))
        provenance = {"reference": entry["reference"], **({"warnings": list(doubts)} if doubts else {})}
        spectrum = Spectrum(energies, tensor, "experiment", None, provenance)
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
        doubts,
    )
