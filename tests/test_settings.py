from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from dielectra.errors import InputError
from dielectra.settings import merge, read_yaml, validate, with_overrides


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: float = 1.0


class Whole(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    part: Part = Part()
    parts: tuple[Part, ...] = ()
    spare: Part | None = None

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if len(name) > 3:
            raise ValueError(f"{name} is longer than 3 letters")
        return name


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "option name is missing"),
        ({"name": "long name"}, "option name: long name is longer than 3 letters"),
        ({"name": "a", "nam": 1}, r"unknown option nam; did you mean name\?"),
        ({"name": "a", "part": {"sizes": 1}}, r"unknown option part.sizes; did you mean size\?"),
        ({"name": "a", "parts": [{}, {"x": 1}]}, "unknown option parts.1.x; known are size"),
        ({"name": "a", "spare": {"siz": 1}}, r"unknown option spare.siz; did you mean size\?"),
        ({"name": "a", "part": {"size": "big"}}, "option part.size = 'big'"),
        ({"name": 1, "zzz": 2}, "option name = 1: .*; unknown option zzz"),
    ],
)
def test_every_wrong_option_is_named_in_full(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate(Whole, entries)


def test_overrides_reach_into_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\npart: {size: 2}\n")
    entries = with_overrides(read_yaml(file), ["part.size=3", "name=b", "parts=[{size: 4}]"])
    assert validate(Whole, entries) == Whole(name="b", part=Part(size=3), parts=(Part(size=4),))
    assert merge({"part": Part(size=5)}, {"part": {}}) == {"part": {"size": 5}}
    assert read_yaml(file) == {"name": "a", "part": {"size": 2}}
