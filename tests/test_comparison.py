from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.comparison import Curve, compare, find_sources
from dielectra.errors import InputError
from dielectra.optics import load_measured
from dielectra.plots import plot_comparison
from dielectra.prediction import Prediction, predict_many
from dielectra.structures import read_structure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def silicon() -> Prediction:
    (found,) = predict_many([read_structure("examples/Si.cif")], model="ladder-rpa")
    return found


def test_sources_are_levels_models_measurements_and_files(silicon: Prediction, tmp_path: Path) -> None:
    path = silicon.spectrum.to_csv(tmp_path / "mine.csv", "nm", "300:800", 1)
    sources = find_sources(["ipa", "ladder-ensemble@ipa", "measured", str(path)])
    curves = [source.curves(silicon) for source in sources]
    assert [len(found) for found in curves[:2]] == [1, 1]
    assert curves[0][0].spectrum.level == curves[1][0].spectrum.level == "ipa"
    assert curves[1][0].label == "IPA, ladder-ensemble"
    assert len(curves[2]) == len(load_measured("Si")) > 0
    assert curves[3][0].label == "mine.csv"


def test_a_crystal_compared_with_itself_is_equal(silicon: Prediction) -> None:
    (found,) = compare(silicon, [Curve("again", silicon.spectrum)])
    assert (found.sc, found.rmse_n, found.rmse_k) == (1.0, 0.0, 0.0)
    assert found.eps_infinity == silicon.eps_infinity


def test_curves_are_compared_where_both_are_known(silicon: Prediction) -> None:
    part = silicon.spectrum.resample(np.linspace(2, 4, 41))
    (found,) = compare(silicon, [Curve("part", part)])
    assert found.range_ev == (2.0, 4.0)
    assert found.eps_infinity is None
    assert found.sc == pytest.approx(1.0)
    assert found.n_589nm == pytest.approx(silicon.spectrum.n(589, "nm"))


def test_an_unknown_source_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(InputError, match="nothing to compare with is called 'nothing'; give a level, 'measured'"):
        find_sources(["nothing"])


def test_the_figure_has_a_row_per_crystal_and_a_curve_per_source(silicon: Prediction) -> None:
    own, (measured, *_) = silicon.spectrum, load_measured("Si")
    figure = plot_comparison([("Si", [("own", own), ("known", measured.spectrum)]), ("again", [("own", own)])])
    rows = np.array(figure.axes).reshape(2, 3)
    assert [len(axes.lines) for axes in rows[0]] == [2, 2, 2]
    assert [len(axes.lines) for axes in rows[1]] == [1, 1, 1]
    assert rows[0, 2].get_legend() is not None
    assert rows[0, 0].get_legend() is None


def test_the_verb_compares(run: Run, tmp_path: Path) -> None:
    command = ("predict", "examples/Si.cif", "--compare", "ipa", "--compare", "measured")
    code, out, _ = run(*command, "--plot", tmp_path / "compared.png")
    assert code == 0
    assert "IPA" in out
    assert (tmp_path / "compared.png").stat().st_size > 10_000
    (entry,) = json.loads(run(*command, "--json")[1])
    assert len(entry["comparison"]) == 1 + len(load_measured("Si"))
    assert set(entry["comparison"][0]) >= {"source", "sc", "rmse_n", "rmse_k"}
