from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.documents.files import write_csv
from dielectra.elements import table_position
from dielectra.errors import InputError
from dielectra.optics.constants import optical_constants
from dielectra.plots import (
    plot_evaluation,
    plot_learning_curve,
    plot_predictions,
    plot_summary,
    plot_training_log,
    save_figure,
)
from dielectra.plots.experiments import plot_panels
from dielectra.plots.interactive import scatter_page
from dielectra.prediction import predict_many
from dielectra.spectrum import isotropic_spectrum
from dielectra.training.evaluation import score


def test_a_figure_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Figure()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(InputError, match="disk full"):
        save_figure(figure, tmp_path / "new" / "figure.png")
    assert not (tmp_path / "new" / "figure.png").exists()
    with pytest.raises(InputError, match=r"choose one of these endings"):
        save_figure(figure, tmp_path / "figure.jpeg")


def test_spectra_are_drawn_with_their_units(mgo: Crystal, gaas: Crystal) -> None:
    predictions = predict_many([mgo, gaas])
    figure = plot_predictions([(p.crystal.formula, p.spectrum) for p in predictions])
    dielectric, index, absorption, loss = figure.axes
    assert [text.get_text() for text in dielectric.get_legend().get_texts()] == ["MgO", "GaAs"]
    np.testing.assert_array_equal(dielectric.lines[0].get_ydata(), predictions[0].spectrum.mean.imag)
    assert "1/cm" in absorption.get_ylabel()
    assert "eV" in loss.get_xlabel()
    assert len(index.lines) == 4
    one = plot_predictions([("MgO", predictions[0].spectrum)])
    assert one.axes[0].get_legend().get_texts()[0].get_text() == "MgO RPA"


def test_many_spectra_are_drawn_as_median_and_range() -> None:
    grid = np.linspace(0, 20, 41)
    named = [(f"X{i}", isotropic_spectrum(grid, i * np.exp(-((grid - 8) ** 2)), "rpa")) for i in range(1, 31)]
    figure = plot_predictions(named)
    dielectric, index, *_ = figure.axes
    assert figure.legends == []
    assert [text.get_text() for text in dielectric.get_legend().get_texts()] == ["middle 80 %", "median of 30 crystals"]
    (median,) = [line for line in dielectric.lines if str(line.get_label()).startswith("median")]
    np.testing.assert_allclose(median.get_ydata(), 15.5 * np.exp(-((grid - 8) ** 2)), atol=1e-12)
    assert index.get_ylim()[1] > max(one.n().max() for _, one in named[:27])
    some = plot_predictions(named[:5])
    assert [text.get_text() for text in some.legends[0].get_texts()] == ["X1", "X2", "X3", "X4", "X5"]


def test_panels_show_computed_and_predicted_spectra() -> None:
    energies = np.linspace(0, 20, 5)
    names = ("ipa", "rpa", "DL 25", "DL 100", "TL 25", "TL 100", "computed here")
    eps2 = {name: energies * factor for factor, name in enumerate(names, start=1)}
    scores = {name: 0.1 * position for position, name in enumerate(names)}
    panel = {"formula": "MgO", "quantile": 0.1, "sc": scores, "eps2": eps2}
    figure = plot_panels(list(energies), [panel] * 4)
    assert [axes.get_visible() for axes in figure.axes] == [True] * 4 + [False] * 2
    assert figure.axes[0].get_title("left") == "MgO (10%)\nSC: ipa 0.00, DL 100 0.30, TL 100 0.50"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["IPA, computed", "RPA, computed", *names[2:]]
    styles = {line.get_label(): line.get_linestyle() for line in figure.axes[0].lines}
    assert styles == {"DL 25": "--", "DL 100": "-", "TL 25": "--", "TL 100": "-", "computed here": ":"}


def test_the_training_log_is_drawn(tmp_path: Path) -> None:
    with (tmp_path / "log.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "train_loss", "validation_loss", "validation_sc"])
        writer.writerows([[1, 0.5, 0.6, 0.4], [2, 0.4, 0.5, 0.5]])
    losses, scores = plot_training_log(tmp_path / "log.csv").axes
    assert list(losses.lines[1].get_ydata()) == [0.6, 0.5]
    assert list(scores.lines[0].get_ydata()) == [0.4, 0.5]


def test_an_evaluation_is_drawn_with_its_baseline(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa").of_split("train")
    result = score("m", labels.eps2.astype(float) * 0.9, labels, "train", {"lower_level_sc_median": 0.7})
    histogram, sizes = plot_evaluation(result).axes
    texts = [text.get_text() for text in histogram.get_legend().get_texts()]
    assert texts == ["median 0.900", "level below, median 0.700"]
    assert len(sizes.get_xticks()) == len(result.per_n_atoms)


def test_a_summary_is_drawn() -> None:
    classes = {"oxides": {"materials": 5, "training": 3}, "others": {"materials": 1, "training": 0}}
    census = {"training_elements": {"H": 2, "O": 3, "La": 1}, "classes": classes, "metals": {"train": 4}}
    summary = {"histograms": {"a": {"0-1": 3, "1-2": 4}, "b": {"x": 1}}, "census": census}
    figure = plot_summary(summary)
    assert [patch.get_height() for patch in figure.axes[0].patches] == [3, 4]
    texts = [text.get_text() for text in figure.axes[2].texts]
    assert texts[texts.index("O") + 1] == "3"
    assert texts[texts.index("La") + 1] == "1"
    assert [patch.get_width() for patch in figure.axes[3].patches] == [5, 1, 4, 3, 0]


def test_a_learning_curve_shows_mean_range_baseline_and_the_published_curve() -> None:
    curves = {"climb": {"25": [0.7, 0.8], "50": [0.8, 0.9]}, "paper-direct": {"25": [0.4, 0.5], "50": [0.5, 0.6]}}
    baseline = {"lower_level_sc_median": 0.75, "lower_level_mse_median": None}
    published = {
        "n": [100, 300],
        "sc_median": {"DL": [0.7, 0.8], "TL": [0.8, 0.9]},
        "mse_median": {"DL": [0.4, 0.3], "TL": [0.2, 0.1]},
    }
    figure = plot_learning_curve({"sc_median": curves, "mse_median": curves, "baseline": baseline}, "title", published)
    similarity, squares = figure.axes
    labels = [text.get_text() for text in similarity.get_legend().get_texts()]
    assert labels == [
        "TL, our recipe (climb)",
        "DL, published recipe",
        "DL, as published",
        "TL, as published",
        "IPA spectrum taken as RPA",
    ]
    np.testing.assert_allclose(similarity.lines[0].get_ydata(), [0.25, 0.15])
    np.testing.assert_allclose(squares.lines[0].get_ydata(), [0.75, 0.85])
    np.testing.assert_allclose(similarity.lines[3].get_ydata(), [0.2, 0.1])
    assert similarity.lines[3].get_linestyle() == "--"
    np.testing.assert_allclose(similarity.lines[4].get_ydata(), 0.25)
    assert len(squares.lines) == 4  # the level below has no known MSE


def test_the_periodic_table_is_the_usual_one() -> None:
    from pymatgen.core.periodic_table import Element

    for number in range(1, 119):
        element = Element.from_Z(number)
        f_block = 57 <= number <= 70 or 89 <= number <= 102
        row, column = table_position(number)
        assert column == (0 if f_block else 3 if number in (71, 103) else element.group)
        assert row == (element.row if not f_block else 6 if number < 89 else 7)


def test_a_page_cannot_be_broken_by_what_it_shows() -> None:
    point = {"x": 0.0, "y": 1.0, "value": 0.5, "group": "train", "lines": ["</script><b>"]}
    page = scatter_page("<title>", "SC", [point], ["train", "test"])
    (data,) = re.findall(r'application/json">(.*?)</script>', page, re.S)
    assert json.loads(data) == {"valueName": "SC", "points": [point], "groups": ["train"]}
    assert "<title>&lt;title&gt;</title>" in page


def test_csv_holds_what_the_spectrum_says(mgo: Crystal, tmp_path: Path) -> None:
    (prediction,) = predict_many([mgo], model="fast")
    path = write_csv(prediction, tmp_path / "new" / "mgo.csv")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# MgO, level rpa, model ladder-rpa")
    assert lines[1] == "energy_ev,eps1,eps2,n,k,absorption_per_cm,reflectivity,loss"
    table = np.loadtxt(path, delimiter=",", skiprows=2)
    constants = optical_constants(prediction.spectrum)
    np.testing.assert_allclose(table[:, 0], prediction.spectrum.energies)
    np.testing.assert_allclose(table[:, 3], constants.n, rtol=1e-5)
    np.testing.assert_allclose(table[:, 5], constants.absorption, rtol=1e-5, atol=1e-6)
