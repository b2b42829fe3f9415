from __future__ import annotations

import pytest

from dielectra.data.chemistry import CLASSES, D_BLOCK, OTHER, classes_of


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([12, 8], ["oxides"]),
        ([20, 6, 8], ["oxides"]),  # a carbonate is no carbide
        ([11, 7, 8], ["oxides"]),  # a nitrate no nitride
        ([83, 8, 17], ["oxides", "with Tl, Pb or Bi"]),
        ([57, 8, 9], ["oxides", "fluorides", "with d-block elements"]),
        ([55, 82, 53], ["other halides", "with Tl, Pb or Bi"]),
        ([5, 33], ["nitrides, carbides, borides", "pnictides"]),
        ([14, 6], ["nitrides, carbides, borides", "with Si or Ge"]),
        ([30, 16], ["chalcogenides", "with d-block elements"]),
        ([83, 34], ["chalcogenides", "with Tl, Pb or Bi"]),  # bismuth is the cation
        ([3, 1], ["hydrides"]),
        ([58, 9], ["fluorides", "with Ce to Yb"]),
        ([12, 50], [OTHER]),
    ],
)
def test_classes_follow_the_anion(elements: list[int], expected: list[str]) -> None:
    assert list(classes_of(elements)) == expected


def test_the_d_block_has_four_rows() -> None:
    assert len(D_BLOCK) == 41  # with La as well as Lu, and 6d to Cn
    assert {"Sc", "Zn", "Y", "Cd", "La", "Hf", "Hg"} <= D_BLOCK
    assert D_BLOCK.isdisjoint({"Ca", "Ga", "Ba", "Tl", "Ce"})


def test_every_element_is_at_home_in_a_class_or_none() -> None:
    names = {kind.name for kind in CLASSES} | {OTHER}
    for number in range(1, 104):
        assert set(classes_of([number])) <= names
