from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pyarrow import parquet

from conftest import Run
from dielectra.cli.crystal_table import HEADS, shortened, split_folder, table_lines
from dielectra.cli.doubts import Doubts, told
from dielectra.documents.row import CrystalRow
from dielectra.documents.table import ROW_GROUP, open_table
from dielectra.errors import InputError

ROW = CrystalRow(
    file="structures/of/many/compounds/mp-1234_magnesium_oxide.cif",
    formula="MgO",
    space_group=225,
    level="rpa",
    model="ladder-ensemble",
    gap_ev=4.3687,
    eps_infinity=3.1349,
    n_589nm=1.80286,
    abbe_number=33.4533,
    onset_ev=4.52741,
    colour="#ede4d1",
    confidence="high",
)
UNKNOWN = CrystalRow(file="b.cif", formula="Ca12Al14O33HfZr2", space_group=1, level="rpa", model="ladder-ensemble")


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal_and_no_name_is_wrapped(width: int) -> None:
    metal = ROW.model_copy(update={"metal": True, "abbe_number": -123456.7, "file": "a/" + "long" * 40})
    lines = [line.plain for line in table_lines([ROW, UNKNOWN, metal], width)]
    assert max(map(len, lines)) <= width
    assert len(lines) == 3 + 3
    assert lines[1].split()[2:] == " ".join(HEADS).split()
    assert "metal" in lines[4]


def test_numbers_stand_in_their_columns() -> None:
    _, _, line, *_ = (line.plain for line in table_lines([ROW], 160))
    assert line.split()[1:] == ["MgO", "225", "4.37", "3.13", "1.803", "33.5", "4.53", "#ede4d1", "high"]
    _, _, line, *_ = (line.plain for line in table_lines([UNKNOWN], 160))
    assert line.split()[3:] == ["-"] * 7


def test_onsets_are_in_the_unit_that_was_asked_for() -> None:
    *_, line, foot = (line.plain for line in table_lines([ROW], 160, "nm"))
    assert "273.9" in line
    assert "onset in nm" in foot


def test_the_shared_folder_is_said_once() -> None:
    names = ["data/x/a.cif", "data/x/b.cif", "data/x/deep/a.cif"]
    assert split_folder(names) == ("data/x", ["a.cif", "b.cif", "deep/a.cif"])
    assert split_folder(["a.cif", "x/b.cif"]) == ("", ["a.cif", "x/b.cif"])
    assert split_folder(["/x/a.cif", "b.cif"]) == ("", ["/x/a.cif", "b.cif"])


def test_names_keep_their_ends() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("mp-1234_magnesium_oxide.cif", 12) == "mp-1…ide.cif"


def test_warnings_of_many_are_told_once() -> None:
    doubts = Doubts()
    for index in range(200):
        notes = [f"empty layer of {index}.5 angstrom: slab"] if index < 169 else []
        doubts.add(f"{index}.cif", [*notes, *(["Ti not among the elements"] if index in (5, 6) else [])])
    doubts.add("x.cif", ["V, Cr not among the elements", "made of metals alone"])
    assert doubts.lines() == [
        "169 of 201, first 0.cif: empty layer of 0.5 angstrom: slab",
        "3 of 201, first 5.cif: Ti not among the elements",
        "x.cif: made of metals alone",
    ]


def test_a_long_list_of_problems_is_cut() -> None:
    assert told(["a", "b"]) == ["a", "b"]
    assert told([str(index) for index in range(50)])[-2:] == ["19", "and 30 more"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_rows_are_read_back_as_they_were(tmp_path: Path, ending: str) -> None:
    refused = CrystalRow(file="c.cif", refused='no, "cell"\nhere')
    rows = [ROW, UNKNOWN, refused] * (ROW_GROUP // 2)
    path = tmp_path / f"table{ending}"
    with open_table(path) as table:
        assert not path.exists()
        for row in rows:
            table.add(row)
    if ending == ".parquet":
        found = [CrystalRow(**row) for row in parquet.read_table(path).to_pylist()]
    else:
        import csv

        with path.open(newline="") as file:
            cells = list(csv.DictReader(file))
        found = [CrystalRow(**{k: v for k, v in row.items() if v}) for row in cells]
    assert found == rows


def test_a_table_that_fails_does_not_appear(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_table(tmp_path / "a.parquet") as table:
            table.add(ROW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"is written as \.csv or \.parquet"), open_table(tmp_path / "a.xls"):
        pass


def test_the_verb_writes_tables(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 4.0\n")
    path = tmp_path / "table.parquet"
    code, out, err = run("predict", "examples/MgO.cif", broken, "examples/GaAs.cif", "-o", path)
    assert code == 2
    rows = parquet.read_table(path).to_pylist()
    assert [row["formula"] for row in rows] == ["MgO", None, "GaAs"]
    assert "broken.cif" in rows[1]["refused"]
    assert "wrote 3 rows" in err
    head, *lines = out.splitlines()
    assert head.split("\t") == list(CrystalRow.model_fields)
    piped = [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
    assert [row["formula"] for row in piped] == ["MgO", "GaAs"]
    assert float(piped[0]["n_589nm"]) == pytest.approx(rows[0]["n_589nm"], rel=1e-5)
    assert re.fullmatch("#[0-9a-f]{6}", piped[0]["colour"])
    assert "crystals ━" not in err  # no progress where stderr is no terminal
    before = path.read_bytes()
    code, _, err = run("predict", "examples/GaAs.cif", "-o", path)
    assert (code, path.read_bytes()) == (2, before)
    assert "exists; pass --force to overwrite it" in err
    assert run("predict", "examples/GaAs.cif", "-o", path, "--force")[0] == 0
    assert [row["formula"] for row in parquet.read_table(path).to_pylist()] == ["GaAs"]


def test_brief_json_has_the_rows_of_the_table(run: Run) -> None:
    code, out, _ = run("predict", "examples/MgO.cif", "--json", "--brief")
    (row,) = json.loads(out)
    assert code == 0
    assert list(row) == list(CrystalRow.model_fields)
    assert len(out) < 900
    assert run("predict", "nowhere.cif", "--json")[1] == "[]\n"


def test_the_docs_list_every_column() -> None:
    page = Path("docs/cli.md").read_text(encoding="utf-8")
    for name, field in CrystalRow.model_fields.items():
        if name.endswith("_lower"):
            assert f"| `{name}`, `{name.removesuffix('lower')}upper` | " in page
        elif not name.endswith("_upper"):
            assert f"| `{name}` | {field.description} |" in page
