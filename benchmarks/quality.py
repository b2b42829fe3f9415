"""SC of a protocol to converged k-point grids: python benchmarks/quality.py FOLDER [--n-pool 20] [--print].

Twenty textbook crystals and random crystals of the ladder's pool. From the grid of the protocol on, what is sampled
grows by a factor of 2.5 until two grids in a row agree at SC 0.985 at both levels; the last is the reference. Results
stay in FOLDER, so that a stopped run goes on. Cutoffs are those of the protocol: docs/decisions/0021 has their test.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

import numpy as np

from dielectra.abinitio.gpaw import count_electrons
from dielectra.abinitio.gpaw_steps import converge_ground_state, respond, solve_bands
from dielectra.abinitio.kgrid import choose_sampling, response_sampling
from dielectra.abinitio.protocol import LADDER_2, response_bands
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.files import write_whole
from dielectra.spectrum import similarity
from dielectra.structures import read_structure
from dielectra.symmetry import standardise

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets" / "ladder-2"))
from textbook import textbook_crystals

ENERGIES = np.linspace(0, 20, 401)
AGREEMENT = 0.985
REFINEMENT = 2.5
MOST_REFINEMENTS = 5
TEXTBOOK = (
    *(
        "Si-diamond",
        "Ge-diamond",
        "C-diamond",
        "GaAs-zincblende",
        "AlAs-zincblende",
        "InP-zincblende",
        "ZnS-zincblende",
    ),
    *(
        "CdTe-zincblende",
        "GaN-wurtzite",
        "AlN-wurtzite",
        "ZnO-wurtzite",
        "MgO-rocksalt",
        "NaCl-rocksalt",
        "LiF-rocksalt",
    ),
    *("CaF2-fluorite", "TiO2-rutile", "TiO2-anatase", "SrTiO3-perovskite", "SnO2-rutile", "Al2O3-corundum"),
)


def crystals(n_pool: int) -> dict[str, Crystal]:
    """Return the crystals to be tried by name, the cheap ones first."""
    textbook = {name.removeprefix("tb-"): atoms for name, atoms in textbook_crystals()}
    chosen = {name: read_structure(textbook[name]) for name in TEXTBOOK}
    pool = sorted({record.id: record.crystal for record in open_dataset("datasets/ladder").records("rpa")}.items())
    chosen |= dict(random.Random(2).sample(pool, n_pool))
    return dict(sorted(((name, standardise(one)) for name, one in chosen.items()), key=lambda item: item[1].volume))


def converge(crystal: Crystal, path: Path) -> dict[str, object]:
    """Compute a crystal on finer and finer grids; return the protocol's SC to the finest."""
    n_electrons = count_electrons(crystal)
    n_bands = response_bands(LADDER_2, crystal.volume, n_electrons)
    ground_state = converge_ground_state(crystal, LADDER_2, n_electrons // 2, None)
    sampling = response_sampling(crystal, LADDER_2)
    found: list[dict[str, np.ndarray]] = []
    seconds: list[float] = []
    converged = False
    while not converged and len(found) <= MOST_REFINEMENTS:
        if found:
            sampling = choose_sampling(crystal, sampling, REFINEMENT * sampling.sampled * crystal.volume)
        started = time.process_time()
        bands = solve_bands(ground_state, sampling.kpoints(), n_bands, None)
        found.append(respond(bands, crystal, LADDER_2, n_bands))
        seconds.append(round(time.process_time() - started, 1))
        converged = len(found) > 1 and min(agreement(*found[-2:]).values()) >= AGREEMENT
    report = {
        "formula": crystal.formula,
        "n_atoms": crystal.n_atoms,
        "grid": response_sampling(crystal, LADDER_2).grid,
        "reference": sampling.grid,
        "seconds": seconds,
        "sc": agreement(found[0], found[-1]),
        "converged": converged,
    }
    write_whole(path, json.dumps(report))
    return report


def agreement(tensors: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> dict[str, float]:
    """Return SC of the isotropic average by level."""
    return {
        level: float(similarity(tensors[level].trace().imag / 3, reference[level].trace().imag / 3, ENERGIES))
        for level in tensors
    }


def main() -> None:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-pool", type=int, default=20)
    parser.add_argument("--print", action="store_true", help="print what is there, compute nothing")
    options = parser.parse_args()
    rows = {}
    for name, crystal in crystals(options.n_pool).items():
        path = options.folder / f"{name}.json"
        if path.is_file():
            rows[name] = json.loads(path.read_text())
        elif not options.print:
            rows[name] = converge(crystal, path)
            print(name, rows[name], file=sys.stderr, flush=True)
    print("| crystal | atoms | grid | reference | SC IPA | SC RPA |\n|---|---:|---|---|---:|---:|")
    for name, row in rows.items():
        grids = ["x".join(map(str, row[key])) for key in ("grid", "reference")]
        star = "" if row["converged"] else " (not yet at 0.985)"
        scores = f"{row['sc']['ipa']:.3f} | {row['sc']['rpa']:.3f}"
        print(f"| {name} ({row['formula']}) | {row['n_atoms']} | {grids[0]} | {grids[1]}{star} | {scores} |")
    for level in ("ipa", "rpa"):
        values = [row["sc"][level] for row in rows.values()]
        print(f"{level}: {len(values)} crystals, median {np.median(values):.3f}, least {min(values):.3f}")


if __name__ == "__main__":
    main()
