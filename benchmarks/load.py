"""Load the page's server with many clients at a time, good requests and bad ones mixed: statuses, latency, memory.

A server on a free port is started for it. What counts: no status of 5xx but 503, latencies of good requests, and memory
that does not grow. A good request sends a crystal that the server has not met, so that nothing it remembers helps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
HOSTILE = ROOT / "tests" / "data" / "structures" / "hostile"
GOOD = ("MgO", "GaAs", "NaCl")
SHARE_OF_BAD = 0.3
Request = Callable[[httpx.AsyncClient], Awaitable[int]]


def upload(name: str, content: bytes, path: str = "/api/predict", **headers: str) -> Request:
    """Return a request that sends one file."""

    async def ask(session: httpx.AsyncClient) -> int:
        return (await session.post(path, files={"file": (name, content)}, headers=headers)).status_code

    return ask


def page(path: str) -> Request:
    """Return a request for a page."""

    async def ask(session: httpx.AsyncClient) -> int:
        return (await session.get(path)).status_code

    return ask


async def half_sent(session: httpx.AsyncClient) -> int:
    """Promise a body, send a part of it, and go."""
    url = session.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    return 0


def good_request(draw: random.Random) -> Request:
    """Return a request that must be answered by 200: a crystal that the server has not met before."""
    name, factor = draw.choice(GOOD), draw.uniform(0.98, 1.02)
    text = (EXAMPLES / f"{name}.cif").read_text()
    text = re.sub(r"(_cell_length_\w\s+)(\S+)", lambda found: f"{found[1]}{factor * float(found[2]):.6f}", text)
    return upload(f"{name}.cif", text.encode())


def bad_requests() -> list[Request]:
    """Return requests that must be refused, and one for a page between them."""
    mgo = (EXAMPLES / "MgO.cif").read_bytes()
    hostile = [upload(path.name, path.read_bytes()) for path in sorted(HOSTILE.iterdir())]
    return [
        *hostile,
        half_sent,
        page("/nowhere"),
        page("/"),
        upload("x.exe", b"MZ"),
        upload("broken.cif", mgo[: len(mgo) // 2]),
        upload("noise.cif", random.Random(0).randbytes(20_000)),
        upload("deep.json", b"[" * 100_000),
        upload("large.cif", bytes(17 * 2**20)),
        upload("MgO.cif", mgo, origin="https://evil.example"),
        upload("MgO.cif", mgo, host="evil.example"),
        upload("MgO.cif", mgo, path="/api/predict?level=none"),
    ]


async def client(address: str, seed: int, end: float, found: list[tuple[bool, int, float]]) -> None:
    """Send one request after the other until the end; note whether it was a good one, its status and its seconds."""
    draw, bad = random.Random(seed), bad_requests()
    async with httpx.AsyncClient(base_url=address, timeout=60) as session:
        while time.perf_counter() < end:
            is_good = draw.random() > SHARE_OF_BAD
            begin = time.perf_counter()
            try:
                status = await (good_request(draw) if is_good else draw.choice(bad))(session)
            except httpx.HTTPError:  # an upload that is refused before it is sent may end so
                status = -1
            found.append((is_good, status, time.perf_counter() - begin))


async def load(address: str, n_clients: int, seconds: float) -> list[tuple[bool, int, float]]:
    """Return what all clients noted."""
    found: list[tuple[bool, int, float]] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(client(address, seed, end, found) for seed in range(n_clients)))
    return found


def memory(process: int) -> float:
    """Return the resident memory in MB of a process and its descendants."""
    parent = psutil.Process(process)
    total = 0
    for member in (parent, *parent.children(recursive=True)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process, its descendants that live, and this one."""
    parent = psutil.Process(process)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True), psutil.Process())]
    return sum(one.user + one.system for one in times)


def main() -> int:
    """Start a server, load it, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--parts", type=int, default=3, help="parts of the run that are reported one by one")
    options = parser.parse_args()
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--json"]
    failures = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["url"]
        print(f"{options.clients} clients, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
        asyncio.run(load(address, options.clients, 5.0))
        before = memory(server.pid)
        for part in range(options.parts):
            seconds = options.seconds / options.parts
            used = cpu_seconds(server.pid)
            found = asyncio.run(load(address, options.clients, seconds))
            cores = (cpu_seconds(server.pid) - used) / seconds
            good = [entry for entry in found if entry[0]]
            statuses = Counter(status for _, status, _ in found)
            failures += sum(n for status, n in statuses.items() if status >= 500 and status != 503)
            failures += sum(status not in (200, 503) for _, status, _ in good)
            median, p95 = np.percentile([spent for *_, spent in good], [50, 95])
            print(  # the cores are what server and clients got of the machine
                f"part {part + 1}: {len(found)} requests in {seconds:.0f} s ({len(found) / seconds:.1f}/s); good ones: "
                f"{len(good)}, p50 {median:.2f} s, p95 {p95:.2f} s, memory {before:.0f} -> {memory(server.pid):.0f} MB,"
                f" {cores:.2f} cores"
            )
            print("   statuses:", ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())))
        health = httpx.get(f"{address}/healthz").json()
        print(f"5xx other than 503, or good requests refused: {failures}; after: {health}")
        server.terminate()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
