from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Run
from dielectra.cli.elements import table_lines
from dielectra.documents.elements import ElementSupport, element_support
from dielectra.models.ensemble import load_predictor
from dielectra.models.model import ModelLike


@pytest.fixture(scope="module")
def ensemble() -> ModelLike:
    return load_predictor("ladder-ensemble")


def test_the_table_fits_80_columns_and_has_every_element_in_its_place(ensemble: ModelLike) -> None:
    found = element_support(ensemble, "rpa")
    lines = [line.plain for line in table_lines(found)]
    assert max(map(len, lines)) <= 80
    words = [word for line in lines for word in line.split()]
    assert {one.symbol for one in found} <= set(words)
    row = next(index for index, line in enumerate(lines) if line.startswith("Li"))
    column = lines[row].index("O   ")
    oxygen = next(one for one in found if one.symbol == "O")
    assert oxygen.training
    assert lines[row + 1][column : column + 4].strip() == str(oxygen.training)
    assert lines[row].index("Ne") == lines[0].index("He")


def test_counts_and_scores_are_those_of_the_model(ensemble: ModelLike) -> None:
    scores = {"test": {"levels": {"rpa": {"per_element": {"O": {"n": 40, "sc_median": 0.87, "sc_mean": 0.8}}}}}}
    one = replace(ensemble, card=ensemble.card.model_copy(update={"metrics": scores}))
    found = {entry.symbol: entry for entry in element_support(one, "rpa")}
    assert (found["O"].sc_median, found["O"].n_scored) == (0.87, 40)
    assert found["Mg"].sc_median is None
    assert found["O"].training == ensemble.domain.counts[8]
    assert element_support(one, "ipa")[7].sc_median is None
    assert any(".87" in line.plain for line in table_lines(list(found.values())))


def test_a_model_without_counts_says_what_it_takes(run: Run) -> None:
    entries = {
        one["symbol"]: ElementSupport(**one) for one in json.loads(run("elements", "--model", "fast", "--json")[1])
    }
    assert entries["Mg"].supported
    assert not entries["Ti"].supported
    assert entries["Mg"].training is None


def test_the_verb_prints_and_draws(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("elements", "--plot", tmp_path / "table.png")
    assert code == 0
    assert "ladder-ensemble, level rpa: 89 elements" in out
    assert (tmp_path / "table.png").stat().st_size > 20_000
