"""Load test of the page's server on this machine: many clients at a time, latency, errors, memory before and after."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np

EXAMPLES = Path("examples")
NAMES = ("MgO", "GaAs", "NaCl")


def usage(process: int) -> tuple[float, float]:
    """Return the resident memory in MB and the CPU seconds so far of a process and its descendants."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
        found[int(stat.parent.name)] = (int(fields[1]), pages * os.sysconf("SC_PAGE_SIZE") / 1e6, ticks)
    family = {process}
    while grown := {member for member, (parent, *_) in found.items() if parent in family} - family:
        family |= grown
    memory = sum(found[member][1] for member in family)
    return memory, sum(found[member][2] for member in family) / os.sysconf("SC_CLK_TCK")


async def client(address: str, end: float, latencies: list[float], errors: list[str]) -> None:
    """Ask for one prediction after the other until the end."""
    files = {name: (EXAMPLES / f"{name}.cif").read_bytes() for name in NAMES}
    async with httpx.AsyncClient(base_url=address, timeout=60) as session:
        turn = 0
        while time.perf_counter() < end:
            name = NAMES[turn % len(NAMES)]
            turn += 1
            begin = time.perf_counter()
            try:
                answer = await session.post("/api/predict", files={"file": (f"{name}.cif", files[name])})
                if answer.status_code != 200 or answer.json()[0]["formula"] != name:
                    errors.append(f"{answer.status_code}: {answer.text[:200]}")
            except httpx.HTTPError as error:
                errors.append(repr(error))
            latencies.append(time.perf_counter() - begin)


async def load(address: str, n_clients: int, seconds: float) -> tuple[list[float], list[str]]:
    """Return the latencies in seconds, and what went wrong."""
    latencies: list[float] = []
    errors: list[str] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(client(address, end, latencies, errors) for _ in range(n_clients)))
    return latencies, errors


def main() -> None:
    """Start a server on a free port, load it twice, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["url"]
        print(f"{options.clients} clients, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
        for run in ("warm-up", "first", "second"):
            memory, cpu = usage(server.pid)
            seconds = 5.0 if run == "warm-up" else options.seconds
            latencies, errors = asyncio.run(load(address, options.clients, seconds))
            memory_after, cpu_after = usage(server.pid)
            median, p95 = np.percentile(latencies, [50, 95])
            each = 1000 * (cpu_after - cpu) / len(latencies)
            print(
                f"{run}: {len(latencies)} requests in {seconds:.0f} s ({len(latencies) / seconds:.1f}/s), "
                f"{len(errors)} errors, p50 {median:.2f} s, p95 {p95:.2f} s, "
                f"{each:.0f} ms CPU each, memory {memory:.0f} -> {memory_after:.0f} MB"
            )
            for error in errors[:3]:
                print("   ", error)
        server.terminate()


if __name__ == "__main__":
    main()
