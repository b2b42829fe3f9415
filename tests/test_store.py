from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dielectra.data import store
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import find_parts, list_datasets, next_part, write_part
from dielectra.data.summary import summarise
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum

SEED_PART = Path("datasets/ladder/part-0000.parquet")


@pytest.fixture
def records() -> list[Record]:
    """Return three materials of the seed part at both levels."""
    return [record for record, _ in zip(open_dataset(SEED_PART).records(), range(6), strict=False)]


@pytest.fixture
def part(tmp_path: Path, records: list[Record]) -> Path:
    """Write these records as a data set of one part."""
    return write_part(records, tmp_path / "small" / "part-0000.parquet", {"broadening_eV": "0.3"})


def rewrite(part: Path, change: object) -> None:
    """Apply a function to the table of a part and write it back, metadata kept."""
    table = pq.read_table(part)
    pq.write_table(change(table).replace_schema_metadata(change(table).schema.metadata), part)  # type: ignore[operator]


@pytest.mark.slow
def test_a_data_set_reads_alike_by_name_folder_and_file() -> None:
    by_name, by_folder = open_dataset("ladder").labels("rpa"), open_dataset("datasets/ladder").labels("rpa")
    assert by_name.ids == by_folder.ids
    assert set(open_dataset(SEED_PART).labels("rpa").ids) <= set(by_name.ids)
    assert "ladder" in list_datasets()


def test_labels_are_a_third_of_the_trace() -> None:
    labels = open_dataset(SEED_PART).labels("ipa")
    for row, record in zip(labels.eps2, open_dataset(SEED_PART).records("ipa"), strict=True):
        np.testing.assert_allclose(row, record.spectrum.mean.imag, atol=1e-5)


@pytest.mark.slow
def test_no_formula_is_in_two_splits() -> None:
    labels = open_dataset("ladder").labels("rpa")
    formulas = [set(labels.of_split(split).formulas) for split in ("train", "validation", "test")]
    assert sum(len(group) for group in formulas) == len(set.union(*formulas))


def test_records_come_back_as_written(part: Path, records: list[Record]) -> None:
    for written, read in zip(records, open_dataset(part).records(), strict=True):
        assert (read.id, read.formula, read.split) == (written.id, written.formula, written.split)
        assert read.properties == written.properties
        np.testing.assert_allclose(read.spectrum.tensor, written.spectrum.tensor, atol=6e-5)
        np.testing.assert_array_equal(read.crystal.frac_coords, written.crystal.frac_coords)


def test_provenance_and_broadening_come_back(tmp_path: Path, records: list[Record]) -> None:
    provenance = {"code": "Yambo", "kppa": 1500, "similarity": 0.98}
    spectrum = replace(records[0].spectrum, provenance=provenance)
    part = write_part([replace(records[0], spectrum=spectrum)], tmp_path / "part.parquet", {"broadening_eV": "0.1"})
    (read,) = open_dataset(part).records()
    assert read.spectrum.provenance == provenance
    assert read.spectrum.broadening == 0.1
    assert next(open_dataset(SEED_PART).records()).spectrum.provenance == {}


def test_full_records_need_the_real_part(part: Path) -> None:
    rewrite(part, lambda table: table.drop_columns(["eps1"]))
    assert len(open_dataset(part).labels("rpa")) == 3
    with pytest.raises(InputError, match="lacks the column eps1"):
        list(open_dataset(part).records())


def test_a_column_name_that_is_no_text_is_damage(part: Path) -> None:
    part.write_bytes(part.read_bytes().replace(b"licence", b"licenc\xbf"))
    with pytest.raises(InputError, match="damaged or not a Parquet file"):
        list(open_dataset(part).records())


def test_an_irregular_grid_comes_back_as_written(tmp_path: Path, records: list[Record]) -> None:
    grid = np.array([0.0, 0.5, 0.75, 3.0])
    record = records[0]
    resampled = Record(record.id, record.formula, None, record.crystal, record.spectrum.resample(grid))
    part = write_part([resampled], tmp_path / "part-0000.parquet")
    np.testing.assert_array_equal(next(open_dataset(part).records()).spectrum.energies, grid)
    assert open_dataset(part).broadening is None


def test_a_part_is_never_rewritten_and_never_half_written(
    part: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="never rewritten"):
        write_part(records, part)

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store.pq, "write_table", fail)
    target = part.with_name("part-0001.parquet")
    with pytest.raises(InputError, match="cannot be written: disk full"):
        write_part(records, target)
    assert not target.exists()


def test_writing_refuses_what_reading_could_not_use(tmp_path: Path, records: list[Record]) -> None:
    target = tmp_path / "part.parquet"
    first = records[0]
    with pytest.raises(InputError, match="no records"):
        write_part([], target)
    with pytest.raises(InputError, match="unknown split 'dev'"):
        write_part([Record(first.id, first.formula, "dev", first.crystal, first.spectrum)], target)
    coarse = Record("x", first.formula, "train", first.crystal, first.spectrum.resample(np.linspace(0, 20, 11)))
    with pytest.raises(InputError, match="grid differs"):
        write_part([first, coarse], target)


@pytest.mark.parametrize("column", ["eps2", "level", "split"])
def test_a_missing_column_is_named(part: Path, column: str) -> None:
    rewrite(part, lambda table: table.drop_columns([column]))
    with pytest.raises(InputError, match=rf"lacks the column\(s\) {column}"):
        open_dataset(part).labels("rpa")


def test_a_nan_spectrum_is_refused_with_its_id(part: Path, records: list[Record]) -> None:
    def spoil(table: pa.Table) -> pa.Table:
        rows = table.column("eps2").to_pylist()
        rows[1][100] = float("nan")
        index = table.column_names.index("eps2")
        return table.set_column(index, "eps2", pa.array(rows, pa.list_(pa.float32())))

    rewrite(part, spoil)
    with pytest.raises(InputError, match=rf"NaN or infinite values \({records[1].id}\)"):
        open_dataset(part).labels(records[1].spectrum.level)
    with pytest.raises(InputError, match=records[1].id):
        list(open_dataset(part).records())


def test_a_short_spectrum_is_refused(part: Path) -> None:
    def shorten(table: pa.Table) -> pa.Table:
        rows = [row[:100] for row in table.column("eps2").to_pylist()]
        index = table.column_names.index("eps2")
        return table.set_column(index, "eps2", pa.array(rows, pa.list_(pa.float32())))

    rewrite(part, shorten)
    with pytest.raises(InputError, match="eps2 has 100 values"):
        open_dataset(part).labels("rpa")


def test_a_half_written_part_is_refused(part: Path) -> None:
    content = part.read_bytes()
    part.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged or not a Parquet file"):
        open_dataset(part).labels("rpa")


def test_an_undeclared_grid_is_refused(part: Path) -> None:
    pq.write_table(pq.read_table(part).replace_schema_metadata({}), part)
    with pytest.raises(InputError, match="energies_eV"):
        open_dataset(part).labels("rpa")


def test_a_material_must_not_come_twice(part: Path, records: list[Record]) -> None:
    write_part(records[:1], part.with_name("part-0001.parquet"))
    with pytest.raises(InputError, match=f"{records[0].id} more than once"):
        open_dataset(part.parent).labels(records[0].spectrum.level)


def test_parts_of_different_grids_are_refused(part: Path, records: list[Record]) -> None:
    first = records[0]
    spectrum = first.spectrum.resample(np.linspace(0, 20, 11))
    write_part([Record("x", "Si", "train", first.crystal, spectrum)], part.with_name("part-0001.parquet"))
    with pytest.raises(InputError, match="energy grid differs"):
        open_dataset(part.parent).labels("ipa")


@pytest.mark.parametrize(
    ("source", "level", "message"),
    [
        ("nowhere", "rpa", r"not found; .*ladder"),
        ("tests", "rpa", "holds no Parquet part"),
        (SEED_PART, "gw", "unknown level 'gw'; allowed are ipa, rpa, alda, lrc, bse, experiment"),
        (SEED_PART, "bse", "holds no bse spectrum; its levels are ipa, rpa"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(source: str | Path, level: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_dataset(source).labels(level)


def test_data_sets_are_found_in_the_folder_of_the_environment(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIELECTRA_DATASETS", str(part.parents[1]))
    assert find_parts("small") == [part]
    assert "small" in list_datasets()
    assert list(open_dataset("small").hashes) == ["part-0000.parquet"]


def test_the_summary_counts_what_is_there(part: Path, records: list[Record]) -> None:
    summary = summarise(part)
    assert summary["materials"] == 3
    assert summary["records"] == {"ipa": 3, "rpa": 3}
    assert open_dataset(part).levels == ("ipa", "rpa")
    assert sum(summary["histograms"]["atoms per cell"].values()) == 3
    pairs = [(records[i].spectrum.mean.imag, records[i + 1].spectrum.mean.imag) for i in (0, 2, 4)]
    expected = [1 - np.abs(ipa - rpa)[1:-1].sum() / rpa[1:-1].sum() for ipa, rpa in pairs]
    assert summary["ipa_rpa_sc_median"] == pytest.approx(np.median(expected), abs=5e-3)
    assert summary["cpu_hours"] == pytest.approx(sum(r.properties["cpu_s"] for r in records[::2]) / 3600, abs=0.01)


def test_the_spectrum_of_a_record_is_complete(records: list[Record]) -> None:
    assert isinstance(records[0].spectrum, Spectrum)
    assert records[0].properties["kgrid"]


def test_a_further_part_never_takes_the_name_of_one_that_is_there(tmp_path: Path) -> None:
    assert next_part(tmp_path).name == "part-0000.parquet"
    for number in (0, 2):
        (tmp_path / f"part-{number:04d}.parquet").touch()
    assert next_part(tmp_path).name == "part-0003.parquet"
