"""Make the campaign's pool: python datasets/ladder-2/pool.py ALEXANDRIA NACCARATO [MORE.jsonl...] > pool.jsonl.

Sources, each crystal with its own and its licence: crystals of ladder-1 whose grid or cutoff ladder-2 changes (the
paper's pool), textbook crystals, Materials Project crystals of up to ten atoms, further files (decorated prototypes),
the rest of the paper's pool. A crystal whose formula, space group and number of atoms are there already is left out.

Order: three new crystals, then two to be recomputed, then one of the rest, each in random order (seed 1) but for the
elements that models lack first and those to be tried for magnetism last. Never only the cheap.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols
from textbook import textbook_crystals

from dielectra.abinitio.computation import RefusedError
from dielectra.abinitio.gpaw import OFTEN_MAGNETIC, count_electrons, estimate_cpu_seconds
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import LADDER_1, LADDER_2, Protocol, plane_wave_cutoff
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.structures import read_structure
from dielectra.symmetry import standard_form

MOST_ATOMS = 10
LONGEST_CPU_SECONDS = 150.0
SUSPECT = {chemical_symbols[number] for number in OFTEN_MAGNETIC}
LACKING = {"B", "C", "N", "O", "F", "Si", "Ge"}
ALEXANDRIA = ("Alexandria, the pool of Grunert, Grossmann, Runge, Nat. Commun. 16, 8142 (2025)", "CC-BY-4.0")
NACCARATO = ("Materials Project, by way of Naccarato et al., Phys. Rev. Mater. 3, 044602 (2019)", "MIT")
TEXTBOOK = ("measured lattice constants, datasets/ladder-2/textbook.py", "CC-BY-4.0")


def entry_of(name: str, crystal: Crystal, source: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return a crystal as a line of the pool."""
    plain = {
        "id": name,
        "lattice": crystal.cell.tolist(),
        "species": [chemical_symbols[number] for number in crystal.numbers],
        "frac_coords": crystal.frac_coords.tolist(),
        "source": source[0],
        "licence": source[1],
    }
    return plain | more


def read_lines(path: str) -> list[dict[str, Any]]:
    """Read a file of JSON lines, compressed or not."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def candidates(alexandria: str, naccarato: str, others: list[str]) -> Iterator[dict[str, Any]]:
    """Yield every crystal of the sources, the ones to be preferred first."""
    ladder = {record.id: record for record in open_dataset(Path(__file__).parents[1] / "ladder").records("rpa")}
    changed = {name for name, record in ladder.items() if not same_run(record.crystal)}
    pool = {entry["mat_id"]: entry for entry in read_lines(alexandria)}
    moments = {name: entry.get("total_mag") or 0.0 for name, entry in pool.items()}
    for name in sorted(changed):
        yield entry_of(name, ladder[name].crystal, ALEXANDRIA, recomputed=True)
    for name, atoms in textbook_crystals():
        yield entry_of(name, read_structure(atoms), TEXTBOOK)
    for line in read_lines(naccarato):
        if len(line["species"]) <= MOST_ATOMS:
            yield entry_of(line["id"], read_structure(line), NACCARATO, index=line["n_static_dfpt"])
    for path in others:
        for line in read_lines(path):
            yield line
    for name in sorted(pool):
        if name not in ladder and pool[name]["split"]:
            yield entry_of(name, read_structure(pool[name]), ALEXANDRIA, total_mag=moments[name])


def same_run(crystal: Crystal) -> bool:
    """Say whether ladder-1 and ladder-2 compute a standardised crystal on the same grid and with the same cutoff."""
    first, second = (response_sampling(crystal, protocol) for protocol in (LADDER_1, LADDER_2))
    return same_cutoff(crystal, LADDER_1) and (first.grid, first.shift) == (second.grid, second.shift)


def same_cutoff(crystal: Crystal, protocol: Protocol) -> bool:
    """Say whether a protocol computes a crystal with the plane waves of ladder-2."""
    symbols = [chemical_symbols[number] for number in crystal.elements]
    return plane_wave_cutoff(protocol, symbols) == plane_wave_cutoff(LADDER_2, symbols)


def main(arguments: list[str]) -> None:
    """Print the pool in its order."""
    alexandria, naccarato, *others = arguments
    seen: set[tuple[str, int, int]] = set()
    kept: list[dict[str, Any]] = []
    for record in open_dataset(Path(__file__).parents[1] / "ladder").records("rpa"):
        if same_run(record.crystal):
            seen.add((record.formula, standard_form(record.crystal).space_group, record.crystal.n_atoms))
    for entry in candidates(alexandria, naccarato, others):
        form = standard_form(read_structure(entry))
        crystal, group = form.crystal, form.space_group
        key = (crystal.formula, group, crystal.n_atoms)
        try:
            if key in seen or crystal.n_atoms > MOST_ATOMS or count_electrons(crystal) % 2:
                continue
            cost = estimate_cpu_seconds(crystal)
        except RefusedError:
            continue
        seen.add(key)
        if cost <= LONGEST_CPU_SECONDS:
            kept.append(entry)
    for position, entry in enumerate(ordered(kept)):
        sys.stdout.write(json.dumps(entry | {"priority": -position}) + "\n")


def ordered(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield crystals in the order of the campaign."""
    new = [entry for entry in entries if entry["source"] != ALEXANDRIA[0]]
    again = [entry for entry in entries if entry.get("recomputed")]
    rest = [entry for entry in entries if entry["source"] == ALEXANDRIA[0] and not entry.get("recomputed")]
    shuffle = random.Random(1)
    for group in (new, again, rest):
        shuffle.shuffle(group)
    new.sort(key=lambda entry: bool(set(entry["species"]) & SUSPECT))
    rest.sort(key=lambda entry: not set(entry["species"]) & LACKING)
    position = 0
    while 3 * position < len(new) or 2 * position < len(again) or position < len(rest):
        yield from new[3 * position : 3 * position + 3]
        yield from again[2 * position : 2 * position + 2]
        yield from rest[position : position + 1]
        position += 1


if __name__ == "__main__":
    main(sys.argv[1:])
