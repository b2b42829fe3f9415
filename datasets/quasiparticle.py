"""What campaigns on quasiparticle energies (gpaw-lrc, gpaw-bse) have finished, as the records of a data set."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.task import record_path, verdict_of
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record

sys.path.insert(0, str(Path(__file__).parent / "ladder-2"))

from assemble import Splits
from pool import read_lines


def finished(
    campaign: str, pool: str, alexandria: str, protocol: str, present: Collection[str]
) -> Iterator[dict[str, Record]]:
    """Yield the records by level of each material that a campaign has finished, but for those present and metals.

    Each gets its source and licence from the pool, its split by formula, and the name of the protocol.
    """
    entries = {entry["id"]: entry for entry in read_lines(pool)}
    splits = Splits(alexandria)
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
            "protocol": protocol,
        }
        yield {
            record.spectrum.level: replace(
                record, split=splits.of(record.formula), properties=record.properties | properties
            )
            for record in open_dataset(path).records()
        }
