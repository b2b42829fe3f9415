"""Take the pictures of the page for the guide: ``python docs/screenshots.py``; needs Debian's chromium."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from itertools import chain
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

FIGURES = Path(__file__).parent / "figures"
N_LISTED = 40
WAIT = 180_000
"""Milliseconds that a prediction may take on a busy machine."""


def save(page: Page, name: str, full: bool = True) -> None:
    """Save what the page shows; in all its colours, as a palette loses those of small swatches."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full))).convert("RGB")
    picture.save(FIGURES / f"{name}.png", optimize=True)


def show(page: Page, url: str) -> None:
    """Open an address and wait for its spectra."""
    page.goto(url, timeout=WAIT)
    page.wait_for_selector("#result[aria-busy=false]", timeout=WAIT)


def desktop(browser: Browser, address: str) -> None:
    """Gallium nitride with a measured curve, in a wide window."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    show(page, f"{address}/#example=GaN&tab=index&range=0:12")
    save(page, "page")


def comparison(browser: Browser, address: str) -> None:
    """Two crystals with the components of their tensors, in dark colours."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    show(page, f"{address}/#example=BN&example=GaN&tab=eps&components=tensor")
    save(page, "page-dark")


def phone(browser: Browser, address: str) -> None:
    """Magnesium fluoride, ordinary and extraordinary, on a phone."""
    page = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=1.5, is_mobile=True)
    show(page, f"{address}/#example=MgF2&tab=index&components=axes&part=0&range=0:14")
    save(page, "page-phone")


def batch(browser: Browser, address: str) -> None:
    """Nitrides and oxides in the table of a batch."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    show(page, f"{address}/#example=GaN&tab=index&range=0:12")
    found = [
        one["id"]
        for element in ("N", "O")
        for one in page.request.get(f"{address}/api/crystals?query={element}&limit={N_LISTED}").json()["crystals"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "set.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            for name in dict.fromkeys(found):
                crystal = page.request.get(f"{address}/api/crystals/{name}").json()
                flat = {key: list(chain(*crystal[key])) for key in ("lattice", "frac_coords")}
                archive.writestr(f"{name}.json", json.dumps(flat | {"species": crystal["species"]}))
        page.locator("#file").set_input_files(packed)
        count = len(set(found))
        expect(page.locator("#batch-count")).to_contain_text(f"{count} of {count}", timeout=10 * WAIT)
    page.get_by_role("button", name="n (589 nm)").click()
    save(page, "page-batch", full=False)


def main() -> None:
    """Serve the page on a free port and take all pictures."""
    FIGURES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["url"]
        flags = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        for take in (desktop, comparison, phone, batch):
            take(browser, address)
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
