"""Read the crystals of a CIF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.arrays import BoolArray, FloatArray
from dielectra.crystal import Crystal, make_crystal, refuse_too_many
from dielectra.errors import InputError
from dielectra.structures.entries import Found

SAME_SITE = 0.1
"""Distance in angstrom within which two sites of a CIF are one atom."""

MOST_OPERATIONS = 192
"""Number of symmetry operations of the largest space groups in their conventional cells."""


def read_cif(path: Path, name: str) -> Iterator[Found]:
    """Read every block of a CIF that holds a cell; gemmi starts five times faster than ASE."""
    import gemmi

    try:
        blocks = [block for block in gemmi.cif.read(str(path)) if block.find_value("_cell_length_a")]
        structures = [gemmi.make_small_structure_from_block(block) for block in blocks]
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"{name}: cannot be read as a crystal structure ({error}); give a valid CIF") from error
    if not structures:
        raise InputError(f"{name}: holds no structure; a CIF needs _cell_length_a and an _atom_site loop")
    for structure in structures:
        try:
            yield Found(_from_cif(structure, name), f"block {structure.name}")
        except InputError as error:
            yield Found(error, f"block {structure.name}")


def _from_cif(structure: Any, where: str) -> Crystal:
    """Apply the symmetry operations of a CIF, as listed or else as named, to its sites; neither means P1."""
    import gemmi

    if not structure.sites:
        raise InputError(f"{where}: holds no atoms; a CIF needs an _atom_site loop with fractional coordinates")
    if any(abs(site.occ - 1.0) > 1e-3 for site in structure.sites):
        raise InputError(f"{where}: has partially occupied sites; give an ordered structure")
    operations = [gemmi.Op(triplet) for triplet in structure.symops]
    if not operations:
        named = gemmi.find_spacegroup_by_name(
            structure.spacegroup_hm.replace("_", ""), structure.cell.alpha, structure.cell.gamma, prefer="2"
        )
        if named is None and structure.spacegroup_hm:
            raise InputError(f"{where}: unknown space group {structure.spacegroup_hm!r}; list its symmetry operations")
        operations = list(named.operations()) if named else [gemmi.Op("x,y,z")]
    if len(operations) > MOST_OPERATIONS:
        raise InputError(
            f"{where}: lists {len(operations)} symmetry operations; a space group has up to {MOST_OPERATIONS}"
        )
    refuse_too_many(len(structure.sites), where)
    rotations = np.array([operation.rot for operation in operations]) / gemmi.Op.DEN
    translations = np.array([operation.tran for operation in operations]) / gemmi.Op.DEN
    cell = np.array(structure.cell.orth.mat.tolist()).T
    numbers = np.zeros(0, np.int64)
    coords = np.zeros((0, 3))
    for site in structure.sites:
        number, position = site.element.atomic_number, np.array(site.fract.tolist())
        if _coincide(position, coords[numbers == number], cell).any():
            continue  # listed although the symmetry operations had made it
        images = rotations @ position + translations
        while len(images):  # each image once, where operations carry the site to one place
            coords = np.vstack([coords, images[:1]])
            numbers = np.append(numbers, number)
            images = images[~_coincide(images[0], images, cell)]
        refuse_too_many(len(numbers), where)
    return make_crystal(cell, numbers, coords, where)


def _coincide(position: FloatArray, others: FloatArray, cell: FloatArray) -> BoolArray:
    steps = others - position
    return np.asarray(np.linalg.norm((steps - steps.round()) @ cell, axis=1) < SAME_SITE)
