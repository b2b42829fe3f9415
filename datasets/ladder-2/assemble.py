"""Add finished materials to this data set: python datasets/ladder-2/assemble.py CAMPAIGN POOL.jsonl ALEXANDRIA.gz.

The first call takes over the records of ladder-1 whose run would be the same under ladder-2; each says so. Every call
appends what a campaign has finished since, metals included, as further parts. A record whose cutoff has changed since
it was computed says ``ladder-1`` or ``ladder-2-v1``, until a campaign has it again and takes its place. Each material
gets its source and licence from the pool and its split by formula: of the paper where its pool has the formula, else
by :func:`dielectra.data.splits.split_of_new`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from parts import rewrite
from pool import ALEXANDRIA, read_lines, same_cutoff, same_run

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.protocol import LADDER_1, LADDER_2, LADDER_2_V1
from dielectra.abinitio.task import campaign_settings, record_path, verdict_of
from dielectra.crystal import make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.splits import sorted_formula, split_of_new
from dielectra.data.store import next_part, write_part
from dielectra.jobs.table import JobTable
from dielectra.optics import measured
from dielectra.structures import read_structure
from dielectra.symmetry import space_group

HERE = Path(__file__).parent
LADDER_1_RECORDS = HERE.parent / "ladder"
MATERIALS_PER_PART = 150
F_SHELL = frozenset(range(58, 71))
"""Ce to Yb: PBE has open 4f shells at the Fermi energy, and YbS, a semiconductor, for a metal."""
NO_F_ELECTRONS = frozenset({58})
"""Ce, whose insulators have an empty 4f shell; the gaps that PBE gives the others are between states of 4f."""
LICENCE = {"licence": ALEXANDRIA[1], "source": ALEXANDRIA[0]}


class Splits:
    """The split of a formula."""

    def __init__(self, alexandria: str) -> None:
        pool = [entry for entry in read_lines(alexandria) if entry["split"]]
        self.published = {sorted_formula("".join(entry["species"])): entry["split"] for entry in pool}
        self.measured = {sorted_formula(formula) for formula in measured.measured_formulas()}

    def of(self, formula: str) -> str:
        """Return the split of a reduced formula."""
        name = sorted_formula(formula)
        new = split_of_new(name, name in self.measured)
        return new if new == "experiment-test" else self.published.get(name, new)


def taken_over(splits: Splits) -> Iterator[Record]:
    """Yield the records of ladder-1 that ladder-2 would give, with the space group of the cell that was computed."""
    for record in open_dataset(LADDER_1_RECORDS).records():
        if same_run(record.crystal):
            note = {
                "taken_over": "computed by ladder-1, whose run is that of ladder-2; gaps on the response's k-points"
            }
            spectrum = replace(record.spectrum, provenance=dict(record.spectrum.provenance) | note)
            properties = record.properties | LICENCE | {"protocol": "ladder-1"}
            properties["spacegroup"] = space_group(record.crystal)
            split = splits.of(record.formula)
            yield replace(record, spectrum=spectrum, properties=properties, split=split)


def finished(campaign: str, pool: str, splits: Splits, present: set[str]) -> Iterator[Record | Metal]:
    """Yield what a campaign has finished and the data set does not hold, two records a material, one a metal."""
    entries = {entry["id"]: entry for entry in read_lines(pool)}
    table = open_table(campaign)
    name = campaign_settings(table.settings()).protocol["name"]
    first_version = is_of_first_version(table)
    for job in table.jobs("done"):
        if job.id in present:
            continue
        path, entry = record_path(Path(campaign), job.id), entries[job.id]
        properties: dict[str, Any] = {"source": entry["source"], "licence": entry["licence"]}
        changed = first_version and not same_cutoff(read_structure(entry), LADDER_2_V1)
        properties["protocol"] = LADDER_2_V1.name if changed else name
        verdict = verdict_of(path)
        if verdict.metal:
            columns = verdict.crystal or {}
            crystal = make_crystal(columns["cell"], columns["numbers"], columns["frac_coords"])
            if crystal.elements & F_SHELL:
                continue
            properties |= {"gap_indirect": verdict.gap_indirect, "spacegroup": space_group(crystal)}
            yield Metal(job.id, crystal.formula, splits.of(crystal.formula), crystal, "rpa", properties)
            continue
        for record in open_dataset(path).records():
            if record.crystal.elements & (F_SHELL - NO_F_ELECTRONS):
                continue
            yield replace(record, split=splits.of(record.formula), properties=record.properties | properties)


def is_of_first_version(table: JobTable) -> bool:
    """Say whether a campaign computes by the first version of ladder-2."""
    protocol = campaign_settings(table.settings()).protocol
    return bool(protocol["name"] == LADDER_2.name and protocol["version"] == 1)


def is_outdated(record: Record) -> bool:
    """Say whether ladder-2 would compute a record with other plane waves than it was."""
    protocol = {"ladder-1": LADDER_1, "ladder-2-v1": LADDER_2_V1}.get(record.properties["protocol"])
    return protocol is not None and not same_cutoff(record.crystal, protocol)


def main(arguments: list[str]) -> None:
    """Take outdated records out, write new parts; print their names."""
    campaign, pool, alexandria = arguments
    splits = Splits(alexandria)
    existing = sorted(HERE.glob("part-*.parquet"))
    records: list[Record | Metal] = [] if existing else list(taken_over(splits))
    present = {record.id for record in records}
    table = open_table(campaign)
    if existing:
        present = set(open_dataset(HERE).ids)
        if not is_of_first_version(table):
            present -= {record.id for record in open_dataset(HERE).records("rpa") if is_outdated(record)}
    records += finished(campaign, pool, splits, present)
    names = list(dict.fromkeys(record.id for record in records))
    replaced = frozenset(names)
    for part in existing:
        rewrite(part, lambda record: None if record.id in replaced else record)
    header = campaign_settings(table.settings()).provenance
    for start in range(0, len(names), MATERIALS_PER_PART):
        chosen = set(names[start : start + MATERIALS_PER_PART])
        part = next_part(HERE)
        write_part([record for record in records if record.id in chosen], part, header)
        print(part.name, len(chosen))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
