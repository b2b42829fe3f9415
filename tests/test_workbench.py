"""The page as a workbench: search, paste, compare, zoom, units, the table of a batch, permalinks, the keyboard."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from browsing import (
    EXAMPLES,
    PASTE,
    drag,
    drop,
    drop_example,
    facts,
    in_browser,
    legend,
    number,
    open_page,
    read_at,
    refuse_violations,
    saved,
    settle,
    slide,
    width_of_page,
)
from conftest import Run, command_line

pytestmark = in_browser


def ends(page: Page) -> tuple[float, float]:
    """Return the ends of the axis as its fields have them."""
    low, high = (float(page.locator(f"#{end}").input_value()) for end in ("from", "to"))
    return low, high


def test_the_drop_zone_shrinks_once_something_is_opened(page: Page, address: str) -> None:
    page.goto("about:blank")
    open_page(page, address)
    tall = page.locator("#drop").bounding_box()
    assert page.locator("#formula").inner_text() == "MgF2"
    page.get_by_role("button", name="MgO", exact=True).click()
    expect(page.locator("#formula")).to_have_text("MgO")
    low = page.locator("#drop").bounding_box()
    assert tall
    assert low
    assert low["height"] < tall["height"] / 2
    assert low["width"] < tall["width"] / 4


def test_text_that_is_pasted_anywhere_is_opened(page: Page) -> None:
    page.evaluate(PASTE, (EXAMPLES / "NaCl.cif").read_text())
    expect(page.locator("#formula")).to_have_text("NaCl")
    poscar = "B2\n1.0\n4.1 0 0\n0 4.1 0\n0 0 4.1\nK Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
    page.evaluate(PASTE, poscar)
    expect(page.locator("#formula")).to_have_text("KCl")


def test_text_is_pasted_into_the_dialog(page: Page) -> None:
    page.get_by_role("button", name="Paste text").click()
    refuse_violations(page)
    page.get_by_label("CIF or POSCAR text").fill((EXAMPLES / "SrF2.cif").read_text())
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#formula")).to_have_text("SrF2")
    expect(page.locator("#origin")).to_contain_text("pasted.cif")
    page.get_by_role("button", name="Paste text").click()
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was pasted")


def test_the_search_finds_formulas_and_elements(page: Page) -> None:
    page.fill("#query", "NaCl")
    options = page.locator("#found li")
    expect(options.first).to_contain_text("NaCl")
    refuse_violations(page)
    options.first.click()
    expect(page.locator("#formula")).to_have_text("NaCl")
    page.fill("#query", "Mg-O")
    expect(options.first).to_contain_text("Mg")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#query")).to_have_attribute("aria-activedescendant", "found-0")
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_be_hidden()
    page.fill("#query", "Qq")
    expect(page.locator("#found")).to_contain_text("names what is no element")


def test_an_element_of_the_periodic_table_lists_its_crystals(page: Page) -> None:
    page.get_by_role("button", name="Elements").click()
    page.locator("#element-Cl").click()
    expect(page.locator("#element-crystals li").first).to_be_visible()
    formulas = page.locator("#element-crystals .formula").all_inner_texts()
    assert len(formulas) > 50
    assert all("Cl" in formula for formula in formulas)
    refuse_violations(page)
    page.locator("#element-crystals").get_by_role("button", name="Open NaCl").first.click()
    expect(page.locator("#formula")).to_have_text("NaCl")
    page.get_by_role("button", name="Elements").click()
    expect(page.locator("#elements")).to_be_hidden()


def test_crystals_levels_and_measured_curves_share_a_chart(page: Page, run: Run) -> None:
    drop_example(page, "SrF2")
    page.click("#tab-index")
    page.locator("#part").select_option("0")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="GaAs", exact=True).click()
    expect(page.locator("#chips li")).to_have_count(2)
    settle(page)
    page.get_by_label("all levels").check()
    settle(page)
    names = legend(page)
    assert names[:6] == [f"{crystal} {level}" for crystal in ("SrF₂", "GaAs") for level in ("IPA", "RPA", "LRC")]
    assert names[6].startswith("SrF₂ Rodríguez") or "2013" in names[6]
    expected = []
    for file in ("SrF2", "GaAs"):
        for level in ("ipa", "rpa", "lrc"):
            (entry,) = command_line(run, "predict", f"examples/{file}.cif", "--level", level)
            expected.append(entry["n"]["mean"][entry["energy_ev"].index(2.0)])
    assert read_at(page, 2.0)[:6] == pytest.approx(expected, rel=1e-3)
    page.get_by_role("button", name="Take SrF₂ off the chart").click()
    settle(page)
    assert legend(page) == ["IPA", "RPA", "LRC"]
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="MgO", exact=True).click()
    expect(page.locator("#chips li")).to_have_count(1)


def test_tensor_components_are_those_of_the_command_line(page: Page, address: str, run: Run) -> None:
    open_page(page, f"{address}/#example=MgF2&tab=eps&part=1&components=tensor")
    (entry,) = command_line(run, "predict", "src/dielectra/web/static/examples/MgF2.cif")
    place = entry["energy_ev"].index(12.0)
    if "xx" not in entry["eps2"]:
        pytest.skip("the default model predicts isotropic spectra")
    assert legend(page) == ["xx = yy", "zz"] or "xx = yy" in legend(page)[0]
    expected = [entry["eps2"][name][place] for name in ("xx", "zz")]
    assert read_at(page, 12.0)[:2] == pytest.approx(expected, rel=1e-3)
    page.locator("#components").select_option("axes")
    settle(page)
    assert legend(page)[:2] == ["ordinary", "extraordinary"]
    assert read_at(page, 12.0)[:2] == pytest.approx(expected, rel=1e-3)


def test_numbers_have_the_band_of_the_model(page: Page, run: Run) -> None:
    (entry,) = command_line(run, "predict", "examples/MgO.cif")
    page.click("#tab-index")
    settle(page)
    if "band" not in entry:
        pytest.skip("the default model has no bands")
    assert page.locator("#chart .band").count() == 2
    place = entry["energy_ev"].index(4.0)
    slide(page, "#cursor", 4.0)
    low, _, high = page.locator("#readout small").first.inner_text().split()
    band = entry["band"]["n"]
    assert (float(low), float(high)) == pytest.approx((band["lower"][place], band["upper"][place]), rel=0.01)
    for fact, key in (("n (589 nm)", "n_589nm"), ("ε∞", "eps_infinity"), ("gap", "gap_ev")):
        low, _, high = facts(page)[fact].split("\n")[1].split()
        around = entry["interval"][key]
        assert (float(low), float(high)) == pytest.approx((around["lower"], around["upper"]), abs=0.06)
    expect(page.locator("#interval-note")).to_contain_text("90 %")
    page.click("#tab-stack")
    expect(page.locator("#chart .band")).to_have_count(3)


def test_a_drag_zooms_and_a_double_click_resets(page: Page) -> None:
    page.click("#tab-index")
    settle(page)
    drag(page, 0.2, 0.4)
    low, high = ends(page)
    assert 2 < low < 4
    assert 6 < high < 8
    assert f"range={low:g}%3A{high:g}" in page.url
    page.locator("#chart").dblclick()
    settle(page)
    assert ends(page) == (0, 20)
    page.go_back()
    settle(page)
    assert ends(page) == (low, high)
    page.locator("#cursor").focus()
    page.keyboard.press("-")
    settle(page)
    assert ends(page)[1] > high
    page.keyboard.press("0")
    settle(page)
    assert ends(page) == (0, 20)


def test_units_convert_the_axis_and_its_opposite(page: Page) -> None:
    page.click("#tab-index")
    page.get_by_role("button", name="Visible").click()
    settle(page)
    page.locator("#unit").select_option("nm")
    settle(page)
    assert ends(page) == pytest.approx((380, 780), abs=1)
    axis = page.locator("#chart text").all_text_contents()
    assert "wavelength (nm)" in axis
    assert "eV" in axis
    energy = 2.0
    n = read_at(page, energy)[0]
    expect(page.locator("#readout .place")).to_have_text("619.9 nm · 2 eV")
    for unit, value in (("um", "0.6199 µm"), ("cm-1", "16 130 cm⁻¹"), ("THz", "483.6 THz"), ("eV", "2 eV")):
        page.locator("#unit").select_option(unit)
        settle(page)
        assert read_at(page, energy)[0] == n
        assert value in page.locator("#readout .place").inner_text()
    page.fill("#from", "1")
    page.press("#from", "Enter")
    settle(page)
    assert ends(page)[0] == 1


def test_the_axis_can_be_logarithmic(page: Page) -> None:
    page.click("#tab-absorption")
    settle(page)
    assert page.locator("#logarithmic").is_checked()
    assert "10⁵" in page.locator("#chart text").all_text_contents()
    page.locator("#logarithmic").uncheck()
    settle(page)
    assert "10⁵" not in page.locator("#chart text").all_text_contents()
    assert "log=0" in page.url


def test_a_link_shows_everything_again(page: Page, address: str) -> None:
    drop(page, "mine.cif", (EXAMPLES / "NaCl.cif").read_text())
    expect(page.locator("#formula")).to_have_text("NaCl")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="GaN", exact=True).click()
    expect(page.locator("#chips li")).to_have_count(2)
    settle(page)
    page.click("#tab-index")
    page.locator("#levels input[value=ipa]").check(force=True)
    settle(page)
    page.locator("#unit").select_option("nm")
    drag(page, 0.3, 0.6)
    page.get_by_text("Measured (1").click()
    page.locator("#measured input").first.uncheck()
    settle(page)
    values, shown, names = read_at(page, 4.0), ends(page), legend(page)
    link = page.url
    page.goto("about:blank")
    open_page(page, link)
    assert page.locator("#formula").inner_text() == "GaN"
    assert page.locator("#levels input[value=ipa]").is_checked()
    assert (ends(page), legend(page)) == (shown, names)
    assert read_at(page, 4.0) == pytest.approx(values, rel=1e-3)
    page.click("#tab-stack")
    slide(page, "#film-thickness", 777)
    expect(page).to_have_url(re.compile(r"s\.film-thickness=777"))
    link = page.url
    page.goto("about:blank")
    open_page(page, link)
    assert page.locator("#film-thickness").input_value() == "777"
    expect(page.locator("label[for=film-thickness]")).to_contain_text("777 nm")


def test_back_goes_through_what_was_shown(page: Page) -> None:
    page.get_by_role("button", name="NaCl", exact=True).click()
    expect(page.locator("#formula")).to_have_text("NaCl")
    page.click("#tab-loss")
    settle(page)
    page.go_back()
    expect(page.locator("#tab-eps")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.locator("#formula")).to_have_text("MgO")
    page.go_forward()
    expect(page.locator("#formula")).to_have_text("NaCl")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a zip of four crystals and a structure that no model takes."""
    path = tmp_path_factory.mktemp("batch") / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("GaAs", "NaCl", "MgO", "Si"):
            archive.write(EXAMPLES / f"{name}.cif", f"set/{name}.cif")
        archive.writestr("californium.cif", (EXAMPLES / "MgO.cif").read_text().replace("Mg1 Mg", "Cf1 Cf"))
    return path


def open_batch(page: Page, packed: Path, n_files: int = 5) -> Any:
    page.locator("#file").set_input_files(packed)
    expect(page.locator("#batch-count")).to_have_text(f"{n_files} of {n_files} files")
    expect(page.locator("#batch-shown")).to_have_text(f"{n_files} of {n_files} crystals")
    return page.locator("#batch-rows tr:not([hidden])")


def column(page: Page, place: int) -> list[float]:
    """Return the numbers of a column of the table, from the top."""
    return [
        number(text) for text in page.locator(f"#batch-rows tr:not([hidden]) > :nth-child({place})").all_inner_texts()
    ]


def test_the_table_of_a_batch_sorts_filters_and_opens(page: Page, packed: Path, run: Run) -> None:
    rows = open_batch(page, packed)
    expect(rows.nth(4)).to_contain_text("Cf; it covers")
    refuse_violations(page)
    heads = page.locator("#batch-heads th")
    index = [head.strip() for head in heads.all_inner_texts()].index("n (589 nm)")
    for direction in ("ascending", "descending"):
        page.get_by_role("button", name="n (589 nm)").click()
        expect(heads.nth(index)).to_have_attribute("aria-sort", direction)
        numbers = [number(text) for text in page.locator("#batch-rows td:nth-child(6)").all_inner_texts()]
        assert numbers == sorted(numbers, reverse=direction == "descending")
        expect(rows.nth(4)).to_contain_text("Cf; it covers")
    rows_of = {"MgO, O": 1, "n < 2": 2, "n > 2, As": 1, "": 5}
    for text, count in rows_of.items():
        page.fill("#batch-filter", text)
        expect(rows).to_have_count(count)
    page.fill("#batch-filter", "colour > 3")
    expect(page.locator("#batch-shown")).to_contain_text('No column "colour"')
    page.fill("#batch-filter", "")
    (entry,) = command_line(run, "predict", "examples/NaCl.cif")
    page.get_by_role("button", name="NaCl.cif").click()
    expect(page.locator("#formula")).to_have_text("NaCl")
    settle(page)
    assert number(facts(page)["ε∞"]) == pytest.approx(entry["eps_infinity"], rel=0.01)
    table = saved(page, "#batch-csv").read_text().splitlines()
    assert table[0].startswith("file,formula,space_group,level,model,gap_ev,gap_ev_lower,gap_ev_upper,eps_inf")
    assert len(table) == 6
    spectra = json.loads(saved(page, "#batch-json").read_text())
    assert [one["formula"] for one in spectra] == ["GaAs", "NaCl", "MgO", "Si"]


def test_the_scatter_plot_is_linked_with_the_table(page: Page, packed: Path) -> None:
    open_batch(page, packed)
    page.locator("#scatter-x").select_option("eps_infinity")
    page.locator("#scatter-y").select_option("n_589nm")
    points = page.locator("#scatter circle")
    expect(points).to_have_count(4)
    places = points.evaluate_all(
        "all => all.map(one => [Number(one.getAttribute('cx')), Number(one.getAttribute('cy'))])"
    )
    lowest = int(np.argmin([x for x, _ in places]))  # NaCl: smallest eps_infinity
    assert lowest == int(np.argmax([y for _, y in places])), "it also has the smallest n"
    box: Any = page.locator("#scatter").bounding_box()
    spot = (box["x"] + places[lowest][0], box["y"] + places[lowest][1])
    page.mouse.move(*spot)
    expect(page.locator("#batch-rows tr.chosen")).to_contain_text("NaCl")
    expect(page.locator("#scatter-reading")).to_contain_text("NaCl")
    page.mouse.click(*spot)
    expect(page.locator("#formula")).to_have_text("NaCl")


def test_a_batch_fits_a_phone_and_the_dark(page: Page, packed: Path) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    open_batch(page, packed)
    wide, window = width_of_page(page)
    assert wide <= window
    refuse_violations(page)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator("#query").focus()
    page.keyboard.type("NaCl")
    expect(page.locator("#found li").first).to_contain_text("NaCl")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#formula")).to_have_text("NaCl")
    settle(page)
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    needed = {"file", "paste", "compare", "tab-eps", "cursor", "unit", "from", "visible", "download-svg", "viewer"}
    assert needed <= reached, needed - reached
    page.locator("#show-elements").focus()
    page.keyboard.press("Enter")
    page.locator("#element-O").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#element-crystals li").first).to_be_visible()


def test_trust_names_the_error_of_crystals_alike(page: Page) -> None:
    trust = page.locator("#trust")
    expect(trust).to_contain_text("Of crystals with Mg and O that the model has not seen")
    expect(trust.get_by_role("table").last).to_contain_text("similarity")
    trust.get_by_role("table").last.get_by_role("button").first.click()
    expect(page.locator("#origin")).not_to_contain_text("MgO.cif")
    settle(page)
    page.get_by_role("button", name="Si", exact=True).click()
    expect(trust).to_contain_text("From the measured n it differs by")
