from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from dielectra.data.refractiveindex import read_tabulated
from dielectra.errors import InputError

PAGE = """\
# this file is part of refractiveindex.info database
REFERENCES: |
    A. Author. <i>J. Opt.</i> <b>1</b>, 1 (2020)
COMMENTS: "room temperature"
DATA:
  - type: tabulated nk
    data: |
        0.2 1.5 0.5
        0.4 1.6 0.1

        1.0 1.7 0
SPECS:
    n_is_absolute: true
"""


def test_wavelengths_become_increasing_energies(tmp_path: Path) -> None:
    path = tmp_path / "page.yml"
    path.write_text(PAGE)
    found = read_tabulated(path)
    np.testing.assert_allclose(found.energies, [1.239842, 3.099605, 6.19921], rtol=1e-6)
    np.testing.assert_allclose(found.mean, np.array([1.7, 1.6 + 0.1j, 1.5 + 0.5j]) ** 2)
    assert found.level == "experiment"
    assert found.provenance["reference"].startswith("A. Author.")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"type": "formula 1", "coefficients": "1 2"}], "exactly one block of type 'tabulated nk'; it has formula 1"),
        ([{"type": "tabulated n", "data": "1 2"}], "it has tabulated n"),
        ([{"type": "tabulated nk", "data": "1 2 3\n2 2 3"}] * 2, "it has tabulated nk, tabulated nk"),
        ([{"type": "tabulated nk", "data": "1 2 3"}], "at least two lines"),
        ([{"type": "tabulated nk", "data": "1 2\n2 3"}], "three columns|wavelength, n and k"),
        ([{"type": "tabulated nk", "data": "1 2 3\n2 3"}], "three columns"),
        ([{"type": "tabulated nk", "data": "1 2 x\n2 3 4"}], "three columns"),
        ([{"type": "tabulated nk"}], "three columns"),
        ([{"type": "tabulated nk", "data": "1 2 3\n1 3 4"}], "a wavelength comes twice"),
        ([{"type": "tabulated nk", "data": "0 2 3\n1 3 4"}], "wavelengths must be positive"),
        ([{"type": "tabulated nk", "data": "1 2 -3\n2 3 4"}], "not negative"),
        ([{"type": "tabulated nk", "data": "1 nan 3\n2 3 4"}], "finite"),
        (["text"], "has no DATA list"),
        ("text", "has no DATA list"),
    ],
)
def test_a_page_that_gives_no_function_is_refused(tmp_path: Path, data: object, message: str) -> None:
    path = tmp_path / "page.yml"
    path.write_text(yaml.safe_dump({"DATA": data}))
    with pytest.raises(InputError, match=message):
        read_tabulated(path)


@pytest.mark.parametrize("text", ["a: [", "\x00", "- 1\n- 2\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"cannot be read as YAML|has no DATA list"):
        read_tabulated(path)
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_tabulated(tmp_path / "nowhere.yml")


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = tmp_path / "page.yml"
    path.write_text(f"DATA: !!python/object/apply:pathlib.Path.touch [{tmp_path / 'touched'}]\n")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_tabulated(path)
    assert not (tmp_path / "touched").exists()
