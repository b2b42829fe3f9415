"""Mend the gaps of records whose computation looked for band edges on the k-points of the response alone.

Half-shifted grids miss the edges at Gamma and on the faces of the zone. ``ladder-2`` looks on the grid of the ground
state too; records taken over from ``ladder-1`` did not. Those whose cutoffs have changed since are computed again as a
whole. The first command computes the gaps of the others as ``ladder-2`` does, without most empty bands of a response,
and goes on where it stopped; the second writes them into the parts::

    python datasets/ladder-2/gaps.py compute gaps.jsonl
    python datasets/ladder-2/gaps.py apply gaps.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from parts import rewrite
from pool import same_cutoff

from dielectra.abinitio.gpaw import accept
from dielectra.abinitio.gpaw_steps import converge_ground_state, read_gaps, solve_bands
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import LADDER_1, LADDER_2
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record

HERE = Path(__file__).parent
NOTE = "computed by ladder-1, whose run is that of ladder-2"


def compute(path: Path) -> None:
    """Append the gaps of the records that lack them, one JSON object a line."""
    done = set(_read(path)) if path.exists() else set()
    with path.open("a", encoding="utf-8") as file:
        affected = [record for record in open_dataset(HERE).records("rpa") if _is_affected(record)]
        for record in sorted(affected, key=lambda record: "test" not in record.split):  # those that judge come first
            if record.id not in done:
                direct, indirect = gaps_of(record.crystal)
                line = {"id": record.id, "gap_direct": direct, "gap_indirect": indirect}
                file.write(json.dumps(line) + "\n")
                file.flush()


def gaps_of(crystal: Crystal) -> tuple[float, float]:
    """Return the direct and the fundamental gap over the k-points of ground state and response."""
    standard, n_electrons = accept(crystal)
    n_occupied = n_electrons // 2
    ground_state = converge_ground_state(standard, LADDER_2, n_occupied, None)
    kpoints = response_sampling(standard, LADDER_2).kpoints()
    n_bands = 1 + n_occupied + n_occupied // 2  # with one empty band the solver missed an occupied one of In2BrI
    return read_gaps([ground_state, solve_bands(ground_state, kpoints, n_bands, None)], n_occupied)


def apply(path: Path) -> None:
    """Write the gaps into the parts and say so in the records."""
    gaps = _read(path)
    for part in sorted(HERE.glob("part-*.parquet")):
        print(part.name, rewrite(part, lambda record: _mended(record, gaps)))  # noqa: T201


def _mended(record: Record, gaps: dict[str, dict[str, float]]) -> Record:
    if record.id not in gaps or not _is_affected(record):
        return record
    spectrum = replace(record.spectrum, provenance=dict(record.spectrum.provenance) | {"taken_over": NOTE})
    found = {kind: gaps[record.id][kind] for kind in ("gap_direct", "gap_indirect")}
    return replace(record, spectrum=spectrum, properties=record.properties | found)


def _is_affected(record: Record) -> bool:
    taken_over = "gaps on the response's k-points" in str(record.spectrum.provenance.get("taken_over"))
    return taken_over and same_cutoff(record.crystal, LADDER_1)


def _read(path: Path) -> dict[str, dict[str, float]]:
    lines: Iterator[dict[str, float]] = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {str(line["id"]): line for line in lines}


if __name__ == "__main__":
    {"compute": compute, "apply": apply}[sys.argv[1]](Path(sys.argv[2]))
