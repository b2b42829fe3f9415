from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from dielectra.data.splits import paper_splits, sorted_formula, split_of, split_of_new

FORMULAS = [f"Na{n}Cl{m}" for n in range(1, 101) for m in range(1, 101)]


def test_a_formula_is_always_in_the_same_split() -> None:
    assert [split_of(formula) for formula in FORMULAS] == [split_of(formula) for formula in FORMULAS]


def test_eight_tenths_are_for_training() -> None:
    counts = Counter(split_of(formula) for formula in FORMULAS)
    assert abs(counts["train"] / 10_000 - 0.8) < 0.02
    assert abs(counts["validation"] / 10_000 - 0.1) < 0.015
    assert abs(counts["test"] / 10_000 - 0.1) < 0.015


def test_another_seed_splits_differently() -> None:
    changed = sum(split_of(formula) != split_of(formula, seed=1) for formula in FORMULAS)
    assert 2_500 < changed < 4_500


def test_the_splits_of_the_paper_are_whole_and_apart() -> None:
    assert Counter(paper_splits().values()) == {"train": 7743, "validation": 945, "test": 1060}
    assert all(name.startswith("agm") for name in paper_splits())


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_splits_of_the_paper_are_the_published_lists(split: str) -> None:
    published = Path(f"../shared/data/paper_splits/{split}_set.txt")
    if not published.is_file():
        pytest.skip(f"{published} is not beside the repository")
    assert {name for name, of in paper_splits().items() if of == split} == set(published.read_text().split())


def test_the_split_of_a_new_material_is_that_of_its_sorted_formula() -> None:
    assert sorted_formula("SrTiO3") == "O3SrTi"
    assert sorted_formula("Ga2As2") == "AsGa"
    for formula in ("SrTiO3", "TiO2", "NaCl", "Cu2O"):
        remainder = int(hashlib.sha256(sorted_formula(formula).encode()).hexdigest(), 16) % 10
        expected = "test" if remainder == 0 else "validation" if remainder == 1 else "train"
        assert split_of_new(formula) == split_of_new(sorted_formula(formula)) == expected


@pytest.mark.slow
def test_a_third_of_the_measured_compounds_are_kept_from_all_training() -> None:
    kept = [formula for formula in FORMULAS if split_of_new(formula, is_measured=True) == "experiment-test"]
    assert abs(len(kept) / len(FORMULAS) - 1 / 3) < 0.02
    others = set(FORMULAS) - set(kept)
    assert all(split_of_new(formula, is_measured=True) == split_of_new(formula) for formula in others)
