"""Find metals and add them to this data set: python datasets/ladder-2/metals.py VERDICTS.jsonl ALEXANDRIA.gz [--write].

Crystals of `metallic.py`, known metals and alloys of metals. The verdict is one of bands without spin. With an odd
number of electrons in the primitive cell a band is half filled, and nothing is computed (protocol ``odd-electrons``).
All others are computed on a coarse grid by `dielectra.abinitio.metallic` (protocol ``metal-1``), small cells first. The
file of verdicts gets one line a crystal, with the reason where it is not clearly a metal; a stopped run goes on.
``--write`` computes nothing and writes the metals that this data set does not hold as a further part
``verdicts-NNNN.parquet``: structure and verdict, no spectrum.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from assemble import Splits
from metallic import alloys, measured_metals
from pool import entry_of, read_lines

from dielectra.abinitio.computation import ENERGIES, RefusedError
from dielectra.abinitio.gpaw import count_electrons, version
from dielectra.abinitio.metallic import METAL_1, find_metal
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal
from dielectra.data.store import write_part
from dielectra.structures import read_structure
from dielectra.symmetry import space_group, standardise

HERE = Path(__file__).parent
MEASURED = ("measured lattice constants, datasets/ladder-2/metallic.py", "CC-BY-4.0")
ALLOYS = ("prototypes with the elements' volumes, datasets/ladder-2/metallic.py", "CC-BY-4.0")
ODD = "odd-electrons"
MOST_ATOMS = 8
ORDER_SEED = 1


def candidates() -> list[dict[str, Any]]:
    """Return the primitive cells to be tried: odd counts first, then the small ones, else in random order."""
    entries = [entry_of(name, standardise(read_structure(atoms)), MEASURED) for name, atoms in measured_metals()]
    entries += [entry_of(name, standardise(read_structure(atoms)), ALLOYS) for name, atoms in alloys()]
    random.Random(ORDER_SEED).shuffle(entries)
    return sorted(entries, key=lambda entry: (not has_odd_electrons(entry), len(entry["species"])))


def has_odd_electrons(entry: dict[str, Any]) -> bool:
    """Return whether a cell has an odd number of electrons; false where an element has no PAW data set."""
    try:
        return bool(count_electrons(read_structure(entry)) % 2)
    except RefusedError:
        return False


def verdict_on(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the file of verdicts: the pool's line, the verdict or the reason why there is none."""
    if has_odd_electrons(entry):
        return entry | {"protocol": ODD}
    try:
        found = find_metal(read_structure(entry))
    except RefusedError as reason:
        return {"id": entry["id"], "refused": str(reason)}
    return entry | {
        "protocol": METAL_1.name,
        "gap": found.gap,
        "kgrid": found.kgrid,
        "cpu_s": round(found.cpu_seconds, 1),
    }


def compute(path: Path) -> None:
    """Find the verdicts that a file does not hold yet, and add a line for each."""
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    whole = [line for line in lines if line.endswith("\n")]
    path.write_text("".join(whole))
    done = {json.loads(line)["id"] for line in whole}
    with path.open("a") as file:
        for entry in candidates():
            if entry["id"] not in done and len(entry["species"]) <= MOST_ATOMS:
                file.write(json.dumps(verdict_on(entry)) + "\n")
                file.flush()


def metals(path: Path, splits: Splits) -> list[Metal]:
    """Return the metals of a file of verdicts that this data set does not hold."""
    present = {metal.id for metal in open_dataset(HERE).metals()}
    found = []
    for line in read_lines(str(path)):
        if "refused" in line or line["id"] in present:
            continue
        crystal = read_structure(line)
        properties = {
            "gap_indirect": line.get("gap"),
            "spacegroup": space_group(crystal),
            "kgrid": line.get("kgrid"),
            "cpu_s": line.get("cpu_s", 0.0),
            "protocol": line["protocol"],
            "source": line["source"],
            "licence": line["licence"],
        }
        found.append(Metal(line["id"], crystal.formula, splits.of(crystal.formula), crystal, "rpa", properties))
    return found


def main() -> None:
    """Compute, or write a part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verdicts", type=Path)
    parser.add_argument("alexandria")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if not options.write:
        compute(options.verdicts)
        return
    found = metals(options.verdicts, Splits(options.alexandria))
    header = {"broadening_eV": f"{METAL_1.broadening:g}", "engine": version()}
    part = HERE / f"verdicts-{len(list(HERE.glob('verdicts-*.parquet'))):04d}.parquet"
    write_part(found, part, header, ENERGIES)
    print(part.name, len(found))  # noqa: T201


if __name__ == "__main__":
    main()
