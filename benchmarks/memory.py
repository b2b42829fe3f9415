"""Measure the peak memory of importing 10,000 published compounds of 2,001 energies, and of training on them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import zipfile
from itertools import cycle, islice
from pathlib import Path

from dielectra.data.dataset import open_dataset
from dielectra.data.published_form import entry_from_records
from dielectra.data.splits import paper_splits
from dielectra.importing.published import MAXIMUM_DIRECT_GAP, MINIMUM_INDIRECT_GAP

N_RECORDS = 10_000
PLACEHOLDER = "the-id-of-this-compound"


def write_published_archive(path: Path) -> None:
    """Repeat the IPA records of the shipped set in the published form, under the paper's ids and some more."""
    texts = []
    for record in open_dataset("ladder").records("ipa"):
        gaps = record.properties["gap_indirect"], record.properties["gap_direct"]
        if gaps[0] >= MINIMUM_INDIRECT_GAP and gaps[1] <= MAXIMUM_DIRECT_GAP:
            entry = entry_from_records([record])
            entry["data"]["mat_id"] = PLACEHOLDER
            texts.append(json.dumps(entry))
    known = list(paper_splits())
    names = known + [f"further{index}" for index in range(N_RECORDS - len(known))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in zip(names, islice(cycle(texts), N_RECORDS), strict=True):
            archive.writestr(f"{name}.json", text.replace(PLACEHOLDER, name))


def measure(*arguments: str | Path) -> tuple[float, float]:
    """Run the command line in a process of its own; return its peak resident memory (GB) and its time (s)."""
    started = time.monotonic()
    command = [sys.executable, "-m", "dielectra", *map(str, arguments)]
    process = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"dielectra {arguments[0]} failed")
    return usage.ru_maxrss / 1e6, time.monotonic() - started


def main() -> None:
    """Print peak memory and time of the import and of two epochs of the published pre-training."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_published_archive(folder / "published.zip")
        size = (folder / "published.zip").stat().st_size
        imported, import_time = measure("data", "import", folder / "published.zip", "-o", folder / "set")
        options = ("--recipe", "paper-pretrain", "--set", "epochs=2", "--set", "validations=1", "--device", "cpu")
        trained, train_time = measure("train", folder / "set", "--level", "ipa", "-o", folder / "run", *options)
    print(f"{N_RECORDS} compounds of 2,001 energies, archive of {size / 1e6:.0f} MB")
    print(f"import: peak memory {imported:.2f} GB, {import_time:.0f} s")
    print(f"training, 2 epochs: peak memory {trained:.2f} GB, {train_time:.0f} s")


if __name__ == "__main__":
    main()
