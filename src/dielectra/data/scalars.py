"""Crystals of which gaps and the static dielectric constant are known, but no spectrum: cheap further labels."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.arrays import SingleArray
from dielectra.crystal import Crystal
from dielectra.data.splits import sorted_formula
from dielectra.data.store import dataset_roots
from dielectra.errors import InputError
from dielectra.files import read_bytes
from dielectra.structures import Refused, scan

ABOVE_ONE = 1.001
"""Least static dielectric constant; that of any crystal is larger."""

FILE = "crystals.jsonl.gz"
"""Name of the file within the folder of a set."""


@dataclass(frozen=True, eq=False)
class Scalars:
    """Numbers known of many crystals.

    Attributes
    ----------
    crystals
        The standardised primitive cells.
    gaps
        Direct and fundamental PBE gap, shape ``(n, 2)``, eV; NaN where unknown.
    eps_infinity
        A third of the trace of the static electronic dielectric tensor with local fields, shape ``(n,)``; NaN where
        unknown.
    digest
        SHA-256 of the file.
    """

    crystals: list[Crystal]
    gaps: SingleArray
    eps_infinity: SingleArray
    digest: str

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.crystals)

    def without(self, formulas: Collection[str]) -> Scalars:
        """Return the crystals of no given reduced formula."""
        barred = {sorted_formula(formula) for formula in formulas}
        keep = [i for i, one in enumerate(self.crystals) if sorted_formula(one.formula) not in barred]
        chosen = [self.crystals[i] for i in keep]
        return Scalars(chosen, self.gaps[keep], self.eps_infinity[keep], self.digest)


def read_scalars(source: str | Path) -> Scalars:
    """Read a set of scalars.

    Parameters
    ----------
    source
        A name below ``datasets/``, or a file of JSON lines, compressed or not. A line holds ``id``, ``lattice``
        (angstrom), ``species`` (atomic numbers or symbols), ``frac_coords`` and any of ``gap_direct``,
        ``gap_indirect`` (eV) and ``eps_infinity``.

    Raises
    ------
    InputError
        If the file is missing or a line is no such crystal.
    """
    path = _find(source)
    crystals, gaps, constants = [], [], []
    for found in scan(path):
        if isinstance(found, Refused):
            raise InputError(found.reason)
        where = f"{path}, {found.place}"
        crystals.append(found.crystal)
        gaps.append([_number(found.data, name, 0.0, where) for name in ("gap_direct", "gap_indirect")])
        constants.append(_number(found.data, "eps_infinity", ABOVE_ONE, where))
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    return Scalars(crystals, np.array(gaps, np.float32), np.array(constants, np.float32), digest)


def _number(known: Mapping[str, Any], name: str, least: float, where: str) -> float:
    """Return a number of a line, NaN where it has none."""
    value = known.get(name)
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < np.inf:
        raise InputError(f"{where}: {name} is {str(value)[:40]}; it is a number of at least {least:g}")
    return float(value)


def _find(source: str | Path) -> Path:
    for candidate in (Path(source), *(root / str(source) / FILE for root in dataset_roots())):
        if candidate.is_file():
            return candidate
    raise InputError(f"scalars {str(source)!r} not found; give a file of JSON lines or a folder with {FILE}")
