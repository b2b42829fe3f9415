"""The published form: one ComputedStructureEntry per compound with its IPA and, for some, RPA spectrum.

The form is that of the data of Grunert, Grossmann, Runge, Nat. Commun. 16, 8142 (2025): 2,001 points on 0 to 20 eV,
computed with Yambo, whose response is time-ordered (a small non-zero Im eps at 0 eV). Without a metadata entry for the
grid in the files, its length is what is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.fetching import FETCH_RECORD
from dielectra.data.published_form import AXES, ENERGIES
from dielectra.data.schema import Record
from dielectra.data.splits import paper_splits
from dielectra.errors import InputError
from dielectra.files import read_text, understanding
from dielectra.importing.outcomes import Outcome
from dielectra.importing.pickles import read_pickle
from dielectra.importing.sources import Document, is_pickle, read_documents
from dielectra.parsing import parse_json
from dielectra.spectrum import Spectrum
from dielectra.structures import read_structure
from dielectra.symmetry import standard_form

MINIMUM_INDIRECT_GAP = 0.5
MAXIMUM_DIRECT_GAP = 10.0
MAXIMUM_RPA_ATOMS = 8
DROPPED = ("agm005546161",)
"""The paper's filters: gaps in eV, atoms in the primitive cell of RPA spectra, material ids."""


form = "published"
NOTE = (
    "Published form of Grunert, Grossmann, Runge, Nat. Commun. 16, 8142 (2025): 2,001 points on 0 to 20 eV, diagonal "
    "components; Yambo's response is time-ordered (a small non-zero Im eps at 0 eV). The paper's filters and splits "
    "are applied."
)


class Options(BaseModel):
    """The published form has none: its files name their levels, and the splits are the paper's."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MetallicSpectrum(Exception):  # noqa: N818  (a reason to leave a material out, not an error)
    """Say that a spectrum is NaN, as published for metals."""


def read(source: Path, options: Options | None = None) -> Iterator[Outcome]:  # noqa: ARG001  (there are none)
    """Yield the records of published files: JSON files, archives and folders of them, and pickles.

    Materials outside the paper's filters are left out with the reason. Splits are the paper's, by id. Structures become
    standard primitive cells in the axes of the file, so that tensors stay as published.

    Raises
    ------
    InputError
        If the source is missing, is a damaged archive, or a pickle asks for classes that spectra do not need. A single
        entry that cannot be used becomes an outcome with a problem instead.
    """
    for document in read_documents(source):
        for name, entry in _entries(document):
            try:
                with understanding(name, "a published record"):
                    outcome = entry if isinstance(entry, Outcome) else _outcome(name, entry)
                yield outcome
            except InputError as error:
                yield Outcome(name, problems=(str(error),))


def describe(source: Path, options: Options) -> str:  # noqa: ARG001  (there are none)
    """Return the card's first lines, with the licence and citation of what was fetched."""
    lines = [f"Imported from {source.name}. {NOTE}"]
    folder = source if source.is_dir() else source.parent
    if (folder / FETCH_RECORD).is_file():
        record = parse_json(read_text(folder / FETCH_RECORD), folder / FETCH_RECORD)
        lines += [f"Licence: {record['licence']}.", f"Cite: {record['citation']}"]
    return "\n\n".join(lines)


def _entries(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the entries of one document: that of a JSON file, all of a pickle."""
    if not is_pickle(document.name):
        try:
            yield document.name, parse_json(document.content, document.name)
        except InputError as error:
            problem = f"{str(error).removeprefix(document.name).lstrip(': ')}; download it again"
            yield document.name, Outcome(document.name, problems=(problem,))
        return
    content = read_pickle(document.content, document.name)
    if hasattr(content, "to_dict") and hasattr(content, "columns"):
        content = content.to_dict("records")
    elif isinstance(content, Mapping) and "data" not in content:
        content = list(content.values())
    elif hasattr(content, "tolist"):
        content = content.tolist()
    for index, entry in enumerate(content if isinstance(content, list | tuple) else [content]):
        yield f"{document.name}[{index}]", entry


def _outcome(name: str, entry: Any) -> Outcome:
    structure, data, parameters = _parts_of(entry)
    mat_id = str(_required(data, "mat_id"))
    if mat_id in DROPPED:
        return Outcome(name, filtered=(f"{mat_id} is dropped by the paper",))
    gaps = {kind: _number(data, f"ipa_{kind}_gap") for kind in ("indirect", "direct")}
    tensors, filtered = {}, []
    for level in ("ipa", "rpa") if data.get("rpa_epsI") is not None else ("ipa",):
        try:
            tensors[level] = _tensor(data, level)
        except MetallicSpectrum:
            filtered.append(f"{level}: metal (NaN spectrum)")
    if not tensors:
        return Outcome(name, filtered=tuple(filtered))
    if math.isnan(gaps["indirect"]) or gaps["indirect"] < MINIMUM_INDIRECT_GAP:
        return Outcome(name, filtered=(f"indirect gap below {MINIMUM_INDIRECT_GAP} eV",))
    if math.isnan(gaps["direct"]) or gaps["direct"] > MAXIMUM_DIRECT_GAP:
        return Outcome(name, filtered=(f"direct gap above {MAXIMUM_DIRECT_GAP} eV",))
    form = standard_form(_crystal(structure))
    crystal = form.in_place
    properties: dict[str, Any] = {f"gap_{kind}": value for kind, value in gaps.items()} | {
        "spacegroup": form.space_group
    }
    n_bands = _setting(parameters, "ipa_nbands")
    properties["nbands"] = None if n_bands is None else round(n_bands)
    provenance = _plain(
        {**parameters, **{key: value for key, value in data.items() if str(key).endswith("_similarity")}}
    )
    records = []
    for level, tensor in tensors.items():
        if level == "rpa" and crystal.n_atoms > MAXIMUM_RPA_ATOMS:
            filtered.append(f"rpa with more than {MAXIMUM_RPA_ATOMS} atoms")
            continue
        spectrum = Spectrum(ENERGIES, tensor, level, _setting(parameters, f"{level}_broad"), provenance)
        records.append(Record(mat_id, crystal.formula, paper_splits().get(mat_id), crystal, spectrum, properties))
    return Outcome(name, tuple(records), tuple(filtered))


def _parts_of(entry: Any) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    """Return structure, data and parameters of a dictionary, a table row or a pymatgen entry."""
    read: Callable[[str], Any]
    read = entry.get if isinstance(entry, Mapping) else lambda key: getattr(entry, key, None)
    structure, data, parameters = read("structure"), read("data"), read("parameters")
    if isinstance(entry, Mapping) and data is None and "mat_id" in entry:
        data = entry  # a table with one column per key
    if structure is None or not isinstance(data, Mapping):
        keys = ", ".join(map(str, entry)) if isinstance(entry, Mapping) else type(entry).__name__
        raise InputError(f"needs the keys structure and data of a ComputedStructureEntry; it has {keys or 'none'}")
    parameters = parameters if parameters is not None else data.get("parameters")
    return structure, data, parameters if isinstance(parameters, Mapping) else {}


def _required(data: Mapping[str, Any], key: str) -> Any:
    if data.get(key) is None:
        raise InputError(f"lacks the key {key}; it has {', '.join(map(str, data))}")
    return data[key]


def _number(data: Mapping[str, Any], key: str) -> float:
    value = _required(data, key)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{key} is {value!r}; it must be a number") from None


def _tensor(data: Mapping[str, Any], level: str) -> ComplexArray:
    """Return the diagonal tensor ``(3, 3, 2001)``; components that are missing equal the first."""
    tensor = np.zeros((3, 3, len(ENERGIES)), complex)
    for letter, unit in (("R", 1.0), ("I", 1j)):
        key = f"{level}_eps{letter}"
        numbered = f"{key}_0" in data
        entries = {axis: data.get(f"{key}_{i}") for i, axis in enumerate(AXES)} if numbered else _required(data, key)
        if not isinstance(entries, Mapping):
            raise InputError(f"{key} must be a dictionary with the keys {', '.join(AXES)}")
        if entries.get("xx") is None:
            raise InputError(f"lacks {key}_0" if numbered else f"{key} lacks the key xx")
        first = _values(entries["xx"], key)
        for index, axis in enumerate(AXES):
            tensor[index, index] += unit * (first if entries.get(axis) is None else _values(entries[axis], key))
    return tensor


def _values(values: Any, key: str) -> FloatArray:
    if isinstance(values, Mapping):  # monty's form of a numpy array
        values = values.get("data")
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{key} holds values that are not numbers") from None
    if np.isnan(array).any():
        raise MetallicSpectrum
    if array.shape != ENERGIES.shape or not np.isfinite(array).all():
        raise InputError(f"{key} has shape {array.shape}; {len(ENERGIES)} finite values on 0 to 20 eV are needed")
    return array


def _setting(parameters: Mapping[str, Any], key: str) -> float | None:
    """Return a numerical setting of the computation, None where it is missing or no number."""
    try:
        value = float(parameters[key])
    except (KeyError, TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _crystal(structure: Any) -> Crystal:
    if not isinstance(structure, Mapping):
        return read_structure(structure)
    try:
        sites = structure["sites"]
        if any(len(site["species"]) != 1 or site["species"][0].get("occu", 1) != 1 for site in sites):
            raise InputError("has partially occupied sites; give an ordered structure")
        species = [site["species"][0]["element"] for site in sites]
        return make_crystal(structure["lattice"]["matrix"], species, [site["abc"] for site in sites])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(
            f"its structure is not a pymatgen Structure dictionary ({type(error).__name__}: {error})"
        ) from None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON can hold: numpy scalars as numbers, NaN and the rest as text."""
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}
    simple = (str, int, float, bool, type(None))
    return {
        str(key): value if isinstance(value, simple) and value == value else str(value) for key, value in plain.items()
    }
