"""Read dielectric functions from VASP's files, both parts as they stand there."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.levels import check_level
from dielectra.spectrum import Spectrum

ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0))
"""VASP's components: xx, yy, zz, xy, yz, zx."""

LARGEST_SENSIBLE = 99_999.0
"""What VASP prints instead of a number that has no meaning, at zero energy without CSHIFT."""

BSE_ALGORITHMS = ("bse",)
HEAVY = ("eigenvalues", "projected", "dos", "scstep", "opticaltransitions", "dynmat")
"""Elements of vasprun.xml that are dropped unread: they may be a thousand times larger than the rest."""


class Run(NamedTuple):
    """The dielectric functions of one run of VASP.

    Attributes
    ----------
    version
        VASP's version.
    spectra
        One spectrum a level on the energies of the file, at least two.
    left_out
        Responses of the file that are no further level, such as the inverse of one that is.
    problems
        Why a response could not be used.
    """

    version: str
    spectra: tuple[Spectrum, ...]
    left_out: tuple[str, ...]
    problems: tuple[str, ...]


class Block(NamedTuple):
    """One response of a file: what it is called there, energies in eV, and six complex components in VASP's order."""

    comment: str
    energies: FloatArray
    components: ComplexArray


def read_vasprun(path: Path) -> Run:
    """Read ``vasprun.xml``, gzipped or not.

    Raises
    ------
    InputError
        If it cannot be read, is cut off, or is no XML of VASP.
    """
    blocks: list[Block] = []
    problems: list[str] = []
    settings: dict[str, str] = {}
    version, seen = "", False
    try:
        with _open(path) as file:
            for _, element in ET.iterparse(file, events=("end",)):  # noqa: S314  (expat bounds entities)
                seen = seen or element.tag in ("generator", "incar", "atominfo")
                if element.tag == "i" and element.get("name") in ("version", "ALGO", "CSHIFT", "LRPA", "LHFCALC"):
                    settings[str(element.get("name"))] = (element.text or "").strip()
                elif element.tag == "generator":
                    version = settings.get("version", "")
                elif element.tag == "dielectricfunction":
                    _add_block(element, blocks, problems)
                    element.clear()
                elif element.tag in HEAVY:
                    element.clear()
    except ET.ParseError as error:
        if not blocks:
            raise InputError(f"{path}: not a whole XML file ({error}); did the run end?") from error
        problems.append(f"cut off ({error}); what stands before was read")
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not seen:
        raise InputError(f"{path}: is no vasprun.xml")
    return _run(blocks, version, settings, problems)


def read_outcar(path: Path) -> Run:
    """Read ``OUTCAR``, gzipped or not, of a run with LOPTICS or ALGO = BSE.

    Raises
    ------
    InputError
        If it cannot be read or is no OUTCAR.
    """
    parts: dict[tuple[str, str], FloatArray] = {}
    problems: list[str] = []
    settings: dict[str, str] = {}
    version = ""
    head = re.compile(r"^\s*frequency dependent\s+(IMAGINARY|REAL) DIELECTRIC FUNCTION(.*)$")
    try:
        with _open(path) as file:
            lines = (line.decode(errors="replace") for line in file)
            for line in lines:
                if not version and (match := re.match(r"\s*vasp\.(\d[\w.]*)", line)):
                    version = match[1]
                elif match := head.match(line):
                    comment = match[2].strip()
                    try:
                        parts[comment, match[1]] = _outcar_table(lines)
                    except InputError as error:
                        problems.append(f"{match[1].lower()} part{' of ' + comment if comment else ''}: {error}")
                elif match := re.match(r"\s*(ALGO|CSHIFT|LRPA)\s*=\s*([\w.+-]+)", line):
                    settings.setdefault(match[1], match[2])
                elif "INVERSE MACROSCOPIC DIELECTRIC TENSOR" in line or "HEAD OF MICROSCOPIC DIELECTRIC TENSOR" in line:
                    problems.append("OUTCAR holds no tensors of ALGO = CHI; give the run's vasprun.xml")
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not version:
        raise InputError(f"{path}: is no OUTCAR of VASP")
    blocks = []
    for comment in dict.fromkeys(comment for comment, _ in parts):
        tables = [parts.get((comment, part)) for part in ("REAL", "IMAGINARY")]
        try:
            blocks.append(_block(comment, *tables))
        except InputError as error:
            problems.append(str(error))
    return _run(blocks, version, settings, list(dict.fromkeys(problems)))


def _run(blocks: list[Block], version: str, settings: dict[str, str], problems: list[str]) -> Run:
    """Give every block its level; of several of one level the density-density one counts, else the last."""
    broadening = _number(settings.get("CSHIFT"))
    chosen: dict[str, Block] = {}
    left_out, unlabelled = [], 0
    for block in blocks:
        comment = block.comment.lower()
        if not comment and settings.get("ALGO", "").lower() not in BSE_ALGORITHMS:
            unlabelled += 1
            comment = "density-density" if unlabelled == 1 else "current-current"  # as VASP 5 writes them
        level = _level(comment, settings.get("ALGO", ""))
        if level is None:
            left_out.append(f"response {block.comment!r}")
        elif level in chosen and ("current" in comment or "velocity" in comment):
            left_out.append("current-current response beside the density-density one")
        else:
            chosen[level] = block
    spectra = []
    for level, block in chosen.items():
        try:
            spectra.append(_spectrum(block, check_level(level), broadening))
        except InputError as error:
            problems.append(f"response {block.comment or level!r}: {error}")
    return Run(version or "unknown", tuple(spectra), tuple(left_out), tuple(problems))


def _level(comment: str, algorithm: str) -> str | None:
    """Return the level of a response by its comment; None where it is not that of a macroscopic function."""
    if "inverse macroscopic dielectric tensor" in comment:  # so named, but the function itself
        return "rpa" if "hartree" in comment else "alda"
    if "1 + v p" in comment or "screened" in comment:
        return None
    if "independent particle" in comment or "-density" in comment or "-current" in comment:
        return "ipa"
    if algorithm.lower() in BSE_ALGORITHMS:
        return "bse"
    if algorithm.lower() in ("tdhf", "timeev"):
        return f"of ALGO = {algorithm}"  # a kernel of its own, to be refused by this name
    return "ipa"


def _spectrum(block: Block, level: str, broadening: float | None) -> Spectrum:
    energies, components = block.energies, block.components
    senseless = np.abs(components.real).max(axis=0) >= LARGEST_SENSIBLE
    senseless |= np.abs(components.imag).max(axis=0) >= LARGEST_SENSIBLE
    if senseless.any():
        first = ", ".join(f"{energy:g}" for energy in energies[senseless][:3])
        raise InputError(f"holds 99999 or more at {first} eV, VASP's sign for no number; compute it with CSHIFT > 0")
    tensor = np.empty((3, 3, len(energies)), complex)
    for (i, j), values in zip(ORDER, components, strict=True):
        tensor[i, j] = tensor[j, i] = values
    return Spectrum(energies, tensor, level, broadening)


def _add_block(element: ET.Element, blocks: list[Block], problems: list[str]) -> None:
    comment = (element.get("comment") or "").strip()
    try:
        tables = [_xml_table(element.find(part)) for part in ("real", "imag")]
        blocks.append(_block(comment, *tables))
    except InputError as error:
        problems.append(f"response {comment or 'without a name'!r}: {error}")


def _block(comment: str, real: FloatArray | None, imaginary: FloatArray | None) -> Block:
    if real is None or imaginary is None:
        raise InputError(f"lacks the {'real' if real is None else 'imaginary'} part")
    if not np.array_equal(real[:, 0], imaginary[:, 0]):
        raise InputError("real and imaginary part stand at different energies")
    return Block(comment, real[:, 0], (real[:, 1:] + 1j * imaginary[:, 1:]).T)


def _xml_table(part: ET.Element | None) -> FloatArray | None:
    """Return energy and six components of every row; None where the part is missing."""
    if part is None:
        return None
    fields = [(field.text or "").strip().lower() for field in part.iter("field")]
    if fields and fields[1:7] != ["xx", "yy", "zz", "xy", "yz", "zx"]:
        raise InputError(f"its columns are {', '.join(fields)}; VASP's are energy, xx, yy, zz, xy, yz, zx")
    return _table((row.text or "").split() for row in part.iter("r"))


def _outcar_table(lines: Iterator[str]) -> FloatArray:
    rows: list[list[str]] = []
    for line in lines:
        words = line.split()
        if not words and rows:
            break
        if words and re.fullmatch(r"-?\d+\.\d+", words[0]):
            rows.append(words)
        elif rows:
            break
    return _table(rows)


def _table(rows: Iterator[list[str]] | list[list[str]]) -> FloatArray:
    try:
        table = np.array([[float(word) for word in row] for row in rows]).reshape(-1, 7)
    except ValueError:
        raise InputError("a line does not hold an energy and six numbers") from None
    if len(table) < 2:
        raise InputError(f"holds {len(table)} lines of numbers")
    return table


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if value > 0 else None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
