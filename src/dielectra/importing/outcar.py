"""Read ``OUTCAR`` of VASP: its dielectric functions and its crystal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.files import reading
from dielectra.importing.vasp_responses import SETTINGS, Block, Run, make_block, make_run, open_file, table_of

SETTING = re.compile(rf"\s*(?:INCAR:\s*)?({'|'.join(SETTINGS)})\s*=\s*([\w.+-]+)")
RESPONSE = re.compile(r"\s*frequency dependent\s+(IMAGINARY|REAL) DIELECTRIC FUNCTION(.*)$")
SCALAR_RESPONSES = ("INVERSE MACROSCOPIC DIELECTRIC TENSOR", "HEAD OF MICROSCOPIC DIELECTRIC TENSOR")


class _Atoms:
    """What an OUTCAR says of its crystal; a later block replaces an earlier one."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.counts: list[int] = []
        self.cell: FloatArray | None = None
        self.frac_coords: FloatArray | None = None
        self.positions: FloatArray | None = None

    def read(self, line: str, lines: Iterator[str]) -> None:
        """Take what a line says or announces."""
        if match := re.match(r"\s*VRHFIN\s*=\s*([A-Za-z]+)", line):
            self.symbols.append(match[1])
        elif match := re.match(r"\s*ions per type\s*=\s*([\d ]+)", line):
            self.counts = [int(word) for word in match[1].split()]
        elif "direct lattice vectors" in line:
            self.cell = _numbers(lines, 3)
        elif "position of ions in fractional coordinates" in line:
            self.frac_coords = _numbers(lines, sum(self.counts))
        elif re.match(r"\s*POSITION\s+TOTAL-FORCE", line):
            next(lines, "")
            self.positions = _numbers(lines, sum(self.counts))

    def crystal(self, where: str) -> Crystal | None:
        """Return the crystal, None where something is missing."""
        if self.cell is None or len(self.symbols) != len(self.counts) or not self.counts:
            return None
        species = [symbol for symbol, count in zip(self.symbols, self.counts, strict=True) for _ in range(count)]
        coordinates = self.frac_coords
        if self.positions is not None:
            coordinates = self.positions @ np.linalg.pinv(self.cell)
        return None if coordinates is None else make_crystal(self.cell, species, coordinates, where)


def read_outcar(path: Path) -> Run:
    """Read ``OUTCAR``, gzipped or not, of a run with LOPTICS.

    Raises
    ------
    InputError
        If it cannot be read or is no OUTCAR.
    """
    parts: dict[tuple[str, str], FloatArray] = {}
    problems: list[str] = []
    settings: dict[str, str] = {}
    atoms, version = _Atoms(), ""
    with reading(path), open_file(path) as file:
        lines = (line.decode(errors="replace") for line in file)
        for line in lines:
            if not version and (match := re.match(r"\s*vasp\.(\d[\w.]*)", line)):
                version = match[1]
            elif match := RESPONSE.match(line):
                try:
                    parts[match[2].strip(), match[1]] = _response(lines)
                except InputError as error:
                    problems.append(f"{match[1].lower()} part {match[2].strip()}: {error}")
            elif match := SETTING.match(line):
                settings[match[1]] = match[2]
            elif any(name in line for name in SCALAR_RESPONSES):
                problems.append("OUTCAR holds no tensors of ALGO = CHI; give the run's vasprun.xml")
            else:
                atoms.read(line, lines)
    if not version:
        raise InputError(f"{path}: is no OUTCAR of VASP")
    blocks: list[Block] = []
    for comment in dict.fromkeys(comment for comment, _ in parts):
        try:
            blocks.append(make_block(comment, parts.get((comment, "REAL")), parts.get((comment, "IMAGINARY"))))
        except InputError as error:
            problems.append(str(error))
    return make_run(blocks, version, settings, list(dict.fromkeys(problems)), atoms.crystal(str(path)))


def _numbers(lines: Iterator[str], count: int) -> FloatArray:
    """Return the first three numbers of each of the next lines, shape ``(count, 3)``."""
    rows = [re.findall(r"-?\d+\.\d+", next(lines, ""))[:3] for _ in range(count)]
    try:
        return np.array(rows, float).reshape(count, 3)
    except ValueError:
        raise InputError("its lattice or positions cannot be read; is the OUTCAR whole?") from None


def _response(lines: Iterator[str]) -> FloatArray:
    rows: list[list[str]] = []
    for line in lines:
        words = line.split()
        if words and re.fullmatch(r"-?\d+\.\d+", words[0]):
            rows.append(words)
        elif rows:
            break
    return table_of(rows)
