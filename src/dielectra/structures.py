"""Read crystals of any common form into one immutable :class:`Crystal`."""

from __future__ import annotations

import gzip
import json
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dielectra.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MINIMUM_DISTANCE = 0.5
"""Interatomic distance in angstrom below which a structure is refused."""

SAME_SITE = 0.1
"""Distance in angstrom within which two sites of a CIF are one atom."""

VACUUM_GAP = 6.0
"""Width in angstrom of an empty layer above which a cell counts as a slab or molecule in vacuum."""

MAXIMUM_SITES = 5000
"""Number of atoms in a cell above which a structure is refused."""

MOST_OPERATIONS = 192
"""Number of symmetry operations of the largest space groups in their conventional cells."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """Represent a periodic arrangement of atoms.

    Attributes
    ----------
    cell
        Lattice vectors as rows, shape ``(3, 3)``, angstrom.
    numbers
        Atomic numbers, shape ``(n_atoms,)``.
    frac_coords
        Fractional coordinates, shape ``(n_atoms, 3)``.
    """

    cell: FloatArray
    numbers: IntArray
    frac_coords: FloatArray

    @property
    def n_atoms(self) -> int:
        """Return the number of atoms in the cell."""
        return len(self.numbers)

    @property
    def volume(self) -> float:
        """Return the cell volume in cubic angstrom."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def formula(self) -> str:
        """Return the reduced chemical formula, metals first (``MgO``, ``SrTiO3``)."""
        from ase.formula import Formula
        from ase.symbols import Symbols

        reduced, _ = Formula(str(Symbols(self.numbers).formula)).reduce()
        return reduced.format("metal")

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers present."""
        return frozenset(int(number) for number in self.numbers)


def read_structure(source: Any) -> Crystal:
    """Read one crystal from a file or from an object of another library.

    Parameters
    ----------
    source
        Path of a CIF, POSCAR/CONTCAR, extxyz or JSON-lines file (``.gz`` allowed), ``ase.Atoms``, pymatgen
        ``Structure``, or a :class:`Crystal`.

    Returns
    -------
    Crystal
        The cell as given; :func:`standardise` makes it primitive.

    Raises
    ------
    InputError
        If the source is missing, empty, holds several crystals, or is not an ordered periodic crystal.
    """
    if isinstance(source, str | Path):
        crystals = read_structures(source)
        if len(crystals) > 1:
            raise InputError(
                f"{source}: holds {len(crystals)} structures where one is expected; use read_structures for all"
            )
        return crystals[0]
    return _from_object(source, type(source).__name__)


def read_structures(path: str | Path) -> list[Crystal]:
    """Read every crystal of a file.

    Parameters
    ----------
    path
        CIF, POSCAR/CONTCAR, extxyz, any other format that ASE recognises, or JSON lines with the keys ``lattice`` (or
        ``cell``), ``species`` (or ``numbers``) and ``frac_coords``.

    Returns
    -------
    list of Crystal
        At least one.

    Raises
    ------
    InputError
        If the file is missing, empty, unreadable, or one of its structures is not an ordered periodic crystal.
    """
    return [crystal for crystal, _ in read_entries(path)]


def read_entries(path: str | Path) -> list[tuple[Crystal, dict[str, Any]]]:
    """Read every crystal of a file with what else its JSON line says; arguments and errors of `read_structures`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    if path.name.removesuffix(".gz").endswith((".jsonl", ".json")):
        entries = [(_from_mapping(entry, where), dict(entry)) for where, entry in _json_entries(path)]
        if not entries:
            raise InputError(f"{path}: holds no structure")
        return entries
    if path.name.removesuffix(".gz").lower().endswith(".cif"):
        return [(crystal, {}) for crystal in _read_cif(path)]
    return [(_from_object(atoms, str(path)), {}) for atoms in _read_with_ase(path)]


def widest_empty_layer(crystal: Crystal) -> float:
    """Return the widest gap in angstrom between atomic planes along the three lattice-plane normals."""
    spacings = 1.0 / np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    heights = np.sort(crystal.frac_coords % 1.0, axis=0)
    gaps = np.diff(np.vstack([heights, heights[:1] + 1.0]), axis=0)
    return float((gaps.max(axis=0) * spacings).max())


def _read_with_ase(path: Path) -> list[Any]:
    from ase.io import read

    plain_name = path.name.removesuffix(".gz")
    form = "extxyz" if plain_name.endswith((".xyz", ".extxyz")) else None
    if plain_name.upper().startswith(("POSCAR", "CONTCAR")) or plain_name.endswith((".vasp", ".poscar")):
        form = "vasp"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = read(path, index=":", format=form)
    except Exception as error:  # ASE's readers raise whatever their parsing trips over
        raise InputError(
            f"{path}: cannot be read as a crystal structure ({type(error).__name__}: {error}); "
            "give a CIF, POSCAR, extxyz or JSON-lines file"
        ) from error
    frames = frames if isinstance(frames, list) else [frames]
    if not frames:
        raise InputError(f"{path}: holds no structure")
    return frames


def _read_cif(path: Path) -> list[Crystal]:
    """Read every block of a CIF that holds a cell; gemmi starts five times faster than ASE."""
    import gemmi

    try:
        blocks = [block for block in gemmi.cif.read(str(path)) if block.find_value("_cell_length_a")]
        structures = [gemmi.make_small_structure_from_block(block) for block in blocks]
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a crystal structure ({error}); give a valid CIF") from error
    if not structures:
        raise InputError(f"{path}: holds no structure; a CIF needs _cell_length_a and an _atom_site loop")
    return [_from_cif(structure, str(path)) for structure in structures]


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
    _refuse_too_many(len(structure.sites), where)
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
        _refuse_too_many(len(numbers), where)
    return make_crystal(cell, numbers, coords, where)


def _coincide(position: FloatArray, others: FloatArray, cell: FloatArray) -> NDArray[np.bool_]:
    steps = others - position
    return np.asarray(np.linalg.norm((steps - steps.round()) @ cell, axis=1) < SAME_SITE)


def _json_entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON lines ({error})") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not valid JSON ({error}); write one object a line") from error
        if not isinstance(entry, dict):
            raise InputError(f"{path}, line {number}: expected an object, got {type(entry).__name__}")
        yield f"{path}, line {number}", entry


def _from_mapping(entry: Mapping[str, Any], where: str) -> Crystal:
    cell = entry.get("lattice", entry.get("cell"))
    species = entry.get("species", entry.get("numbers"))
    frac_coords = entry.get("frac_coords")
    if cell is None or species is None or frac_coords is None:
        raise InputError(
            f"{where}: needs the keys lattice, species and frac_coords; it has {', '.join(sorted(entry)) or 'none'}"
        )
    return make_crystal(cell, species, frac_coords, where)


def _from_object(source: Any, where: str) -> Crystal:
    if isinstance(source, Crystal):
        return make_crystal(source.cell, source.numbers, source.frac_coords, where)
    if hasattr(source, "lattice") and hasattr(source, "frac_coords"):
        if not getattr(source, "is_ordered", True):
            raise InputError(f"{where}: has partially occupied sites; give an ordered structure")
        _refuse_low_dimension(getattr(source.lattice, "pbc", (True, True, True)), where)
        return make_crystal(source.lattice.matrix, list(source.atomic_numbers), source.frac_coords, where)
    if hasattr(source, "get_scaled_positions"):
        return _from_ase(source, where)
    if isinstance(source, Mapping):
        return _from_mapping(source, where)
    raise InputError(f"{where}: not a structure; give a file path, ase.Atoms, pymatgen Structure or dielectra.Crystal")


def _from_ase(atoms: Any, where: str) -> Crystal:
    occupancies = atoms.info.get("occupancy") or {}
    if any(sum(site.values()) < 0.999 or len(site) > 1 for site in occupancies.values()):
        raise InputError(f"{where}: has partially occupied sites; give an ordered structure")
    if len(atoms) == 0:
        raise InputError(f"{where}: holds no atoms")
    if abs(atoms.cell.volume) < 1e-6:
        raise InputError(f"{where}: has no lattice; give a crystal with three lattice vectors")
    _refuse_low_dimension(atoms.pbc, where)
    return make_crystal(np.asarray(atoms.cell), atoms.numbers, atoms.get_scaled_positions(wrap=False), where)


def _refuse_low_dimension(periodic: Iterable[bool], where: str) -> None:
    n_periodic = sum(bool(along) for along in periodic)
    if n_periodic < 3:
        raise InputError(
            f"{where}: is periodic along {n_periodic} of 3 lattice vectors; only bulk crystals are supported"
        )


def make_crystal(cell: Any, species: Any, frac_coords: Any, where: str = "structure") -> Crystal:
    """Check raw arrays and make a :class:`Crystal` of them.

    Parameters
    ----------
    cell
        Lattice vectors as rows, 9 numbers in any nesting, angstrom.
    species
        Chemical symbols or atomic numbers, ``n_atoms`` of them.
    frac_coords
        Fractional coordinates, ``3 * n_atoms`` numbers in any nesting.
    where
        Name of the source in error messages.

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, an element is unknown, the lattice is flat, or two atoms are
        closer than 0.5 angstrom.
    """
    from ase.data import atomic_numbers

    entries = np.atleast_1d(np.asarray(species, dtype=object))
    _refuse_too_many(len(entries), where)
    numbers = []
    for entry in entries:
        number = atomic_numbers.get(entry, 0) if isinstance(entry, str) else entry
        if not isinstance(number, int | np.integer) or not 1 <= number <= 118:
            raise InputError(f"{where}: unknown element {entry!r}; give chemical symbols such as 'Si'")
        numbers.append(int(number))
    try:
        cell_array = np.array(cell, dtype=float).reshape(3, 3)
        coords = np.array(frac_coords, dtype=float).reshape(len(numbers), 3)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{where}: needs 9 cell numbers and 3 fractional coordinates for each of its {len(numbers)} atoms"
        ) from error
    if not numbers:
        raise InputError(f"{where}: holds no atoms")
    if not (np.isfinite(cell_array).all() and np.isfinite(coords).all()):
        raise InputError(f"{where}: cell or coordinates hold values that are not finite numbers")
    if abs(np.linalg.det(cell_array)) < 1e-3:
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
    crystal = Crystal(cell_array, np.array(numbers, np.int64), coords)
    _refuse_overlaps(crystal, where)
    return crystal


def _refuse_too_many(n_atoms: int, where: str) -> None:
    if n_atoms > MAXIMUM_SITES:
        raise InputError(
            f"{where}: holds {n_atoms} atoms or more; up to {MAXIMUM_SITES} are read, give the primitive cell"
        )


def _refuse_overlaps(crystal: Crystal, where: str) -> None:
    from vesin import NeighborList

    densest = np.sqrt(2) / MINIMUM_DISTANCE**3  # spheres packed as closely as possible
    if crystal.n_atoms / crystal.volume > densest:
        raise InputError(
            f"{where}: {crystal.n_atoms} atoms in {crystal.volume:.2g} cubic angstrom are closer than "
            f"{MINIMUM_DISTANCE} angstrom; check the lattice"
        )
    neighbours = NeighborList(cutoff=MINIMUM_DISTANCE, full_list=False)
    first, second, distances = neighbours.compute(
        points=crystal.frac_coords @ crystal.cell, box=crystal.cell, periodic=True, quantities="ijd"
    )
    if len(distances):
        closest = int(np.argmin(distances))
        raise InputError(
            f"{where}: atoms {int(first[closest])} and {int(second[closest])} are {distances[closest]:.2f} angstrom "
            f"apart (at least {MINIMUM_DISTANCE} is needed); check for duplicated sites"
        )
