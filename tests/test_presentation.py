"""What a spectrum shows of itself in a notebook."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from dielectra.errors import InputError
from dielectra.optics import load_measured, read_measured
from dielectra.optics.bands import Calibration, band
from dielectra.presentation import collect_facts
from dielectra.spectrum import Spectrum, isotropic_spectrum
from dielectra.units import HC

ENERGIES = np.linspace(0, 20, 401)
PROVENANCE = {"formula": "MgF2", "model": "some-model", "warnings": ["doubtful <reason>"]}


def spectrum(**provenance: object) -> Spectrum:
    eps2 = 20 * ENERGIES / ((36 - ENERGIES**2) ** 2 + 4 * ENERGIES**2) * (ENERGIES > 2)
    return isotropic_spectrum(ENERGIES, eps2 * 10, "rpa", 0.3, PROVENANCE | provenance)


def test_it_prints_in_one_line() -> None:
    text = repr(spectrum())
    assert re.fullmatch(
        r"Spectrum\(MgF2, rpa, 0-20 eV, 401 points, eps_infinity \d\.\d\d, some-model, 1 warning\)", text
    )
    assert "eps_infinity" not in repr(load_measured("Si")[0].spectrum.resample([1.5, 2.0, 3.0]))


def test_it_shows_as_a_figure_with_its_facts_and_warnings() -> None:
    shown = spectrum()._repr_html_()
    facts = collect_facts(spectrum())
    assert "MgF<sub>2</sub>" in shown
    assert f"<b>{facts.eps_infinity:.2f}</b>" in shown
    assert f"<b>{facts.gap:.2f} eV, estimated from the absorption</b>" in shown
    assert "doubtful &lt;reason&gt;" in shown
    picture = re.search(r"data:image/png;base64,([^\"]+)", shown)
    assert picture
    assert b64decode(picture[1]) == spectrum()._repr_png_()


def test_the_picture_is_not_empty() -> None:
    pixels = imread(BytesIO(spectrum()._repr_png_()))
    assert pixels.shape[0] > 300
    assert pixels[..., :3].std() > 0.05


def test_a_predicted_gap_is_shown_as_it_is() -> None:
    assert "<b>6.50 eV, predicted</b>" in spectrum(gap_ev=6.5)._repr_html_()


def test_members_are_counted() -> None:
    one = spectrum()
    both = replace(one, members=(one.tensor, one.tensor))
    assert "2 members" in repr(both)
    assert "range of 2 models" in both._repr_html_()


def test_a_predicted_spectrum_shows_its_calibrated_band_and_confidence() -> None:
    calibration = {"coverage": 0.9, "factors": {"n": 2.0, "eps1": 3.0}, "gap_errors": {"gap_ev": 0.5}}
    one = spectrum(calibration=calibration, confidence="high", gap_ev=2.0)
    spread = replace(one, members=(0.9 * one.tensor, 1.1 * one.tensor))
    facts, shown = collect_facts(spread), spread._repr_html_()
    expected = band(spread, "n", Calibration(0.9, {"n": 2.0}))
    assert expected is not None
    lower, upper = (np.interp(HC / 589, ENERGIES, end) for end in expected[:2])
    assert facts.intervals["n_589nm"][:2] == pytest.approx((lower, upper))
    assert lower < facts.n_589 < upper
    assert facts.intervals["eps_infinity"][0] < facts.eps_infinity < facts.intervals["eps_infinity"][1]
    assert "2.00 (1.50–2.50) eV, predicted" in shown  # noqa: RUF001
    assert "90% of the curve lie inside" in shown
    assert f"{facts.n_589:.2f} ({lower:.2f}" in shown
    assert "confidence&nbsp;<b>high</b>" in shown
    assert "90% band" in [text.get_text() for text in spread.plot("nk").axes[0].get_legend().get_texts()]


def test_facts_of_a_spectrum_that_begins_late() -> None:
    facts = collect_facts(spectrum().resample(np.linspace(4, 10, 61)))
    assert (facts.eps_infinity, facts.n_589, facts.gap) == (None, None, None)


def test_values_at_wavelengths() -> None:
    one = spectrum()
    assert one.n(589, "nm") == one.n("589 nm") == pytest.approx(one.n(HC / 589))
    assert one.nk(589) == one.n(589, "nm") + 1j * one.k(589, "nm")
    assert one.nk(0.589, "um") == pytest.approx(one.nk(589))
    assert one.absorption(4.0) == pytest.approx(2 * 4.0 * one.k(4.0) / 1.9732698e-5, rel=1e-7)
    assert one.at("500 nm").reflectivity == pytest.approx(abs((one.nk(500) - 1) / (one.nk(500) + 1)) ** 2)
    np.testing.assert_array_equal(one.n(), one.n(ENERGIES))


def test_nk_is_what_tmm_takes() -> None:
    tmm = pytest.importorskip("tmm")
    one = spectrum()
    film = [1.0, one.nk(500), 1.52]
    found = tmm.coh_tmm("s", film, [np.inf, 120.0, np.inf], 0, 500)
    from dielectra.optics import Layer, stack_optics

    ours = stack_optics([Layer(one, 120.0)], [HC / 500], polarisation="s", exit_medium=1.52)
    assert found["R"] == pytest.approx(float(ours.reflectance[0, 0]), abs=1e-12)


def test_a_dataframe_in_any_unit() -> None:
    pytest.importorskip("pandas")
    table = spectrum().to_dataframe("nm", "400:800", 100)
    assert table.index.name == "wavelength_nm"
    assert list(table.index) == [400, 500, 600, 700, 800]
    assert table.loc[500, "n"] == pytest.approx(spectrum().n(500, "nm"))


def test_without_pandas_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        spectrum().to_dataframe()


def test_csv_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = spectrum().to_csv(tmp_path / "new" / "x.csv", "nm", "400:800", 1)
    assert path.read_text().startswith("# MgF2, level rpa, model some-model\nwavelength_nm,eps1,eps2,n,k,")
    again = read_measured(path).spectrum
    np.testing.assert_allclose(again.mean, spectrum().resample(again.energies).mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unit", ["ev", "nm", "um", "cm-1", "thz"])
def test_plots_have_both_axes_and_the_visible_range(unit: str) -> None:
    figure = spectrum().plot("nk", unit)
    (axes,) = figure.axes
    assert len(axes.lines) == 2
    assert len(axes.patches) == 1  # the visible range
    (above,) = axes.child_axes
    labels = [text.get_text() for text in above.get_xticklabels()]
    assert len(labels) >= 3
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="unknown quantity"):
        spectrum().plot("colour")
    with pytest.raises(InputError, match="nothing of the spectrum lies"):
        spectrum().plot("n", "nm", "1:5")


def test_a_uniaxial_crystal_is_drawn_by_its_waves() -> None:
    one = spectrum()
    tensor = one.tensor.copy()
    tensor[2, 2] = 1 + 1.2 * (tensor[2, 2] - 1)
    figure = replace(one, tensor=tensor).plot("n")
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["ordinary", "extraordinary"]
