from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.training.suggestion import choose_diverse, expected_cost, suggest

GROUPS = np.repeat(np.eye(3) * 10.0, 5, axis=0) + 0.1 * np.random.default_rng(0).normal(size=(15, 3))
NOTHING = np.empty((0, 3))
POOL = [f"examples/{name}.cif" for name in ("MgO", "NaCl", "GaAs", "AlAs", "Si", "SrF2")]


def test_each_group_has_one_representative() -> None:
    for seed in range(5):
        chosen, sizes = choose_diverse(GROUPS, 3, NOTHING, seed)
        assert sorted(index // 5 for index in chosen) == [0, 1, 2]
        assert sizes.tolist() == [5, 5, 5]


def test_groups_that_are_labelled_are_left_out() -> None:
    chosen, _ = choose_diverse(GROUPS, 2, GROUPS[:1], 0)
    assert sorted(index // 5 for index in chosen) == [1, 2]


def test_a_whole_pool_may_be_chosen_and_equal_crystals_too() -> None:
    assert sorted(choose_diverse(GROUPS, 15, NOTHING, 0)[0]) == list(range(15))
    assert sorted(choose_diverse(np.zeros((4, 3)), 3, NOTHING, 0)[0]) != [0, 0, 0]
    assert len(set(choose_diverse(np.zeros((4, 3)), 3, NOTHING, 0)[0])) == 3


def test_cost_follows_the_data_set(ladder_part: Path) -> None:
    data = open_dataset(ladder_part)
    crystals = sorted((record.crystal for record in data.records("rpa")), key=lambda crystal: crystal.volume)
    cost = expected_cost(data, crystals[:1] + crystals[-1:])
    assert cost is not None
    seconds = [value for value in data.properties("cpu_s").values() if value]
    assert min(seconds) < cost[0] < cost[1] < 2 * max(seconds)


def test_suggestions_come_best_first_and_say_what_is_refused(small_data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.cif"
    broken.write_text("no structure")
    found = suggest([*POOL, broken], 3, small_data)
    assert (found.pool, found.labelled, len(found.refused)) == (6, 24, 1)
    promise = [one.n_alike / one.cpu_s for one in found.suggestions if one.cpu_s]
    assert len(promise) == 3
    assert promise == sorted(promise, reverse=True)
    assert len({one.file for one in found.suggestions}) == 3


@pytest.mark.slow
def test_the_command_names_files_with_disagreement(run: Run) -> None:
    code, out, _ = run("suggest", *POOL, "--n", "2", "--model", "ladder-ensemble", "--json")
    assert code == 0
    suggestions = json.loads(out)["suggestions"]
    assert {one["file"] for one in suggestions} <= set(POOL)
    assert all(one["disagreement"] > 0 for one in suggestions)
    code, _, err = run("suggest", *POOL, "--n", "2", "--model", "ladder-rpa")
    assert code == 2
    assert "is no ensemble" in err


def test_a_pool_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="9 crystals asked for; the pool holds 6"):
        suggest(POOL, 9)
    with pytest.raises(InputError, match="at least 1"):
        suggest(POOL, 0)
