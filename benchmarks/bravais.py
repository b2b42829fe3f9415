"""Compare responses with and without symmetry on shifted grids: python benchmarks/bravais.py [LATTICE...].

One small crystal of each of the 14 Bravais lattices, cheap settings, the grid and shift by the rules of ladder-2.
Prints the largest difference of a component of the tensor, IPA and RPA, by the largest component.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from dielectra.abinitio.gpaw import count_electrons
from dielectra.abinitio.gpaw_steps import band_energies, converge_ground_state, respond, solve_bands
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import LADDER_2, response_bands
from dielectra.crystal import Crystal, make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.symmetry import space_group, space_group_symbol, standardise

CHEAP = LADDER_2.model_copy(
    update={
        "name": "cheap",
        "ground_state_kpoints": 64,
        "response_kpoints": 64,
        "sampled_volume": 600.0,
        "band_energy": 12.0,
        "response_cutoff": 20.0,
    }
)
OF_DATA_SETS = {  # lattice: data set, id
    "cP": ("ladder-2", "agm002496069"),
    "cF": ("ladder", "agm003157752"),
    "cI": ("ladder-2", "agm003194693"),
    "tP": ("ladder", "agm005625737"),
    "tI": ("ladder", "agm002079493"),
    "hP": ("ladder", "agm002079500"),
    "hR": ("ladder", "agm003160346"),
    "oP": ("ladder", "agm002169737"),
    "oS": ("ladder-2", "mp-632326"),
    "mP": ("ladder", "agm001416952"),
    "mS": ("ladder", "agm002075998"),
}
STRAINS = {  # of rock-salt LiH
    "oF": np.diag([1.0, 1.04, 1.09]),
    "oI": np.array([[1.02, 0.03, 0], [0.03, 1.02, 0], [0, 0, 1.07]]),
    "aP": np.array([[1.0, 0.02, 0.05], [0.02, 1.04, 0.03], [0.05, 0.03, 1.08]]),
}
SEPARATION = 0.02  # eV
FACE_CENTRED = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 4.084 / 2


def crystals() -> Iterator[tuple[str, Crystal]]:
    """Yield a standardised crystal of each lattice."""
    for lattice, (source, name) in OF_DATA_SETS.items():
        record = next(record for record in open_dataset(source).records("rpa") if record.id == name)
        yield lattice, standardise(record.crystal)
    for lattice, strain in STRAINS.items():
        yield lattice, standardise(make_crystal(FACE_CENTRED @ strain, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5]))


def lattice_of(crystal: Crystal) -> str:
    """Return the Pearson symbol of the Bravais lattice."""
    ends = {2: "a", 15: "m", 74: "o", 142: "t", 194: "h", 230: "c"}
    system = next(letter for last, letter in ends.items() if space_group(crystal) <= last)
    centring = space_group_symbol(crystal)[0]
    return system + ("S" if centring in "ABC" else centring)


def compare(crystal: Crystal) -> tuple[str, int, int, float]:
    """Return grid and shift, k-points with and without symmetry, and the largest relative difference of the tensors."""
    n_electrons = count_electrons(crystal)
    n_bands = response_bands(CHEAP, crystal.volume, n_electrons)
    sampling = response_sampling(crystal, CHEAP)
    ground_state = converge_ground_state(crystal, CHEAP, n_electrons // 2, None)
    kpoints = sampling.kpoints()
    runs = [solve_bands(ground_state, kpoints, n_bands, None, **more) for more in ({}, {"symmetry": "off"})]
    n_whole = whole_multiplets(band_energies(runs[1]), n_bands, n_electrons // 2)
    tensors = [respond(bands, crystal, CHEAP, n_whole) for bands in runs]
    counts = [len(bands.get_ibz_k_points()) for bands in runs]
    difference = max(
        float(np.abs(tensors[0][level] - reference).max() / np.abs(reference).max())
        for level, reference in tensors[1].items()
    )
    shift = ", ".join("1/2" if step else "0" for step in sampling.shift)
    return f"{'x'.join(map(str, sampling.grid))} ({shift})", counts[0], counts[1], difference


def whole_multiplets(energies: np.ndarray, n_bands: int, n_occupied: int) -> int:
    """Return the largest number of bands that cuts no multiplet, a part of which would depend on its states."""
    steps = np.diff(energies, axis=1).min(axis=0)  # of each band to the next, the least over k-points
    allowed = [count for count in range(n_occupied + 1, n_bands + 1) if steps[count - 1] > SEPARATION]
    return max(allowed, default=n_bands)


def main() -> None:
    """Print a line for each lattice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lattices", nargs="*")
    options = parser.parse_args()
    print("| lattice | crystal | grid (shift) | points with, without symmetry | largest difference |")
    print("|---|---|---|---|---:|")
    for lattice, crystal in crystals():
        if options.lattices and lattice not in options.lattices:
            continue
        if lattice_of(crystal) != lattice:
            raise SystemExit(f"{lattice}: the crystal is {lattice_of(crystal)}")
        grid, few, all_points, difference = compare(crystal)
        name = f"{crystal.formula} ({space_group_symbol(crystal)})"
        print(f"| {lattice} | {name} | {grid} | {few}, {all_points} | {difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()
