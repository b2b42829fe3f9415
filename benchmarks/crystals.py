"""Generate crystals to screen: prototypes decorated with ions, scaled to their radii, strained and displaced at random.

They are plausible, not stable: charges balance, bonds have the length of their radii. The same number and seed give the
same file, byte by byte.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from ase.spacegroup import crystal as of_space_group

CATIONS = {
    1: ("Li", "Na", "K", "Rb", "Cs", "Cu", "Ag", "Tl"),
    2: ("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Hg", "Sn", "Pb"),
    3: ("Al", "Ga", "In", "Sc", "Y", "La", "Sb", "Bi", "B"),
    4: ("Si", "Ge", "Sn", "Ti", "Zr", "Hf", "Pb"),
    5: ("V", "Nb", "Ta", "Sb", "P"),
}
ANIONS = {1: ("F", "Cl", "Br", "I"), 2: ("O", "S", "Se", "Te"), 3: ("N", "P", "As", "Sb")}
STRAIN, VOLUME, DISPLACEMENT = 0.04, 0.06, 0.06
BROKEN = ("not JSON", "no lattice", "overlapping atoms", "unknown element")


class Prototype(NamedTuple):
    """A structure type: space group, Wyckoff sites, cell in units of a, shape ``(6,)``, and charges of each site."""

    name: str
    space_group: int
    sites: tuple[tuple[float, float, float], ...]
    cell: tuple[float, float, float, float, float, float]
    charges: tuple[tuple[int, ...], ...]


CUBIC = (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)
BINARY = ((1, -1), (2, -2), (3, -3))
ORIGIN, CENTRE, QUARTER = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
THIRD = 1 / 3, 2 / 3
HALIDE_OXIDE = ((2, -1), (4, -2))
PEROVSKITE, CHALCOPYRITE = ((1, 2, -1), (2, 4, -2), (1, 5, -2)), ((1, 3, -2), (2, 4, -3))
PROTOTYPES = (
    Prototype("rocksalt", 225, (ORIGIN, CENTRE), CUBIC, BINARY),
    Prototype("zincblende", 216, (ORIGIN, QUARTER), CUBIC, BINARY),
    Prototype("caesium-chloride", 221, (ORIGIN, CENTRE), CUBIC, BINARY),
    Prototype("wurtzite", 186, ((*THIRD, 0), (*THIRD, 0.375)), (1, 1, 1.633, 90, 90, 120), BINARY),
    Prototype("nickel-arsenide", 194, (ORIGIN, (*THIRD, 0.25)), (1, 1, 1.5, 90, 90, 120), BINARY),
    Prototype("fluorite", 225, (ORIGIN, QUARTER), CUBIC, HALIDE_OXIDE),
    Prototype("antifluorite", 225, (QUARTER, ORIGIN), CUBIC, ((1, -2),)),
    Prototype("rutile", 136, (ORIGIN, (0.305, 0.305, 0)), (1, 1, 0.65, 90, 90, 90), HALIDE_OXIDE),
    Prototype("cadmium-iodide", 164, (ORIGIN, (*THIRD, 0.25)), (1, 1, 1.6, 90, 90, 120), HALIDE_OXIDE),
    Prototype("half-Heusler", 216, (ORIGIN, CENTRE, QUARTER), CUBIC, ((1, 2, -3),)),
    Prototype("perovskite", 221, (CENTRE, ORIGIN, (0.5, 0, 0)), CUBIC, PEROVSKITE),
    Prototype("chalcopyrite", 122, (ORIGIN, (0, 0, 0.5), (0.25, 0.25, 0.125)), (1, 1, 2, 90, 90, 90), CHALCOPYRITE),
    Prototype("delafossite", 166, (ORIGIN, (0, 0, 0.5), (0, 0, 0.11)), (1, 1, 5.8, 90, 90, 120), ((1, 3, -2),)),
    Prototype("spinel", 227, (ORIGIN, (0.625,) * 3, (0.387,) * 3), CUBIC, ((2, 3, -2),)),
    Prototype("elpasolite", 225, (QUARTER, CENTRE, ORIGIN, (0.25, 0, 0)), CUBIC, ((1, 1, 3, -1),)),
    Prototype("corundum", 167, ((0, 0, 0.352), (0.306, 0, 0.25)), (1, 1, 2.73, 90, 90, 120), ((3, -2),)),
)


class Template(NamedTuple):
    """The primitive cell of a prototype with the site of each atom, and the distances of neighbouring sites."""

    cell: np.ndarray
    coords: np.ndarray
    sites: np.ndarray
    bonds: tuple[tuple[int, int, float], ...]
    charges: tuple[tuple[int, ...], ...]


def template_of(prototype: Prototype) -> Template:
    """Build the primitive cell of a prototype with a = 1."""
    marks = ("H", "He", "Li", "Be")[: len(prototype.sites)]
    atoms = of_space_group(
        marks, prototype.sites, spacegroup=prototype.space_group, cellpar=prototype.cell, primitive_cell=True
    )
    sites = atoms.numbers - 1
    bonds = {}
    images = np.array(list(product((-1, 0, 1), repeat=3))) @ atoms.cell.array
    for i, j in product(range(len(atoms)), repeat=2):
        if prototype.charges[0][sites[i]] > 0 > prototype.charges[0][sites[j]]:
            distance = np.linalg.norm(atoms.positions[j] + images - atoms.positions[i], axis=1).min()
            key = int(sites[i]), int(sites[j])
            bonds[key] = min(bonds.get(key, np.inf), float(distance))
    return Template(
        atoms.cell.array,
        atoms.get_scaled_positions(),
        sites,
        tuple((*k, d) for k, d in bonds.items()),
        prototype.charges,
    )


def generate(n: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield crystals as objects of JSON lines."""
    draw = np.random.default_rng(seed)
    templates = [template_of(prototype) for prototype in PROTOTYPES]
    for index in range(n):
        kind = int(draw.integers(len(templates)))
        template = templates[kind]
        charges = template.charges[draw.integers(len(template.charges))]
        symbols = [str(draw.choice(CATIONS[q] if q > 0 else ANIONS[-q])) for q in charges]
        radii = [covalent_radii[atomic_numbers[symbol]] for symbol in symbols]
        length = max((radii[i] + radii[j]) / distance for i, j, distance in template.bonds)
        strain = draw.uniform(-STRAIN, STRAIN, (3, 3)) * (draw.random() < 0.3)
        cell = template.cell @ (np.eye(3) + (strain + strain.T) / 2) * length * (1 + draw.normal(0, VOLUME / 3))
        moves = draw.normal(0, DISPLACEMENT, template.coords.shape) * (draw.random() < 0.3)
        coords = template.coords + moves @ np.linalg.inv(cell)
        yield {
            "id": f"generated-{index:07d}",
            "prototype": PROTOTYPES[kind].name,
            "lattice": cell.round(6).tolist(),
            "species": [symbols[site] for site in template.sites],
            "frac_coords": coords.round(6).tolist(),
        }


def line_of(entry: dict[str, Any], fault: str) -> str:
    """Return a crystal as a JSON line, with a fault where one is named."""
    if fault == "no lattice":
        entry = {key: value for key, value in entry.items() if key != "lattice"}
    elif fault == "overlapping atoms":
        entry = entry | {"frac_coords": [entry["frac_coords"][0]] * len(entry["species"])}
    elif fault == "unknown element":
        entry = entry | {"species": ["Xx", *entry["species"][1:]]}
    text = json.dumps(entry)
    return text[: len(text) // 2] if fault == "not JSON" else text


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, help="number of crystals")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file that ends in .jsonl.gz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--broken-every", type=int, default=1000, help="one line in so many is broken; 0 for none")
    arguments = parser.parse_args()
    with arguments.output.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for index, entry in enumerate(generate(arguments.n, arguments.seed)):
            every = arguments.broken_every
            broken = every and index % every == every - 1
            file.write((line_of(entry, BROKEN[index // every % len(BROKEN)] if broken else "") + "\n").encode())


if __name__ == "__main__":
    main()
