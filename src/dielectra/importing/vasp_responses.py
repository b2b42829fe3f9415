"""Dielectric functions of VASP's files: the level of each, and both parts as they stand there."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.levels import check_level
from dielectra.spectrum import Spectrum

ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0))
"""VASP's components: xx, yy, zz, xy, yz, zx."""

LARGEST_SENSIBLE = 99_999.0
"""What VASP prints instead of a number that has no meaning, at zero energy without CSHIFT."""

SETTINGS = ("ALGO", "CSHIFT", "LHFCALC", "METAGGA", "SCISSOR")
"""Parameters of a run on which the level of its responses, or a doubt about them, depends."""

KERNEL_ALGORITHMS = ("bse", "tdhf", "timeev")
"""Values of ALGO whose response, which has no name in the file, is not that of independent particles."""


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
    crystal
        The crystal of the run, None where the file does not hold it whole.
    warnings
        Doubts about the spectra.
    """

    version: str
    spectra: tuple[Spectrum, ...]
    left_out: tuple[str, ...]
    problems: tuple[str, ...]
    crystal: Crystal | None = None
    warnings: tuple[str, ...] = ()


class Block(NamedTuple):
    """One response of a file: what it is called there, energies in eV, and six complex components in VASP's order."""

    comment: str
    energies: FloatArray
    components: ComplexArray


def make_run(
    blocks: Sequence[Block],
    version: str,
    settings: Mapping[str, str],
    problems: Sequence[str],
    crystal: Crystal | None,
) -> Run:
    """Give every block its level; of several of one level the density-density one counts, else the last."""
    broadening = _number(settings.get("CSHIFT"))
    chosen: dict[str, Block] = {}
    left_out, unlabelled = [], 0
    for block in blocks:
        comment = block.comment.lower()
        if not comment and settings.get("ALGO", "").lower() not in KERNEL_ALGORITHMS:
            unlabelled += 1
            comment = "density-density" if unlabelled == 1 else "current-current"  # as VASP 5 writes them
        level = _level(comment, settings.get("ALGO", ""))
        if level is None:
            left_out.append(f"response {block.comment!r}")
        elif level in chosen and ("current" in comment or "velocity" in comment):
            left_out.append("current-current response; the density-density one is taken")
        else:
            chosen[level] = block
    spectra, reasons = [], list(problems)
    for level, block in chosen.items():
        try:
            spectra.append(_spectrum(block, check_level(level), broadening))
        except InputError as error:
            reasons.append(f"response {block.comment or level!r}: {error}")
    return Run(version or "unknown", tuple(spectra), tuple(left_out), tuple(reasons), crystal, _doubts(settings))


def _doubts(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return a doubt where energies are not those of the functional alone, as all levels below LRC have them here."""
    if settings.get("LHFCALC", "").upper().strip(".").startswith("T"):
        return ("computed with a hybrid functional (LHFCALC); compare it with hybrid functionals only",)
    if (functional := settings.get("METAGGA", "").upper()).endswith("MBJ"):
        return (f"computed with a potential of Becke and Johnson (METAGGA = {functional}); compare it with such only",)
    if _number(settings.get("SCISSOR")):
        return (f"computed with a scissors shift of {settings['SCISSOR']} eV; compare it with such only",)
    if "GW" in settings.get("ALGO", "").upper():
        return (f"computed with quasiparticle energies (ALGO = {settings['ALGO']}); compare it with such only",)
    return ()


def _level(comment: str, algorithm: str) -> str | None:
    """Return the level of a response by its comment; None where it is not that of a macroscopic function."""
    if "inverse macroscopic dielectric tensor" in comment:  # so named, but the function itself
        return "rpa" if "hartree" in comment else "alda"
    if "1 + v p" in comment or "screened" in comment:
        return None
    if "independent particle" in comment or "-density" in comment or "-current" in comment:
        return "ipa"
    if algorithm.lower() in KERNEL_ALGORITHMS:
        return "bse" if algorithm.lower() == "bse" else f"ALGO = {algorithm}"  # a kernel of its own, refused by name
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


def make_block(comment: str, real: FloatArray | None, imaginary: FloatArray | None) -> Block:
    """Return a response of its two tables, as :func:`table_of` gives them.

    Raises
    ------
    InputError
        If a part is missing, or both stand at different energies.
    """
    if real is None or imaginary is None:
        raise InputError(f"lacks the {'real' if real is None else 'imaginary'} part")
    if not np.array_equal(real[:, 0], imaginary[:, 0]):
        raise InputError("real and imaginary part stand at different energies")
    return Block(comment, real[:, 0], (real[:, 1:] + 1j * imaginary[:, 1:]).T)


def table_of(rows: Iterable[Sequence[str]]) -> FloatArray:
    """Return energy and six components, shape ``(n_energies, 7)``, of the words of lines.

    Raises
    ------
    InputError
        If a line holds anything else, or there are fewer than two.
    """
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


def open_file(path: Path) -> IO[bytes]:
    """Open a file that may be gzipped."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
