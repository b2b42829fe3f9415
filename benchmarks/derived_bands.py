"""How often intervals of derived numbers hold the number that follows from the computed spectrum.

    python benchmarks/derived_bands.py [--model ladder-ensemble] [--data ladder-2] [--level rpa] [--split test]

The number of the known spectrum counts, without its Lorentzian tail below the known gap, as predictions are. Beside the
intervals that are told stands the plain range of the ensemble's members.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.optics.bands import Band, band
from dielectra.optics.colour import bulk_colour, film_colour, transmission_colour
from dielectra.optics.figures_of_merit import penn_gap, plasmon, visible_index
from dielectra.optics.onset import transparent_below
from dielectra.optics.solar import solar_efficiency
from dielectra.optics.stack import Layer, stack_optics
from dielectra.prediction import Prediction, loaded_model, predict_each
from dielectra.spectrum import Spectrum

GRID = np.linspace(1.2, 4.0, 29)
FILM_NM = 300.0
Number = Callable[[Spectrum], ArrayLike]


def reflectance(spectrum: Spectrum) -> FloatArray:
    """Return what a film of 300 nm reflects."""
    return stack_optics([Layer(spectrum, FILM_NM)], GRID).reflectance[0]


NUMBERS: dict[str, tuple[Number, bool]] = {
    "n over the visible": (visible_index, False),
    "plasmon energy": (lambda one: plasmon(one).energy, False),
    "Penn gap": (penn_gap, False),
    "reflectance of a film": (reflectance, False),
    "Lab of the polished crystal": (lambda one: bulk_colour(one).lab, False),
    "Lab of a film": (lambda one: film_colour(one, 500.0, edge_shift=0.0).lab, True),
    "Lab after 1 um inside": (lambda one: transmission_colour(one, edge_shift=0.0).lab, True),
    "SLME": (lambda one: solar_efficiency(one).slme, True),
    "short-circuit current": (lambda one: solar_efficiency(one).short_circuit_current, True),
}
"""What is derived, and whether it follows the gap."""


def share(known: FloatArray, found: Band | None) -> float:
    """Return which share of known numbers an interval holds."""
    assert found is not None
    return float(np.mean((found.lower <= known + 1e-9) & (known - 1e-9 <= found.upper)))


def main() -> None:
    """Print a line per number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ladder-ensemble")
    parser.add_argument("--data", default="ladder-2")
    parser.add_argument("--level", default="rpa")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    records = [record for record in open_dataset(options.data).records(options.level) if record.split == options.split]
    model = loaded_model(options.level, options.model)
    held: dict[str, list[tuple[float, float]]] = {name: [] for name in NUMBERS}
    inside = []
    for record, found in zip(records, predict_each((one.crystal for one in records), model), strict=True):
        direct, gap = (record.properties.get(key) for key in ("gap_direct", "gap_indirect"))
        if not isinstance(found, Prediction) or "gap_ev" not in found.intervals or not direct or not gap:
            continue
        ends = found.intervals["gap_ev"]
        inside.append(ends.lower <= gap <= ends.upper)
        sharp = transparent_below(record.spectrum.resample(found.spectrum.energies), direct)
        gaps = {"gap_ev": gap, "gap_direct_ev": direct}
        known = Spectrum(sharp.energies, sharp.tensor, sharp.level, sharp.broadening, gaps)
        for name, (number, by_gap) in NUMBERS.items():
            try:
                truth = np.asarray(number(known), float)
                told = band(found.spectrum, number, found.calibration, by_gap=by_gap)
                held[name].append((share(truth, told), share(truth, band(found.spectrum, number))))
            except InputError:  # a plasmon beyond the grid
                continue
    print(f"{options.split}: {len(inside)} materials; interval of the gap holds {np.mean(inside):.2f}")
    for name, shares in held.items():
        interval, members = np.mean(shares, axis=0)
        print(f"{name:<28} interval {interval:.2f}, range of the members {members:.2f}")


if __name__ == "__main__":
    main()
