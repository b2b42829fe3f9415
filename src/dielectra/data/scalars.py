"""Crystals of which gaps and the static dielectric constant are known, but no spectrum: cheap further labels."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dielectra.arrays import SingleArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.splits import sorted_formula
from dielectra.data.store import dataset_roots
from dielectra.errors import InputError
from dielectra.files import reading

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
    with reading(path):
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    crystals, gaps, constants = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}, line {number}"
        try:
            entry = json.loads(line)
            crystals.append(make_crystal(entry["lattice"], entry["species"], entry["frac_coords"], where))
            gaps.append([float(entry.get(name, np.nan)) for name in ("gap_direct", "gap_indirect")])
            constants.append(_above_one(float(entry.get("eps_infinity", np.nan))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{where}: is no crystal with scalars ({error!r}); mend or remove the line") from error
    digest = hashlib.sha256(content).hexdigest()
    return Scalars(crystals, np.array(gaps, np.float32), np.array(constants, np.float32), digest)


def _above_one(constant: float) -> float:
    if constant <= 1:
        raise ValueError(f"eps_infinity is {constant:g}; it must be above 1")
    return constant


def _find(source: str | Path) -> Path:
    for candidate in (Path(source), *(root / str(source) / FILE for root in dataset_roots())):
        if candidate.is_file():
            return candidate
    raise InputError(f"scalars {str(source)!r} not found; give a file of JSON lines or a folder with {FILE}")
