"""The page in a real Chromium: what it shows and saves are the numbers of the command line."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from conftest import Run, assert_same, assert_same_table, command_line
from dielectra.optics.stack import Layer, stack_optics
from dielectra.predictor import predict

EXAMPLES = Path("examples")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --enable-unsafe-swiftshader""".split()  # noqa: SIM905
DROP = """([name, content]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name));
  document.getElementById("drop").dispatchEvent(
    new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""
chromium = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium is None, reason="chromium is not installed; make browser installs it"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser: Browser, address: str) -> Iterator[tuple[Page, list[str]]]:
    """Return a tab with the page, and what goes wrong in it: console errors and requests to other hosts."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if is_trouble(line.type, line.text) else None)
    page.on("request", lambda asked: troubles.append(asked.url) if not is_own(asked.url, address) else None)
    page.goto(address)
    yield page, troubles
    page.close()


@pytest.fixture
def page(tab: tuple[Page, list[str]], address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Return the page with MgO open; nothing may go wrong in the test."""
    page, troubles = tab
    open_page(page, f"{address}/#example=MgO&level=rpa&tab=eps&test={hash(request.node.name)}")
    expect(page.locator("#facts")).to_contain_text("MgO.cif", timeout=20_000)
    yield page
    assert troubles == []


def is_trouble(kind: str, text: str) -> bool:
    return kind == "error" and "status of 4" not in text  # Chromium logs every refusal


def is_own(url: str, address: str) -> bool:
    return url.startswith((address, "blob:", "data:"))


def open_page(page: Page, url: str) -> None:
    """Open an address; where only its fragment is new the page stays and follows it."""
    page.goto(url)
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false", timeout=30_000)


def drop(page: Page, name: str, content: str) -> None:
    page.evaluate(DROP, [name, content])


def drop_example(page: Page, name: str) -> None:
    drop(page, f"{name}.cif", (EXAMPLES / f"{name}.cif").read_text())
    expect(page.locator("#facts")).to_contain_text(f"{name}.cif", timeout=20_000)


def facts(page: Page) -> dict[str, str]:
    return dict(zip(*(page.locator(f"#facts {tag}").all_inner_texts() for tag in ("dt", "dd")), strict=True))


def slide(page: Page, slider: str, value: float) -> None:
    """Move a slider as a hand does: the value changes and the page is told."""
    page.locator(slider).evaluate("(slider, value) => { slider.value = value; }", value)
    page.locator(slider).dispatch_event("input")


def read_at(page: Page, energy: float) -> list[float]:
    """Return the numbers of the chart at a photon energy, to four digits."""
    slide(page, "#cursor", energy)
    _, *values = page.locator("#readout > span").all_inner_texts()
    return [float(text.split()[-1]) for text in values]


def saved(page: Page, button: str) -> Path:
    with page.expect_download() as download:
        page.click(button)
    return Path(download.value.path())


def test_a_dropped_file_and_another_level_show_the_numbers_of_the_command_line(page: Page, run: Run) -> None:
    drop_example(page, "GaAs")
    for level in ("rpa", "ipa"):
        page.get_by_role("radio", name=level.upper()).check()
        expect(page.locator("#facts")).to_contain_text(f"ladder-{level}")
        (entry,) = command_line(run, "predict", "examples/GaAs.cif", "--level", level)
        shown = facts(page)
        assert float(shown["static ε"]) == pytest.approx(entry["static_eps"], rel=1e-3)
        assert shown["space group"] == "F -4 3 m (216)"
        place = entry["energy_ev"].index(3.0)
        for tab, keys in (("eps", ("eps1", "eps2")), ("index", ("n", "k")), ("loss", ("loss",))):
            page.click(f"#tab-{tab}")
            assert read_at(page, 3.0) == pytest.approx([entry[key]["mean"][place] for key in keys], rel=1e-3)


def test_a_slider_of_the_film_stack_moves_the_curves(page: Page) -> None:
    page.click("#tab-stack")
    slide(page, "#film-thickness", 120)
    slide(page, "#angle", 40)
    with page.expect_response("**/api/stack"):
        page.locator("#polarisation").select_option("p")
    found = stack_optics([Layer(predict(EXAMPLES / "MgO.cif"), 120)], [4.0], 40.0, "p")
    expected = [found.reflectance[0, 0], found.transmittance[0, 0], found.absorptance[0, 0]]
    expect(page.locator("#readout")).to_contain_text("R ")
    assert read_at(page, 4.0) == pytest.approx(expected, abs=2e-4)


def test_colour_and_solar_are_those_of_the_command_line(page: Page, run: Run) -> None:
    drop_example(page, "GaAs")
    page.click("#tab-colour")
    slide(page, "#colour-thickness", 2)  # 100 nm, in decades
    options = ("--property", "colour", "--property", "film-colour", "--property", "slme", "--thickness-nm", "100")
    (entry,) = command_line(run, "predict", "examples/GaAs.cif", *options)
    properties = entry["properties"]
    expect(page.locator("#colour-bulk")).to_contain_text(properties["colour"]["hex"])
    expect(page.locator("#colour-film")).to_contain_text(properties["film-colour"]["hex"])
    red, green, blue = (int(properties["colour"]["hex"][start : start + 2], 16) for start in (1, 3, 5))
    expect(page.locator("#swatch-bulk")).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    page.click("#tab-solar")
    slide(page, "#solar-thickness", 2)
    slide(page, "#temperature", 293.15)
    solar = page.locator("#solar-results")
    expect(solar).to_contain_text(f"{100 * properties['slme']['spectroscopic_limit']:.1f} %")
    expect(solar).to_contain_text(properties["slme"]["gap_direct_source"])


def test_a_measured_curve_is_laid_over_the_prediction(page: Page) -> None:
    page.get_by_role("button", name="Si", exact=True).click()
    expect(page.locator("#measured-source")).to_contain_text("Aspnes")
    page.click("#tab-index")
    n, k, measured_n, measured_k = read_at(page, 3.0)
    assert n > 1
    assert k > 0
    assert (measured_n, measured_k) == pytest.approx((5.222, 0.269), rel=0.01)  # Aspnes and Studna (1983), Si, 3.0 eV
    page.get_by_label("measured", exact=True).uncheck()
    assert len(read_at(page, 3.0)) == 2


def test_downloads_are_those_of_the_command_line(page: Page, run: Run, tmp_path: Path) -> None:
    entries = command_line(run, "predict", "examples/MgO.cif", "--csv", str(tmp_path))
    entries[0]["file"] = "MgO.cif"
    assert_same(json.loads(saved(page, "#download-json").read_text()), entries)
    assert_same_table(saved(page, "#download-csv").read_bytes(), (tmp_path / "MgO.csv").read_bytes())
    picture = saved(page, "#download-png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) > 600


def test_a_link_opens_the_same_crystal_level_and_tab(page: Page, address: str) -> None:
    drop(page, "mine.cif", (EXAMPLES / "NaCl.cif").read_text())
    expect(page.locator("#facts")).to_contain_text("mine.cif")
    page.click("#tab-loss")
    page.get_by_role("radio", name="IPA").check()
    expect(page.locator("#facts")).to_contain_text("ladder-ensemble")
    values, link = read_at(page, 10.0), page.url
    page.goto("about:blank")
    open_page(page, link)
    assert facts(page)["model"] == "ladder-ensemble"
    assert page.locator("#tab-loss").get_attribute("aria-selected") == "true"
    assert read_at(page, 10.0) == pytest.approx(values, rel=1e-3)
    open_page(page, f"{address}/#example=GaAs&tab=index")
    page.reload()
    expect(page.locator("#formula")).to_have_text("GaAs")


def test_a_zip_fills_a_table_whose_rows_open(page: Page, tmp_path: Path) -> None:
    packed = tmp_path / "set.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("GaAs", "NaCl", "SrTiO3"):
            archive.write(EXAMPLES / f"{name}.cif", f"set/{name}.cif")
    page.locator("#file").set_input_files(packed)
    expect(page.locator("#batch-count")).to_have_text("3 of 3 files", timeout=20_000)
    assert page.locator("#batch-progress").evaluate("bar => bar.value / bar.max") == 1
    rows = page.locator("#batch-rows tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("no features for Ti")
    page.get_by_role("button", name="NaCl.cif").click()
    expect(page.locator("#formula")).to_have_text("NaCl")
    static = rows.nth(1).locator("td").nth(1).inner_text()
    assert float(facts(page)["static ε"]) == pytest.approx(float(static), abs=0.005)
    table = saved(page, "#batch-csv").read_text().splitlines()
    assert table[0].startswith("file,formula,level,model,static_eps")
    assert len(table) == 4


def test_a_refusal_is_told_and_a_hostile_name_stays_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>.cif"
    drop(page, name, (EXAMPLES / "SrTiO3.cif").read_text())
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("no features for Ti")
    expect(problem).to_contain_text("onerror=alert(1)>.cif")
    assert page.locator("img").count() == 0
    drop(page, name, (EXAMPLES / "GaAs.cif").read_text())
    expect(page.locator("#formula")).to_have_text("GaAs")
    expect(problem).to_be_hidden()
    assert page.locator("img").count() == 0


def test_a_damaged_link_is_told(page: Page, address: str) -> None:
    open_page(page, f"{address}/#structure=damaged")
    expect(page.get_by_role("alert")).to_contain_text("This link is damaged")


def test_the_structure_is_drawn_in_three_dimensions_and_turns(page: Page) -> None:
    viewer = page.get_by_role("img", name="Unit cell of MgO: 8 atoms")
    before = viewer.screenshot()
    viewer.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert viewer.screenshot() != before
    page.get_by_text("Cell and atoms").click()
    expect(page.locator("#atoms")).to_contain_text("4.212")


def test_tabs_work_from_the_keyboard(page: Page) -> None:
    page.locator("#tab-eps").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-index")).to_be_focused()
    expect(page.locator("#tab-index")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    expect(page.locator("#tab-stack")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#cursor")).to_be_focused()
    before = page.locator("#readout").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#readout").inner_text() != before


def refuse_violations(page: Page) -> None:
    """Check names, roles, contrast and structure by the rules of axe-core."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for tab in ("eps", "colour", "solar", "stack"):
        page.click(f"#tab-{tab}")
        page.wait_for_load_state("networkidle")
        refuse_violations(page)


def test_the_description_of_the_api_lists_every_route(page: Page, address: str) -> None:
    page.goto(f"{address}/static/api.html")
    expect(page.get_by_role("heading", name="POST /api/predict")).to_be_visible()
    assert page.locator("h2", has_text="/api/").count() == 10
    refuse_violations(page)


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for tab in ("eps", "colour", "solar", "stack"):
        page.click(f"#tab-{tab}")
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1]
    assert np.less_equal(44 * 0.9, page.locator("#tab-eps").bounding_box()["height"])  # type: ignore[index]
