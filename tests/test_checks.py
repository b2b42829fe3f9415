from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dielectra.cli import main
from dielectra.crystal import make_crystal
from dielectra.data.checks import CHECKS, check_dataset, check_metal, check_record, measure
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Metal, Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum


def oscillators(tail: float = 0.0) -> Record:
    """Return a cubic record of two damped oscillators in closed form, and one above the window."""
    energies = np.linspace(0, 20, 401)
    function = np.ones_like(energies, complex)
    for position, strength in ((4.0, 40.0), (9.0, 60.0), (30.0, tail)):
        function += strength / (position**2 - (energies + 0.3j) ** 2)
    crystal = make_crystal(np.eye(3) * 4.0, ["Cs", "Cl"], [0, 0, 0, 0.5, 0.5, 0.5])
    spectrum = Spectrum(energies, np.einsum("ij,w->ijw", np.eye(3), function), "ipa", 0.3)
    return Record("m", "CsCl", "train", crystal, spectrum)


def with_tensor(record: Record, tensor: np.ndarray) -> Record:
    return replace(record, spectrum=replace(record.spectrum, tensor=tensor))


def flagged(record: Record) -> list[str]:
    return [finding.check for finding in check_record(record)]


def test_oscillators_pass_also_where_much_absorbs_above_the_window() -> None:
    assert flagged(oscillators()) == []
    assert flagged(oscillators(tail=1500.0)) == []  # adds 1.7 to eps1, which Im eps in the window does not show


def test_sum_rule_measures_the_oscillators_strength() -> None:
    record = oscillators()
    electrons = measure(record)["sum rule"] * record.crystal.numbers.sum()
    assert electrons == pytest.approx(100.0 * record.crystal.volume / 1378.8423, rel=0.05)


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("passive", lambda tensor: tensor - 0.06j * np.eye(3)[:, :, None]),
        ("sum rule", lambda tensor: 60 * tensor),
        ("kramers-kronig", lambda tensor: np.roll(tensor.real, 6, axis=2) + 1j * tensor.imag),
        ("point group", lambda tensor: tensor * np.array([1.0, 1.0, 1.02])[:, None, None] ** 2),
    ],
)
def test_each_violation_is_named(check: str, change: object) -> None:
    record = oscillators()
    assert check in flagged(with_tensor(record, change(record.spectrum.tensor)))


def test_noise_of_rounding_is_not_flagged() -> None:
    record = oscillators()
    assert flagged(with_tensor(record, np.round(record.spectrum.tensor, 3))) == []


@pytest.mark.slow
def test_shipped_records_keep_far_from_every_limit() -> None:
    for record in list(open_dataset("datasets/ladder/part-0000.parquet").records())[:40]:
        values = measure(record)
        assert all(values[check.name] <= 0.7 * check.limit for check in CHECKS if check.name in values), record.id
        assert values["kramers-kronig"] < 0.003


@pytest.mark.slow
def test_a_space_group_that_is_not_the_cells_own_is_flagged() -> None:
    listed = {record.id: record for record in open_dataset("datasets/ladder").records("rpa")}["agm002047952"]
    (finding,) = check_record(listed)
    assert (finding.formula, finding.check, finding.note) == ("AlSe", "space group", "listed 166, own 2")
    tensor = listed.spectrum.tensor
    assert np.abs(tensor[0, 0] - tensor[1, 1]).max() > 0.1  # which group 166 forbids
    assert flagged(replace(listed, properties={"spacegroup": 2})) == []
    assert flagged(replace(listed, properties={})) == []


def test_only_energies_inside_the_window_count() -> None:
    whole = oscillators()
    energies, tensor = whole.spectrum.energies, whole.spectrum.tensor
    cut = replace(whole, spectrum=replace(whole.spectrum, energies=energies[30:120], tensor=tensor[:, :, 30:120]))
    assert "kramers-kronig" not in measure(cut)  # 1.5 to 5.95 eV: what absorbs above is unknown
    assert flagged(cut) == []
    assert measure(cut)["sum rule"] < measure(whole)["sum rule"]
    assert flagged(with_tensor(cut, cut.spectrum.tensor - 40j * np.eye(3)[:, :, None])) == ["passive"]


def test_a_metal_with_a_spectrum_is_flagged(tmp_path: Path) -> None:
    gold = Metal("m-Au", "Au", "train", make_crystal(np.eye(3) * 4.0, ["Au"], [0, 0, 0]), "rpa", {"spacegroup": 221})
    assert check_metal(gold) == []
    part = write_part(
        [oscillators(), gold, replace(gold, id="b", properties={"spacegroup": 225})], tmp_path / "p.parquet"
    )
    report = check_dataset(part)
    assert report["metals"] == 2
    assert [(e["id"], e["note"]) for e in report["flagged"]] == [("b", "listed 225, own 221")]
    table = pq.read_table(part)
    place = table.column_names.index("metal")
    table = table.set_column(place, "metal", pa.array([True, True, True]))
    pq.write_table(table, tmp_path / "all.parquet")
    found = {(e["id"], e["check"]): e["value"] for e in check_dataset(tmp_path / "all.parquet")["flagged"]}
    assert found["m", "metal"] == 6 * 401
    assert ("m-Au", "metal") not in found


def test_flagged_records_are_listed_and_damaged_sets_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = oscillators(), oscillators()
    bad = replace(with_tensor(bad, bad.spectrum.tensor - 0.1j * np.eye(3)[:, :, None]), id="bad")
    write_part([good, bad], tmp_path / "set" / "part-0000.parquet")
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", str(tmp_path / "set"), "--json"])
    assert ended.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["records"] == 2
    assert {(entry["id"], entry["check"]) for entry in report["flagged"]} >= {("bad", "passive")}
    assert "m" not in {entry["id"] for entry in report["flagged"]}
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", str(tmp_path / "set")])
    assert ended.value.code == 0
    assert "bad" in capsys.readouterr().out
    write_part([good], tmp_path / "set" / "part-0001.parquet")
    with pytest.raises(InputError, match="holds record m, ipa twice"):
        check_dataset(tmp_path / "set")
    (tmp_path / "set" / "part-0002.parquet").write_bytes(b"broken")
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", str(tmp_path / "set")])
    assert ended.value.code == 2
