"""The page in a real Chromium: what it shows and saves are the numbers of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browsing import (
    EXAMPLES,
    drop,
    drop_example,
    facts,
    in_browser,
    number,
    open_page,
    read_at,
    refuse_violations,
    saved,
    settle,
    slide,
    width_of_page,
)
from conftest import Run, assert_same, assert_same_table, command_line
from dielectra.optics.stack import Layer, stack_optics
from dielectra.predictor import predict

pytestmark = in_browser


def test_a_dropped_file_and_another_level_show_the_numbers_of_the_command_line(page: Page, run: Run) -> None:
    drop_example(page, "GaAs")
    for level in ("rpa", "ipa"):
        page.locator(f"#levels input[value={level}]").check(force=True)
        expect(page.locator("#facts")).to_contain_text(level.upper())
        settle(page)
        (entry,) = command_line(run, "predict", "examples/GaAs.cif", "--level", level)
        shown = facts(page)
        assert number(shown["ε∞"]) == pytest.approx(entry["eps_infinity"], rel=1e-2)
        assert shown["model"].startswith(entry["model"])
        if "gap_ev" in entry:
            assert number(shown["gap"]) == pytest.approx(entry["gap_ev"], abs=0.006)
        assert "F4\u03053m (216)" in page.locator("#origin").inner_text()
        place = entry["energy_ev"].index(3.0)
        for tab, keys in (("eps", ("eps1", "eps2")), ("index", ("n", "k")), ("loss", ("loss",))):
            page.click(f"#tab-{tab}")
            settle(page)
            expected = [entry[key]["mean"][place] for key in keys]
            assert read_at(page, 3.0)[: len(keys)] == pytest.approx(expected, rel=1e-3)


def test_a_slider_of_the_film_stack_moves_the_curves(page: Page) -> None:
    page.click("#tab-stack")
    slide(page, "#film-thickness", 120)
    slide(page, "#angle", 40)
    with page.expect_response(lambda got: "/api/stack" in got.url and '"polarisation":"p"' in got.request.post_data):
        page.locator("#polarisation").select_option("p")
    found = stack_optics([Layer(predict(EXAMPLES / "MgO.cif"), 120)], [4.0], 40.0, "p")
    expected = [found.reflectance[0, 0], found.transmittance[0, 0], found.absorptance[0, 0]]
    expect(page.locator("#readout")).to_contain_text("reflected")
    page.wait_for_timeout(300)
    assert read_at(page, 4.0) == pytest.approx(expected, abs=2e-4)
    chart, sliders = (page.locator(place).bounding_box() for place in ("#drawing", "#controls"))
    assert chart
    assert sliders
    assert sliders["x"] > chart["x"] + chart["width"], "the sliders are beside the chart"


def test_colour_and_solar_are_those_of_the_command_line(page: Page, run: Run) -> None:
    drop_example(page, "GaAs")
    page.click("#tab-colour")
    slide(page, "#colour-thickness", 2)  # 100 nm, in decades
    names = ("colour", "film-colour", "body-colour", "slme")
    options = [word for name in names for word in ("--property", name)]
    (entry,) = command_line(run, "predict", "examples/GaAs.cif", *options, "--thickness-nm", "100", "--path-nm", "100")
    properties = entry["properties"]
    expect(page.locator("#colour-bulk")).to_contain_text(properties["colour"]["hex"])
    expect(page.locator("#colour-film")).to_contain_text(properties["film-colour"]["hex"])
    expect(page.locator("#colour-body")).to_contain_text(properties["body-colour"]["hex"])
    red, green, blue = (int(properties["colour"]["hex"][start : start + 2], 16) for start in (1, 3, 5))
    expect(page.locator("#swatch-bulk")).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    page.click("#tab-solar")
    slide(page, "#solar-thickness", 2)
    solar = page.locator("#solar-results")
    expect(solar).to_contain_text(properties["slme"]["gap_direct_source"])
    limit = solar.locator("dd").nth(1)
    expect(limit).to_contain_text("%")
    assert number(limit.inner_text()) == pytest.approx(100 * properties["slme"]["spectroscopic_limit"], abs=0.11)
    around = properties["slme"]["interval"]["slme"]
    told = solar.locator("dd").first.locator("small")
    expect(told).to_contain_text(f"to {100 * around['upper']:.2g}")  # that of 1 micrometre stands there first
    low, _, high = told.inner_text().split()
    assert (float(low), float(high)) == pytest.approx((100 * around["lower"], 100 * around["upper"]), abs=0.6)


def test_colours_of_gallium_nitride_are_told_for_gaps_that_are_off(page: Page, run: Run) -> None:
    drop_example(page, "GaN")
    page.click("#tab-colour")
    wanted = [word for name in ("film-colour", "colour", "body-colour") for word in ("--property", name)]
    (entry,) = command_line(run, "predict", "examples/GaN.cif", *wanted, "--thickness-nm", "500", "--path-nm", "500")
    film, polished, body = (entry["properties"][name] for name in wanted[1::2])
    expect(page.locator("#colour-film")).to_contain_text(film["hex"])
    expect(page.locator("#colour-body")).to_contain_text(body["hex"])
    strip = page.locator("#colour-film .strip .swatch")
    expect(strip).to_have_count(4)
    assert film["hex_by_gap"][0] in str(strip.first.get_attribute("title"))
    low, _, high = page.locator("#colour-bulk small").first.inner_text().split()
    around = polished["interval"]["lab"]
    assert (float(low), float(high)) == pytest.approx((around["lower"][0], around["upper"][0]), abs=0.06)


ALUMINIUM = """data_Al
_cell_length_a 4.05
_cell_length_b 4.05
_cell_length_c 4.05
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Al 0 0 0
"""


def test_a_metal_is_refused_and_predicted_where_the_user_insists(page: Page) -> None:
    drop(page, "Al.cif", ALUMINIUM)
    problem = page.locator("#problem")
    expect(problem).to_contain_text("taken for a metal")
    expect(page.locator("#formula")).to_have_text("MgO")
    problem.get_by_role("button", name="Predict anyway").click()
    expect(page.locator("#formula")).to_have_text("Al")
    settle(page)
    expect(problem).to_be_hidden()
    assert facts(page)["gap"] == "none: a metal"
    assert "low" in facts(page)["confidence"]
    expect(page.locator("#reasons")).to_contain_text("free carriers")
    assert saved(page, "#download-csv").read_text().count("\n") > 100
    link = page.url
    page.goto("about:blank")
    open_page(page, link)
    expect(page.locator("#formula")).to_have_text("Al")


def test_a_measured_curve_is_laid_over_the_prediction(page: Page) -> None:
    page.get_by_role("button", name="Si", exact=True).click()
    expect(page.locator("#measured-choice")).to_contain_text("1 of 6 shown")
    page.click("#tab-index")
    settle(page)
    n, k, measured_n, measured_k = read_at(page, 3.0)
    assert n > 1
    assert k > 0
    assert (measured_n, measured_k) == pytest.approx((5.222, 0.269), rel=0.01)  # Aspnes and Studna (1983), Si, 3.0 eV
    assert page.locator("#chart .measured circle").count() > 40
    page.get_by_text("Measured (1 of 6").click()
    page.get_by_label("Aspnes 1983").uncheck()
    settle(page)
    assert len(read_at(page, 3.0)) == 2


def test_downloads_are_those_of_the_command_line(page: Page, run: Run, tmp_path: Path) -> None:
    entries = command_line(run, "predict", "examples/MgO.cif", "--csv", str(tmp_path))
    entries[0]["file"] = "MgO.cif"
    assert_same(json.loads(saved(page, "#download-json").read_text()), entries)
    assert_same_table(saved(page, "#download-csv").read_bytes(), (tmp_path / "MgO.csv").read_bytes())


def test_pictures_have_a_title_two_pixels_a_point_and_either_scheme(page: Page) -> None:
    drawing = saved(page, "#download-svg").read_text()
    texts = [element.text for element in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]
    assert "MgO: dielectric function ε (RPA)" in texts
    assert "photon energy (eV)" in texts
    colours = {}
    for button, scheme in (("#download-png", "light"), ("#download-png-other", "dark")):
        expect(page.locator(button)).to_have_text(f"PNG {scheme}")
        picture = saved(page, button)
        image = picture.read_bytes()
        assert (int.from_bytes(image[16:20]), int.from_bytes(image[20:24])) == (1920, 1200)
        colours[scheme] = corner(picture)
    assert min(colours["light"]) > 250
    assert max(colours["dark"]) < 30


def corner(picture: Path) -> tuple[int, ...]:
    from PIL import Image

    pixel: Any = Image.open(picture).convert("RGB").getpixel((0, 0))
    return tuple(pixel)


def test_a_refusal_is_told_and_a_hostile_name_stays_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>.cif"
    drop(page, name, (EXAMPLES / "MgO.cif").read_text().replace("Mg1 Mg", "Cf1 Cf"))
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Cf; it covers")
    expect(problem).to_contain_text("onerror=alert(1)>.cif")
    assert page.locator("img").count() == 0
    drop(page, name, (EXAMPLES / "GaAs.cif").read_text())
    expect(page.locator("#formula")).to_have_text("GaAs")
    expect(problem).to_be_hidden()
    assert page.locator("img").count() == 0


def test_a_damaged_link_is_told(page: Page, address: str) -> None:
    open_page(page, f"{address}/#structure=damaged")
    expect(page.get_by_role("alert")).to_contain_text("This link is damaged")


def test_the_structure_is_drawn_in_three_dimensions_with_a_key_and_turns(page: Page) -> None:
    viewer = page.get_by_role("img", name="Unit cell of MgO: 8 atoms")
    before = viewer.screenshot()
    viewer.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert viewer.screenshot() != before
    assert page.locator("#key li").all_inner_texts() == ["Mg 4", "O 4"]
    colours = page.locator("#key i").evaluate_all("dots => dots.map(dot => getComputedStyle(dot).backgroundColor)")
    assert colours == ["rgb(251, 123, 21)", "rgb(255, 13, 13)"]  # VESTA's magnesium, Jmol's oxygen
    page.get_by_text("Cell and atoms").click()
    expect(page.locator("#atoms")).to_contain_text("4.212")


@pytest.mark.parametrize("example", ["ZnS", "GaN", "MgF2", "CdTe", "CsI", "ZnO", "Si", "BN", "GaAs", "MgO", "NaCl"])
def test_every_example_is_answered(page: Page, address: str, example: str) -> None:
    measured = example not in ("GaAs", "MgO", "NaCl")
    open_page(page, f"{address}/#example={example}&tab=index")
    expect(page.locator("#formula")).to_have_text(example)
    expect(page.get_by_role("alert")).to_be_hidden()
    assert page.locator("#measured-choice").is_visible() == measured


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
    page.locator("#cursor").focus()
    before = page.locator("#readout").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#readout").inner_text() != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for tab in ("eps", "colour", "solar", "stack"):
        page.click(f"#tab-{tab}")
        settle(page)
        page.wait_for_load_state("networkidle")
        refuse_violations(page)


def test_the_description_of_the_api_lists_every_route(page: Page, address: str) -> None:
    page.goto(f"{address}/static/api.html")
    expect(page.get_by_role("heading", name="POST /api/predict")).to_be_visible()
    assert page.locator("h2", has_text="/api/").count() == 14
    refuse_violations(page)


def test_a_phone_needs_no_sideways_scrolling_and_nothing_jumps(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for tab in ("eps", "colour", "solar", "stack"):
        page.click(f"#tab-{tab}")
        settle(page)
        wide, window = width_of_page(page)
        assert wide <= window, tab
    page.click("#tab-index")
    settle(page)
    tops = []
    for energy in np.linspace(0, 20, 9):
        slide(page, "#cursor", float(energy))
        tops.append(page.locator("#downloads").bounding_box()["y"])  # type: ignore[index]
    assert np.ptp(tops) == 0, "reading the curves moves nothing"


def test_a_colour_that_comes_late_moves_nothing(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("about:blank")
    held: list[Any] = []
    page.route("**/api/colour", lambda route: held.append(route))  # Playwright takes no bound method of a list
    open_page(page, f"{address}/#example=MgO&level=rpa&tab=index")
    place = page.locator("#downloads")
    before = place.bounding_box()
    held[0].continue_()
    expect(page.locator("#facts")).to_contain_text("polished")
    assert place.bounding_box() == before
    page.click("#tab-eps")
    settle(page)
    expect(page.locator("#facts")).to_contain_text("polished")
    assert len(held) == 1, "the colour of a prediction is asked for once"
    page.unroute("**/api/colour")
