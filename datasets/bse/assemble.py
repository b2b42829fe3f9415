"""Add finished materials to this data set: python datasets/bse/assemble.py CAMPAIGN POOL.jsonl ALEXANDRIA.gz.

Every call appends what a campaign of the engine gpaw-bse has finished since, as a further part. Splits are those of
`datasets/ladder-2`; metals are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.task import campaign_settings
from dielectra.data.dataset import open_dataset
from dielectra.data.store import next_part, write_part

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from quasiparticle import finished  # noqa: E402


def main(arguments: list[str]) -> None:
    """Write a further part; print its name and how many materials it has."""
    campaign, pool, alexandria = arguments
    existing = sorted(HERE.glob("part-*.parquet"))
    present = frozenset(open_dataset(HERE).ids if existing else ())
    settings = campaign_settings(open_table(campaign).settings())
    found = finished(campaign, pool, alexandria, settings.protocol["name"], present)
    records = [record for by_level in found for record in by_level.values()]
    part = next_part(HERE)
    write_part(records, part, settings.provenance)
    print(part.name, len(records))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
