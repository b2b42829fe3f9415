"""Take crystals from objects of other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.structures.json_forms import from_mapping, refuse_low_dimension


def from_object(source: Any, where: str) -> Crystal:
    """Return the crystal of an ASE, pymatgen or plain object, or of a mapping."""
    if isinstance(source, Crystal):
        return make_crystal(source.cell, source.numbers, source.frac_coords, where, source.warnings)
    if hasattr(source, "lattice") and hasattr(source, "frac_coords"):
        if not getattr(source, "is_ordered", True):
            raise InputError(f"{where}: has partially occupied sites; give an ordered structure")
        refuse_low_dimension(getattr(source.lattice, "pbc", (True, True, True)), where)
        return make_crystal(source.lattice.matrix, list(source.atomic_numbers), source.frac_coords, where)
    if hasattr(source, "get_scaled_positions"):
        return from_ase(source, where)
    if isinstance(source, Mapping):
        return from_mapping(source, where)
    raise InputError(f"{where}: not a structure; give a file path, ase.Atoms, pymatgen Structure or dielectra.Crystal")


def from_ase(atoms: Any, where: str) -> Crystal:
    """Return the crystal of ``ase.Atoms``."""
    occupancies = atoms.info.get("occupancy") or {}
    if any(sum(site.values()) < 0.999 or len(site) > 1 for site in occupancies.values()):
        raise InputError(f"{where}: has partially occupied sites; give an ordered structure")
    if len(atoms) == 0:
        raise InputError(f"{where}: holds no atoms")
    if abs(atoms.cell.volume) < 1e-6:
        raise InputError(f"{where}: has no lattice; give a crystal with three lattice vectors")
    refuse_low_dimension(atoms.pbc, where)
    return make_crystal(np.asarray(atoms.cell), atoms.numbers, atoms.get_scaled_positions(wrap=False), where)
