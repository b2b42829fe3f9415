"""The page in a real Chromium, for tests: fixtures that conftest.py passes on, and what a hand does on the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EXAMPLES = Path("examples")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --enable-unsafe-swiftshader""".split()  # noqa: SIM905
DROP = """([name, content]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name));
  document.getElementById("drop").dispatchEvent(
    new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""
PASTE = """text => {
  const transfer = new DataTransfer();
  transfer.setData("text/plain", text);
  const options = { bubbles: true, cancelable: true, clipboardData: transfer };
  document.body.dispatchEvent(new ClipboardEvent("paste", options));
}"""
chromium = shutil.which("chromium")
in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium is None, reason="chromium is not installed; make browser installs it"),
]
WAIT = 90_000
"""Milliseconds that a prediction may take on a busy machine."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium without a window; it ends with the module, since its event loop bars those of others."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser: Browser, address: str) -> Iterator[tuple[Page, list[str]]]:
    """Return a tab with the page, and what goes wrong in it: console errors and requests to other hosts."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if is_trouble(line.type, line.text) else None)
    page.on("request", lambda asked: troubles.append(asked.url) if not is_own(asked.url, address) else None)
    page.goto(address)
    yield page, troubles
    page.close()


@pytest.fixture
def page(tab: tuple[Page, list[str]], address: str) -> Iterator[Page]:
    """Return the page anew with MgO open; nothing may go wrong in the test."""
    page, troubles = tab
    page.goto("about:blank")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    open_page(page, f"{address}/#example=MgO&level=rpa&tab=eps")
    yield page
    assert troubles == []


def is_trouble(kind: str, text: str) -> bool:
    return kind == "error" and "status of 4" not in text  # Chromium logs every refusal


def is_own(url: str, address: str) -> bool:
    return url.startswith((address, "blob:", "data:", "about:"))


def settle(page: Page) -> None:
    """Wait until the page has shown what was asked of it."""
    page.wait_for_selector("#result[aria-busy=false]")


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    settle(page)


def drop(page: Page, name: str, content: str) -> None:
    page.evaluate(DROP, [name, content])


def drop_example(page: Page, name: str) -> None:
    from playwright.sync_api import expect

    drop(page, f"{name}.cif", (EXAMPLES / f"{name}.cif").read_text())
    expect(page.locator("#origin")).to_contain_text(f"{name}.cif", timeout=WAIT)
    settle(page)


def facts(page: Page) -> dict[str, str]:
    return dict(zip(*(page.locator(f"#facts {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True))


def number(text: str) -> float:
    """Return the number that a text begins with."""
    return float(text.split()[0])


def slide(page: Page, slider: str, value: float) -> None:
    """Move a slider as a hand does: the value changes and the page is told."""
    page.locator(slider).evaluate("(slider, value) => { slider.value = value; }", value)
    page.locator(slider).dispatch_event("input")


def read_at(page: Page, energy: float) -> list[float]:
    """Return the numbers of the chart at a photon energy, to four digits."""
    slide(page, "#cursor", energy)
    return [float(text) for text in page.locator("#readout b").all_inner_texts()]


def legend(page: Page) -> list[str]:
    return page.locator("#chart .legend text").all_text_contents()


def saved(page: Page, button: str) -> Path:
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path())


def drag(page: Page, begin: float, end: float) -> None:
    """Drag over the chart between two fractions of its width."""
    box: Any = page.locator("#chart").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], middle, steps=4)
    page.mouse.up()
    settle(page)


def refuse_violations(page: Page) -> None:
    """Check names, roles, contrast and structure by the rules of axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def width_of_page(page: Page) -> tuple[int, int]:
    """Return how wide the page is, and how wide the window."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return wide, window
