"""The way of a user: published files in, a model of 2,001 energies out, by the command line alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from conftest import TINY, Run
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from published_form import rpa_entry

pytestmark = pytest.mark.slow

SHORT = ("epochs=3", "minimum_steps=0", "batch_size=4")


def set_options(*entries: str) -> list[str]:
    return [word for entry in entries for word in ("--set", entry)]


@pytest.fixture(scope="module")
def archive(ladder_part: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a zip of 16 published files, with 10 training, 3 validation and 3 test materials."""
    left = {"train": 10, "validation": 3, "test": 3}
    ipa: dict[str, Record] = {record.id: record for record in open_dataset(ladder_part).records("ipa")}
    path = tmp_path_factory.mktemp("published") / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for rpa in open_dataset(ladder_part).records("rpa"):
            if left[str(rpa.split)] and ipa[rpa.id].properties["gap_indirect"] >= 0.5:
                left[str(rpa.split)] -= 1
                file.writestr(f"data/{rpa.id}.json", json.dumps(rpa_entry(ipa[rpa.id], rpa)))
    return path


def test_published_files_train_climb_and_are_scored(run: Run, archive: Path, tmp_path: Path) -> None:
    data = tmp_path / "set"
    code, out, err = run("data", "import", archive, "-o", data, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["records"] == {"ipa": 16, "rpa": 16}
    assert report["splits"] == {"train": 20, "validation": 6, "test": 6}
    assert open_dataset(data).labels("rpa").eps2.shape == (16, 2001)
    assert json.loads(run("data", "info", data, "--json")[1])["energies_ev"] == [0.0, 20.0, 2001]

    ipa, rpa = tmp_path / "ipa", tmp_path / "rpa"
    assert run("train", data, "--level", "ipa", "-o", ipa, *set_options(*TINY, *SHORT))[0] == 0
    assert run("climb", data, "--to", "rpa", "--from", ipa, "-o", rpa, *set_options(*SHORT))[0] == 0
    code, out, _ = run("evaluate", rpa, data, "--level", "rpa", "--json")
    scores = json.loads(out)
    assert code == 0
    assert scores["n"] == 3
    assert scores["baseline"]["lower_level_sc_median"] > 0.5
    assert run("predict", "examples/MgO.cif", "--model", rpa)[0] == 0
    assert "different energy grids" in run("evaluate", "ladder-rpa", data, "--level", "rpa")[2]


def test_what_cannot_be_used_is_printed_and_the_rest_imported(run: Run, archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    whole = sorted(folder.rglob("*.json"))
    for path in whole[2:]:
        path.write_text("{")
    code, out, err = run("data", "import", folder, "-o", tmp_path / "set")
    assert code == 2
    assert "materials" in out
    assert err.count("not valid JSON") == 10
    assert "and 4 more" in err
    assert len(open_dataset(tmp_path / "set").labels("ipa")) == 2


def test_export_and_pairs_by_the_command_line(run: Run, archive: Path, tmp_path: Path) -> None:
    run("data", "import", archive, "-o", tmp_path / "set")
    code, out, _ = run("data", "export", tmp_path / "set", "-o", tmp_path / "out", "--level", "rpa", "--split", "test")
    assert code == 0
    assert "3 records" in out
    source = ("data", "import", tmp_path / "out" / "rpa", "--form", "pairs", "--level", "rpa")
    code, out, err = run(*source, "-o", tmp_path / "again", "--energies", "0,20,401")
    assert (code, err) == (0, "")
    assert open_dataset(tmp_path / "again").labels("rpa").eps2.shape == (3, 401)
    files = json.loads(
        run("data", "export", tmp_path / "again", "-o", tmp_path / "json", "--form", "json", "--json")[1]
    )
    assert len(files) == 3
    code, _, err = run(*source, "-o", tmp_path / "x", "--energies", "0,x")
    assert code == 2
    assert "give START,STOP,N in eV" in err


def test_fetch_answers_at_the_command_line(run: Run, tmp_path: Path) -> None:
    code, out, err = run("data", "fetch", "paper-ipa", "-o", tmp_path / "set", "--api", "http://127.0.0.1:9/v2")
    assert (code, out) == (2, "")
    assert "cannot be reached" in err
    assert "paper-rpa" in run("data", "fetch", "nothing")[2]
