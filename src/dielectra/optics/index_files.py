"""Read n and k from files: refractiveindex.info's pages (YAML) and tables (CSV), and CSV tables of others."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.files import read_text, reading
from dielectra.optics.dispersion import evaluate_formula
from dielectra.parsing import parse_yaml
from dielectra.units import UM, UNITS, Unit, doubtful_unit, from_energies, parse_unit, to_energies

FORMULA_POINTS = 401
"""Points, evenly spaced in photon energy, at which a dispersion formula is evaluated over its range."""

AXIS = re.compile(
    r"(?P<name>photon[ _]energy|energy|wavelength|lambda|frequency|wavenumber|wl)[ _]*[(\[]?(?P<unit>[^)\]]*)[)\]]?"
)
QUANTITIES = {"lambda": "wavelength", "wl": "wavelength", "energy": "photon energy", "photon_energy": "photon energy"}


class IndexTable(NamedTuple):
    """The complex refractive index of a file.

    Attributes
    ----------
    energies
        Photon energies in eV, shape ``(n_energies,)``, in any order.
    values
        n + i k, shape ``(n_energies,)``.
    reference, comments
        What the file says about its source and the sample; empty where nothing.
    warnings
        Doubts about the file, one sentence each.
    """

    energies: FloatArray
    values: ComplexArray
    reference: str = ""
    comments: str = ""
    warnings: tuple[str, ...] = ()


class _Curve(NamedTuple):
    """Values of one quantity at photon energies in eV."""

    energies: FloatArray
    values: FloatArray


class _Formula(NamedTuple):
    """A dispersion formula with the range of wavelengths, in micrometres, that it holds in."""

    number: int
    coefficients: list[float]
    low: float
    high: float


def read_index(path: str | Path) -> IndexTable:
    """Read n and k of a ``.yml``, ``.yaml`` or ``.csv`` file.

    A YAML page may hold any number of blocks: ``tabulated nk``, ``tabulated n``, ``tabulated k``, ``formula 1`` to
    ``formula 9``. A CSV table has a header with ``n``, with or without ``k``, or ``eps1`` and ``eps2``, and an axis
    with its unit: ``energy_ev``, ``wavelength_nm``, ``wavelength (um)``, ``frequency_thz``, ``wavenumber_cm-1``; ``wl``
    is in micrometres, as the site writes it. A further header begins a further block. Lines that begin with ``#`` are
    comments. Without any k the crystal is transparent; where k covers a part of the range of n, n outside is left out
    with a warning.

    Raises
    ------
    InputError
        If the file is missing or unreadable, or holds no refractive index.
    """
    path = Path(path)
    text = read_text(path)
    if path.suffix.lower() == ".csv":
        return _read_csv(text, path)
    return _read_yaml(text, path)


def _read_yaml(text: str, path: Path) -> IndexTable:
    document = parse_yaml(text, path)
    try:
        blocks = [(str(block["type"]).strip(), block) for block in document["DATA"]]
        header = {name: str(document.get(name) or "") for name in ("REFERENCES", "COMMENTS")}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is not a refractiveindex.info file; it needs a list DATA of type and data"
        ) from error
    n: list[_Curve | _Formula] = []
    k: list[_Curve] = []
    warnings: list[str] = []
    for kind, block in blocks:
        if kind in ("tabulated nk", "tabulated n", "tabulated k"):
            wavelengths, *columns = _yaml_table(kind, block.get("data"), path)
            energies = _energies(wavelengths, UM, path)
            for name, values in zip(kind.removeprefix("tabulated "), columns, strict=True):
                (n if name == "n" else k).append(_Curve(energies, values))
            warnings += [doubt for doubt in [doubtful_unit(wavelengths, UM)] if doubt]
        elif match := re.fullmatch(r"formula ([1-9])", kind):
            n.append(_formula(int(match[1]), block, path))
        else:
            raise InputError(f"{path}: unknown block {kind!r}; known are tabulated n, k, nk and formula 1 to 9")
    if not n:
        kinds = ", ".join(kind for kind, _ in blocks) or "no data"
        raise InputError(f"{path}: holds no refractive index; it has {kinds}")
    return _combine(n, k, warnings, path)._replace(reference=header["REFERENCES"], comments=header["COMMENTS"])


def _yaml_table(kind: str, data: Any, path: Path) -> list[FloatArray]:
    """Return wavelengths (micrometre) and the columns of a table."""
    width = 3 if kind == "tabulated nk" else 2
    try:
        table = np.array([line.split() for line in str(data or "").strip().splitlines()], float).reshape(-1, width)
    except ValueError as error:
        raise InputError(f"{path}: every row of '{kind}' needs {width} numbers") from error
    return list(table.T)


def _formula(number: int, block: Any, path: Path) -> _Formula:
    try:
        coefficients = [float(word) for word in str(block["coefficients"]).split()]
        low, high = (float(word) for word in str(block.get("wavelength_range", block.get("range"))).split())
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: formula {number} needs coefficients and a wavelength_range of two numbers ({error})"
        ) from error
    if not 0 < low < high < np.inf:
        raise InputError(f"{path}: formula {number} has the wavelength range {low:g} to {high:g} um")
    return _Formula(number, coefficients, low, high)


def _read_csv(text: str, path: Path) -> IndexTable:
    lines = [line for line in text.splitlines() if line.strip(" ,;\t") and not line.lstrip().startswith("#")]
    n: list[_Curve | _Formula] = []
    k: list[_Curve] = []
    warnings: list[str] = []
    for heads, rows in _csv_blocks(lines, path):
        unit, place = _axis(heads, path)
        try:
            table = np.array(rows, float).reshape(-1, len(heads))
        except ValueError as error:
            raise InputError(f"{path}: every row needs {len(heads)} numbers ({error})") from error
        columns = dict(zip(heads, table.T, strict=True))
        energies = _energies(table[:, place], unit, path)
        warnings += [doubt for doubt in [doubtful_unit(table[:, place], unit)] if doubt]
        if {"eps1", "eps2"} <= columns.keys() and "n" not in columns:
            index = np.sqrt(columns["eps1"] + 1j * np.maximum(columns["eps2"], 0.0))
            columns |= {"n": index.real, "k": index.imag}
        if "n" not in columns and "k" not in columns:
            raise InputError(
                f"{path}: needs a header that names n (with k), or eps1 and eps2; it has {', '.join(heads)}"
            )
        n += [_Curve(energies, columns["n"])] if "n" in columns else []
        k += [_Curve(energies, columns["k"])] if "k" in columns else []
    if not n:
        raise InputError(f"{path}: needs a header that names an axis with its unit and n; it has none")
    return _combine(n, k, warnings, path)


def _csv_blocks(lines: Sequence[str], path: Path) -> list[tuple[list[str], list[list[str]]]]:
    """Return the header and the rows of every block; what cannot be a number begins one."""
    blocks: list[tuple[list[str], list[list[str]]]] = []
    with reading(path):
        rows = list(csv.reader(lines, skipinitialspace=True))
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not _is_number(cells[0]):
            blocks.append(([cell.lower() for cell in cells], []))
        elif not blocks:
            raise InputError(f"{path}: needs a header that names its columns; it begins with {cells[0]}")
        else:
            blocks[-1][1].append(cells)
    return blocks


def _axis(heads: Sequence[str], path: Path) -> tuple[Unit, int]:
    """Return the unit of the axis, and its place among the columns."""
    for place, head in enumerate(heads):
        match = AXIS.fullmatch(head)
        if match is None:
            continue
        name = match["name"].replace(" ", "_")
        if name == "wl" and not match["unit"]:
            return UM, place
        if match["unit"]:
            unit = parse_unit(match["unit"].replace("per_cm", "cm-1"))
            if unit.quantity != QUANTITIES.get(name, name):
                raise InputError(f"{path}: the column {head!r} has the unit of a {unit.quantity}")
            return unit, place
        raise InputError(f"{path}: the column {head!r} lacks its unit; write {head}_UNIT with {', '.join(UNITS)}")
    known = ", ".join(unit.column for unit in UNITS.values())
    raise InputError(
        f"{path}: needs a header that names one of {known} and n (with k), or eps1 and eps2; it has "
        f"{', '.join(heads) or 'none'}"
    )


def _energies(values: FloatArray, unit: Unit, path: Path) -> FloatArray:
    try:
        return to_energies(values, unit)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _combine(n: Sequence[_Curve | _Formula], k: Sequence[_Curve], warnings: Sequence[str], path: Path) -> IndexTable:
    """Put blocks together at the photon energies of n."""
    known_k = _join(k)
    energies, real = _join([_evaluate(block, known_k.energies, path) for block in n])
    doubts = list(dict.fromkeys(warnings))
    imaginary = np.zeros_like(real)
    if len(known_k.energies):
        low, high = known_k.energies[[0, -1]]
        inside = (energies >= low) & (energies <= high)
        if not inside.all():
            doubts.append(
                f"k is known from {low:.4g} to {high:.4g} eV only; n outside, from {energies[0]:.4g} to "
                f"{energies[-1]:.4g} eV, is left out"
            )
        energies, real = energies[inside], real[inside]
        imaginary = _interpolate(known_k, energies)
    return IndexTable(energies, real + 1j * imaginary, warnings=tuple(doubts))


def _evaluate(block: _Curve | _Formula, others: FloatArray, path: Path) -> _Curve:
    """Return a formula at points of its range, and at those energies of k that lie in it; a table as it is."""
    if isinstance(block, _Curve):
        return block
    low, high = to_energies([block.high, block.low], UM)
    energies = np.union1d(np.linspace(low, high, FORMULA_POINTS), others[(others >= low) & (others <= high)])
    wavelengths = np.clip(from_energies(energies, UM), block.low, block.high)
    try:
        return _Curve(energies, evaluate_formula(block.number, block.coefficients, wavelengths))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _join(curves: Sequence[_Curve]) -> _Curve:
    """Return all points of curves by increasing energy; of several at one energy the first."""
    if not curves:
        return _Curve(np.zeros(0), np.zeros(0))
    energies, first = np.unique(np.concatenate([curve.energies for curve in curves]), return_index=True)
    return _Curve(energies, np.concatenate([curve.values for curve in curves])[first])


def _interpolate(curve: _Curve, energies: FloatArray) -> FloatArray:
    """Return values between points by straight lines over wavelength, over energy where a point has no wavelength."""
    if curve.energies[0] == 0:
        return np.interp(energies, curve.energies, curve.values)
    return np.interp(-1 / energies, -1 / curve.energies, curve.values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
