"""Read crystals from JSON lines, arrays and documents of Dielectra, pymatgen, ASE, OPTIMADE and JARVIS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal, cell_of_parameters, make_crystal
from dielectra.errors import InputError
from dielectra.files import MEBIBYTE, understanding
from dielectra.parsing import parse_json
from dielectra.structures.claims import claims_of_document, compared
from dielectra.structures.content import Content
from dielectra.structures.entries import Found

LARGEST_DOCUMENT = 64 * MEBIBYTE
"""Letters of one JSON value; a line of JSON lines is one."""

DEEPEST = 6
"""Number of lists and wrappers around a structure that are opened."""

PARAMETERS = ("a", "b", "c", "alpha", "beta", "gamma")
SAME_PLACE = 0.05
"""Distance in angstrom between two statements of one position above which they contradict each other."""

SAME_LENGTH = 0.01
"""Relative difference of two statements of one length above which they contradict each other."""

CELLS = ("lattice", "cell", "lattice_vectors", "lattice_mat")
WRAPPERS = frozenset({*CELLS, "structure", "attributes", "atoms"})
"""Keys of an object that is or holds one structure; without any of them ``data`` holds some."""

INCOMPLETE = frozenset(("disorder", "implicit_atoms", "site_attachments"))
"""Features of OPTIMADE that make a list of sites less than a crystal."""

ATOMS = ("sites", "species", "numbers", "positions", "frac_coords", "species_at_sites", "cartesian_site_positions")
STRUCTURE_KEYS = frozenset({*CELLS, *ATOMS, "structure", "attributes"})


def read_json(content: Content) -> Iterator[Found]:
    """Give the structures of a JSON document or of JSON lines one by one; a bad one costs no other."""
    for place, value in _documents(content):
        yield from structures_of(value, content.name, place)


def structures_of(value: Any, name: str, place: str) -> Iterator[Found]:
    """Give the structures of one JSON value: itself, the members of a list, what a wrapper holds.

    Parameters
    ----------
    value
        Parsed JSON, or the error that it gave.
    name, place
        File and place in it, for messages.
    """
    yield from _structures(value, name, place, 0)


def from_mapping(entry: Mapping[str, Any], where: str) -> Crystal:
    """Return the crystal of an object in the form of Dielectra, pymatgen, ASE, OPTIMADE or JARVIS.

    Raises
    ------
    InputError
        If something is missing, of another type than in its form, or no ordered crystal.
    """
    with understanding(where, "a crystal in JSON"):
        return _of_any_form(entry, where)


def _of_any_form(entry: Mapping[str, Any], where: str) -> Crystal:
    if "sites" in entry and isinstance(entry.get("lattice"), Mapping):
        return _of_pymatgen(entry, where)
    if "lattice_vectors" in entry:
        return _of_optimade(entry, where)
    if "lattice_mat" in entry:
        species, coords = entry.get("elements"), entry.get("coords")
        return _make(entry["lattice_mat"], species, coords, where, cartesian=bool(entry.get("cartesian")))
    if "cell" in entry and "numbers" in entry and "positions" in entry:
        return _of_ase(entry, where)
    cell = entry.get("lattice", entry.get("cell"))
    species = entry.get("species", entry.get("numbers"))
    frac_coords = entry.get("frac_coords")
    if cell is None or species is None or frac_coords is None:
        keys = ", ".join(sorted(str(key)[:40] for key in entry)[:20]) or "none"
        raise InputError(f"{where}: needs the keys lattice, species and frac_coords; it has {keys}")
    return make_crystal(cell, species, frac_coords, where)


def refuse_low_dimension(periodic: Iterable[Any], where: str) -> None:
    """Raise InputError for slabs, chains and molecules by the directions along which a structure repeats."""
    n_periodic = sum(bool(along) for along in periodic)
    if n_periodic < 3:
        raise InputError(
            f"{where}: is periodic along {n_periodic} of 3 lattice vectors; only bulk crystals are supported"
        )


def _documents(content: Content) -> Iterator[tuple[str, Any]]:
    """Yield every JSON value of a file, or the error it gives, with its line where there are several."""
    text = content.text
    first = next((_parse(line, content.name) for _, line in _lines(text)), None)
    if isinstance(first, InputError):
        document = _parse(text, content.name)
        by_line = content.lower.endswith(("jsonl", "ndjson")) or any(
            line[:1] == "{" and not isinstance(_parse(line, ""), InputError) for _, line in _lines(text)
        )
        if not isinstance(document, InputError) or not by_line:
            yield "", document
            return
    for number, line in _lines(text):
        yield f"line {number}", _parse(line, f"{content.name}, line {number}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers from 1."""
    number, start = 0, 0
    while start < len(text):
        number, end = number + 1, text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].strip()
        if line:
            yield number, line
        start = end + 1


def _parse(text: str, where: str) -> Any:
    try:
        if len(text) > LARGEST_DOCUMENT:
            raise InputError(f"{where}: more than {LARGEST_DOCUMENT / MEBIBYTE:g} MiB in one value; use JSON lines")
        return parse_json(text, where)
    except InputError as error:
        return error


def _structures(value: Any, name: str, place: str, depth: int) -> Iterator[Found]:
    """Give the structures of a JSON value: itself, the members of a list, what a wrapper holds."""
    where = f"{name}, {place}" if place else name
    if isinstance(value, InputError):
        yield Found(value, place)
    elif isinstance(value, list | dict) and not value:
        kind = "list" if isinstance(value, list) else "object"
        yield Found(InputError(f"{where}: an empty {kind} holds no structure"), place)
    elif isinstance(value, list) and depth < DEEPEST:
        for index, item in enumerate(value):
            yield from _structures(item, name, _inside(place, f"item {index}"), depth + 1)
    elif not isinstance(value, dict):
        yield Found(InputError(f"{where}: expected an object, got {type(value).__name__}"), place)
    elif isinstance(value.get("ids"), list) and "nextid" in value:
        for row in value["ids"]:
            yield from _structures(value.get(str(row)), name, _inside(place, f"id {row}"), depth + 1)
    elif not WRAPPERS & value.keys() and isinstance(value.get("data"), list | dict) and depth < DEEPEST:
        yield from _structures(value["data"], name, place, depth + 1)
    elif not (WRAPPERS | set(ATOMS)) & value.keys() and depth < DEEPEST and all(map(_is_structure, value.values())):
        for key, item in value.items():
            yield from _structures(item, name, _inside(place, str(key)[:80]), depth + 1)
    else:
        data = {key: other for key, other in value.items() if key not in STRUCTURE_KEYS}
        try:
            yield Found(compared(_crystal(value, where), claims_of_document(value), where), place, data)
        except InputError as error:
            yield Found(error, place, data)


def _is_structure(value: Any) -> bool:
    return isinstance(value, dict) and not WRAPPERS.isdisjoint(value)


def _crystal(value: dict[str, Any], where: str) -> Crystal:
    for key in ("structure", "attributes", "atoms"):
        inner = value.get(key)
        if isinstance(inner, dict) and not any(cell in value for cell in CELLS):
            return from_mapping(inner, where)
    return from_mapping(value, where)


def _of_pymatgen(entry: Mapping[str, Any], where: str) -> Crystal:
    lattice, sites = entry["lattice"], entry["sites"]
    _refuse_unlike(sites, list, "sites", where)
    refuse_low_dimension(_pbc(lattice.get("pbc"), where), where)
    matrix, warnings = _matrix(lattice, where)
    species, coords, moved = [], [], 0.0
    for index, site in enumerate(sites):
        _refuse_unlike(site, dict, f"site {index}", where)
        kinds = site.get("species")
        _refuse_unlike(kinds, list, f"species of site {index}", where)
        if len(kinds) != 1 or not isinstance(kinds[0], dict) or not _is_full(kinds[0].get("occu", 1)):
            raise InputError(f"{where}: has partially occupied sites (site {index}); give an ordered structure")
        species.append(kinds[0].get("element"))
        keys = [key for key in ("abc", "xyz") if key in site and (key == "abc" or lattice.get("matrix") is not None)]
        if not keys:
            raise InputError(f"{where}: site {index} has neither abc nor, in the axes of a matrix, xyz; give either")
        given = [_three(site[key], f"{where}: {key} of site {index}") for key in keys]
        coords.append(given[0] if keys[0] == "abc" else given[0] @ np.linalg.inv(matrix))
        moved = max(moved, float(np.abs(coords[-1] @ matrix - given[-1]).max()) if "xyz" in keys else 0.0)
    if moved > SAME_PLACE:
        warnings.append(f"abc and xyz of its sites differ by up to {moved:.3g} angstrom; abc is used")
    return make_crystal(matrix, species, coords, where, warnings)


def _matrix(lattice: Mapping[str, Any], where: str) -> tuple[FloatArray, list[str]]:
    """Return the lattice vectors of pymatgen's form, and a doubt where its lengths and angles are others."""
    named = [lattice.get(key) for key in PARAMETERS]
    stated = [float(value) for value in named if value is not None]
    if lattice.get("matrix") is None:
        if len(stated) < 6:
            raise InputError(f"{where}: its lattice has neither a matrix nor all of {', '.join(PARAMETERS)}")
        return cell_of_parameters(stated[:3], stated[3:], where), []
    matrix = np.array(lattice["matrix"], float).reshape(3, 3)
    if not abs(np.linalg.det(matrix)) > 1e-3:
        raise InputError(f"{where}: has no lattice; the three lattice vectors must span a volume")
    lengths = np.linalg.norm(matrix, axis=1)
    if len(stated) < 6 or np.abs(lengths / stated[:3] - 1).max() < SAME_LENGTH:
        return matrix, []
    told = ", ".join(f"{length:g}" for length in stated[:3])
    return matrix, [f"its lattice names lengths of {told} angstrom, its matrix has others; the matrix is used"]


def _of_optimade(entry: Mapping[str, Any], where: str) -> Crystal:
    kinds = {kind.get("name"): kind for kind in entry.get("species") or [] if isinstance(kind, dict)}
    names: Any = entry.get("species_at_sites")
    _refuse_unlike(names, list, "species_at_sites", where)
    features = entry.get("structure_features") or []
    if INCOMPLETE.intersection(map(str, features)):
        raise InputError(f"{where}: has {' and '.join(map(str, features))[:60]}; give an ordered, complete structure")
    refuse_low_dimension(entry.get("dimension_types") or (1, 1, 1), where)
    species = []
    for index, name in enumerate(names):
        kind = kinds.get(name, {"chemical_symbols": [name]}) if isinstance(name, str) else {}
        symbols, amounts = kind.get("chemical_symbols"), kind.get("concentration") or [1.0]
        if not isinstance(symbols, list) or len(symbols) != 1 or not _is_full(amounts[0]):
            raise InputError(f"{where}: has partially occupied sites (site {index}); give an ordered structure")
        if any(kind.get("nattached") or kind.get("attached") or ()):
            raise InputError(f"{where}: site {index} has {kind.get('attached')} attached; give a site for each atom")
        species.append(symbols[0])
    return _make(entry["lattice_vectors"], species, entry.get("cartesian_site_positions"), where, cartesian=True)


def _of_ase(entry: Mapping[str, Any], where: str) -> Crystal:
    cell, pbc = entry["cell"], entry.get("pbc")
    cell = cell.get("array", cell) if isinstance(cell, dict) else cell
    refuse_low_dimension(_pbc(_plain(pbc, where), where), where)
    return _make(
        _plain(cell, where), _plain(entry["numbers"], where), _plain(entry["positions"], where), where, cartesian=True
    )


def _plain(value: Any, where: str) -> Any:
    """Return an array that ASE's JSON writes as ``{"__ndarray__": [shape, type, values]}``."""
    if not isinstance(value, dict) or "__ndarray__" not in value:
        return value
    array = value["__ndarray__"]
    if not isinstance(array, list) or len(array) != 3:
        raise InputError(f"{where}: __ndarray__ has shape, type and values; got something else")
    return array[2]


def _make(cell: Any, species: Any, coords: Any, where: str, *, cartesian: bool) -> Crystal:
    if species is None or coords is None or cell is None:
        raise InputError(f"{where}: needs a lattice, species and coordinates")
    if not cartesian:
        return make_crystal(cell, species, coords, where)
    try:
        matrix = np.array(cell, float).reshape(3, 3)
        coords = np.array(coords, float).reshape(-1, 3) @ np.linalg.inv(matrix)
    except (TypeError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        raise InputError(f"{where}: needs three lattice vectors that span a volume, and 3 numbers an atom") from error
    return make_crystal(matrix, species, coords, where)


def _three(value: Any, what: str) -> FloatArray:
    try:
        return np.array(value, float).reshape(3)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{what} is {str(value)[:60]}; give three numbers") from error


def _pbc(value: Any, where: str) -> Iterable[Any]:
    if value is None:
        return (True, True, True)
    _refuse_unlike(value, list, "pbc", where)
    return list(value)


def _is_full(occupancy: Any) -> bool:
    return isinstance(occupancy, int | float) and abs(occupancy - 1) < 1e-3


def _inside(place: str, part: str) -> str:
    return f"{place}, {part}" if place else part


def _refuse_unlike(value: Any, kind: type, what: str, where: str) -> None:
    if not isinstance(value, kind):
        raise InputError(f"{where}: {what} is of type {type(value).__name__}; it is a {kind.__name__}")
