from __future__ import annotations

import pytest

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.levels import LEVELS, Level, check_level, levels_below
from dielectra.spectrum import isotropic_spectrum


def test_the_ladder_goes_from_cheap_to_expensive() -> None:
    assert list(LEVELS) == ["ipa", "rpa", "lrc", "bse", "experiment"]
    assert list(levels_below("bse")) == ["lrc", "rpa", "ipa"]
    assert list(levels_below("ipa")) == []


def test_a_lower_level_is_a_row_before() -> None:
    names = list(LEVELS)
    for name, level in LEVELS.items():
        assert name == level.name
        assert level.lower is None or names.index(level.lower) < names.index(name)


def test_an_unknown_level_is_answered_with_those_that_are() -> None:
    with pytest.raises(InputError, match="unknown level 'gw'; allowed are ipa, rpa, lrc, bse, experiment"):
        check_level("gw")


def test_a_new_level_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVELS, "tdhf", Level("tdhf", "TDHF", "rpa", "time-dependent Hartree-Fock"))
    assert isotropic_spectrum([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], "tdhf").level == "tdhf"
    assert list(levels_below("tdhf")) == ["rpa", "ipa"]
    with pytest.raises(InputError, match="holds no tdhf spectrum; its levels are ipa, rpa"):
        open_dataset("ladder").labels("tdhf")
