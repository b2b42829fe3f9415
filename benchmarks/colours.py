"""Predicted against known colours of 20 crystals: daylight after 1 micrometre inside, and polished surfaces.

    python benchmarks/colours.py [--level rpa] [--model NAME] [--edge-shift 0] [--plot colours.png]

Structures have measured lattice constants. What is known of a colour is that of pure crystals, seen through: of those
that let no light through a micrometre, the polished surface. A prediction is right where its name is among those that
an observer would accept for the known colour.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from dielectra.optics import Colour, bulk_colour, colour_name, transmission_colour
from dielectra.plots import plot_colours, save_figure
from dielectra.prediction import Prediction, loaded_model, predict_each
from dielectra.structures import read_structure

COLOURLESS = ("colourless",)
YELLOW = ("pale yellow", "yellow", "orange")
RED = ("orange", "red", "dark orange", "dark red")
GREY = ("grey",)
LEAST_HUE = 8.0
"""Chroma below which a polished surface counts as grey."""


class Known(NamedTuple):
    """A crystal, its colour in words, and the names that are right; ``surface`` where its surface is looked at."""

    name: str
    atoms: Atoms
    colour: str
    right: tuple[str, ...]
    surface: bool = False


def rutile(metal: str, anion: str, a: float, c: float, u: float) -> Atoms:
    """Return a crystal of the rutile structure, lengths in angstrom."""
    return crystal([metal, anion], [(0, 0, 0), (u, u, 0)], spacegroup=136, cellpar=[a, a, c, 90, 90, 90])


def perovskite(a_site: str, b_site: str, a: float) -> Atoms:
    """Return a cubic perovskite oxide."""
    places = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)]
    return crystal([a_site, b_site, "O"], places, spacegroup=221, cellpar=[a, a, a, 90, 90, 90])


def corundum(metal: str, a: float, c: float, z: float, x: float) -> Atoms:
    """Return an oxide of the corundum structure."""
    cell = [a, a, c, 90, 90, 120]
    return crystal([metal, "O"], [(0, 0, z), (x, 0, 0.25)], spacegroup=167, cellpar=cell)


def lead_iodide() -> Atoms:
    """Return PbI2, 2H polytype."""
    cell = [4.557, 4.557, 6.979, 90, 90, 120]
    return crystal(["Pb", "I"], [(0, 0, 0), (1 / 3, 2 / 3, 0.2675)], spacegroup=164, cellpar=cell)


def cuprite() -> Atoms:
    """Return Cu2O."""
    cell = [4.2696] * 3 + [90] * 3
    return crystal(["Cu", "O"], [(0.25, 0.25, 0.25), (0, 0, 0)], spacegroup=224, cellpar=cell, setting=2)


MATERIALS = (
    Known("MgO", bulk("MgO", "rocksalt", 4.212), "colourless", COLOURLESS),
    Known("MgF2", rutile("Mg", "F", 4.621, 3.052, 0.303), "colourless", COLOURLESS),
    Known("NaCl", bulk("NaCl", "rocksalt", 5.640), "colourless", COLOURLESS),
    Known("CaF2", bulk("CaF2", "fluorite", 5.463), "colourless", COLOURLESS),
    Known("C (diamond)", bulk("C", "diamond", 3.567), "colourless", COLOURLESS),
    Known("Al2O3", corundum("Al", 4.759, 12.993, 0.3522, 0.3063), "colourless", COLOURLESS),
    Known("AlN", bulk("AlN", "wurtzite", 3.112, c=4.982), "colourless", COLOURLESS),
    Known("GaN", bulk("GaN", "wurtzite", 3.189, c=5.185), "colourless", COLOURLESS),
    Known("ZnO", bulk("ZnO", "wurtzite", 3.250, c=5.207), "colourless", COLOURLESS),
    Known("ZnS", bulk("ZnS", "zincblende", 5.409), "colourless", COLOURLESS),
    Known("SnO2", rutile("Sn", "O", 4.737, 3.186, 0.307), "colourless", COLOURLESS),
    Known("TiO2 (rutile)", rutile("Ti", "O", 4.594, 2.959, 0.305), "colourless", COLOURLESS),
    Known("SrTiO3", perovskite("Sr", "Ti", 3.905), "colourless", COLOURLESS),
    Known("CdS", bulk("CdS", "wurtzite", 4.136, c=6.714), "yellow to orange", YELLOW),
    Known("PbI2", lead_iodide(), "yellow", YELLOW),
    Known("ZnTe", bulk("ZnTe", "zincblende", 6.101), "orange to red", RED),
    Known("Cu2O", cuprite(), "red", RED),
    Known("Si", bulk("Si", "diamond", 5.431), "grey, polished", GREY, surface=True),
    Known("GaAs", bulk("GaAs", "zincblende", 5.653), "grey, polished", GREY, surface=True),
    Known("Ge", bulk("Ge", "diamond", 5.658), "grey, polished", GREY, surface=True),
)


def seen(known: Known, prediction: Prediction, edge_shift: float | None) -> tuple[Colour, str]:
    """Return the colour of a crystal as its known one is looked at, and its name."""
    if not known.surface:
        colour = transmission_colour(prediction.spectrum, edge_shift=edge_shift)
        return colour, colour_name(colour)
    colour = bulk_colour(prediction.spectrum)
    return colour, "grey" if np.hypot(*colour.lab[1:]) < LEAST_HUE else colour_name(colour)


def main() -> None:
    """Print a row per crystal in Markdown, then how many are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", default="rpa")
    parser.add_argument("--model")
    parser.add_argument("--edge-shift", type=float)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    model = loaded_model(options.level, options.model)
    outcomes = list(predict_each((read_structure(known.atoms) for known in MATERIALS), model))
    print(f"level {options.level}, model {model.card.name}\n")
    print("| crystal | known | predicted | colour | chroma | predicted gap (eV) | |\n|---|---|---|---|---|---|---|")
    swatches, wrong = [], []
    for known, outcome in zip(MATERIALS, outcomes, strict=True):
        if not isinstance(outcome, Prediction):
            print(f"| {known.name} | {known.colour} | - | - | - | - | refused |")
            wrong.append(known.name)
            continue
        colour, name = seen(known, outcome, options.edge_shift)
        verdict = "right" if name in known.right else "**wrong**"
        wrong += [] if name in known.right else [known.name]
        gap = "-" if outcome.gap is None else f"{outcome.gap:.2f}"
        chroma = float(np.hypot(*colour.lab[1:]))
        print(f"| {known.name} | {known.colour} | {name} | `{colour.hex}` | {chroma:.1f} | {gap} | {verdict} |")
        swatches.append((known.name, colour))
    print(f"\n{len(MATERIALS) - len(wrong)} of {len(MATERIALS)} right; wrong: {', '.join(wrong) or 'none'}")
    if options.plot is not None:
        save_figure(plot_colours(swatches), options.plot)


if __name__ == "__main__":
    main()
