"""Read the response files of Yambo 3 to 5: ``o-*.eps_q1_*`` of any kind. No process runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.structures.numbers import floats
from dielectra.units import HARTREE

UNITS = {"ev": 1.0, "mev": 1e-3, "ha": HARTREE, "mha": 1e-3 * HARTREE, "ry": HARTREE / 2, "mry": 5e-4 * HARTREE}
"""Energy units of Yambo's inputs, in eV."""

COLUMN = re.compile(r"(Im|Re)[({]eps(_o)?[)}]|EPS(o)?-(Im|Re)", re.IGNORECASE)
NUMBER = r"(-?\d+\.?\d*(?:[EeDd][+-]?\d+)?)"
LEVELS_BY_NAME = (
    (re.compile(r"_(diago|haydock|slepc|inv)_bse|_bse\b"), "bse"),
    (re.compile(r"_inv_rpa_dyson|_rpa_"), "rpa"),
    (re.compile(r"_inv_alda_dyson|_alda_"), "alda"),
    (re.compile(r"_inv_lrc_dyson|_lrc_"), "lrc"),
    (re.compile(r"_ip$|-ip$|_ip[._]"), "ipa"),
)
LEVELS_BY_KERNEL = {"ip": "ipa", "hartree": "rpa", "alda": "alda", "lrc": "lrc", "sex": "bse"}
"""Level of what Yambo computes by a value of ``Chimod`` or ``BSKmod``."""


class OtherMomentumError(InputError):
    """A response at a finite q, which is not the optical one."""


class Response(NamedTuple):
    """One response file of Yambo.

    Attributes
    ----------
    direction
        Cartesian direction of q -> 0.
    block
        Number of G vectors of the response block; with one the levels agree.
    energies
        Shape ``(n_energies,)``, eV.
    functions
        Complex macroscopic function by level, shape ``(n_energies,)``: the one the file is about, and that of
        independent particles (``ipa``) where it stands in further columns.
    broadening
        Damping in eV, None where the file does not repeat its input or the damping grows with energy.
    version
        Yambo's version.
    quasiparticles
        Whether the input corrects the energies, so that independent particles are not those of the functional.
    """

    direction: tuple[float, float, float]
    block: int
    energies: FloatArray
    functions: dict[str, ComplexArray]
    broadening: float | None
    version: str
    quasiparticles: bool = False


def parse_response(text: str, where: str = "Yambo's output") -> Response:
    """Read the text of one response file.

    Parameters
    ----------
    where
        Name of the file, which tells the level where it ends like Yambo's own.

    Raises
    ------
    OtherMomentumError
        If it is a response at a finite q.
    InputError
        If it is no response of Yambo, or damaged.
    """
    direction = _direction(text, where)
    energy_unit, columns = _columns(text, where)
    table = _table(text, 1 + len(columns), where)
    if len(table) < 2:
        raise InputError(f"{where}: holds {len(table)} lines of numbers; is it complete?")
    found = dict(zip(columns, table[:, 1:].T, strict=True))
    level = _level(text, where, len(columns))
    functions = {level: found["re"] + 1j * found["im"]}
    if "im_o" in found and "re_o" in found and level != "ipa":
        functions["ipa"] = found["re_o"] + 1j * found["im_o"]
    return Response(
        direction,
        int(_find(r"^# \[ X \] Hartree size\s+:\s+(\d+)", text, "1")),
        table[:, 0] * energy_unit,
        functions,
        _damping(text, level),
        _find(r"^#.*?Version (\d[\w.]*)", text, "unknown"),
        _has_quasiparticles(text),
    )


def _direction(text: str, where: str) -> tuple[float, float, float]:
    pattern = rf"^#\s*Absorption @ Q\(\s*(\d+)\s*\)\s*(?:\[[^\]]*\])?\s*:\s*{NUMBER}\s+{NUMBER}\s+{NUMBER}"
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise InputError(f"{where}: needs the line 'Absorption @ Q(1)' with the direction of q -> 0; is it Yambo's?")
    if int(match[1]) != 1:
        raise OtherMomentumError(f"{where}: response at the finite q number {match[1]}, which is not the optical one")
    direction = (float(match[2]), float(match[3]), float(match[4]))
    if not any(direction):
        raise InputError(f"{where}: its direction of q -> 0 is zero")
    return direction


def _columns(text: str, where: str) -> tuple[float, list[str]]:
    """Return the unit of the first column in eV, and the names of the others: ``im``, ``re``, ``im_o``, ``re_o``."""
    for line in text.splitlines():
        if line.lstrip().startswith("#") and "|" not in line and COLUMN.search(line):
            names = []
            for match in COLUMN.finditer(line):
                part, bare = (match[1], match[2]) if match[1] else (match[4], match[3])
                names.append(part.lower() + ("_o" if bare else ""))
            unit = re.search(r"\[(eV|meV|Ha|mHa|Ry)\]|E/(ev)", line, re.IGNORECASE)
            if len(set(names)) == len(names) and {"im", "re"} <= set(names):
                return UNITS[(unit[1] or unit[2]).lower()] if unit else 1.0, names
    raise InputError(
        f"{where}: needs a line that names the columns E, Im(eps), Re(eps), with or without Im(eps_o), ..."
    )


def _table(text: str, width: int, where: str) -> FloatArray:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and not words[0].startswith("#"):
            if len(words) != width:
                raise InputError(
                    f"{where}, line {number}: has {len(words)} columns instead of {width}; is it complete?"
                )
            rows.append(floats(words, width, f"{where}, line {number}"))
    return np.array(rows).reshape(-1, width)


def _level(text: str, where: str, n_columns: int) -> str:
    """Return what level a file is about: by the kernel its input names, else by its name, else by its header."""
    name = Path(where).name.removesuffix(".gz")
    is_bse = bool(re.search(r"^# \[BSE\]|^#\s*\|\s*(bss|bse)\b", text, re.MULTILINE)) or "bse" in name.split(".")[-1]
    kernel = _find(rf'^#\s*\|\s*{"BSKmod" if is_bse else "Chimod"}\s*=\s*"?\s*(\w+)', text, "").lower()
    if kernel in LEVELS_BY_KERNEL:
        return LEVELS_BY_KERNEL[kernel]
    if kernel:
        known = ", ".join(LEVELS_BY_KERNEL)
        raise InputError(f"{where}: its kernel {kernel!r} belongs to no known level; known are {known}")
    for pattern, level in LEVELS_BY_NAME:
        if pattern.search(name):
            return level
    if is_bse:
        return "bse"
    return "ipa" if n_columns == 2 else "rpa"


def _damping(text: str, level: str) -> float | None:
    order = ("BDmRange", "DmRngeXd") if level == "bse" else ("DmRngeXd", "DmRngeXs", "DmRngeXp", "BDmRange")
    for name in order:
        match = re.search(rf"%\s*{name}[^\n]*\n#?[ |]*{NUMBER}\s*\|\s*{NUMBER}\s*\|\s*([A-Za-z]*)", text)
        if match:
            low, high = float(match[1]), float(match[2])
            unit = match[3].lower() or "ev"
            if unit not in UNITS:
                raise InputError(f"the damping has the unit {match[3]!r}; allowed are {', '.join(UNITS)}")
            return round(low * UNITS[unit], 6) if low == high else None
    return None


def _has_quasiparticles(text: str) -> bool:
    database = re.search(r'^#\s*\|\s*(?:KfnQPdb|XfnQPdb)\s*=\s*"\s*(?!none)\S+', text, re.MULTILINE | re.IGNORECASE)
    scissor = re.search(rf"%\s*(?:KfnQP_E|XfnQP_E)[^\n]*\n#?[ |]*{NUMBER}", text)
    return database is not None or (scissor is not None and float(scissor[1]) != 0)


def _find(pattern: str, text: str, default: str) -> str:
    match = re.search(pattern, text, re.MULTILINE | re.IGNORECASE)
    return match[1] if match else default
