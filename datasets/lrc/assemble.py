"""Add finished materials to this data set: python datasets/lrc/assemble.py CAMPAIGN POOL.jsonl ALEXANDRIA.gz.

Every call appends what a campaign of the engine gpaw-lrc has finished since, as a further part, in place of records
whose protocol says ``gllb-lrc-1-v1``: the cutoffs of their elements have been raised since. The level lrc follows from
rpa by the kernel of the protocol, in closed form, whatever kernel the campaign was begun with. Splits are those of
`datasets/ladder-2`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.protocol import GLLB_LRC_1
from dielectra.abinitio.task import campaign_settings, record_path, verdict_of
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.optics.kernel import kernel_strength, with_long_range_kernel

HERE = Path(__file__).parent
OUTDATED = "gllb-lrc-1-v1"
sys.path.insert(0, str(HERE.parent / "ladder-2"))

from assemble import Splits  # noqa: E402
from parts import rewrite  # noqa: E402
from pool import read_lines  # noqa: E402


def finished(campaign: str, pool: str, splits: Splits, present: set[str]) -> Iterator[Record]:
    """Yield the records of what a campaign has finished and the data set does not hold; metals are left out."""
    entries = {entry["id"]: entry for entry in read_lines(pool)}
    for job in open_table(campaign).jobs("done"):
        path, entry = record_path(Path(campaign), job.id), entries[job.id]
        verdict = verdict_of(path)
        if job.id in present or verdict.metal:
            continue
        properties: dict[str, Any] = {
            "gap_gllb": verdict.properties["gap_ks"],
            "discontinuity_gllb": verdict.properties["discontinuity"],
            "source": entry["source"],
            "licence": entry["licence"],
            "protocol": GLLB_LRC_1.name,
        }
        spectra = {record.spectrum.level: record for record in open_dataset(path).records()}
        spectra["lrc"] = with_kernel(spectra["rpa"])
        for record in spectra.values():
            yield replace(record, split=splits.of(record.formula), properties=record.properties | properties)


def with_kernel(record: Record) -> Record:
    """Return the record of level lrc that follows from the one of level rpa."""
    rpa = record.spectrum
    rule = GLLB_LRC_1.kernel
    strength = kernel_strength(rule, float(rpa.mean[0].real))
    provenance = dict(rpa.provenance) | {"kernel": rule, "kernel_strength": round(strength, 4)}
    tensor = with_long_range_kernel(rpa.tensor, strength)
    return replace(record, spectrum=replace(rpa, tensor=tensor, level="lrc", provenance=provenance))


def main(arguments: list[str]) -> None:
    """Write a further part; print its name and how many materials it has."""
    campaign, pool, alexandria = arguments
    existing = sorted(HERE.glob("part-*.parquet"))
    known = list(open_dataset(HERE).records("lrc")) if existing else []
    present = {record.id for record in known if record.properties["protocol"] != OUTDATED}
    records = list(finished(campaign, pool, Splits(alexandria), present))
    replaced = {record.id for record in records}
    for part in existing:
        rewrite(part, lambda record: None if record.id in replaced else record)
    part = HERE / f"part-{len(existing):04d}.parquet"
    settings = campaign_settings(open_table(campaign).settings())
    header = settings.model_copy(update={"protocol": GLLB_LRC_1.model_dump(mode="json")}).provenance
    write_part(records, part, header)
    print(part.name, len({record.id for record in records}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
