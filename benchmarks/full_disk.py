"""Let every writer meet a full and a read-only disk: python benchmarks/full_disk.py (as root: it mounts small disks).

Each command writes once to a healthy folder, then to disks that are full at once, full after half of what it wrote, and
read-only. It must end with exit code 2 and a sentence that says why, without a traceback, and every file that has its
final name must equal that of the healthy folder, or be whole where a run would go on.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from commands import ROOT, prepare_server, run, start
from kills import TINY, files_are_whole, options, write_data

PAGE = 4096
REASONS = {"full": ("disk is full", "no space"), "read-only": ("read-only",)}


class Writer(NamedTuple):
    """A command by what it writes into a folder, and what is made there before."""

    command: Callable[[Path], list[object]]
    prepare: Callable[[Path], object] = lambda _: None


@contextmanager
def disk(place: Path, size: int, made: Path, *, read_only: bool) -> Iterator[None]:
    """Mount a disk of some bytes on top of what was made there already."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + used(made)}", "tmpfs", place], check=True)
    try:
        shutil.copytree(made, place, dirs_exist_ok=True)
        if read_only:
            subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)  # a process may still be ending


def used(folder: Path) -> int:
    """Return the bytes of a folder's files in whole pages."""
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in folder.rglob("*") if path.is_file())


def writers(data: Path) -> dict[str, Writer]:
    """Return the writers by name."""
    examples = [ROOT / "examples" / f"{name}.cif" for name in ("MgO", "GaAs", "Si", "NaCl")]
    climbing = [entry for entry in TINY if not entry.startswith("network")]
    engine = ["--engine", "oscillator_engine"]

    def campaign(folder: Path) -> None:
        run(["compute", data / "pool.jsonl", "-o", folder / "campaign", *engine, "--create-only"])

    def computed(folder: Path) -> None:
        campaign(folder)
        run(["campaign", "run", folder / "campaign", *engine])

    files = {
        form: Writer(lambda f, form=form: ["predict", *examples, "--write", f"{form}={f / 'out'}"]) for form in FORMS
    }
    return {
        **{f"predict --write {form}": writer for form, writer in files.items()},
        "predict -o TABLE": Writer(lambda f: ["predict", *examples, "-o", f / "table.parquet"]),
        "predict --plot": Writer(lambda f: ["predict", *examples, "--plot", f / "out.png"]),
        "screen": Writer(
            lambda f: ["screen", data / "pool.jsonl", "-o", f / "out", "--model", data / "base", "--spectra"]
        ),
        "stack --csv": Writer(lambda f: ["stack", ROOT / "examples" / "stack.yaml", "--csv", f / "out.csv"]),
        "stack --plot": Writer(lambda f: ["stack", ROOT / "examples" / "stack.yaml", "--plot", f / "out.png"]),
        "data info --plot": Writer(lambda f: ["data", "info", data / "small", "--plot", f / "out.png"]),
        **{
            f"data export {form}": Writer(
                lambda f, form=form: ["data", "export", data / "small", "-o", f / "out", "--form", form]
            )
            for form in ("csv", "json", "published")
        },
        "data import": Writer(
            lambda f: ["data", "import", data / "pairs" / "rpa", "-o", f / "out", "--form", "pairs", "--level", "rpa"]
        ),
        "train": Writer(lambda f: ["train", data / "small", "--level", "ipa", "-o", f / "run", *options(TINY)]),
        "climb": Writer(
            lambda f: [
                *("climb", data / "small", "--to", "rpa", "--from", data / "base", "-o", f / "run", *options(climbing))
            ]
        ),
        "evaluate --plot": Writer(
            lambda f: ["evaluate", data / "base", data / "small", "--level", "ipa", "--plot", f / "out.png"]
        ),
        "models combine": Writer(lambda f: ["models", "combine", data / "base", data / "base", "-o", f / "out"]),
        "compute --create-only": Writer(
            lambda f: ["compute", data / "pool.jsonl", "-o", f / "campaign", *engine, "--create-only"]
        ),
        "campaign run": Writer(lambda f: ["campaign", "run", f / "campaign", *engine], campaign),
        "campaign export": Writer(lambda f: ["campaign", "export", f / "campaign", "-o", f / "out"], computed),
        "campaign status --plot": Writer(
            lambda f: ["campaign", "status", f / "campaign", "--plot", f / "out.png"], computed
        ),
    }


FORMS = ("csv", "yaml", "tmm", "comsol", "lumerical", "meep")


def try_writer(writer: Writer, folder: Path) -> list[str]:
    """Return what went wrong, an empty list where nothing did."""
    made, healthy = folder / "made", folder / "healthy"
    made.mkdir(parents=True)
    writer.prepare(made)
    shutil.copytree(made, healthy)
    run(writer.command(healthy))
    half = max(PAGE, (used(healthy) - used(made)) // 2 // PAGE * PAGE)
    problems = []
    for number, (kind, size) in enumerate((("full", PAGE), ("full", half), ("read-only", 2 * half))):
        place = folder / f"{number}-{kind}"
        with disk(place, size, made, read_only=kind == "read-only"):
            process = start(writer.command(place), folder / "stderr")
            process.join()
            said = " ".join((folder / "stderr").read_text().split())
            where = f"{kind} ({size} bytes)"
            if process.exitcode != 2 or "Traceback" in said or not any(reason in said for reason in REASONS[kind]):
                problems.append(f"{where}: exit code {process.exitcode}: {said[-300:]}")
            try:
                if not files_are_whole(place, healthy):
                    problems.append(f"{where}: a file is half-written")
            except Exception as error:
                problems.append(f"{where}: a file is damaged: {error!r}")
    return problems


def main() -> int:
    """Try all writers, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="a writer; may be repeated")
    chosen = parser.parse_args().only
    prepare_server()
    good = True
    with tempfile.TemporaryDirectory(prefix="dielectra-disk-") as name:
        write_data(Path(name))
        for label, writer in writers(Path(name)).items():
            if chosen and label not in chosen:
                continue
            problems = try_writer(writer, Path(name) / label.replace(" ", "_"))
            good = good and not problems
            print(f"{label:24} {'3 of 3' if not problems else ' | '.join(problems)}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
