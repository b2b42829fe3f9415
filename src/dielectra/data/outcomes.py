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
from dielectra.files import write_whole

RECORDS_PER_PART = 500


class Outcome(NamedTuple):
    """Hold what became of one source document.

    Attributes
    ----------
    name
        What messages call it.
    records
        Its records, at most one per level.
    filtered
        Why records were left out by a rule of the importer; one reason per record.
    problem
        Why it could not be used.
    """

    name: str
    records: tuple[Record, ...] = ()
    filtered: tuple[str, ...] = ()
    problem: str | None = None


class ImportReport(BaseModel):
    """Hold what an import wrote and left out; the keys are those of ``dielectra data import --json``."""

    output: str
    materials: int
    records: dict[str, int]
    splits: dict[str, int]
    filtered: dict[str, int]
    problems: list[str]


def write_dataset(outcomes: Iterable[Outcome], output: str | Path, description: str) -> ImportReport:
    """Write records as Parquet parts with a card, ``README.md``; the folder appears whole or not at all.

    Holds at most one part's records at a time.

    Parameters
    ----------
    description
        First lines of the card: what the data are and where they come from.

    Raises
    ------
    InputError
        If the folder holds something already, or there is nothing to write.
    """
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: exists already; give a new folder")
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
    problems: list[str] = []
    waiting: list[Record] = []
    n_parts = 0
    for outcome in outcomes:
        filtered.update(outcome.filtered)
        if outcome.problem is not None:
            problems.append(outcome.problem)
        for record in outcome.records:
            key = (record.id, record.spectrum.level)
            if key in seen:
                problems.append(
                    f"{outcome.name}: a second {key[1]} record of material {key[0]}; only the first is kept"
                )
                continue
            seen.add(key)
            levels[key[1]] += 1
            splits[record.split or "none"] += 1
            waiting.append(record)
        if len(waiting) >= RECORDS_PER_PART:
            _write(waiting, folder, n_parts)
            n_parts, waiting = n_parts + 1, []
    if waiting:
        _write(waiting, folder, n_parts)
    materials = len({name for name, _ in seen})
    report = ImportReport(
        output=str(output),
        materials=materials,
        records=dict(levels),
        splits=dict(splits),
        filtered=dict(filtered),
        problems=problems,
    )
    if not seen:
        left_out = [f"{count} x {reason}" for reason, count in filtered.items()] + problems[:5]
        raise InputError("nothing to import: " + ("; ".join(left_out) or "the source holds no record"))
    return report


def _write(records: list[Record], folder: Path, number: int) -> None:
    declared = {record.spectrum.broadening for record in records}
    broadening = declared.pop() if len(declared) == 1 else None
    metadata = {} if broadening is None else {"broadening_eV": f"{broadening:g}"}
    write_part(records, folder / f"part-{number:04d}.parquet", metadata)


def _card(name: str, description: str, report: ImportReport) -> str:
    counts = [f"| {level} records | {count} |" for level, count in report.records.items()]
    counts += [f"| split {split} | {count} |" for split, count in report.splits.items()]
    counts += [f"| left out: {reason} | {count} |" for reason, count in report.filtered.items()]
    counts += [f"| could not be used | {len(report.problems)} |"] if report.problems else []
    rows = "\n".join(["| | |", "|---|---|", f"| materials | {report.materials} |", *counts])
    return f"# {name}\n\n{description}\n\n{rows}\n"
