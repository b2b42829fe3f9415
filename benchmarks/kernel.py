"""Choose the kernel of level lrc on half of the measured crystals and judge it on the other half.

python benchmarks/kernel.py [LRC] [PBE...] [--bse BSE]: data sets or folders of records by gpaw-lrc (default: lrc), by
PBE (default: ladder-2 and ladder) and, for comparison, by gpaw-bse (default: bse). Prints the RMSE of n and k for each
crystal and the medians. Windows are the measured ones up to 6 eV; all components of the diagonal count alike.

Halves: the crystals of `datasets/experiment` whose formula's SHA-256 digest is odd choose, unless they are
``experiment-test``; all others judge. What is chosen is the rule with the least median of RMSE(n) + RMSE(k).
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.splits import sorted_formula
from dielectra.optics.kernel import RULES, bootstrap, botti, with_long_range_kernel

HIGHEST = 6.0  # eV
FACTORS = (0.25, 0.375, 0.625, 0.75, 1.0)
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25)
"""Of ``alpha (eps0 - 1) / 4 pi``: the kernel then raises eps0 - 1 of every crystal by one factor, 1 / (1 - share)."""


class Errors(NamedTuple):
    """RMSE of n and k."""

    n: float
    k: float

    @property
    def both(self) -> float:
        """Return the sum."""
        return self.n + self.k


def rules() -> dict[str, Callable[[float], float]]:
    """Return the rules that are tried: those of the package, multiples of their formulas, constant shares."""
    found: dict[str, Callable[[float], float]] = dict(RULES)
    for factor in FACTORS:
        found[f"botti x {factor:g}"] = lambda eps0, factor=factor: factor * botti(eps0)
        found[f"bootstrap x {factor:g}"] = lambda eps0, factor=factor: factor * bootstrap(eps0)
    for share in SHARES:
        found[f"share {share:g}"] = lambda eps0, share=share: 4 * np.pi * share / (eps0 - 1)
    return found


def chooses(record: Record) -> bool:
    """Return whether a measured crystal belongs to the half that chooses."""
    digest = hashlib.sha256(sorted_formula(record.formula).encode()).digest()
    return record.split != "experiment-test" and digest[-1] % 2 == 1


def errors(tensor: np.ndarray, energies: np.ndarray, measured: Record) -> Errors:
    """Return the errors of a tensor, shape ``(3, 3, n_energies)``, over the measured window."""
    inside = measured.spectrum.energies <= HIGHEST
    grid = measured.spectrum.energies[inside]
    diagonal = np.array([np.interp(grid, energies, tensor[axis, axis]) for axis in range(3)])
    difference = np.sqrt(diagonal) - np.sqrt(np.einsum("iiw->iw", measured.spectrum.tensor)[:, inside])
    return Errors(float(np.sqrt(np.mean(difference.real**2))), float(np.sqrt(np.mean(difference.imag**2))))


def spectra(source: str, level: str) -> dict[str, Record]:
    """Return the records of a level that belong to textbook crystals, by the name of the crystal."""
    return {record.id.removeprefix("tb-"): record for record in open_dataset(source).records(level)}


def of_same_crystals(sources: list[str], crystals: dict[str, Record]) -> dict[tuple[str, int], Record]:
    """Return the PBE-RPA records of crystals by formula and space group, whatever their ids; the first source wins."""
    wanted = {(record.formula, record.properties["spacegroup"]) for record in crystals.values()}
    found: dict[tuple[str, int], Record] = {}
    for source in sources:
        for record in open_dataset(source).records("rpa"):
            key = (record.formula, record.properties["spacegroup"])
            if key in wanted:
                found.setdefault(key, record)
    return found


def main() -> None:
    """Print the table and the choice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lrc", nargs="?", default="lrc")
    parser.add_argument("pbe", nargs="*", default=["ladder-2", "ladder"])
    parser.add_argument("--bse", default="bse")
    options = parser.parse_args()
    bse = spectra(options.bse, "bse")
    quasiparticle = spectra(options.lrc, "rpa")
    measured_records = list(open_dataset("experiment").records("experiment"))
    names = {measured.id.removeprefix("exp-") for measured in measured_records}
    pbe = of_same_crystals(options.pbe, {name: quasiparticle[name] for name in names & set(quasiparticle)})
    table: dict[str, dict[str, Errors]] = {}
    choosing: set[str] = set()
    for measured in measured_records:
        name = measured.id.removeprefix("exp-")
        if name not in quasiparticle:
            continue
        record = quasiparticle[name]
        energies, tensor = record.spectrum.energies, record.spectrum.tensor
        eps0 = float(record.spectrum.mean[0].real)
        row = {"GLLB-SC RPA": errors(tensor, energies, measured)}
        if (plain := pbe.get((record.formula, record.properties["spacegroup"]))) is not None:
            row = {"PBE-RPA": errors(plain.spectrum.tensor, plain.spectrum.energies, measured)} | row
        if (solved := bse.get(name)) is not None:
            row["BSE"] = errors(solved.spectrum.tensor, solved.spectrum.energies, measured)
        for rule, strength in rules().items():
            row[rule] = errors(with_long_range_kernel(tensor, strength(eps0)), energies, measured)
        table[name] = row
        if chooses(measured):
            choosing.add(name)
    judging = set(table) - choosing
    best = min(rules(), key=lambda rule: median(table, choosing, rule).both)
    print_table(table, choosing, ["PBE-RPA", "GLLB-SC RPA", *RULES, "BSE"])
    print(f"\nchosen on {len(choosing)} crystals: {best}\n")
    print("| method | choosing half: n, k | judging half: n, k |\n|---|---|---|")
    for method in ("PBE-RPA", "GLLB-SC RPA", *rules()):
        values = [median(table, half, method) for half in (choosing, judging)]
        print(f"| {method} | " + " | ".join(f"{value.n:.3f}, {value.k:.3f}" for value in values) + " |")


def median(table: dict[str, dict[str, Errors]], names: set[str], method: str) -> Errors:
    """Return the medians of n and k over crystals."""
    found = [table[name][method] for name in names if method in table[name]]
    return (
        Errors(*(float(np.median(values)) for values in zip(*found, strict=True))) if found else Errors(np.nan, np.nan)
    )


def print_table(table: dict[str, dict[str, Errors]], choosing: set[str], methods: list[str]) -> None:
    """Print RMSE of n, k per crystal."""
    print("| crystal | half | " + " | ".join(methods) + " |\n|---|---" + "|---" * len(methods) + "|")
    for name, row in sorted(table.items(), key=lambda item: (item[0] not in choosing, item[0])):
        cells = [f"{row[method].n:.3f}, {row[method].k:.3f}" if method in row else "-" for method in methods]
        print(f"| {name} | {'chooses' if name in choosing else 'judges'} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
