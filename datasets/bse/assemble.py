"""Add finished materials to this data set: python datasets/bse/assemble.py CAMPAIGN POOL.jsonl ALEXANDRIA.gz.

Every call appends what a campaign of the engine gpaw-bse has finished since, as a further part. Splits are those of
`datasets/ladder-2`; metals are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.task import campaign_settings, record_path, verdict_of
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ladder-2"))

from assemble import Splits  # noqa: E402
from pool import read_lines  # noqa: E402


def finished(campaign: str, pool: str, splits: Splits, present: frozenset[str]) -> Iterator[Record]:
    """Yield the records of what a campaign has finished and the data set does not hold."""
    entries = {entry["id"]: entry for entry in read_lines(pool)}
    table = open_table(campaign)
    protocol = campaign_settings(table.settings()).protocol["name"]
    for job in table.jobs("done"):
        path, entry = record_path(Path(campaign), job.id), entries[job.id]
        verdict = verdict_of(path)
        if job.id in present or verdict.metal:
            continue
        properties = {
            "gap_gllb": verdict.properties["gap_ks"],
            "discontinuity_gllb": verdict.properties["discontinuity"],
            "source": entry["source"],
            "licence": entry["licence"],
            "protocol": protocol,
        }
        for record in open_dataset(path).records():
            yield replace(record, split=splits.of(record.formula), properties=record.properties | properties)


def main(arguments: list[str]) -> None:
    """Write a further part; print its name and how many materials it has."""
    campaign, pool, alexandria = arguments
    existing = sorted(HERE.glob("part-*.parquet"))
    present = frozenset(open_dataset(HERE).ids if existing else ())
    records = list(finished(campaign, pool, Splits(alexandria), present))
    part = HERE / f"part-{len(existing):04d}.parquet"
    write_part(records, part, campaign_settings(open_table(campaign).settings()).provenance)
    print(part.name, len(records))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
