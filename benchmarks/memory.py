"""Measure the peak memory of training on 10,000 records of 2,001 energies."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import numpy as np

from dielectra.data.schema import Record
from dielectra.data.store import read_records, write_part
from dielectra.training.config import load_config
from dielectra.training.recipes import train_model

N_RECORDS = 10_000
RECORDS_PER_PART = 500


def write_large_dataset(folder: Path) -> None:
    """Repeat the IPA records of the shipped set, resampled to 2,001 energies, under new ids."""
    originals = list(read_records("ladder", "ipa"))
    grid = np.linspace(0, 20, 2001)
    for part in range(N_RECORDS // RECORDS_PER_PART):
        records = []
        for index in range(part * RECORDS_PER_PART, (part + 1) * RECORDS_PER_PART):
            source = originals[index % len(originals)]
            split = "validation" if index % 20 == 0 else "train"
            records.append(Record(f"{index}", source.formula, split, source.crystal, source.spectrum.resample(grid)))
        write_part(records, folder / f"part-{part:04d}.parquet", {"broadening_eV": "0.3"})


def main() -> None:
    """Print the peak resident memory in GB after two epochs of the published pre-training."""
    with tempfile.TemporaryDirectory() as folder:
        write_large_dataset(Path(folder) / "large")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        config = load_config("paper-pretrain", overrides=["epochs=2", "validations=1"])
        train_model(Path(folder) / "large", "ipa", config, Path(folder) / "run")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory: {peak / 1e6:.2f} GB in training, {before / 1e6:.2f} GB while the data set was written")


if __name__ == "__main__":
    main()
