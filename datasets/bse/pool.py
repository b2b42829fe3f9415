"""Make the pool of this data set: python datasets/bse/pool.py > pool.jsonl.

Textbook crystals at measured lattice constants, with the ids of the other data sets. Those of cells of two or three
atoms and no d shell in the valence come first: they take about a CPU minute each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dielectra.structures import read_structure

sys.path.insert(0, str(Path(__file__).parents[1] / "ladder-2"))

from pool import TEXTBOOK, entry_of
from textbook import textbook_crystals

CHEAP = (
    "Si-diamond AlAs-zincblende LiF-rocksalt MgO-rocksalt SrF2-fluorite LiH-rocksalt C-diamond AlP-zincblende "
    "BP-zincblende BN-zincblende SiC-zincblende NaCl-rocksalt NaF-rocksalt LiCl-rocksalt AlSb-zincblende MgS-rocksalt "
    "BeS-zincblende KCl-rocksalt KF-rocksalt CaO-rocksalt GaP-zincblende InP-zincblende GaAs-zincblende Li2O-fluorite "
    "NaBr-rocksalt KBr-rocksalt CsCl-cesiumchloride BeTe-zincblende NaH-rocksalt Na2O-fluorite CaS-rocksalt "
    "LiBr-rocksalt SrO-rocksalt Mg2Si-fluorite CaF2-fluorite CsI-cesiumchloride BAs-zincblende BaF2-fluorite "
    "RbCl-rocksalt Na2S-fluorite"
)
DEAR = (
    "ZnS-zincblende ZnTe-zincblende CdTe-zincblende GaN-zincblende ZnSe-zincblende Ge-diamond BN-hexagonal "
    "AlN-wurtzite CdS-wurtzite GaSb-zincblende CdSe-zincblende SrCl2-fluorite TlCl-cesiumchloride ZnO-zincblende"
)


def main() -> None:
    """Print the pool in its order."""
    crystals = dict(textbook_crystals())
    for position, name in enumerate([*CHEAP.split(), *DEAR.split()]):
        entry = entry_of(f"tb-{name}", read_structure(crystals[f"tb-{name}"]), TEXTBOOK)
        sys.stdout.write(json.dumps(entry | {"priority": -position}) + "\n")


if __name__ == "__main__":
    main()
