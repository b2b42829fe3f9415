"""Write records in the published form: one ComputedStructureEntry per compound with its spectra."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from dielectra.crystal import Crystal
from dielectra.data.schema import Record
from dielectra.elements import SYMBOLS
from dielectra.errors import InputError

ENERGIES = np.linspace(0.0, 20.0, 2001)
"""Photon energies in eV of the published form."""

AXES = ("xx", "yy", "zz")
"""Components of the published form."""


def entry_from_records(records: Sequence[Record]) -> dict[str, Any]:
    """Return the published form of the records of one material, as plain data.

    Off-diagonal components have no place in this form and are lost.

    Raises
    ------
    InputError
        If there is no IPA record, a level is neither IPA nor RPA, or a gap is unknown.
    """
    by_level = {record.spectrum.level: record for record in records}
    first = records[0]
    if "ipa" not in by_level or not by_level.keys() <= {"ipa", "rpa"}:
        raise InputError(f"record {first.id}: the published form holds ipa, or ipa and rpa; got {', '.join(by_level)}")
    data: dict[str, Any] = {"mat_id": first.id}
    for kind in ("indirect", "direct"):
        data[f"ipa_{kind}_gap"] = first.properties.get(f"gap_{kind}")
        if data[f"ipa_{kind}_gap"] is None:
            raise InputError(f"record {first.id}: its {kind} gap is unknown, which the published form needs")
    for level, record in by_level.items():
        tensor = record.spectrum.resample(ENERGIES).tensor
        for letter, part in (("I", tensor.imag), ("R", tensor.real)):
            values = {axis: np.round(part[i, i], 6).tolist() for i, axis in enumerate(AXES)}
            if "rpa" in by_level:
                data[f"{level}_eps{letter}"] = values
            else:
                data |= {f"{level}_eps{letter}_{index}": values[axis] for index, axis in enumerate(AXES)}
    broadening = {f"{level}_broad": record.spectrum.broadening for level, record in by_level.items()}
    return {
        "@module": "pymatgen.entries.computed_entries",
        "@class": "ComputedStructureEntry",
        "energy": 0.0,
        "composition": dict(Counter(SYMBOLS[number] for number in first.crystal.numbers)),
        "entry_id": first.id,
        "correction": 0.0,
        "energy_adjustments": [],
        "structure": _structure_dictionary(first.crystal),
        "data": data,
        "parameters": {"ipa_nbands": first.properties.get("nbands")} | broadening,
    }


def _structure_dictionary(crystal: Crystal) -> dict[str, Any]:
    sites = [
        {"species": [{"element": SYMBOLS[number], "occu": 1}], "abc": coords.tolist()}
        for number, coords in zip(crystal.numbers, crystal.frac_coords, strict=True)
    ]
    lattice = {"matrix": crystal.cell.tolist(), "pbc": [True, True, True]}
    return {"@module": "pymatgen.core.structure", "@class": "Structure", "lattice": lattice, "sites": sites}
