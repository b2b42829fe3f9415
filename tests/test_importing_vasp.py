"""Import of VASP's files: numbers to the last digit, against pymatgen where it reads them."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, make_aln, make_mgo, make_triclinic
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.importing.outcomes import Outcome, write_dataset
from dielectra.importing.vasp import Options, read
from dielectra.spectrum import Spectrum
from vasp_form import (
    CURRENT,
    DENSITY,
    DFT,
    ENERGIES,
    HEAD,
    REDUCIBLE,
    RPA,
    Response,
    response,
    write_outcar,
    write_vasprun,
)

PLACES = {"xx": 0, "yy": 1, "zz": 2, "xy": 3, "yz": 4, "xz": 5}
VERSIONS = {"5.4.4": ("", ""), "6.3.2": (DENSITY, CURRENT), "6.4.2": (DENSITY, CURRENT)}


def only(path: Path, **options: object) -> Outcome:
    (outcome,) = read(path, Options(energies="file", **options))  # type: ignore[arg-type]
    return outcome


def spectra(path: Path) -> dict[str, Spectrum]:
    outcome = only(path)
    assert outcome.problems == ()
    return {record.spectrum.level: record.spectrum for record in outcome.records}


def assert_equal(spectrum: Spectrum, expected: Response) -> None:
    """Compare every component with the numbers of the file, to the last bit."""
    assert np.array_equal(spectrum.energies, ENERGIES)
    for name, place in PLACES.items():
        assert np.array_equal(spectrum.component(name).real, expected.real[place]), name
        assert np.array_equal(spectrum.component(name).imag, expected.imaginary[place]), name


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_of_vasprun_are_those_of_the_file(version: str, tmp_path: Path) -> None:
    density, current = (response(comment, seed) for seed, comment in enumerate(VERSIONS[version]))
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [density, current], version, ALGO="Exact")
    outcome = only(path)
    (record,) = outcome.records
    assert_equal(record.spectrum, density)
    assert (record.spectrum.level, record.spectrum.broadening) == ("ipa", 0.1)
    assert record.spectrum.provenance["engine"] == f"VASP {version}"
    assert record.crystal.n_atoms == make_triclinic().n_atoms
    assert outcome.filtered == ("current-current response; the density-density one is taken",)
    write_dataset([outcome], tmp_path / "set", "VASP")
    (stored,) = open_dataset(tmp_path / "set").records()
    assert_equal(stored.spectrum, density)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymatgen.io.vasp.outputs import Vasprun

        oracle = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    energies, real, imaginary = oracle.dielectric_data["density"]
    assert np.array_equal(energies, record.spectrum.energies)
    for name, place in PLACES.items():
        component = record.spectrum.component(name)
        assert np.array_equal(np.array(real)[:, place] + 1j * np.array(imaginary)[:, place], component)
    assert oracle.final_structure.volume == pytest.approx(make_triclinic().volume, rel=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_of_outcar_are_those_of_the_file(version: str, tmp_path: Path) -> None:
    names = [name if name else other for name, other in zip(VERSIONS[version], ("", CURRENT), strict=True)]
    density, current = (response(comment, seed, decimals=6) for seed, comment in enumerate(names))
    path = write_outcar(tmp_path / "OUTCAR", make_triclinic(), [density, current], version)
    (record,) = only(path).records
    assert_equal(record.spectrum, density)
    assert record.spectrum.broadening == 0.1
    assert record.crystal.volume == pytest.approx(make_triclinic().volume, rel=1e-6)
    assert record.spectrum.provenance["engine"] == f"VASP {version}"


def test_pymatgen_reads_the_same_from_outcar(tmp_path: Path) -> None:
    path = write_outcar(tmp_path / "OUTCAR", make_triclinic(), [response("", 0, decimals=6)], "5.4.4")
    from pymatgen.io.vasp.outputs import Outcar

    oracle = Outcar.__new__(Outcar)
    oracle.filename = path
    oracle.data = {}
    oracle.read_freq_dielectric()
    spectrum = spectra(path)["ipa"]
    assert np.array_equal(oracle.dielectric_energies, spectrum.energies)
    assert np.array_equal(oracle.dielectric_tensor_function, spectrum.tensor.transpose(2, 0, 1))


def test_chi_gives_independent_particles_and_rpa(tmp_path: Path) -> None:
    blocks = [response(comment, seed) for seed, comment in enumerate((HEAD, REDUCIBLE, RPA))]
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), blocks, "6.4.2", ALGO="Chi")
    found = spectra(path)
    assert list(found) == ["ipa", "rpa"]
    assert_equal(found["ipa"], blocks[0])
    assert_equal(found["rpa"], blocks[2])
    assert only(path).filtered == (f"response '{REDUCIBLE}'",)


def test_bse_is_its_own_level_and_other_kernels_are_refused_by_name(tmp_path: Path) -> None:
    for algorithm, level in (("Bse", "bse"), ("Tdhf", None)):
        path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [response("", 3)], ALGO=algorithm)
        outcome = only(path)
        assert [record.spectrum.level for record in outcome.records] == ([level] if level else [])
    assert "unknown level 'ALGO = Tdhf'" in outcome.problems[0]
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [response(HEAD, 1), response(DFT, 2)], ALGO="CHI")
    assert [record.spectrum.level for record in only(path).records] == ["ipa", "alda"]
    assert_equal(spectra(path)["alda"], response(DFT, 2))


def test_a_folder_of_runs_is_imported_and_bad_ones_named(tmp_path: Path, run: Run) -> None:
    pool = tmp_path / "pool"
    for name, crystal in (("MgO", make_mgo()), ("AlN", make_aln())):
        (pool / name).mkdir(parents=True)
        write_vasprun(pool / name / "vasprun.xml", crystal, [response(DENSITY, 0)], ALGO="Exact")
    (pool / "AlN" / "vasprun.xml.gz").write_bytes(gzip.compress((pool / "AlN" / "vasprun.xml").read_bytes()))
    (pool / "AlN" / "vasprun.xml").unlink()
    (pool / "AlN" / "OUTCAR").write_text("not looked at beside vasprun.xml")
    for name, text in (("cut", "<modeling><generator>"), ("other", "<html></html>"), ("none", "")):
        (pool / name).mkdir()
        (pool / name / "vasprun.xml").write_text(text)
    write_vasprun(pool / "none" / "vasprun.xml", make_mgo(), [], ALGO="Normal")
    code, out, err = run("data", "import", pool, "--form", "vasp", "-o", tmp_path / "set", "--json")
    report = json.loads(out)
    assert (code, report["read"], report["materials"]) == (2, 5, 2)
    assert {record.id for record in open_dataset(tmp_path / "set").records()} == {"MgO", "AlN"}
    for text in ("cut/vasprun.xml: not a whole XML file", "other/vasprun.xml: is no vasprun.xml", "was LOPTICS"):
        assert text in " ".join(err.split())


def test_a_run_that_was_cut_off_gives_what_stands_whole(tmp_path: Path) -> None:
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [response(DENSITY, 0), response(CURRENT, 1)])
    text = path.read_text()
    path.write_text(text[: text.index(CURRENT) + 2000])
    outcome = only(path)
    assert_equal(outcome.records[0].spectrum, response(DENSITY, 0))
    assert "cut off" in outcome.problems[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "<field>xy</field><field>yz</field>",
            "<field>yz</field><field>xy</field>",
            "its columns are energy, xx, yy, zz",
        ),
        ("<r>    0.0000 ", "<r>    0.0000 99999.0 ", "a line does not hold an energy and six numbers"),
        ("    0.5000 ", "********** ", "a line does not hold"),
        ("<imag>", "<other>", "lacks the imaginary part"),
    ],
)
def test_a_response_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [response(DENSITY, 0), response(HEAD, 1)])
    text = path.read_text().replace("</imag>", "</other>", 1) if new == "<other>" else path.read_text()
    path.write_text(text.replace(old, new, 1))
    outcome = only(path)
    assert len(outcome.records) == 1
    assert message in outcome.problems[0]


def test_vasps_sign_for_no_number_is_refused(tmp_path: Path) -> None:
    broken = response(DENSITY, 0)
    broken.real[3, 0] = 99999.0
    path = write_vasprun(tmp_path / "vasprun.xml", make_triclinic(), [broken])
    assert "holds 99999 or more at 0 eV" in only(path).problems[0]


def test_outcar_of_chi_asks_for_vasprun(tmp_path: Path) -> None:
    path = write_outcar(tmp_path / "OUTCAR", make_mgo(), [])
    path.write_text(path.read_text() + f" {RPA}\n 0.0 2.9 0.0 dielectric  constant\n")
    assert "give the run's vasprun.xml" in only(path).problems[0]
    (tmp_path / "OUTCAR").write_text("my thesis")
    assert "is no OUTCAR of VASP" in only(tmp_path).problems[0]
    (tmp_path / "OUTCAR").unlink()
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"holds no vasprun\.xml|no such file"):
            only(source)


@pytest.mark.parametrize(
    ("settings", "doubt"),
    [
        ({"LHFCALC": "T"}, "hybrid functional"),
        ({"ALGO": "EVGW0"}, r"ALGO = EVGW0"),
        ({"METAGGA": "MBJ"}, "potential of Becke and Johnson"),
        ({"SCISSOR": "0.8"}, "scissors shift of 0.8 eV"),
        ({"LHFCALC": "F", "METAGGA": "--", "SCISSOR": "0.0"}, ""),
    ],
)
def test_energies_of_another_kind_are_said(settings: dict[str, str], doubt: str, tmp_path: Path) -> None:
    path = write_vasprun(tmp_path / "vasprun.xml", make_mgo(), [response(DENSITY, 0)], **settings)
    outcome = only(path)
    assert [record.spectrum.level for record in outcome.records] == ["ipa"]
    assert doubt in " ".join(outcome.warnings)
    assert bool(outcome.warnings) == bool(doubt)
