"""Kill commands at random moments (kill -9 of all their processes), give them again, and compare with a run left alone.

After a kill every file that has its final name must be whole; after the second run the result must be equal: weights by
their digest, spectra and tables bit by bit. Commands start from a server that has imported the libraries already, so
that the random moments fall into their work and not into imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from commands import ROOT, prepare_server, run, start

TINY = [
    *(
        "network.node_widths=[8]",
        "network.convolutions=[[8,2]]",
        "network.output_widths=[16]",
        "network.n_gaussians=11",
    ),
    *("network.cutoff=3.5", "epochs=40", "minimum_steps=0", "validations=10", "batch_size=8"),
]
PARTIAL = ".tmp"
"""Ending of temporary files, which a kill may leave and nothing reads."""


class Kind(NamedTuple):
    """A command to be killed.

    Its words, what is made before it, the digest of its result, what is done before it is given again, and whether it
    refuses to be given again once it has finished.
    """

    command: Callable[[Path], list[str]]
    prepare: Callable[[Path], object]
    result: Callable[[Path], str]
    again: Callable[[Path], object] = lambda _: None
    refuses_finished: bool = False


def digest_of(folder: Path, pattern: str = "*") -> str:
    """Return one digest of the files of a folder, names and contents, those of unfinished writing left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not path.name.endswith(PARTIAL):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def dielectra(*words: object) -> list[str]:
    """Return the words of a command line behind ``dielectra``."""
    return [str(word) for word in words]


def kill_at(command: Sequence[str], seconds: float) -> bool:
    """Start a command and kill all its processes after a time; return whether it was still at work."""
    process = start(command)
    process.join(seconds)
    if process.exitcode is not None:
        return False
    victim = psutil.Process(process.pid)
    for one in (victim, *victim.children(recursive=True)):  # workers have sessions of their own
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.join()
    return True


def write_data(folder: Path) -> None:
    """Write what the commands start from: a small data set, a small model, pairs of crystal and spectrum, a pool."""
    from dielectra.data.dataset import open_dataset
    from dielectra.data.store import write_part

    grid = np.linspace(0.0, 20.0, 81)
    left = {"train": 32, "validation": 8, "test": 8}
    records = []
    for record in open_dataset(ROOT / "datasets" / "ladder" / "part-0000.parquet").records():
        if left.get(str(record.split), 0):
            left[str(record.split)] -= 1
            records.append(type(record)(**{**vars(record), "spectrum": record.spectrum.resample(grid)}))
    write_part(records, folder / "small" / "part-0000.parquet", {"broadening_eV": "0.3"})
    run(dielectra("train", folder / "small", "--level", "ipa", "-o", folder / "base", *options(TINY)))
    run(dielectra("data", "export", "ladder", "-o", folder / "pairs", "--level", "rpa", "--split", "test"))
    cell = (np.eye(3) * 4.0).tolist()
    symbols = ("Li", "Na", "K", "Rb", "B", "Al", "Ga", "In", "C", "Si", "Ge", "Sn")
    lines = [{"id": s, "lattice": cell, "species": [s, "H"], "frac_coords": [[0] * 3, [0.5] * 3]} for s in symbols]
    (folder / "pool.jsonl").write_text("\n".join(json.dumps(line) for line in lines))


def options(entries: Sequence[str]) -> list[str]:
    """Return settings as words of a command line."""
    return [word for entry in entries for word in ("--set", entry)]


def kinds(data: Path) -> dict[str, Kind]:
    """Return the commands by name; each works in a folder of its own."""
    climbing = [entry for entry in TINY if not entry.startswith("network")]
    engine = ["--engine", "oscillator_engine"]

    def remove(folder: Path) -> None:
        """Remove what an export wrote: it never writes over a file that exists."""
        shutil.rmtree(folder / "out", ignore_errors=True)

    return {
        "train": Kind(
            lambda f: dielectra("train", data / "small", "--level", "ipa", "-o", f / "run", *options(TINY)),
            lambda _: None,
            lambda f: digest_of(f / "run", "*.safetensors"),
        ),
        "climb": Kind(
            lambda f: dielectra(
                *("climb", data / "small", "--to", "rpa", "--from", data / "base", "-o", f / "run", *options(climbing))
            ),
            lambda _: None,
            lambda f: digest_of(f / "run", "*.safetensors"),
        ),
        "campaign": Kind(
            lambda f: dielectra("campaign", "run", f / "campaign", "--workers", 2, *engine),
            lambda f: run(dielectra("compute", data / "pool.jsonl", "-o", f / "campaign", *engine, "--create-only")),
            campaign_digest,
        ),
        "export": Kind(
            lambda f: dielectra("data", "export", "ladder", "-o", f / "out", "--level", "rpa", "--split", "test"),
            lambda _: None,
            lambda f: digest_of(f / "out"),
            remove,
        ),
        "import": Kind(
            lambda f: dielectra(
                "data", "import", data / "pairs" / "rpa", "-o", f / "out", "--form", "pairs", "--level", "rpa"
            ),
            lambda _: None,
            lambda f: digest_of(f / "out", "*.parquet"),
            refuses_finished=True,
        ),
        "screen": Kind(
            lambda f: dielectra(
                *("screen", data / "pairs" / "rpa", "-o", f / "out", "--model", data / "base"),
                *("--crystals-per-job", 30, "--workers", 2),
            ),
            lambda _: None,
            screening_digest,
        ),
    }


def screening_digest(folder: Path) -> str:
    """Return a digest of the rows of a screening, whatever shards they stand in."""
    import pyarrow.parquet as pq

    parts = sorted((folder / "out" / "shards").glob("*.parquet"))
    rows = [json.dumps(row, sort_keys=True, default=repr) for part in parts for row in pq.read_table(part).to_pylist()]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def campaign_digest(folder: Path) -> str:
    """Return a digest of the spectra that a campaign computed, and check that each job was done."""
    from dielectra.data.dataset import open_dataset

    digest = hashlib.sha256()
    for path in sorted((folder / "campaign" / "records").glob("*.parquet")):
        for record in open_dataset(path).records():
            digest.update(f"{record.id} {record.spectrum.level}".encode() + record.spectrum.tensor.tobytes())
    return digest.hexdigest()


def files_are_whole(folder: Path, reference: Path) -> bool:
    """Return whether every finished Parquet, JSON, CSV and safetensors file can be read."""
    import pyarrow.parquet as pq
    from safetensors import safe_open

    for path in folder.rglob("*"):
        if not path.is_file() or path.name.endswith(PARTIAL):
            continue
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                file.keys()
        elif path.suffix == ".csv" and path.name != "log.csv":  # the log of a training grows
            same = reference / path.relative_to(folder)
            if not same.is_file() or path.read_bytes() != same.read_bytes():
                return False
    return True


def try_kind(kind: Kind, n_kills: int, draw: random.Random, folder: Path) -> tuple[int, int, int, float]:
    """Kill a command so often; return kills, equal results, whole states after the kill, and the seconds of a run."""
    reference = folder / "reference"
    reference.mkdir(parents=True)
    kind.prepare(reference)
    begin = time.perf_counter()
    run(kind.command(reference))
    seconds = time.perf_counter() - begin
    expected = kind.result(reference)
    killed = equal = whole = 0
    while killed < n_kills:
        trial = folder / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        trial.mkdir()
        kind.prepare(trial)
        if not kill_at(kind.command(trial), draw.uniform(0.15, 1.0) * seconds):
            continue
        killed += 1
        whole += files_are_whole(trial, reference)
        if not (kind.refuses_finished and kind.result(trial) == expected):
            kind.again(trial)
            run(kind.command(trial))
        equal += kind.result(trial) == expected
    return killed, equal, whole, seconds


def main() -> int:
    """Kill, and print a line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="train, climb, campaign, export, import or screen")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    good = True
    prepare_server()
    with tempfile.TemporaryDirectory(prefix="dielectra-kills-") as name:
        data = Path(name)
        write_data(data)
        for label, kind in kinds(data).items():
            if arguments.only and label not in arguments.only:
                continue
            killed, equal, whole, seconds = try_kind(kind, arguments.kills, draw, data / f"try-{label}")
            good = good and killed == equal == whole
            print(f"{label:10} {killed} kills within {seconds:.1f} s: {whole} whole, {equal} equal after going on")
            sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
