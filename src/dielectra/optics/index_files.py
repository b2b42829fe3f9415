"""Read n and k from files: refractiveindex.info's pages (YAML) and tables (CSV), and CSV tables of others."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.files import read_text, reading, understanding
from dielectra.optics.dispersion import evaluate_formula
from dielectra.parsing import parse_yaml
from dielectra.structures.numbers import floats
from dielectra.units import UM, UNITS, Unit, doubtful_unit, from_energies, parse_unit, to_energies

FORMULA_POINTS = 401
"""Points, evenly spaced in photon energy, at which a dispersion formula is evaluated over its range."""

NOISE = 0.01
"""Share of the largest absorption, or of one, below which a negative one is noise."""

AXIS = re.compile(
    r"(?P<name>photon[ _]energy|energy|wavelength|lambda|frequency|wavenumber|wl)[ _,]*[(\[]?(?P<unit>[^)\]]*)[)\]]?"
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
    is in micrometres, as the site writes it. Columns are separated by commas, or by semicolons, tabs or blanks, and
    then numbers may have decimal commas. A further header begins a further block. Lines that begin with ``#`` are
    comments. Without any k the crystal is transparent; where k covers a part of the range of n, n outside is left out
    with a warning.

    Raises
    ------
    InputError
        If the file is missing or unreadable, or holds no refractive index.
    """
    path = Path(path)
    text = read_text(path)
    with understanding(path, "a table of n and k"):
        return _read_csv(text, path) if path.suffix.lower() == ".csv" else _read_yaml(text, path)


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
    lines = [line.split() for line in str(data or "").strip().splitlines()]
    return list(_table([(f"row {row} of '{kind}'", words) for row, words in enumerate(lines, 1)], width, path).T)


def _table(rows: Sequence[tuple[str, Sequence[str]]], width: int, path: Path) -> FloatArray:
    """Return the numbers of rows, each with its name in messages, shape ``(n_rows, width)``."""
    for what, words in rows:
        if len(words) != width:
            raise InputError(f"{path}, {what}: needs {width} numbers; got {len(words)} values")
    return np.array([floats(words, width, f"{path}, {what}") for what, words in rows]).reshape(-1, width)


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
    n: list[_Curve | _Formula] = []
    k: list[_Curve] = []
    warnings: list[str] = []
    unread: dict[str, None] = {}
    for heads, rows in _csv_blocks(text, path):
        unit, place = _axis(heads, path)
        names = ("n", "k") if "n" in heads or "k" in heads else ("eps1", "eps2")
        places = [heads.index(name) for name in names if name in heads]
        if not places or (names[0] == "eps1" and len(places) < 2):
            raise InputError(
                f"{path}: needs a header that names n (with k), or eps1 and eps2; it has {', '.join(heads)}"
            )
        wanted = [(what, [words[at] for at in (place, *places) if at < len(words)]) for what, words in rows]
        axis, *columns = _table(wanted, 1 + len(places), path).T
        energies = _energies(axis, unit, path)
        warnings += [doubt for doubt in [doubtful_unit(axis, unit)] if doubt]
        known = dict(zip((heads[at] for at in places), columns, strict=True))
        if names[0] == "eps1":
            index = np.sqrt(known["eps1"] + 1j * _absorbing(known["eps2"], "eps2", path, warnings))
            known = {"n": index.real, "k": index.imag}
        n += [_Curve(energies, known["n"])] if "n" in known else []
        k += [_Curve(energies, known["k"])] if "k" in known else []
        unread |= dict.fromkeys(head for at, head in enumerate(heads) if at not in (place, *places))
    if not n:
        raise InputError(f"{path}: needs a header that names an axis with its unit and n; it has none")
    if unread and not k:
        warnings.append(f"the columns {', '.join(unread)} are not read; without k the crystal is taken as transparent")
    return _combine(n, k, warnings, path)


def _csv_blocks(text: str, path: Path) -> list[tuple[list[str], list[tuple[str, list[str]]]]]:
    """Return the header, in lower case, and the rows of every block, each with its name in messages.

    What cannot be a number begins a block. Columns are separated by what the first header has most of: commas,
    semicolons, tabs or blanks. Where it is not the comma, a comma is the decimal point.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip(" ,;\t") and not line.lstrip().startswith("#")
    ]
    first = lines[0][1] if lines else ""
    separator = next((one for one in ("\t", ";", ",") if one in first), " ")
    blocks: list[tuple[list[str], list[tuple[str, list[str]]]]] = []
    with reading(path):
        rows = list(csv.reader([line for _, line in lines], delimiter=separator, skipinitialspace=True))
    for (number, _), row in zip(lines, rows, strict=False):
        cells = [cell.strip() for cell in row if cell.strip() or separator != " "]
        numbers = cells if separator == "," else [cell.replace(",", ".") for cell in cells]
        if not _is_number(numbers[0]):
            blocks.append(([cell.lower() for cell in cells], []))
        elif not blocks:
            raise InputError(f"{path}: needs a header that names its columns; it begins with {cells[0]}")
        else:
            blocks[-1][1].append((f"line {number}", numbers))
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
    doubts = list(dict.fromkeys([*warnings, *_repeated(n, "n"), *_repeated(k, "k")]))
    if len(real) and real.min() <= 0:
        raise InputError(
            f"{path}: n is {real.min():g} at {energies[real.argmin()]:.4g} eV; a refractive index is positive"
        )
    known_k = known_k._replace(values=_absorbing(known_k.values, "k", path, doubts))
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
    if len(energies) < 2:
        raise InputError(f"{path}: n, with k where k is given, is known at {len(energies)} energies; two are needed")
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


def _repeated(curves: Sequence[_Curve | _Formula], name: str) -> Iterator[str]:
    """Yield a doubt where tables give one quantity twice at one energy, and differently."""
    tables = [curve for curve in curves if isinstance(curve, _Curve)]
    if not tables:
        return
    energies = np.concatenate([curve.energies for curve in tables])
    values = np.concatenate([curve.values for curve in tables])
    order = np.lexsort((values, energies))
    again = (np.diff(energies[order]) == 0) & (np.diff(values[order]) != 0)
    if again.any():
        yield f"{name} is given twice at {energies[order][1:][again][0]:.4g} eV, and differently; the first is taken"


def _absorbing(values: FloatArray, name: str, path: Path, doubts: list[str]) -> FloatArray:
    """Return an absorption without the noise below zero; refuse one that is negative, as by the convention n - ik."""
    if len(values) == 0 or not values.min() < 0:
        return values
    if values.min() < -NOISE * max(values.max(), 1.0):
        raise InputError(f"{path}: {name} is {values.min():g}; absorption is positive here (n + ik), change the sign")
    doubts.append(f"{name} is slightly negative, down to {values.min():.2g}; it is taken as zero there")
    return np.maximum(values, 0.0)


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
