"""Data sets opened once: several levels and protocols, windows, metals, numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum
from dielectra.target import Target


@pytest.fixture
def records(small_data: Path) -> list[Record]:
    return list(open_dataset(small_data).records())


def test_an_open_data_set_is_passed_on(small_data: Path) -> None:
    data = open_dataset(small_data)
    assert isinstance(data, DataSet)
    assert open_dataset(data) is data
    assert (data.name, data.broadening, data.levels) == ("small", 0.3, ("ipa", "rpa"))
    assert len(data.digest) == 10
    np.testing.assert_array_equal(data.grid, np.linspace(0, 20, 81))


def test_labels_of_two_levels_have_both_where_both_are_known(records: list[Record], tmp_path: Path) -> None:
    kept = [record for record in records if record.spectrum.level == "ipa" or record.split != "train"]
    data = open_dataset(write_part(kept, tmp_path / "part-0000.parquet", {"broadening_eV": "0.3"}))
    labels = data.labels(data.target("ipa", "rpa"))
    assert labels.values.shape == (24, 2, 1, 1, 81)
    assert labels.has("ipa").all()
    assert labels.has("rpa").tolist() == [split != "train" for split in labels.splits]
    assert not labels.values[~labels.has("rpa"), 1].any()
    for level, index in (("ipa", 0), ("rpa", 1)):
        alone = data.labels(level)
        chosen = [labels.ids.index(name) for name in alone.ids]
        np.testing.assert_array_equal(labels.values[chosen, index, 0, 0], alone.eps2)
    without = labels.without("ipa", range(len(labels)))
    assert without.ids == data.labels("rpa").ids


def test_tensor_labels_hold_both_parts_of_every_component(records: list[Record], small_data: Path) -> None:
    data = open_dataset(small_data)
    labels = data.labels(data.target("rpa", parts=("re", "im"), rank=2))
    by_id = {record.id: record for record in records if record.spectrum.level == "rpa"}
    names = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    for name, value in zip(labels.ids, labels.values, strict=True):
        expected = np.array([by_id[name].spectrum.tensor[i, j] for i, j in names])
        np.testing.assert_allclose(value[0], [expected.real, expected.imag], atol=1e-4)
    np.testing.assert_array_equal(labels.eps2, data.labels("rpa").eps2)


def test_what_is_outside_a_window_is_missing_and_not_zero(records: list[Record], tmp_path: Path) -> None:
    whole, other = [record for record in records if record.spectrum.level == "rpa"][:2]
    inside = slice(8, 33)
    window = Spectrum(other.spectrum.energies[inside], other.spectrum.tensor[:, :, inside], "experiment")
    part = write_part([whole, replace(other, spectrum=window, split="experiment-test")], tmp_path / "part.parquet")
    data = open_dataset(part)
    (read,) = data.records("experiment")
    np.testing.assert_allclose(read.spectrum.energies, window.energies)
    np.testing.assert_allclose(read.spectrum.tensor, window.tensor, atol=1e-4)
    labels = data.labels("experiment")
    assert labels.splits == ["experiment-test"]
    assert labels.weights[0, 0, 0].tolist() == [1.0 if 8 <= i < 33 else 0.0 for i in range(81)]
    np.testing.assert_allclose(labels.eps2[0, inside], window.mean.imag, atol=1e-4)
    shifted = Spectrum(window.energies + 0.1, window.tensor, "experiment")
    with pytest.raises(InputError, match="energy grid differs"):
        write_part([whole, replace(other, spectrum=shifted)], tmp_path / "shifted.parquet")


def test_windows_alone_lie_on_the_grid_that_is_given(records: list[Record], tmp_path: Path) -> None:
    spectrum = records[0].spectrum
    inside = slice(8, 33)
    window = replace(
        records[0], spectrum=replace(spectrum, energies=spectrum.energies[inside], tensor=spectrum.tensor[:, :, inside])
    )
    data = open_dataset(write_part([window], tmp_path / "part.parquet", energies=spectrum.energies))
    np.testing.assert_allclose(data.grid, spectrum.energies)
    np.testing.assert_allclose(next(data.records()).spectrum.energies, spectrum.energies[inside])
    with pytest.raises(InputError, match="its energy grid differs from that of the part"):
        write_part([window], tmp_path / "other.parquet", energies=spectrum.energies + 0.01)


def test_metals_have_a_verdict_and_no_spectrum(records: list[Record], tmp_path: Path) -> None:
    metal = Metal("m-1", "NaK", "train", records[0].crystal, "ipa", {"protocol": "ladder-2", "source": "pool"})
    part = write_part([*records[:2], metal], tmp_path / "part.parquet")
    data = open_dataset(part)
    (read,) = data.metals()
    assert (read.id, read.level, read.properties["metal"], read.properties["source"]) == ("m-1", "ipa", True, "pool")
    np.testing.assert_allclose(read.crystal.cell, metal.crystal.cell)
    assert "m-1" not in data.labels("ipa").ids
    assert "m-1" in data.ids
    assert len(list(data.records())) == 2
    verdicts = data.labels(Target(quantity="metal", levels=("ipa",), parts=("re",)))
    assert dict(zip(verdicts.ids, verdicts.values.ravel().tolist(), strict=True)) == {records[0].id: 0.0, "m-1": 1.0}


def test_a_part_of_metals_alone_lies_on_the_grid_that_is_given(records: list[Record], tmp_path: Path) -> None:
    metal = Metal("m-1", "NaK", "train", records[0].crystal, "ipa")
    write_part(records[:2], tmp_path / "part-0000.parquet")
    with pytest.raises(InputError, match="no records"):
        write_part([metal], tmp_path / "metals-0000.parquet")
    write_part([metal], tmp_path / "metals-0000.parquet", energies=records[0].spectrum.energies)
    data = open_dataset(tmp_path)
    assert [found.id for found in data.metals()] == ["m-1"]
    assert [record.id for record in data.records()] == [record.id for record in records[:2]]


def test_numbers_are_labels_like_spectra(records: list[Record], small_data: Path) -> None:
    labels = open_dataset(small_data).labels(Target(quantity="gap_direct", levels=("ipa",), parts=("re",)))
    gaps = {record.id: record.properties["gap_direct"] for record in records}
    assert labels.values.shape == (24, 1, 1, 1, 1)
    found = dict(zip(labels.ids, labels.values.ravel().tolist(), strict=True))
    assert found == pytest.approx(gaps, abs=1e-6)
    np.testing.assert_allclose(labels.gaps[:, 0], labels.values.ravel())
    with pytest.raises(InputError, match="lacks the column colour"):
        open_dataset(small_data).labels(Target(quantity="colour", levels=("ipa",), parts=("re",)))


def test_the_last_protocol_counts_unless_one_is_asked_for(records: list[Record], tmp_path: Path) -> None:
    def scaled(record: Record, factor: float, protocol: str) -> Record:
        spectrum = replace(record.spectrum, tensor=factor * record.spectrum.tensor)
        return replace(record, spectrum=spectrum, properties={"protocol": protocol})

    chosen = [record for record in records if record.spectrum.level == "ipa"][:3]
    write_part([scaled(record, 1.0, "ladder-1") for record in chosen], tmp_path / "part-0000.parquet")
    write_part([scaled(chosen[0], 2.0, "ladder-2")], tmp_path / "part-0001.parquet")
    labels = open_dataset(tmp_path).labels("ipa")
    old = open_dataset(tmp_path, "ladder-1").labels("ipa")
    assert labels.ids == old.ids == [record.id for record in chosen]
    np.testing.assert_allclose(labels.eps2[0], 2 * old.eps2[0], atol=2e-4)
    np.testing.assert_array_equal(labels.eps2[1:], old.eps2[1:])
    assert open_dataset(tmp_path, "ladder-2").labels("ipa").ids == [chosen[0].id]
    write_part([scaled(chosen[0], 3.0, "ladder-2")], tmp_path / "part-0002.parquet")
    with pytest.raises(InputError, match=f"{chosen[0].id} more than once"):
        open_dataset(tmp_path).labels("ipa")


def test_gaps_of_quasiparticles_lie_beside_those_of_pbe(records: list[Record], tmp_path: Path) -> None:
    rpa = next(record for record in records if record.spectrum.level == "rpa")
    raised = dict(rpa.properties) | {"gap_direct": 7.5, "gap_indirect": 7.0}
    lrc = replace(rpa, spectrum=replace(rpa.spectrum, level="lrc"), properties=raised)
    write_part([rpa, lrc], tmp_path / "part-0000.parquet", {"broadening_eV": "0.3"})
    data = open_dataset(tmp_path)
    of_pbe = [rpa.properties["gap_direct"], rpa.properties["gap_indirect"]]
    both = data.labels(data.target("rpa", "lrc")).gaps[0]
    np.testing.assert_allclose(both, [*of_pbe, 7.5, 7.0], rtol=1e-6)
    np.testing.assert_allclose(data.labels(data.target("rpa")).gaps[0], [*of_pbe, np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(data.labels(data.target("lrc")).gaps[0], [np.nan, np.nan, 7.5, 7.0], rtol=1e-6)
