"""Write what an importer finds as a new data set, and count what it left out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.files import new_folder, write_whole

RECORDS_PER_PART = 500


class Outcome(NamedTuple):
    """What became of one item of a source.

    Attributes
    ----------
    name
        What messages call it.
    records
        Its records, at most one per level.
    filtered
        Why records were left out by a rule of the importer; one reason per record.
    problems
        Why it, or parts of it, could not be used; without its name.
    warnings
        Doubts about records that were made.
    """

    name: str
    records: tuple[Record, ...] = ()
    filtered: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class ImportReport(BaseModel):
    """What an import wrote and left out; the keys are those of ``dielectra data import --json``.

    ``read`` counts the items of the source, ``refused`` the reasons why one could not be used, which ``problems`` gives
    one by one with the item's name, as ``warnings`` gives doubts about what was imported.
    """

    output: str
    read: int
    materials: int
    records: dict[str, int]
    splits: dict[str, int]
    filtered: dict[str, int]
    refused: dict[str, int]
    problems: list[str]
    warnings: list[str]


def write_dataset(outcomes: Iterable[Outcome], output: str | Path, description: str) -> ImportReport:
    """Write records as Parquet parts with a card, ``README.md``; the folder appears whole or not at all.

    At most one part's records are in memory at a time.

    Parameters
    ----------
    description
        First lines of the card: what the data are and where they come from.

    Raises
    ------
    InputError
        If the folder holds something already, or there is nothing to write.
    """
    output = new_folder(output)
    unfinished = output.with_name(f".{output.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        report = _write_parts(outcomes, unfinished, output)
        write_whole(unfinished / "README.md", _card(output.name, description, report))
        unfinished.replace(output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return report


def _write_parts(outcomes: Iterable[Outcome], folder: Path, output: Path) -> ImportReport:
    seen: set[tuple[str, str]] = set()
    levels: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    filtered: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    problems: list[str] = []
    warnings: list[str] = []
    parts = Parts(folder)
    n_read = 0
    for outcome in outcomes:
        n_read += 1
        filtered.update(outcome.filtered)
        reasons = list(outcome.problems)
        for record in outcome.records:
            key = (record.id, record.spectrum.level)
            if key in seen:
                reasons.append(f"a second {key[1]} record of material {key[0]}; only the first is kept")
                continue
            seen.add(key)
            levels[key[1]] += 1
            splits[record.split or "none"] += 1
            parts.add(record)
        refused.update(reasons)
        warnings += [f"{outcome.name}: {doubt}" for doubt in outcome.warnings]
        problems += [f"{outcome.name}: {reason}" for reason in reasons]
    parts.close()
    materials = len({name for name, _ in seen})
    report = ImportReport(
        output=str(output),
        read=n_read,
        materials=materials,
        records=dict(levels),
        splits=dict(splits),
        filtered=dict(filtered),
        refused=dict(refused),
        problems=problems,
        warnings=warnings,
    )
    if not seen:
        left_out = [f"{count} x {reason}" for reason, count in filtered.items()] + problems[:5]
        raise InputError("nothing to import: " + ("; ".join(left_out) or "the source holds no record"))
    return report


class Parts:
    """Collect records and write them as numbered parts, each of one grid of photon energies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[bytes, list[Record]] = {}
        self.n_written = 0

    def add(self, record: Record) -> None:
        """Take a record; write a part when there are enough of its grid."""
        records = self.waiting.setdefault(record.spectrum.energies.tobytes(), [])
        records.append(record)
        if len(records) >= RECORDS_PER_PART:
            self._write(records)

    def close(self) -> None:
        """Write what is left."""
        for records in self.waiting.values():
            if records:
                self._write(records)

    def _write(self, records: list[Record]) -> None:
        declared = {record.spectrum.broadening for record in records}
        broadening = declared.pop() if len(declared) == 1 else None
        metadata = {} if broadening is None else {"broadening_eV": f"{broadening:g}"}
        write_part(records, self.folder / f"part-{self.n_written:04d}.parquet", metadata, exact=True)
        records.clear()
        self.n_written += 1


def _card(name: str, description: str, report: ImportReport) -> str:
    counts = [f"| {level} records | {count} |" for level, count in report.records.items()]
    counts += [f"| split {split} | {count} |" for split, count in report.splits.items()]
    counts += [f"| left out: {reason} | {count} |" for reason, count in report.filtered.items()]
    counts += [f"| could not be used: {reason} | {count} |" for reason, count in report.refused.items()]
    rows = "\n".join(["| | |", "|---|---|", f"| materials | {report.materials} |", *counts])
    return f"# {name}\n\n{description}\n\n{rows}\n"
