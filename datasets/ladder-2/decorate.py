"""Make crystals of scarce elements from prototypes: python datasets/ladder-2/decorate.py > decorated.jsonl.

Each prototype is decorated with all sets of elements that its rule of electrons allows: charges that add up to zero
and radii that fit (ionic ones of Shannon), or 18 (8) valence electrons in half-Heusler crystals. A draw (seed 1) keeps
about ``ENOUGH`` of each scarce element, a second one what brings the scarcest to ``MORE``; then come all crystals of
further prototypes that hold one of ``STILL_SCARCE``. SevenNet-0 relaxes them in their symmetry; kept are those whose
forces vanish and whose neighbours are neither too near nor too far apart.

Needs an environment with ``sevenn`` (see ``scripts/convert_encoder.py``), pymatgen and this package.
"""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, product, zip_longest
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixSymmetry
from ase.data import atomic_numbers, covalent_radii
from ase.filters import FrechetCellFilter
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS
from ase.spacegroup import crystal
from pymatgen.core import Species

SOURCE = ("decorated prototype, relaxed by SevenNet-0 (datasets/ladder-2/decorate.py)", "CC-BY-4.0")
SCARCE = set(
    "Sc Y La Lu Ti Zr Hf V Nb Ta Mo W Mn Re Fe Ru Os Co Rh Ir Ni Pd Pt Cu Ag Au Zn Cd Hg Tl Pb Bi".split()  # noqa: SIM905
)
ENOUGH = 14
SCARCEST = set("Ce V Cr Mo W Tc Re Fe Os Co Rh Ir Pd Pt Au Hg".split())  # noqa: SIM905
MORE = 30
LATER = {"Ce", "Cr", "Tc"}
"""Elements of the second draw alone; GPAW has no data set for Tc, whose crystals the campaign refuses."""
STILL_SCARCE = {"Ce", "Au", "Hg"}
"""Elements that the two draws left in fewer than ten materials for training."""
LARGEST_FORCE = 0.01  # eV/angstrom
LONGEST_DISTANCE = 8.0  # angstrom
DISTANCES = (0.8, 1.35)  # of the nearest neighbours, in sums of covalent radii

OXIDE = 1.38
HYDRIDE, PNICTIDES = 1.33, {"N": 1.46, "P": 2.0, "As": 2.1, "Sb": 2.3}
"""Radii in angstrom; Shannon's table lacks the latter."""

GROUPS = {
    3: "Sc Y La Lu", 4: "Ti Zr Hf", 5: "V Nb Ta", 6: "Cr Mo W", 7: "Mn Tc Re", 8: "Fe Ru Os", 9: "Co Rh Ir",
    10: "Ni Pd Pt", 13: "Al Ga In Tl", 14: "Si Ge Sn Pb", 15: "P As Sb Bi", 16: "S Se Te",
}  # fmt: skip
EIGHTEEN = [
    (3, 10, 15), (4, 10, 14), (4, 9, 15), (5, 9, 14), (5, 8, 15), (5, 10, 13), (6, 8, 14), (6, 9, 13), (5, 7, 16),
    (6, 7, 15),
]  # fmt: skip
"""Groups of the periodic table whose valence electrons are 18."""

CHALCOGENS = ("S", "Se", "Te")
Place = tuple[float, float, float]
IONS = {
    1: "Li Na K Rb Cs Cu Ag Tl", 2: "Mg Ca Sr Ba Zn Cd Hg Pb", 3: "Al Ga In Sc Y La Lu Bi Rh Ir Co",
    4: "Ti Zr Hf Pt Pd Ce", 5: "V Nb Ta", 6: "Cr Mo W", 7: "Tc Re", -1: "F Cl Br I H", -2: "O S Se Te", -3: "N P As Sb",
}  # fmt: skip


def ions(charge: int, but: str = "") -> list[tuple[str, float]]:
    """Return the ions of a charge with their radii in angstrom."""
    names = [name for name in IONS[charge].split() if name not in but.split()]
    if charge == -3:
        return [(name, PNICTIDES[name]) for name in names]
    return [(name, HYDRIDE if name == "H" else float(Species(name, charge).ionic_radius)) for name in names]


def primitive(names: Iterable[str], places: list[Place], group: int, *edges: float) -> Atoms:
    """Return the primitive cell of a decorated prototype: cubic from one edge, tetragonal or hexagonal from a and c."""
    cell = (edges[0], edges[0], edges[-1], 90, 90, 120 if 143 <= group <= 194 else 90)
    return crystal(list(names), places, spacegroup=group, cellpar=cell, primitive_cell=True)


def half_heusler(*groups: str) -> Iterator[Atoms]:
    """Yield crystals of the first and the third as in rock salt, with the second in tetrahedra of the third."""
    for names in product(*(group.split() for group in groups)):
        edge = 4 / 3**0.5 * sum(covalent_radii[atomic_numbers[name]] for name in names[1:])
        yield primitive(names, [(0.5, 0.5, 0.5), (0.25, 0.25, 0.25), (0, 0, 0)], 216, edge)


def eighteen_electrons() -> Iterator[Atoms]:
    """Yield half-Heusler crystals of 18 valence electrons."""
    for groups in EIGHTEEN:
        yield from half_heusler(*(GROUPS[group] for group in groups))


def eight_electrons() -> Iterator[Atoms]:
    """Yield half-Heusler crystals of a group-1, a group-2 and a group-15 element."""
    yield from half_heusler("Li Na K", "Mg Zn Cd Hg", GROUPS[15])
    yield from half_heusler("Ca Sr Ba", "Cu Ag Au", GROUPS[15])


def rock_salt() -> Iterator[Atoms]:
    """Yield rock salt of ions of equal charge."""
    for charge in (1, 2, 3):
        for (metal, r), (anion, s) in product(ions(charge, but="Bi Rh Ir Co"), ions(-charge)):
            if r / s > 0.41:
                yield primitive((metal, anion), [(0, 0, 0), (0.5, 0.5, 0.5)], 225, 2 * (r + s))


def caesium_chloride() -> Iterator[Atoms]:
    """Yield halides of large ions, and aurides."""
    pairs = [(a, x, r + s) for (a, r), (x, s) in product(ions(1), ions(-1, but="H F")) if r / s > 0.73]
    for metal, anion, distance in [*pairs, ("Cs", "Au", 3.69), ("Rb", "Au", 3.55), ("K", "Au", 3.4)]:
        yield primitive((metal, anion), [(0, 0, 0), (0.5, 0.5, 0.5)], 221, 2 / 3**0.5 * distance)
        if anion == "Au":
            yield primitive((metal, anion), [(0, 0, 0), (0.5, 0.5, 0.5)], 225, 2 * distance)


def layers() -> Iterator[Atoms]:
    """Yield one-layer cells: octahedral (cadmium iodide) and prismatic (3R molybdenite, also of two anions)."""
    for charge in (1, 2):
        for (metal, r), (anion, s) in product(ions(2 * charge), ions(-charge, but="O F H")):
            edge = 2**0.5 * (r + s)
            yield primitive((metal, anion), [(0, 0, 0), (1 / 3, 2 / 3, 0.25)], 164, edge, 1.6 * edge)
    for metal, above, below in product(IONS[6].split(), CHALCOGENS, CHALCOGENS):
        if above <= below:
            yield primitive((metal, above, below), [(0, 0, 0), (0, 0, 0.419), (0, 0, 0.2477)], 160, 3.25, 19.5)


def fluorite() -> Iterator[Atoms]:
    """Yield fluorides, chlorides, hydrides of charge 2 and oxides of charge 4."""
    for charge in (1, 2):
        for (metal, r), (anion, s) in product(ions(2 * charge), ions(-charge, but="Br I S Se Te")):
            if r / s > 0.55:
                yield primitive((metal, anion), [(0, 0, 0), (0.25, 0.25, 0.25)], 225, 4 / 3**0.5 * (r + s))


def perovskite() -> Iterator[Atoms]:
    """Yield cubic perovskites by Goldschmidt's tolerance factor."""
    for charges in [(1, 2, -1), (2, 4, -2), (1, 5, -2), (3, 3, -2)]:
        for (a, ra), (b, rb), (x, rx) in product(*(ions(charge, but="I S Se Te") for charge in charges)):
            if a != b and 0.82 < (ra + rx) / (2**0.5 * (rb + rx)) < 1.06 and rb / rx > 0.38:
                yield primitive((a, b, x), [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], 221, 2 * (rb + rx))


def double_perovskite() -> Iterator[Atoms]:
    """Yield ordered perovskites of an alkaline earth and ions of charge 6 or 7."""
    for charges in [(2, 6), (1, 7)]:
        for (a, ra), (b, rb), (c, rc) in product(ions(2, but="Mg Zn Cd Hg Pb"), *map(ions, charges)):
            distance = (rb + rc) / 2 + OXIDE
            if a != b and rb < 1.1 and 0.85 < (ra + OXIDE) / (2**0.5 * distance) < 1.08:
                edge = 4 * distance
                places = [(0.25, 0.25, 0.25), (0, 0, 0), (0.5, 0.5, 0.5), ((rb + OXIDE) / edge, 0, 0)]
                yield primitive((a, b, c, "O"), places, 225, edge)


def rhombohedral() -> Iterator[Atoms]:
    """Yield ordered rock salt of charges 1 and 3 (alpha-sodium ferrite); with Cu and Ag in lines, delafossite."""
    for (a, ra), (b, rb), (x, rx) in product(ions(1), ions(3), ions(-2)):
        if a != b and rb / rx > 0.35:
            edge = 2**0.5 * (rb + rx)
            height, at = (17.0, 0.39) if a in {"Cu", "Ag"} else (2.44 * (ra + rb + 2 * rx), 0.24)
            yield primitive((a, b, x), [(0, 0, 0.5), (0, 0, 0), (0, 0, at)], 166, edge, height)


def hexachloroplatinate() -> Iterator[Atoms]:
    """Yield crystals of complexes: six halides or hydrides around charge 4, six hydrides around iron's group."""
    for (a, ra), (m, rm), (x, rx) in product(ions(1, but="Li Na Cu Ag"), ions(4), ions(-1, but="I")):
        edge = 3 * (rx + max(ra, rx))
        yield primitive((a, m, x), [(0.25, 0.25, 0.25), (0, 0, 0), ((rm + rx) / edge, 0, 0)], 225, edge)
    for (a, edge), m in product({"Mg": 6.5, "Ca": 7.1, "Sr": 7.6, "Ba": 8.0}.items(), GROUPS[8].split()):
        yield primitive((a, m, "H"), [(0.25, 0.25, 0.25), (0, 0, 0), (0.24, 0, 0)], 225, edge)


def lead_fluorochloride() -> Iterator[Atoms]:
    """Yield oxide halides of charge 3."""
    for (m, r), x in product(ions(3, but="Al Ga Rh Ir Co"), ("F", "Cl", "Br", "I")):
        places, edge = [(0.25, 0.25, 0.17), (0.75, 0.25, 0), (0.25, 0.25, 0.63)], 1.55 * (r + OXIDE)
        yield crystal([m, "O", x], places, spacegroup=129, setting=2, cellpar=(edge, edge, 1.9 * edge, 90, 90, 90))


def in_lines() -> Iterator[Atoms]:
    """Yield crystals with gold or mercury between two oxygens: delafossites and alkali mercurates (Na2HgO2)."""
    for line, charge, height in (("Au", 3, 18.5), ("Hg", 2, 18.0)):
        for b, r in ions(charge, but="Rh Ir Co Hg Pb"):
            yield primitive((line, b, "O"), [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.39)], 166, 2**0.5 * (r + OXIDE), height)
    for a, r in ions(1, but="Cu Ag Tl"):
        places, edge = [(0, 0, 0.34), (0, 0, 0), (0, 0, 0.155)], 1.4 * (r + OXIDE)
        yield primitive((a, "Hg", "O"), places, 139, edge, 13.0)


def layered_perovskite() -> Iterator[Atoms]:
    """Yield crystals of one layer of octahedra between layers of rock salt (K2NiF4)."""
    for charges in [(1, 2, -1), (2, 4, -2)]:
        for (a, ra), (b, rb), (x, rx) in product(*(ions(charge, but="Br I H S Se Te") for charge in charges)):
            if a != b and 0.8 < (ra + rx) / (2**0.5 * (rb + rx)) < 1.1 and rb / rx > 0.38:
                places = [(0, 0, 0.355), (0, 0, 0), (0, 0.5, 0), (0, 0, 0.155)]
                yield primitive((a, b, x, x), places, 139, 2 * (rb + rx), 6.4 * (rb + rx))


def antiperovskite() -> Iterator[Atoms]:
    """Yield aurides of an alkali metal and a chalcogen (Cs3AuO)."""
    for (a, r), (x, s) in product(ions(1, but="Li Cu Ag Tl"), ions(-2)):
        yield primitive(("Au", a, x), [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0.5, 0.5)], 221, 2 * (r + s))


def gold_half_heusler() -> Iterator[Atoms]:
    """Yield half-Heusler crystals of 18 valence electrons with gold."""
    yield from half_heusler(GROUPS[3], "Au", GROUPS[14])
    yield from half_heusler(GROUPS[4], "Au", GROUPS[13])


PROTOTYPES: list[Callable[[], Iterator[Atoms]]] = [
    eighteen_electrons, eight_electrons, rock_salt, caesium_chloride, layers, fluorite, perovskite, double_perovskite,
    rhombohedral, hexachloroplatinate, lead_fluorochloride,
]  # fmt: skip

FURTHER_PROTOTYPES = [in_lines, layered_perovskite, antiperovskite, gold_half_heusler]


def drawn(seed: int = 1) -> list[Atoms]:
    """Return decorations of all prototypes in turn, in random order, until each scarce element has enough of them."""
    found: Counter[str] = Counter()
    kept: list[Atoms] = []
    families = [list(prototype()) for prototype in PROTOTYPES]
    for scarce, enough, later in [(SCARCE, ENOUGH, False), (SCARCEST, MORE, True)]:
        mixed = []
        for family in families:
            chosen = [atoms for atoms in family if later or not LATER.intersection(atoms.symbols)]
            random.Random(seed).shuffle(chosen)
            mixed.append(chosen)
        for atoms in filter(None, chain.from_iterable(zip_longest(*mixed))):
            names = scarce.intersection(atoms.symbols)
            if any(found[name] < enough for name in names) and not (later and (atoms in kept or seven(atoms))):
                found.update((SCARCE | SCARCEST).intersection(atoms.symbols))
                kept.append(atoms)
    further = chain.from_iterable(prototype() for prototype in FURTHER_PROTOTYPES)
    return kept + [atoms for atoms in further if STILL_SCARCE.intersection(atoms.symbols)]


def seven(atoms: Atoms) -> bool:
    """Tell whether a crystal is a half-Heusler one with an element of group 7: none of the first draw has a gap."""
    return atoms.info["spacegroup"].no == 216 and bool(set(GROUPS[7].split()).intersection(atoms.symbols))


def relaxed(atoms: Atoms, calculator: Any) -> Atoms | None:
    """Relax a crystal in its symmetry; None where it does not come to rest or its distances make no sense."""
    atoms = atoms.copy()
    atoms.calc = calculator
    atoms.set_constraint(FixSymmetry(atoms))
    with BFGS(FrechetCellFilter(atoms), logfile=None) as optimizer:
        if not optimizer.run(fmax=LARGEST_FORCE, steps=100):
            return None
    atoms.set_constraint()
    first, second, distances = neighbor_list("ijd", atoms, LONGEST_DISTANCE)
    radii = covalent_radii[atoms.numbers]
    nearest = np.full(len(atoms), np.inf)
    np.minimum.at(nearest, first, distances / (radii[first] + radii[second]))
    return atoms if np.all((nearest > DISTANCES[0]) & (nearest < DISTANCES[1])) else None


def main() -> None:
    """Print the crystals, one in a line, as ``pool.py`` reads them."""
    warnings.filterwarnings("ignore")
    from sevenn.calculator import SevenNetCalculator

    calculator = SevenNetCalculator("7net-0", device="cpu")
    for atoms in drawn():
        rest = relaxed(atoms, calculator)
        name = f"{atoms.get_chemical_formula('metal', empirical=True)}-{atoms.info['spacegroup'].no}-{len(atoms)}"
        if rest is None:
            sys.stderr.write(f"{name}: does not come to rest, or its distances make no sense\n")
            continue
        entry = {
            "id": f"decorated-{name}",
            "lattice": rest.cell.tolist(),
            "species": rest.get_chemical_symbols(),
            "frac_coords": rest.get_scaled_positions().tolist(),
            "source": SOURCE[0],
            "licence": SOURCE[1],
        }
        print(json.dumps(entry), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
