"""Write crystals.jsonl.gz here: python datasets/scalars/build.py ALEXANDRIA NACCARATO; README.md states the rules."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.scalars import FILE
from dielectra.data.splits import sorted_formula, split_of_new
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.optics.measured import measured_formulas
from dielectra.structures import read_structure
from dielectra.symmetry import standard_form

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ladder-2"))

from pool import ALEXANDRIA, NACCARATO, read_lines  # noqa: E402

MOST_ATOMS = 24
LARGEST_MOMENT = 0.05  # Bohr magnetons: as of the ladders


def alexandria(lines: list[dict[str, Any]], held: set[str]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield split, structure and what is known of each non-magnetic crystal; the paper decides what is held out."""
    for line in lines:
        if abs(line["total_mag"] or 0.0) <= LARGEST_MOMENT:
            formula = sorted_formula(line["formula"])
            split = "test" if formula in held else line["split"] or split_of_new(formula)
            gaps = {"gap_direct": line["band_gap_dir"], "gap_indirect": line["band_gap_ind"]}
            yield split, line, {"id": line["mat_id"], "source": ALEXANDRIA[0], "licence": ALEXANDRIA[1]} | gaps


def naccarato(lines: list[dict[str, Any]], held: set[str]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the same of each crystal with a DFPT refractive index."""
    for line in lines:
        formula = sorted_formula(line["formula"])
        split = "test" if formula in held else split_of_new(formula)
        known = {
            "gap_direct": line["gga_direct_gap_eV"],
            "gap_indirect": line["gga_gap_eV"],
            "eps_infinity": round(float(np.square(line["n_principal"]).mean()), 4),
        }
        yield split, line, {"id": line["id"], "source": NACCARATO[0], "licence": NACCARATO[1]} | known


def main(first: str, second: str) -> None:
    """Write the crystals of the training split and print what was left out."""
    paper, static = read_lines(first), read_lines(second)
    held = {sorted_formula(line["formula"]) for line in paper if line["split"] in ("validation", "test")}
    measured = {sorted_formula(formula) for formula in measured_formulas()}
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for split, line, known in (*alexandria(paper, held), *naccarato(static, held)):
        is_measured = sorted_formula(line["formula"]) in measured
        if split != "train" or split_of_new(line["formula"], is_measured) == "experiment-test":
            counts["held out"] += 1
            continue
        try:
            crystal = standard_form(read_structure(line)).crystal
        except InputError as error:
            counts[str(error).split(":")[-1]] += 1
            continue
        if crystal.n_atoms > MOST_ATOMS:
            counts[f"more than {MOST_ATOMS} atoms"] += 1
            continue
        counts[known["source"]] += 1
        structure = {
            "lattice": crystal.cell.round(6).tolist(),
            "species": crystal.numbers.tolist(),
            "frac_coords": crystal.frac_coords.round(7).tolist(),
        }
        lines.append(json.dumps(known | structure) + "\n")
    write_whole(HERE / FILE, gzip.compress("".join(lines).encode(), mtime=0))
    for reason, count in counts.most_common():
        print(count, reason)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
