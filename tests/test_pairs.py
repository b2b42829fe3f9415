from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import make_aln, make_mgo, make_triclinic, rotated
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.exporting import export_dataset
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.importing.dataset import import_dataset
from dielectra.importing.importer import ImportOptions, energies_from
from dielectra.importing.measured import measured_record
from dielectra.importing.pairs import Options
from dielectra.importing.pairs import read as read_pairs
from dielectra.spectrum import real_from_imaginary

GRID = np.linspace(0, 25, 251)
PEAK = np.exp(-((GRID - 8) ** 2))
SETTINGS = Options(level="bse", broadening=0.1, energies=np.linspace(0, 20, 201))
MEASURED = Options(level="experiment", energies=np.linspace(1, 10, 91))


def write_structure(path: Path, crystal: Crystal) -> Path:
    entry = {"lattice": crystal.cell.tolist(), "numbers": crystal.numbers.tolist()}
    path.write_text(json.dumps(entry | {"frac_coords": crystal.frac_coords.tolist()}))
    return path


def write_csv(path: Path, **columns: np.ndarray) -> Path:
    np.savetxt(path, np.column_stack(list(columns.values())), delimiter=",", header=",".join(columns), comments="")
    return path


def write_page(path: Path, n: float, k: float) -> Path:
    rows = "\n".join(f"        {wavelength} {n} {k}" for wavelength in (0.1, 0.3, 1.5))
    path.write_text(f'REFERENCES: "page of {path.stem}"\nDATA:\n  - type: tabulated nk\n    data: |\n{rows}\n')
    return path


def only(folder: Path, settings: Options = SETTINGS) -> np.ndarray:
    ((record,),) = [outcome.records for outcome in read_pairs(folder, settings)]
    return record.spectrum.tensor


def test_isotropic_columns_fill_the_diagonal(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    write_csv(tmp_path / "a.csv", energy_ev=GRID, eps1=1 + PEAK, eps2=PEAK)
    tensor = only(tmp_path)
    expected = np.interp(SETTINGS.energies, GRID, PEAK) * (1 + 1j) + 1
    np.testing.assert_allclose(tensor, np.einsum("ij,w->ijw", np.eye(3), expected), atol=1e-12)


def test_components_are_taken_as_they_are_and_missing_ones_equal_xx(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_triclinic())
    columns = {"eps1_xx": 1 + PEAK, "eps2_xx": PEAK, "eps1_zz": 1 + 2 * PEAK, "eps2_zz": 2 * PEAK}
    columns |= {"eps1_xz": 0.1 * PEAK, "eps2_xz": 0.2 * PEAK}
    write_csv(tmp_path / "a.csv", energy_ev=GRID, **columns)
    tensor = only(tmp_path)[:, :, 80]
    np.testing.assert_allclose(tensor.imag, [[1, 0, 0.2], [0, 1, 0], [0.2, 0, 2]], atol=1e-9)
    np.testing.assert_allclose(tensor.real, [[2, 0, 0.1], [0, 2, 0], [0.1, 0, 3]], atol=1e-9)


def test_the_real_part_follows_from_the_imaginary_one(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_triclinic())
    write_csv(tmp_path / "a.csv", energy_ev=GRID, eps2_xx=PEAK, eps2_xy=0.5 * PEAK)
    tensor = only(tmp_path)
    expected = np.interp(SETTINGS.energies, GRID, real_from_imaginary(GRID, PEAK))
    np.testing.assert_allclose(tensor[2, 2].real, expected, atol=1e-12)
    np.testing.assert_allclose(tensor[0, 1].real, 0.5 * (expected - 1), atol=1e-12)


def test_n_and_k_give_the_function(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    write_csv(tmp_path / "a.csv", energy_ev=GRID, n=np.full(251, 2.0), k=np.full(251, 0.5))
    np.testing.assert_allclose(only(tmp_path)[1, 1], (2 + 0.5j) ** 2)


def test_what_predict_writes_can_be_imported(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    path = write_csv(tmp_path / "a.csv", energy_ev=GRID, eps1=1 + PEAK, eps2=PEAK, n=GRID, k=GRID, loss=GRID)
    path.write_text("# MgO, level rpa\n" + path.read_text())
    np.testing.assert_allclose(only(tmp_path)[0, 0, 80], 2 + 1j)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eps1,eps2\n1,2\n2,3\n", "lacks the column energy_ev; it has eps1, eps2"),
        ("energy_ev,eps1\n0,2\n20,3\n", "lacks the column eps2"),
        ("energy_ev,eps2\n0,2\n20\n", "lines of as many numbers"),
        ("energy_ev,eps2\n0,2\n20,x\n", "lines of as many numbers"),
        ("energy_ev,eps2\n0,nan\n20,1\n", "not finite"),
        ("energy_ev,eps2\n5,1\n0,1\n", "energy_ev must be increasing"),
        ("energy_ev,eps2\n", "lines of as many numbers|at least two lines"),
        ("", "lacks the column energy_ev|lines of as many numbers"),
        ("energy_ev,eps2\n0.5,1\n20,1\n", r"covers 0.5 to 20 eV, not 0 to 20; .* --energies START,STOP,N"),
    ],
)
def test_a_spectrum_that_cannot_be_used_is_a_problem(tmp_path: Path, text: str, message: str) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    (tmp_path / "a.csv").write_text(text)
    (outcome,) = read_pairs(tmp_path, SETTINGS)
    assert outcome.records == ()
    with pytest.raises(InputError, match=message):
        raise InputError(*outcome.problems)


@pytest.mark.parametrize(
    ("eps1", "eps2"), [(1 + PEAK, -PEAK), (PEAK, 3 - np.linspace(0, 6, len(GRID)))], ids=["other sign", "exchanged"]
)
def test_negative_absorption_is_refused(eps1: np.ndarray, eps2: np.ndarray, tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    write_csv(tmp_path / "a.csv", energy_ev=GRID, eps1=eps1, eps2=eps2)
    (outcome,) = read_pairs(tmp_path, SETTINGS)
    assert outcome.records == ()
    assert "has negative absorption" in outcome.problems[0]


def test_files_without_a_partner_are_problems(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_structure(tmp_path / f"{name}.json", make_mgo())
        write_csv(tmp_path / f"{name}.csv", energy_ev=GRID, eps2=PEAK)
    write_structure(tmp_path / "b.jsonl", make_mgo())
    write_structure(tmp_path / "c.json", make_mgo())
    write_csv(tmp_path / "d.csv", energy_ev=GRID, eps2=PEAK)
    report = import_dataset(tmp_path, tmp_path / "set", "pairs", level="bse", broadening=0.1)
    assert report.records == {"bse": 1}
    assert len(report.problems) == 3
    text = " ".join(report.problems)
    assert "b.csv: needs one structure file of the same name" in text
    assert "found b.json, b.jsonl" in text
    assert "d.csv: needs one structure file" in text
    assert "c.json: has no spectrum of the same name" in text


def test_records_carry_level_broadening_split_and_source(tmp_path: Path) -> None:
    write_structure(tmp_path / "a.json", make_mgo())
    write_csv(tmp_path / "a.csv", energy_ev=GRID, eps2=PEAK)
    import_dataset(tmp_path, tmp_path / "set", "pairs", level="bse", broadening=0.1, seed=3)
    (record,) = open_dataset(tmp_path / "set").records()
    assert (record.id, record.formula, record.split) == ("a", "MgO", split_of("MgO", 3))
    assert (record.spectrum.level, record.spectrum.broadening) == ("bse", 0.1)
    assert record.spectrum.provenance == {"source": "a.csv"}
    assert len(record.spectrum.energies) == 401
    assert record.properties["spacegroup"] == 225


def test_an_exported_level_is_imported_again_unchanged(ladder_part: Path, tmp_path: Path) -> None:
    export_dataset(ladder_part, tmp_path / "out", "csv", "rpa", "test")
    report = import_dataset(tmp_path / "out" / "rpa", tmp_path / "set", "pairs", level="rpa", broadening=0.3)
    assert report.problems == []
    imported = {record.id: record for record in open_dataset(tmp_path / "set").records()}
    for original in open_dataset(ladder_part).records("rpa"):
        if original.split == "test":
            tensor = imported.pop(original.id).spectrum.tensor
            np.testing.assert_allclose(tensor, original.spectrum.tensor, atol=2e-4)
    assert imported == {}


def test_measured_constants_of_a_cubic_crystal(tmp_path: Path) -> None:
    page = write_page(tmp_path / "MgO.yml", 1.8, 0.1)
    structure = write_structure(tmp_path / "MgO.json", make_mgo())
    energies = np.linspace(1, 10, 91)
    report = import_dataset(page, tmp_path / "set", "refractiveindex", structure=structure, energies=energies)
    assert report.records == {"experiment": 1}
    (record,) = open_dataset(tmp_path / "set").records()
    np.testing.assert_allclose(record.spectrum.energies, energies)
    np.testing.assert_allclose(record.spectrum.component("mean"), (1.8 + 0.1j) ** 2, atol=1e-4)
    assert record.spectrum.broadening is None
    assert record.spectrum.provenance["references"] == ["page of MgO"]


def test_measured_pages_may_be_among_the_pairs(tmp_path: Path) -> None:
    write_page(tmp_path / "MgO.yml", 1.8, 0.1)
    write_structure(tmp_path / "MgO.json", make_mgo())
    tensor = only(tmp_path, MEASURED)
    np.testing.assert_allclose(tensor[0, 0], (1.8 + 0.1j) ** 2)
    (outcome,) = read_pairs(tmp_path, SETTINGS)
    assert "level experiment, not bse" in str(outcome.problems)


@pytest.mark.parametrize("turn", [False, True])
def test_the_extraordinary_ray_lies_along_the_optic_axis(tmp_path: Path, turn: bool) -> None:
    crystal = rotated(make_aln()) if turn else make_aln()
    structure = write_structure(tmp_path / "AlN.json", crystal)
    pages = write_page(tmp_path / "o.yml", 2.0, 0.0), write_page(tmp_path / "e.yml", 2.1, 0.2)
    record = measured_record(pages[0], structure, MEASURED, pages[1])
    axis = crystal.cell[2] / np.linalg.norm(crystal.cell[2])
    np.testing.assert_allclose(record.spectrum.along(axis), (2.1 + 0.2j) ** 2, atol=1e-9)
    across = crystal.cell[0]  # at a right angle to c in a hexagonal crystal
    np.testing.assert_allclose(record.spectrum.along(across), 4.0, atol=1e-9)


def test_the_number_of_pages_must_fit_the_symmetry(tmp_path: Path) -> None:
    page = write_page(tmp_path / "o.yml", 2.0, 0.0)
    cubic, uniaxial, triclinic = (
        write_structure(tmp_path / f"{name}.json", crystal)
        for name, crystal in (("c", make_mgo()), ("u", make_aln()), ("t", make_triclinic()))
    )
    with pytest.raises(InputError, match="space group 186 needs an ordinary and an extraordinary page"):
        measured_record(page, uniaxial, MEASURED)
    with pytest.raises(InputError, match="space group 225 needs one page"):
        measured_record(page, cubic, MEASURED, page)
    with pytest.raises(InputError, match="space group 1 has three optical axes"):
        measured_record(page, triclinic, MEASURED)


def test_energies_that_were_not_measured_are_missing(tmp_path: Path) -> None:
    page = write_page(tmp_path / "o.yml", 1.8, 0.1)  # 0.8266 to 12.4 eV
    cubic, uniaxial = (
        write_structure(tmp_path / f"{name}.json", crystal) for name, crystal in (("c", make_mgo()), ("u", make_aln()))
    )
    import_dataset(page, tmp_path / "set", "measured", structure=cubic)
    (record,) = open_dataset(tmp_path / "set").records()
    np.testing.assert_allclose(record.spectrum.energies, np.arange(0.85, 12.36, 0.05))
    np.testing.assert_allclose(record.spectrum.component("zz"), (1.8 + 0.1j) ** 2, atol=1e-4)
    other = write_page(tmp_path / "e.yml", 2.0, 0.0)
    other.write_text(other.read_text().replace("0.1 2.0", "0.2 2.0"))
    both = measured_record(page, uniaxial, ImportOptions(), other).spectrum.energies
    assert both[[0, -1]] == pytest.approx([0.85, 6.15])
    own = measured_record(page, uniaxial, ImportOptions(energies="file"), other).spectrum.energies
    assert len(own) == 2
    with pytest.raises(InputError, match=r"covers 0.8266 to 12.4 eV, where fewer than two .* from 15 to 20"):
        import_dataset(page, tmp_path / "other", "measured", structure=cubic, energies="15,20,51")


def test_options_that_do_not_fit_the_form_are_refused(tmp_path: Path) -> None:
    for form, options, message in (
        ("csv", {}, "unknown form 'csv'; known are published, pairs, measured, refractiveindex, yambo, gpaw, vasp"),
        ("pairs", {}, "options of the form pairs: level: Field required"),
        ("pairs", {"level": "gw"}, "unknown level 'gw'"),
        ("pairs", {"level": "bse", "structure": "a.cif"}, "the form pairs takes no structure"),
        ("published", {"level": "bse", "broadening": 0.1}, "the form published takes no level, broadening"),
        ("refractiveindex", {"level": "bse"}, "the form measured takes no level"),
        ("refractiveindex", {}, "give the structure file as well"),
    ):
        with pytest.raises(InputError, match=message):
            import_dataset(tmp_path, tmp_path / "set", form, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no such folder"):
        import_dataset(tmp_path / "a", tmp_path / "set", "pairs", level="bse")
    with pytest.raises(InputError, match="holds no spectrum"):
        import_dataset(tmp_path, tmp_path / "set", "pairs", level="bse")


def test_a_grid_is_three_numbers() -> None:
    np.testing.assert_array_equal(energies_from("0,20,401"), np.linspace(0, 20, 401))
    for text in ("", "0,20", "0,x,3", "20,0,3", "-1,2,3", "0,20,1", "0,20,2.5", "0,20,1e9", "0,inf,3", "nan,1,3"):
        with pytest.raises(InputError, match="give START,STOP,N in eV"):
            energies_from(text)
