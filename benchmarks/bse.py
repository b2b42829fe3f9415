"""How far protocol bse-1 is from convergence, for three crystals: python benchmarks/bse.py FOLDER [--print].

One setting is refined at a time: the window of the pairs, bands and plane waves of the screening, k-points. Printed
are the static dielectric constant, energy and height of the highest peak of Im eps, and the SC of ``bse-1`` with the
refined spectrum as the reference. Spectra stay in FOLDER, so that a stopped run goes on. The 6 x 6 x 6 k-points take
about ten times the minute of ``bse-1``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES
from dielectra.abinitio.gpaw_bse import compute
from dielectra.abinitio.protocol import BSE_1
from dielectra.files import write_whole
from dielectra.spectrum import similarity
from dielectra.structures import read_structure

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets" / "ladder-2"))
from textbook import textbook_crystals

CRYSTALS = ("LiF-rocksalt", "MgO-rocksalt", "Si-diamond")
VARIATIONS: dict[str, dict[str, Any]] = {
    "bse-1": {},
    "pairs within 9 eV": {"pair_window": 9.0},
    "screening to 80 eV, bands to 36 eV": {"response_cutoff": 80.0, "band_energy": 36.0},
    "6 x 6 x 6 k-points": {"response_kpoints": 432},
}


def spectrum(name: str, settings: dict[str, Any], path: Path) -> np.ndarray:
    """Return the isotropic dielectric function of a crystal with some settings changed; compute what is missing."""
    if not path.is_file():
        atoms = dict(textbook_crystals())[f"tb-{name}"]
        protocol = BSE_1.model_copy(update=settings | {"largest_matrix": 10_000})
        found = compute(read_structure(atoms), protocol)
        mean = np.trace(found.tensors["bse"]) / 3
        write_whole(path, "\n".join(f"{e:.2f} {v.real:.6f} {v.imag:.6f}" for e, v in zip(ENERGIES, mean, strict=True)))
        print(path.name, file=sys.stderr, flush=True)
    _, real, imaginary = np.loadtxt(path).T
    return np.asarray(real + 1j * imaginary)


def main() -> None:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--print", action="store_true", help="print what is there, compute nothing")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print("| crystal | settings | static eps | peak (eV) | its height | SC of bse-1 |\n|---|---|---:|---:|---:|---:|")
    for number, (variation, settings) in enumerate(VARIATIONS.items()):
        for name in CRYSTALS:
            paths = [options.folder / f"{name}-{which}.txt" for which in (0, number)]
            if options.print and not all(path.is_file() for path in paths):
                continue
            first, mean = spectrum(name, {}, paths[0]), spectrum(name, settings, paths[1])
            score = similarity(first.imag, mean.imag, ENERGIES)
            peak = int(np.argmax(mean.imag))
            numbers = f"{mean[0].real:.3f} | {ENERGIES[peak]:.2f} | {mean.imag[peak]:.2f} | {score:.3f}"
            print(f"| {name} | {variation} | {numbers} |")


if __name__ == "__main__":
    main()
