from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.data.exporting import export_dataset
from dielectra.data.published_form import entry_from_records
from dielectra.data.schema import Record
from dielectra.data.splits import paper_splits
from dielectra.errors import InputError
from dielectra.importing.dataset import import_dataset
from dielectra.importing.published import read as read_published
from published_form import GRID, entry, ipa_entry, rpa_entry, structure, write

pytestmark = pytest.mark.slow

ORIGINAL = Path("../shared/data/paper_pipeline_agm001074044_zz.json")


@pytest.fixture(scope="module")
def pairs(ladder_part: Path) -> list[tuple[Record, Record]]:
    """Return 14 computed materials inside the paper's filters as (IPA, RPA)."""
    ipa = {record.id: record for record in open_dataset(ladder_part).records("ipa")}
    both = [(ipa[record.id], record) for record in open_dataset(ladder_part).records("rpa") if record.id in ipa]
    inside = [
        pair for pair in both if pair[0].properties["gap_indirect"] >= 0.5 and pair[0].properties["gap_direct"] <= 10
    ]
    return inside[:14]


def outcome_of(document: Any, tmp_path: Path) -> Any:
    (outcome,) = read_published(write(tmp_path / "one", "entry", document))
    return outcome


def test_spectra_come_through_the_published_form_unchanged(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    for ipa, rpa in pairs:
        write(tmp_path / "files", ipa.id, rpa_entry(ipa, rpa))
    report = import_dataset(tmp_path / "files", tmp_path / "set")
    assert report.records == {"ipa": len(pairs), "rpa": len(pairs)}
    assert report.problems == []
    imported = {(record.id, record.spectrum.level): record for record in open_dataset(tmp_path / "set").records()}
    for original in (record for pair in pairs for record in pair):
        record = imported[original.id, original.spectrum.level]
        diagonal = record.spectrum.tensor[range(3), range(3)]
        np.testing.assert_array_equal(record.spectrum.energies, GRID)
        np.testing.assert_allclose(diagonal[:, ::5], original.spectrum.tensor[range(3), range(3)], atol=1e-4)
        np.testing.assert_allclose(record.crystal.volume, original.crystal.volume, rtol=1e-6)
        assert record.formula == original.crystal.formula
        assert record.split == paper_splits()[original.id] == original.split
        assert record.properties["gap_direct"] == original.properties["gap_direct"]
        assert record.properties["spacegroup"] == original.properties["spacegroup"]
        assert record.properties["nbands"] == 85
        assert record.spectrum.provenance["rpa_G"] == 4000
        assert record.spectrum.provenance["rpa_similarity"] == 0.98
    assert open_dataset(tmp_path / "set").broadening == 0.3


def test_our_own_export_is_read_like_theirs(
    pairs: list[tuple[Record, Record]], ladder_part: Path, tmp_path: Path
) -> None:
    files = export_dataset(ladder_part, tmp_path / "files", "published", split="test")
    assert json.loads(files[0].read_text()).keys() == entry({}, {}).keys()
    report = import_dataset(tmp_path / "files", tmp_path / "set")
    n_filtered = sum(report.filtered.values())
    assert report.materials + n_filtered == len(files)
    original = {record.id: record.spectrum.mean.imag for record in open_dataset(ladder_part).records("rpa")}
    labels = open_dataset(tmp_path / "set").labels("rpa")
    for name, row in zip(labels.ids, labels.eps2, strict=True):
        np.testing.assert_allclose(row[::5], original[name], atol=1e-4)


def test_the_ipa_form_has_numbered_keys(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    cubic = next(ipa for ipa, _ in pairs if ipa.properties["spacegroup"] >= 195)
    uniaxial = next(ipa for ipa, _ in pairs if ipa.properties["spacegroup"] < 195)
    assert "ipa_epsI_2" not in ipa_entry(cubic)["data"]
    assert "ipa_epsI_2" in ipa_entry(uniaxial)["data"]
    for original in (cubic, uniaxial):
        (record,) = outcome_of(ipa_entry(original), tmp_path).records
        np.testing.assert_allclose(record.spectrum.tensor[2, 2, ::5], original.spectrum.tensor[2, 2], atol=1e-9)


def test_pymatgen_reads_what_we_write_and_we_read_what_it_writes(
    pairs: list[tuple[Record, Record]], tmp_path: Path
) -> None:
    pytest.importorskip("pymatgen")
    from monty.json import MontyEncoder
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    path = write(tmp_path, "ours", entry_from_records(pairs[0]))
    theirs = ComputedStructureEntry.from_dict(json.loads(path.read_text()))
    assert theirs.structure.is_valid()
    theirs.data["ipa_epsI"]["xx"] = np.array(theirs.data["ipa_epsI"]["xx"])
    (expected,) = read_published(path)
    again = tmp_path / "again.json"
    again.write_text(json.dumps(theirs.as_dict(), cls=MontyEncoder))
    (outcome,) = read_published(again)
    assert outcome.problems == ()
    np.testing.assert_array_equal(outcome.records[0].spectrum.tensor, expected.records[0].spectrum.tensor)
    np.testing.assert_allclose(outcome.records[0].crystal.cell, expected.records[0].crystal.cell, atol=1e-9)


@pytest.mark.parametrize("shape", ["list", "dictionary", "frame of columns", "series"])
def test_pickles_of_entries_are_read(pairs: list[tuple[Record, Record]], tmp_path: Path, shape: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pymatgen")
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    entries = [ComputedStructureEntry.from_dict(rpa_entry(*pair)) for pair in pairs[:2]]
    names = pandas.Index([item.data["mat_id"] for item in entries], dtype=object)
    rows = [item.data | {"structure": item.structure, "parameters": item.parameters} for item in entries]
    columns = pandas.Index(list(rows[0]), dtype=object)
    content = {
        "list": entries,
        "dictionary": dict(zip(names, entries, strict=True)),
        "frame of columns": pandas.DataFrame([list(row.values()) for row in rows], names, columns, dtype=object),
        "series": pandas.Series(entries, names),
    }[shape]
    path = tmp_path / "data.pckl"
    path.write_bytes(pickle.dumps(content))
    outcomes = list(read_published(path))
    assert [outcome.problems for outcome in outcomes] == [(), ()]
    assert [record.id for outcome in outcomes for record in outcome.records] == [n for n in names for _ in range(2)]
    (expected,) = read_published(write(tmp_path, "first", rpa_entry(*pairs[0])))
    np.testing.assert_array_equal(outcomes[0].records[1].spectrum.tensor, expected.records[1].spectrum.tensor)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["data"].pop(key)


def with_value(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["data"].update({key: value})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("mat_id"), "lacks the key mat_id; it has ipa_direct_gap"),
        (without("ipa_indirect_gap"), "lacks the key ipa_indirect_gap"),
        (without("ipa_epsR"), "lacks the key ipa_epsR"),
        (without("rpa_epsR"), "lacks the key rpa_epsR"),
        (with_value("ipa_direct_gap", "wide"), "ipa_direct_gap is 'wide'; it must be a number"),
        (with_value("ipa_epsI", {"yy": [0.0] * 2001}), "ipa_epsI lacks the key xx"),
        (with_value("ipa_epsI", [0.0] * 2001), "ipa_epsI must be a dictionary"),
        (with_value("rpa_epsI", {"xx": [0.0] * 401}), r"rpa_epsI has shape \(401,\); 2001 finite values"),
        (with_value("rpa_epsI", {"xx": ["a"] * 2001}), "rpa_epsI holds values that are not numbers"),
        (with_value("rpa_epsI", {"xx": [float("inf")] * 2001}), "2001 finite values"),
        (lambda document: document.pop("structure"), "needs the keys structure and data"),
        (lambda document: document["structure"].pop("lattice"), "not a pymatgen Structure dictionary"),
        (lambda document: document["structure"]["sites"][0].update(species=[]), "partially occupied"),
        (lambda document: document["structure"]["sites"][0].update(abc=[0, 0]), "3 fractional coordinates"),
    ],
)
def test_a_malformed_entry_is_a_problem_with_its_name(
    pairs: list[tuple[Record, Record]], tmp_path: Path, damage: Callable[[dict[str, Any]], object], message: str
) -> None:
    document = json.loads(json.dumps(rpa_entry(*pairs[0])))
    damage(document)
    outcome = outcome_of(document, tmp_path)
    assert outcome.records == ()
    with pytest.raises(InputError, match=message):
        raise InputError(*outcome.problems)
    assert "entry.json" in outcome.name


def test_no_junk_anywhere_stops_an_import(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    whole = rpa_entry(*pairs[0])
    whole["data"] |= {f"{level}_eps{letter}": {"xx": [1] * 2001} for level in ("ipa", "rpa") for letter in "IR"}
    text = json.dumps(whole)
    (tmp_path / "files").mkdir()
    count = 0
    for path in ((), ("data",), ("data", "rpa_epsI"), ("parameters",), ("structure",), ("structure", "lattice")):
        for key in places(json.loads(text), path):
            for junk in (None, "x", -1, {"a": []}):
                document = json.loads(text)
                places(document, path)[key] = junk
                (tmp_path / "files" / f"{count}.json").write_text(json.dumps(document))
                count += 1
    outcomes = list(read_published(tmp_path / "files"))
    assert len(outcomes) == count
    assert all(outcome.records or outcome.filtered or outcome.problems for outcome in outcomes)
    assert sum(len(outcome.problems) for outcome in outcomes) > 40
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (deep,) = read_published(tmp_path / "deep.json")
    assert "nested too deeply" in str(deep.problems)


def places(document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize("document", [[], "text", 3, {"a": 1}, None])
def test_json_of_another_kind_is_a_problem(tmp_path: Path, document: Any) -> None:
    assert "needs the keys structure and data" in outcome_of(document, tmp_path).problems[0]


def test_the_filters_of_the_paper_are_counted_by_reason(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "fine": lambda document: None,
        "small": with_value("ipa_indirect_gap", 0.49),
        "edge": with_value("ipa_indirect_gap", 0.5),
        "wide": with_value("ipa_direct_gap", 10.01),
        "agm005546161": lambda document: None,
        "metal": lambda document: document["data"].update(
            {key: {"xx": [float("nan")] * 2001} for key in ("ipa_epsI", "ipa_epsR", "rpa_epsI", "rpa_epsR")}
            | {"ipa_indirect_gap": 0.0}
        ),
        "half": with_value("rpa_epsI", {"xx": float("nan")}),
    }
    for name, change in changes.items():
        document = json.loads(json.dumps(rpa_entry(*pairs[0])))
        document["data"]["mat_id"] = name
        change(document)
        write(tmp_path / "files", name, document)
    (tmp_path / "files" / "cut.json").write_text(json.dumps(document)[:-100])
    write(tmp_path / "files" / "again", "fine", json.loads((tmp_path / "files" / "fine.json").read_text()))
    report = import_dataset(tmp_path / "files", tmp_path / "set")
    assert report.filtered == {
        "indirect gap below 0.5 eV": 1,
        "direct gap above 10.0 eV": 1,
        "agm005546161 is dropped by the paper": 1,
        "ipa: metal (NaN spectrum)": 1,
        "rpa: metal (NaN spectrum)": 2,
    }
    assert report.records == {"ipa": 3, "rpa": 2}
    assert report.splits == {"none": 5}
    assert len(report.problems) == 3
    assert "cut.json: not valid JSON" in " ".join(report.problems)
    assert "a second ipa record of material fine" in " ".join(report.problems)
    assert "| left out: direct gap above 10.0 eV | 1 |" in (tmp_path / "set" / "README.md").read_text()


def test_rpa_spectra_of_large_cells_are_left_out(tmp_path: Path) -> None:
    positions = [[0.11 * index, (0.37 * index) % 1, (0.61 * index * index) % 1] for index in range(9)]
    large = structure(np.diag([14.0, 13.0, 12.0]), ["Li", "B", "C", "N", "O", "F", "Na", "Mg", "Al"], positions)
    row = np.exp(-((GRID - 8) ** 2)).tolist()
    data: dict[str, Any] = {"mat_id": "large", "ipa_indirect_gap": 1.0, "ipa_direct_gap": 2.0}
    data |= {f"{level}_eps{letter}": {"xx": row} for level in ("ipa", "rpa") for letter in "RI"}
    outcome = outcome_of(entry(large, data), tmp_path)
    assert [record.spectrum.level for record in outcome.records] == ["ipa"]
    assert outcome.filtered == ("rpa with more than 8 atoms",)


def test_the_original_record_comes_through(tmp_path: Path) -> None:
    if not ORIGINAL.is_file():
        pytest.skip(f"{ORIGINAL} is not beside the repository")
    record = json.loads(ORIGINAL.read_text())
    data = {"mat_id": record["mat_id"], "ipa_indirect_gap": 0.9, "ipa_direct_gap": 1.1}
    for level in ("ipa", "rpa"):
        data |= {f"{level}_epsI": {"xx": record[f"{level}_eps_im"]}, f"{level}_epsR": {"xx": record[f"{level}_eps_re"]}}
    original = structure(record["lattice"], record["species"], record["frac_coords"])
    outcome = outcome_of(entry(original, data), tmp_path)
    assert [(item.id, item.formula, item.split) for item in outcome.records] == [
        ("agm001074044", "Ca4As2O", "train")
    ] * 2
    ipa, rpa = outcome.records
    np.testing.assert_allclose(ipa.spectrum.energies, record["E_eV"], atol=1e-5)
    np.testing.assert_array_equal(rpa.spectrum.tensor[2, 2].imag, record["rpa_eps_im"])
    np.testing.assert_array_equal(ipa.spectrum.tensor[1, 1].real, record["ipa_eps_re"])
    assert rpa.spectrum.mean[0].imag == pytest.approx(0.372, abs=1e-3)  # time-ordered response
    assert rpa.crystal.n_atoms == 7


def test_nothing_left_is_an_error_and_leaves_nothing(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    document = ipa_entry(pairs[0][0])
    document["data"]["ipa_indirect_gap"] = 0.1
    write(tmp_path / "files", "a", document)
    with pytest.raises(InputError, match=r"nothing to import: 1 x indirect gap below 0\.5 eV"):
        import_dataset(tmp_path / "files", tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_an_existing_data_set_is_not_touched(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    source = write(tmp_path / "files", "a", ipa_entry(pairs[0][0]))
    import_dataset(source, tmp_path / "set")
    with pytest.raises(InputError, match="exists already; give a new folder"):
        import_dataset(source, tmp_path / "set")
    assert open_dataset(tmp_path / "set").labels("ipa").ids == [pairs[0][0].id]


def test_the_licence_of_what_was_fetched_is_on_the_card(pairs: list[tuple[Record, Record]], tmp_path: Path) -> None:
    write(tmp_path / "files", "a", ipa_entry(pairs[0][0]))
    (tmp_path / "files" / "fetched.json").write_text(json.dumps({"licence": "CC BY 4.0", "citation": "A (2025)"}))
    import_dataset(tmp_path / "files", tmp_path / "set")
    card = (tmp_path / "set" / "README.md").read_text()
    assert "Licence: CC BY 4.0." in card
    assert "Cite: A (2025)" in card
    assert "time-ordered" in card
