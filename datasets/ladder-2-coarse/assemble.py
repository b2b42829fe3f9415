"""Add finished materials to this data set: python datasets/ladder-2-coarse/assemble.py CAMPAIGN POOL ALEXANDRIA.gz.

Every call appends what a campaign by the protocol ladder-2-coarse has finished since, metals included, as a further
part. Left out are crystals of other splits than training, those that `datasets/ladder-2` has by now, and those of which
a spectrum does not pass ``dielectra data check`` (gaps just above the smallest, on few k-points).
"""

from __future__ import annotations

import sys
from pathlib import Path

from dielectra.abinitio.campaign import open_table
from dielectra.abinitio.task import campaign_settings
from dielectra.data.checks import check_record
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import next_part, write_part

HERE = Path(__file__).parent
CONVERGED = HERE.parent / "ladder-2"
sys.path.insert(0, str(CONVERGED))

from assemble import Splits, finished  # noqa: E402


def main(arguments: list[str]) -> None:
    """Write a further part; print its name and how many materials it has."""
    campaign, pool, alexandria = arguments
    existing = sorted(HERE.glob("part-*.parquet"))
    present = set(open_dataset(CONVERGED).ids)
    if existing:
        present |= set(open_dataset(HERE).ids)
    found = [one for one in finished(campaign, pool, Splits(alexandria), present) if one.split == "train"]
    doubtful = {one.id for one in found if isinstance(one, Record) and check_record(one)}
    found = [one for one in found if one.id not in doubtful]
    part = next_part(HERE)
    write_part(found, part, campaign_settings(open_table(campaign).settings()).provenance)
    print(part.name, len({one.id for one in found}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
