"""Rewrite parts of this data set: records are changed or left out, all else stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part

OF_EVERY_PART = ("schema", "energies_eV", "components")


def rewrite(part: Path, change: Callable[[Record], Record | None]) -> int:
    """Return how many records of a part were changed or left out (None); a part without records and metals goes."""
    dataset = open_dataset(part)
    before = list(dataset.records())
    after = [change(record) for record in before]
    n_changed = sum(old is not new for old, new in zip(before, after, strict=True))
    if not n_changed:
        return 0
    kept = [*(record for record in after if record is not None), *dataset.metals()]
    if not kept:
        part.unlink()
        return n_changed
    metadata = {key.decode(): value.decode() for key, value in pq.read_schema(part).metadata.items()}
    metadata = {key: value for key, value in metadata.items() if key not in OF_EVERY_PART}
    write_part(kept, part.with_name(f"new-{part.name}"), metadata, dataset.grid).replace(part)
    return n_changed
