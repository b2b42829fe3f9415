"""Add finished materials to this data set: python datasets/lrc/assemble.py CAMPAIGN POOL.jsonl ALEXANDRIA.gz.

Every call appends what a campaign of the engine gpaw-lrc has finished since, as a further part, in place of records
whose protocol says ``gllb-lrc-1-v1``: the cutoffs of their elements have been raised since. The level lrc follows from
rpa by the kernel of the protocol, in closed form, whatever kernel the campaign was begun with. Splits are those of
`datasets/ladder-2`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.protocol import GLLB_LRC_1
from dielectra.abinitio.task import campaign_settings
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import next_part, write_part
from dielectra.optics.kernel import kernel_strength, with_long_range_kernel

HERE = Path(__file__).parent
OUTDATED = "gllb-lrc-1-v1"
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "ladder-2")]

from parts import rewrite  # noqa: E402
from quasiparticle import finished  # noqa: E402


def records_of(by_level: dict[str, Record]) -> list[Record]:
    """Return the records of a material, that of lrc as it follows from rpa."""
    return list((by_level | {"lrc": with_kernel(by_level["rpa"])}).values())


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
    found = finished(campaign, pool, alexandria, GLLB_LRC_1.name, present)
    records = [record for by_level in found for record in records_of(by_level)]
    replaced = {record.id for record in records}
    for part in existing:
        rewrite(part, lambda record: None if record.id in replaced else record)
    part = next_part(HERE)
    settings = campaign_settings(open_table(campaign).settings())
    header = settings.model_copy(update={"protocol": GLLB_LRC_1.model_dump(mode="json")}).provenance
    write_part(records, part, header)
    print(part.name, len({record.id for record in records}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
