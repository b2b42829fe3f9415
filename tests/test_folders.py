"""No output takes the place of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Run
from dielectra.documents.folders import file_stems


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["MgO.cif", "a/NaCl.cif", "many.jsonl#0", "many.jsonl#1"], ["MgO", "NaCl", "many-0", "many-1"]),
        (["a/MgO.cif", "b/MgO.cif", "c/b/MgO.cif"], ["MgO", "b-MgO", "b-MgO-2"]),
        (["MgO.cif", "mgo.cif", "MGO.vasp"], ["MgO", "mgo-2", "MGO-3"]),
        (["a/MgO.cif", "a/MgO.vasp"], ["MgO", "a-MgO"]),
        (["GaAs.jsonl.gz#2", "set.zip/GaAs.cif"], ["GaAs-2", "GaAs"]),
        (["a#b.cif", "c#1.cif#0"], ["a_b", "c_1-0"]),
        (["..", "a/.cif", "x y?.cif", "\u00e9.cif"], ["crystal", "cif", "x_y_", "\u00e9"]),
    ],
)
def test_stems_are_short_and_of_their_files(names: list[str], stems: list[str]) -> None:
    assert file_stems(names) == stems


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=12))
def test_stems_differ_and_stay_in_their_folder(names: list[str]) -> None:
    stems = file_stems(names)
    assert len({stem.casefold() for stem in stems}) == len(names)
    for stem in stems:
        assert Path(stem).name == stem
        assert not stem.startswith(".")


def test_crystals_of_one_name_get_a_file_each(run: Run, tmp_path: Path) -> None:
    for folder, structure in (("a", "MgO"), ("b", "NaCl")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.cif").write_bytes(Path(f"examples/{structure}.cif").read_bytes())
    code, _, err = run("predict", tmp_path / "a", tmp_path / "b", "--csv", tmp_path / "csv", "--yaml", tmp_path / "yml")
    assert code == 0
    assert f"wrote 2 files to {tmp_path / 'csv'}" in " ".join(err.split())
    heads = {path.name: path.read_text().split(",")[0] for path in (tmp_path / "csv").iterdir()}
    assert heads == {"same.csv": "# MgO", "b-same.csv": "# NaCl"}
    assert {path.name for path in (tmp_path / "yml").iterdir()} == {"same.yml", "b-same.yml"}


def test_files_that_exist_stay_unless_forced(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "MgO.csv"
    old.write_text("mine")
    code, out, err = run("predict", "examples/MgO.cif", "examples/NaCl.cif", "--csv", tmp_path)
    assert code == 2
    assert "NaCl" in out
    assert "1 of 2 files exist and were left as they are, the first is MgO.csv; pass --force" in " ".join(err.split())
    assert old.read_text() == "mine"
    assert np.loadtxt(tmp_path / "NaCl.csv", delimiter=",", skiprows=2).shape == (401, 8)
    assert run("predict", "examples/MgO.cif", "--csv", tmp_path, "--force")[0] == 0
    assert old.read_text().startswith("# MgO")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "taken"], "taken: is a file; give the name of a folder"),
        (["--yaml", "taken"], "taken: is a file; give the name of a folder"),
        (["--plot", "folder.png"], "folder.png: is a folder; give the name of a file"),
        (["--plot", "figure.txt"], "figures are written as .png, .pdf, .svg"),
    ],
)
def test_a_place_of_the_wrong_kind_is_said_before_any_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    Path("folder.png").mkdir()
    code, out, err = run("predict", "absent.cif", *options)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert "absent.cif" not in err
