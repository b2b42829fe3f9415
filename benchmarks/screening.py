"""Screen a pool, kill all its processes now and then, go on, and say what it cost and whether anything was lost.

With ``--against`` the rows are compared with those of another result, over the crystals that both hold: an unkilled run
over a part of the pool, say.
"""

from __future__ import annotations

import argparse
import collections
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from dielectra.jobs.table import JobTable
from dielectra.screening.query import query
from dielectra.screening.shards import shards_of

POLL = 1.0


def done(result: Path) -> int:
    """Return the number of finished shards."""
    return len(list((result / "shards").glob("*.parquet")))


def screen(pool: Path, result: Path, options: list[str], kill_after: list[int]) -> list[float]:
    """Screen; kill runner and workers each time that so many shards are there. Return the wall seconds of each run."""
    seconds = []
    for n_shards in [*kill_after, None]:
        begin = time.perf_counter()
        command = [sys.executable, "-m", "dielectra", "screen", str(pool), "-o", str(result), *options]
        process = subprocess.Popen(command, start_new_session=True)
        while process.poll() is None and (n_shards is None or done(result) < n_shards):
            time.sleep(POLL)
        if process.poll() is None:
            victims = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for victim in victims:
                os.kill(victim.pid, signal.SIGKILL)
            process.wait()
            print(f"killed {len(victims)} processes at {done(result)} shards")
        elif process.returncode:
            raise SystemExit(process.returncode)
        seconds.append(time.perf_counter() - begin)
    return seconds


def print_cost(result: Path, seconds: list[float]) -> None:
    """Print counts, duplicates, and CPU milliseconds a crystal by part."""
    ((n, n_ids, n_refused),) = query(
        result, "SELECT count(*), count(DISTINCT file || place), count(reason) FROM crystals"
    ).rows
    parts: collections.Counter[str] = collections.Counter()
    for job in JobTable(result).jobs("done"):
        parts.update(job.cpu_seconds)
    total = sum(parts.values())
    print(f"{n} rows, {n - n_ids} twice, {n_refused} not predicted; wall {' + '.join(f'{s:.0f}' for s in seconds)} s")
    print(f"CPU {total:.0f} s, {1000 * total / n:.2f} ms a crystal, {n / total:.1f} crystals a second and core")
    print(", ".join(f"{part} {1000 * value / n:.2f} ms" for part, value in parts.items()))


def rows_of(result: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of a result by file and place; pools of one name in different folders have the same names."""
    found = {}
    for row in pa.concat_tables([pq.read_table(shard) for shard in shards_of(result)]).to_pylist():
        folder = f"{Path(row['file']).parent}/"
        row = {key: value.replace(folder, "") if isinstance(value, str) else value for key, value in row.items()}
        found[row["file"], row["place"]] = row
    return found


def print_difference(result: Path, other: Path) -> bool:
    """Print how many rows that both results hold differ."""
    tables = [rows_of(one) for one in (result, other)]
    both = tables[0].keys() & tables[1].keys()
    differ = sum(tables[0][key] != tables[1][key] for key in both)
    print(f"{len(both)} rows in both results, {differ} differ")
    return differ == 0


def main() -> int:
    """Screen, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--kill-after", type=int, nargs="*", default=[], help="numbers of shards")
    parser.add_argument("--against", type=Path, help="result to compare with")
    arguments, options = parser.parse_known_args()
    seconds = screen(arguments.pool, arguments.output, options, arguments.kill_after)
    print_cost(arguments.output, seconds)
    return 0 if arguments.against is None or print_difference(arguments.output, arguments.against) else 1


if __name__ == "__main__":
    sys.exit(main())
