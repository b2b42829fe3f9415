"""Files in exactly the published form, built without the package's own writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from dielectra.data.schema import Record

GRID = np.linspace(0, 20, 2001)


def structure(cell: Any, species: list[str], frac_coords: Any) -> dict[str, Any]:
    sites = [
        {
            "species": [{"element": name, "occu": 1}],
            "abc": list(map(float, coords)),
            "xyz": (np.array(coords) @ np.array(cell)).tolist(),
            "label": name,
            "properties": {},
        }
        for name, coords in zip(species, frac_coords, strict=True)
    ]
    lattice = {"matrix": np.array(cell).tolist(), "pbc": [True, True, True]}
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": lattice,
        "sites": sites,
    }


def entry(crystal: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    parameters = {"pw_conv_k": 500, "pw_conv_cutoff": 65, "ipa_eps_kppa": 1500, "ipa_nbands": 85, "ipa_broad": 0.3}
    return {
        "@module": "pymatgen.entries.computed_entries",
        "@class": "ComputedStructureEntry",
        "energy": -1.0,
        "composition": {},
        "entry_id": None,
        "correction": 0.0,
        "energy_adjustments": [],
        "parameters": parameters | {"rpa_kppa": 1500, "rpa_G": 4000, "rpa_broad": 0.3},
        "data": data,
        "structure": crystal,
    }


def gaps(record: Record) -> dict[str, Any]:
    direct, indirect = record.properties["gap_direct"], record.properties["gap_indirect"]
    return {"mat_id": record.id, "ipa_direct_gap": direct, "ipa_indirect_gap": indirect, "ipa_eps_similarity": 0.97}


def crystal_of(record: Record) -> dict[str, Any]:
    crystal = record.crystal
    return structure(crystal.cell, [chemical_symbols[number] for number in crystal.numbers], crystal.frac_coords)


def components(record: Record) -> dict[str, list[list[float]]]:
    """Return real and imaginary parts of xx, yy, zz; the last ones left out where they equal the first."""
    found = {}
    for letter, part in (("R", record.spectrum.tensor.real), ("I", record.spectrum.tensor.imag)):
        rows = [np.interp(GRID, record.spectrum.energies, part[i, i]) for i in range(3)]
        found[letter] = [row.tolist() for row in rows]
    if all(np.array_equal(rows[0], row) for rows in found.values() for row in rows[1:]):
        found = {letter: rows[:1] for letter, rows in found.items()}
    return found


def ipa_entry(ipa: Record) -> dict[str, Any]:
    data = gaps(ipa)
    for letter, rows in components(ipa).items():
        data |= {f"ipa_eps{letter}_{index}": row for index, row in enumerate(rows)}
    return entry(crystal_of(ipa), data)


def rpa_entry(ipa: Record, rpa: Record) -> dict[str, Any]:
    data = gaps(ipa) | {"rpa_similarity": 0.98}
    for level, record in (("ipa", ipa), ("rpa", rpa)):
        for letter, rows in components(record).items():
            data[f"{level}_eps{letter}"] = dict(zip(("xx", "yy", "zz"), rows, strict=False))
    return entry(crystal_of(ipa), data)


def write(folder: Path, name: str, document: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path
