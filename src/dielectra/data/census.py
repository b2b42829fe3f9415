"""Count what a data set holds of the periodic table and of chemistry, and how far that is from what is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dielectra.data.chemistry import CLASSES, OTHER, classes_of
from dielectra.data.dataset import DataSet
from dielectra.data.schema import SPLITS
from dielectra.elements import SYMBOLS

NO_SPLIT = "none"
COMMON = 10
"""Training materials from which on an element counts as known."""


class Floor(NamedTuple):
    """A least number of materials that a data set for the whole periodic table should have."""

    name: str
    least: int


KNOWN_ELEMENTS = f"elements in {COMMON} or more training materials"
FLOORS = (
    Floor("materials at IPA and RPA", 2600),
    Floor(KNOWN_ELEMENTS, 65),
    Floor("oxides", 400),
    Floor("fluorides", 200),
    Floor("nitrides, carbides, borides", 120),
    Floor("with Si or Ge", 60),
    Floor("metals", 300),
    Floor("materials with a GLLB-SC gap", 1000),
    Floor("materials at LRC", 500),
    Floor("materials at BSE", 30),
)
"""What the ladder aims at; more is better, for errors fall as the number of materials to the power -0.27."""


@dataclass
class _Material:
    split: str
    elements: frozenset[int]
    levels: set[str] = field(default_factory=set)
    has_gllb_gap: bool = False


def take_census(data: DataSet) -> dict[str, Any]:
    """Return the counts of a data set as plain data.

    ``splits`` counts materials with a spectrum by level and split, ``metals`` the crystals without a gap by split.
    ``training_elements`` counts, by symbol, the training materials with a spectrum at any level; ``classes`` all
    materials with a spectrum, and those of them for training, by chemistry class
    (:data:`dielectra.data.chemistry.CLASSES`).

    Raises
    ------
    InputError
        If the data set is damaged.
    """
    materials, metals = _read(data)
    found = list(materials.values())
    training = [material for material in found if material.split == "train"]
    elements = Counter(number for material in training for number in material.elements)
    counted = {"materials": _classes(found), "training": _classes(training)}
    names = [kind.name for kind in CLASSES] + [OTHER]
    return {
        "materials": len(found),
        "splits": {level: _by_split(Counter(m.split for m in found if level in m.levels)) for level in data.levels},
        "metals": _by_split(Counter(metals.values())),
        "training_elements": {SYMBOLS[number]: count for number, count in sorted(elements.items())},
        "classes": {name: {key: counts[name] for key, counts in counted.items()} for name in names},
        "at_ipa_and_rpa": sum({"ipa", "rpa"} <= material.levels for material in found),
        "with_gllb_gap": sum(material.has_gllb_gap for material in found),
    }


def compare_with_floors(census: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each of the ``FLOORS`` with the number that a census found, as plain data."""
    at_level = {level: sum(counts.values()) for level, counts in census["splits"].items()}
    numbers = {
        "materials at IPA and RPA": census["at_ipa_and_rpa"],
        KNOWN_ELEMENTS: sum(count >= COMMON for count in census["training_elements"].values()),
        "metals": sum(census["metals"].values()),
        "materials with a GLLB-SC gap": census["with_gllb_gap"],
        "materials at LRC": at_level.get("lrc", 0),
        "materials at BSE": at_level.get("bse", 0),
    } | {name: counts["materials"] for name, counts in census["classes"].items()}
    return [{"name": floor.name, "found": numbers[floor.name], "floor": floor.least} for floor in FLOORS]


def _read(data: DataSet) -> tuple[dict[str, _Material], dict[str, str]]:
    """Return materials with a spectrum by id, and the split of each metal by id."""
    materials: dict[str, _Material] = {}
    metals: dict[str, str] = {}
    for row in data.rows("id", "split", "numbers", "metal", "gap_gllb"):
        split = row["split"] or NO_SPLIT
        if row["metal"]:
            metals[row["id"]] = split
            continue
        material = materials.setdefault(row["id"], _Material(split, frozenset(row["numbers"])))
        material.levels.add(row["level"])
        material.has_gllb_gap |= row["gap_gllb"] is not None
    return materials, metals


def _classes(materials: Iterable[_Material]) -> Counter[str]:
    return Counter(name for material in materials for name in classes_of(material.elements))


def _by_split(counts: Mapping[str, int]) -> dict[str, int]:
    return {split: counts[split] for split in (*SPLITS, NO_SPLIT) if split in counts}
