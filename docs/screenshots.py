"""Take the pictures of the page for the guide: ``python docs/screenshots.py``; needs Debian's chromium."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

FIGURES = Path(__file__).parent / "figures"
EXAMPLES = Path(__file__).parents[1] / "src" / "dielectra" / "web" / "static" / "examples"
N_COLOURS = 128


def save(page: Page, name: str, full: bool = True) -> None:
    """Save what the page shows as a PNG with a palette."""
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full))).convert("RGB")
    picture.quantize(N_COLOURS).save(FIGURES / f"{name}.png", optimize=True)


def desktop(browser: Browser, address: str) -> None:
    """Silicon in a wide window, with a measured curve."""
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    page.goto(f"{address}/#example=Si&tab=index")
    expect(page.locator("#formula")).to_have_text("Si", timeout=30_000)
    page.locator("#range").select_option("0 10")
    save(page, "page")


def phone(browser: Browser, address: str) -> None:
    """The colour of GaN on a phone."""
    page = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=1.5, is_mobile=True)
    page.goto(f"{address}/#example=GaN&tab=colour")
    expect(page.locator("#colour-film")).to_contain_text("sRGB", timeout=30_000)
    page.locator("#spectra").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('spectra').scrollIntoView()")
    save(page, "page-phone", full=False)


def dark(browser: Browser, address: str) -> None:
    """A batch and a film stack in dark colours."""
    page = browser.new_page(viewport={"width": 1180, "height": 900}, color_scheme="dark")
    page.goto(f"{address}/#example=MgO&tab=stack")
    expect(page.locator("#formula")).to_have_text("MgO", timeout=30_000)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "set.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(EXAMPLES.glob("*.cif")):
                archive.write(path, path.name)
        page.locator("#file").set_input_files(packed)
        expect(page.locator("#batch-count")).to_contain_text("8 of 8", timeout=30_000)
    page.get_by_role("button", name="MgF2.cif").click()
    expect(page.locator("#formula")).to_have_text("MgF2")
    save(page, "page-dark")


def main() -> None:
    """Serve the page on a free port and take all pictures."""
    FIGURES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dielectra", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["url"]
        flags = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        for take in (desktop, phone, dark):
            take(browser, address)
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
