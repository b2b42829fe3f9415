from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.data.exporting import export_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.structures import read_structure


@pytest.fixture
def few(ladder_part: Path, tmp_path: Path) -> Path:
    records = [record for record, _ in zip(open_dataset(ladder_part).records(), range(4), strict=False)]
    write_part(records, tmp_path / "few" / "part-0000.parquet", {"broadening_eV": "0.3"})
    return tmp_path / "few"


def named(name: str, record: Record) -> Record:
    return Record(name, record.formula, record.split, record.crystal, record.spectrum, record.properties)


def test_json_holds_everything_and_is_a_structure_file(few: Path, tmp_path: Path) -> None:
    files = export_dataset(few, tmp_path / "out", "json")
    for path, record in zip(files, open_dataset(few).records(), strict=True):
        document = json.loads(path.read_text())
        assert path == tmp_path / "out" / record.spectrum.level / f"{record.id}.json"
        assert (document["id"], document["level"], document["split"]) == (
            record.id,
            record.spectrum.level,
            record.split,
        )
        assert document["gap_direct"] == record.properties["gap_direct"]
        assert document["broadening_ev"] == 0.3
        np.testing.assert_allclose(document["eps2"]["zz"], record.spectrum.tensor[2, 2].imag, atol=1e-6)
        np.testing.assert_allclose(read_structure(path).cell, record.crystal.cell)


def test_csv_has_all_components_and_the_structure_beside(few: Path, tmp_path: Path) -> None:
    (first, *_) = export_dataset(few, tmp_path / "out")
    record = next(open_dataset(few).records())
    comment, header, *rows = first.read_text().splitlines()
    assert record.id in comment
    assert header.startswith("energy_ev,eps1_xx,eps2_xx,eps1_yy")
    table = np.loadtxt(rows, delimiter=",")
    np.testing.assert_allclose(table[:, 5] + 1j * table[:, 6], record.spectrum.tensor[2, 2], atol=2e-4)
    assert read_structure(first.with_suffix(".json")).n_atoms == record.crystal.n_atoms


def test_level_and_split_choose_records(ladder_part: Path, tmp_path: Path) -> None:
    files = export_dataset(ladder_part, tmp_path / "out", "json", "rpa", "validation")
    expected = [record.id for record in open_dataset(ladder_part).records("rpa") if record.split == "validation"]
    assert [path.stem for path in files] == expected
    with pytest.raises(InputError, match="holds no bse record to export in the split test"):
        export_dataset(ladder_part, tmp_path / "none", "json", "bse", "test")


def test_an_id_cannot_leave_the_folder(few: Path, tmp_path: Path) -> None:
    record = next(open_dataset(few).records())
    write_part([named("../../evil", record), named("/etc/x", record)], tmp_path / "hostile" / "part-0000.parquet")
    files = export_dataset(tmp_path / "hostile", tmp_path / "out", "json")
    assert [path.relative_to(tmp_path / "out" / record.spectrum.level).name for path in files] == [
        "_.._evil.json",
        "_etc_x.json",
    ]
    assert not (tmp_path / "evil.json").exists()


def test_two_records_of_one_file_name_are_refused(few: Path, tmp_path: Path) -> None:
    record = next(open_dataset(few).records())
    others = [named(f"x{index}", record) for index in range(3)]
    write_part([named("a/b", record), *others, named("a_b", record)], tmp_path / "twice" / "part-0000.parquet")
    for form in ("csv", "json", "published"):
        with pytest.raises(InputError, match="another record was written as"):
            export_dataset(tmp_path / "twice", tmp_path / form, form, "ipa")


def test_what_the_published_form_cannot_hold_is_refused(few: Path, tmp_path: Path) -> None:
    ipa, rpa, *_ = open_dataset(few).records()
    bare = Record("bare", ipa.formula, None, ipa.crystal, ipa.spectrum)
    for name, record, message in (("a", rpa, "holds ipa, or ipa and rpa; got rpa"), ("b", bare, "gap is unknown")):
        write_part([record], tmp_path / name / "part-0000.parquet")
        with pytest.raises(InputError, match=message):
            export_dataset(tmp_path / name, tmp_path / "out", "published")


def test_options_are_checked_before_anything_is_written(few: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown form 'xml'; allowed are csv, json, published"):
        export_dataset(few, tmp_path / "out", "xml")
    with pytest.raises(InputError, match="unknown level"):
        export_dataset(few, tmp_path / "out", level="gw")
    with pytest.raises(InputError, match="exists already"):
        export_dataset(few, few)
    assert not (tmp_path / "out").exists()
