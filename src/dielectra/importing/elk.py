"""Import finished computations of Elk: ``EPSILON_11.OUT`` and its like, one level each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.files import understanding
from dielectra.importing.computations import (
    ComputationOptions,
    Curve,
    describer,
    make_outcome,
    read_crystal,
    read_folders,
    read_text,
    tensors_of,
)
from dielectra.importing.outcomes import Outcome
from dielectra.structures.numbers import floats
from dielectra.symmetry import point_group_rotations
from dielectra.units import BOHR, HARTREE

form = "elk"
Options = ComputationOptions
FILES = re.compile(r"EPSILON_(?:(BSE|TDDFT)_)?([123])([123])\.OUT(?:\.gz)?$")
KERNELS = {"0": "rpa", "200": "lrc"}
"""Levels by Elk's ``fxctype``; by default Elk takes the kernel of the functional, which is no level here."""

DEFAULT_WIDTH = 0.001
"""Elk's ``swidth`` where an input has none, hartree."""

TRAN_BLAHA = "208"
"""Number of the modified Becke-Johnson exchange of Tran and Blaha in Libxc."""

describe = describer("Elk")


def read(source: Path, options: ComputationOptions) -> Iterator[Outcome]:
    """Yield the records of a folder of Elk's files, or of each subfolder.

    ``EPSILON_11.OUT`` (task 121) gives ``ipa``, ``EPSILON_TDDFT_11.OUT`` (task 320) the level of the input's
    ``fxctype`` (0: ``rpa``, 200: ``lrc``), ``EPSILON_BSE_11.OUT`` (task 187) ``bse``. Components that symmetry does not
    give from others must be there (``optcomp``). The crystal is that of ``GEOMETRY.OUT`` unless `structure` is given,
    the broadening the ``swidth`` of ``elk.in``.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    return read_folders(source, FILES, lambda folder: _read_folder(folder, options), options.structure)


def _read_folder(folder: Path, options: ComputationOptions) -> Outcome:
    settings = _blocks(read_text(folder / "elk.in")) if (folder / "elk.in").is_file() else {}
    width = _width(settings, folder) if settings else None
    functions: dict[str, dict[tuple[int, int], tuple[Path, FloatArray, ComplexArray]]] = {}
    problems = []
    for path in sorted(folder.iterdir()):
        found = FILES.match(path.name)
        if found is None:
            continue
        try:
            level = _level(found[1], settings)
            place = (int(found[2]) - 1, int(found[3]) - 1)
            function = _read_function(path)
            known = functions.setdefault(level, {}).setdefault(place, (path, *function))
            if not all(np.array_equal(one, other) for one, other in zip(known[1:], function, strict=True)):
                raise InputError(f"{path.name}: differs from {known[0].name}; keep one")
        except InputError as error:
            problems.append(str(error))
    if options.structure is None:
        crystal = read_geometry(read_text(folder / "GEOMETRY.OUT"), str(folder / "GEOMETRY.OUT"))
    else:
        crystal = read_crystal(options.structure)
    curves = []
    for level, components in functions.items():
        try:
            curves += _curves(level, components, width)
        except InputError as error:
            problems.append(str(error))
    spectra, missing = tensors_of(curves, point_group_rotations(crystal, symprec=1e-3))
    provenance = {"engine": f"Elk {_version(folder)}".strip()}
    outcome = make_outcome(folder.resolve().name, crystal, spectra, provenance, options)
    warnings = _doubts(settings) if outcome.records else ()
    return Outcome(str(folder), outcome.records, (), (*problems, *missing, *outcome.problems), warnings)


def _doubts(settings: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return doubts where energies are not those of a local functional alone, as levels below LRC have them here."""
    first = {key: (settings.get(key) or [""])[0].lower().split() for key in ("scissor", "hybrid", "xctype")}
    doubts = []
    if first["scissor"] and floats(first["scissor"], 1, "scissor")[0]:
        doubts.append(f"computed with a scissors shift of {first['scissor'][0]} hartree; compare it with such only")
    if first["hybrid"] and first["hybrid"][0].strip(".").startswith("t"):
        doubts.append("computed with a hybrid functional; compare it with hybrid functionals only")
    if TRAN_BLAHA in first["xctype"]:
        doubts.append("computed with the Tran-Blaha potential (xctype 208); compare it with such only")
    return tuple(doubts)


def _level(kind: str | None, settings: Mapping[str, list[str]]) -> str:
    """Return the level of a file by its name, and by the kernel of the input."""
    if kind is None:
        return "ipa"
    if kind == "BSE":
        return "bse"
    kernel = " ".join(settings.get("fxctype", [])).split()[:1]
    if not kernel:
        raise InputError("EPSILON_TDDFT: which kernel it has stands in elk.in (fxctype), which is missing or lacks it")
    if kernel[0] not in KERNELS:
        known = ", ".join(f"{number}: {level}" for number, level in KERNELS.items())
        raise InputError(f"EPSILON_TDDFT: the kernel fxctype {kernel[0]} is no level of theory here (known: {known})")
    return KERNELS[kernel[0]]


def _read_function(path: Path) -> tuple[FloatArray, ComplexArray]:
    """Return photon energies (eV) and function: Elk writes the real part, a blank line, the imaginary part."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", read_text(path).strip())]
    tables = [np.array([floats(line.split(), 2, f"{path.name}: a line") for line in block]) for block in blocks]
    if len(tables) != 2 or len(tables[0]) != len(tables[1]):
        raise InputError(f"{path.name}: Elk writes two blocks of two columns, real and imaginary part; not found so")
    real, imaginary = tables
    if not np.array_equal(real[:, 0], imaginary[:, 0]):
        raise InputError(f"{path.name}: its real and imaginary part have different energies; is it cut short?")
    return real[:, 0] * HARTREE, real[:, 1] + 1j * imaginary[:, 1]


def _curves(
    level: str, components: Mapping[tuple[int, int], tuple[Path, FloatArray, ComplexArray]], broadening: float | None
) -> list[Curve]:
    """Return what fields along axes, and along diagonals between two axes, see of the components."""
    curves = []
    for (row, column), (path, energies, values) in components.items():
        direction = np.eye(3)[row] + (row != column) * np.eye(3)[column]
        if row != column:
            ends = [components.get((axis, axis)) for axis in (row, column)]
            if row > column and (column, row) in components:
                continue
            if ends[0] is None or ends[1] is None:
                raise InputError(f"{path.name}: needs the diagonal components of both its axes as well")
            values = (ends[0][2] + ends[1][2]) / 2 + values
        x, y, z = direction.tolist()
        curves.append(Curve(str(path), level, (x, y, z), energies, values, broadening))
    return curves


def read_geometry(text: str, where: str) -> Crystal:
    """Return the crystal of ``GEOMETRY.OUT``, whose lengths are in bohr.

    Raises
    ------
    InputError
        If it holds none.
    """
    blocks = _blocks(text)
    with understanding(where, "a geometry as Elk writes it"):
        scale = float(blocks["scale"][0])
        scales = [scale * float(blocks.get(f"scale{axis}", ["1.0"])[0]) for axis in (1, 2, 3)]
        vectors = np.array([[float(value) for value in line.split()[:3]] for line in blocks["avec"][:3]])
        lines = iter(blocks["atoms"])
        symbols, positions = [], []
        for _ in range(int(next(lines).split()[0])):
            symbol = re.sub(r"\.in$", "", next(lines).split()[0].strip("'\""))
            for _ in range(int(next(lines).split()[0])):
                symbols.append(symbol)
                positions.append([float(value) for value in next(lines).split()[:3]])
        vectors = vectors * np.array(scales)[:, None] * BOHR
    return make_crystal(vectors, symbols, positions, where)


def _blocks(text: str) -> dict[str, list[str]]:
    """Return the lines of each block of an input by its name; what stands behind ``!`` or ``:`` is a comment."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for raw in text.splitlines():
        line = re.split(r"[!]|\s:\s", raw)[0].strip()
        if re.fullmatch(r"[A-Za-z]\w*", line):
            lines = blocks.setdefault(line.lower(), [])
        elif line:
            lines.append(line)
    return blocks


def _width(settings: Mapping[str, list[str]], folder: Path) -> float:
    """Return the Lorentzian broadening in eV that an input asks for."""
    words = settings.get("swidth", [str(DEFAULT_WIDTH)])[:1]
    return floats(" ".join(words).split(), 1, f"{folder / 'elk.in'}: swidth")[0] * HARTREE


def _version(folder: Path) -> str:
    path = folder / "INFO.OUT"
    found = re.search(r"Elk version ([\d.]+)", read_text(path)) if path.is_file() else None
    return found[1] if found else ""
