"""Compare static RPA tensors with DFPT: python benchmarks/static_index.py SET FILE --plot PNG.

SET is a data set or a folder of a campaign's records. FILE holds the JSON lines of Naccarato et al., Phys. Rev. Mater.
3, 044602 (2019), with the index of DFPT (PBE) for structures of the Materials Project. Neither has excitons. RPA leaves
out the exchange-correlation kernel that DFPT has, so that it lies some per cent lower.
"""

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.plots import plot_static_parity, save_figure

OUTLIER = 3.0
"""Robust standard deviations (1.4826 median absolute deviations) from the median beyond which a crystal is listed."""


class Pair(NamedTuple):
    """Static dielectric constant of one crystal by two ways; principal values are sorted.

    Attributes
    ----------
    rpa, dfpt
        Principal values, shape ``(3,)``.
    gaps
        Fundamental PBE gap in eV of the record and of the file.
    """

    id: str
    formula: str
    rpa: np.ndarray
    dfpt: np.ndarray
    gaps: tuple[float, float]
    spacegroup: int
    kgrid: tuple[int, ...]

    @property
    def deviation(self) -> float:
        """Return the relative difference of the means over directions."""
        return float(self.rpa.mean() / self.dfpt.mean() - 1)

    @property
    def anisotropy(self) -> tuple[float, float]:
        """Return the difference of the largest and the smallest principal value, by their mean, of RPA and DFPT."""
        ours, theirs = (float((values[-1] - values[0]) / values.mean()) for values in (self.rpa, self.dfpt))
        return ours, theirs


def pairs(records: Iterable[Record], entries: dict[str, dict[str, Any]]) -> Iterator[Pair]:
    """Yield the crystals that are in both."""
    for record in records:
        if record.id in entries:
            entry = entries[record.id]
            gaps = (record.properties["gap_indirect"], entry["gga_gap_eV"])
            rpa = np.linalg.eigvalsh(record.spectrum.tensor[:, :, 0].real)
            dfpt = np.sort(np.square(entry["n_principal"]))
            listed = record.properties
            yield Pair(record.id, record.formula, rpa, dfpt, gaps, listed["spacegroup"], tuple(listed["kgrid"] or ()))


def outliers(found: list[Pair]) -> list[Pair]:
    """Return the crystals that deviate from the median by more than ``OUTLIER``, the worst first."""
    deviations = np.array([pair.deviation for pair in found])
    away = np.abs(deviations - np.median(deviations))
    limit = OUTLIER * 1.4826 * np.median(away)
    return [found[i] for i in np.argsort(-away) if away[i] > limit]


def read_entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of the file by id."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return {entry["id"]: entry for entry in map(json.loads, file)}


def main() -> None:
    """Print the statistics and the outliers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("file", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    found = list(pairs(open_dataset(arguments.dataset).records("rpa"), read_entries(arguments.file)))
    if not found:
        parser.error(f"{arguments.dataset} holds no RPA record of {arguments.file}")
    deviations = np.array([pair.deviation for pair in found])
    spread = 1.4826 * np.median(np.abs(deviations - np.median(deviations)))
    print(
        f"{len(found)} crystals; RPA / DFPT - 1 of the static dielectric constant: median {np.median(deviations):+.3f},"
    )
    print(f"median of the absolute value {np.median(np.abs(deviations)):.3f}, robust standard deviation {spread:.3f}\n")
    print("| material | formula | group | k-grid | RPA | DFPT | deviation | gaps (eV) | anisotropies |")
    print("|---|---|---:|---|---:|---:|---:|---:|---:|")
    worst = outliers(found)
    for pair in worst:
        grid = "x".join(map(str, pair.kgrid))
        numbers = f"{pair.rpa.mean():.2f} | {pair.dfpt.mean():.2f} | {pair.deviation:+.3f}"
        gaps, anisotropy = ("{:.2f}, {:.2f}".format(*both) for both in (pair.gaps, pair.anisotropy))
        print(f"| {pair.id} | {pair.formula} | {pair.spacegroup} | {grid} | {numbers} | {gaps} | {anisotropy} |")
    if arguments.plot:
        means = [(pair.dfpt.mean(), pair.rpa.mean()) for pair in found]
        labels = {pair.formula: (pair.dfpt.mean(), pair.rpa.mean()) for pair in worst}
        save_figure(plot_static_parity(means, labels), arguments.plot)


if __name__ == "__main__":
    main()
