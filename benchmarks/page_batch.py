"""How smoothly the page takes a batch: seconds to fill, sort and filter, and the longest time it does not answer.

    python benchmarks/page_batch.py [--crystals 500]

Starts a server and Debian's Chromium; the crystals are those of the shipped data sets.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib import resources
from itertools import chain
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
WATCH = """globalThis.longest = 0;
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
}).observe({ type: "longtask", buffered: true });"""
SORT = """(title) => {
  const head = [...document.querySelectorAll("#batch-heads button")].find((one) => one.textContent === title);
  const begin = performance.now();
  head.click();
  document.body.offsetHeight;
  return performance.now() - begin;
}"""


def pack(path: Path, n_crystals: int) -> None:
    """Write crystals of the catalogue into a zip."""
    packed = (resources.files("dielectra.web") / "tables" / "crystals.jsonl.gz").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for line in gzip.decompress(packed).decode().splitlines()[:n_crystals]:
            one = json.loads(line)
            flat = {key: list(chain(*one[key])) for key in ("lattice", "frac_coords")}
            archive.writestr(f"{one['id']}.json", json.dumps(flat | {"species": one["species"]}))


def measure(page: Page, path: Path, n_crystals: int) -> None:
    """Print the times of one batch."""
    page.wait_for_selector("#result[aria-busy=false]", timeout=120_000)
    page.evaluate("longest = 0")
    begin = time.perf_counter()
    page.set_input_files("#file", path)
    page.get_by_text(f"{n_crystals} of {n_crystals} files").wait_for(timeout=3_600_000)
    print(f"{n_crystals} crystals: {time.perf_counter() - begin:.0f} s, longest task {page.evaluate('longest'):.0f} ms")
    for title in ("n (589 nm)", "gap (eV)", "confidence"):
        print(f"sort by {title}: {page.evaluate(SORT, title):.0f} ms")
    page.evaluate("longest = 0")
    page.fill("#batch-filter", "gap > 2")
    page.wait_for_timeout(1000)
    print(f"filter: longest task {page.evaluate('longest'):.0f} ms, {page.inner_text('#batch-shown')}")


def main() -> None:
    """Serve, open the page, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", type=int, default=500)
    n_crystals = parser.parse_args().crystals
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--json"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        assert server.stdout is not None
        path = Path(folder) / "many.zip"
        pack(path, n_crystals)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        page.goto(json.loads(server.stdout.readline())["url"])
        measure(page, path, n_crystals)
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
