"""Import of Yambo's files: the authors' original ones, and headers of versions 3 to 5."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.data.checks import check_record
from dielectra.data.dataset import open_dataset
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.importing.dataset import import_dataset
from dielectra.importing.importer import DEFAULT_ENERGIES
from dielectra.importing.outcomes import Outcome, write_dataset
from dielectra.importing.yambo import Options, read
from dielectra.importing.yambo_files import parse_response
from dielectra.spectrum import Spectrum

DATA = Path(__file__).parent / "data"
SAMPLE, CASES = DATA / "yambo", DATA / "yambo_cases"
OUTPUT = "o-RPA_dir_001_sc_4000.eps_q1_inv_rpa_dyson"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """Return the original computation, completed by a response along x: that along z under another name."""
    folder = tmp_path / "Ca4As2O"
    folder.mkdir()
    shutil.copy(SAMPLE / "pw_agm001074044_nscf_k1500_E65.in", folder)
    along_z = gzip.decompress((SAMPLE / f"{OUTPUT}.gz").read_bytes()).decode()
    (folder / OUTPUT).write_text(along_z)
    along_x = along_z.replace(
        "0.00000000      0.00000000      1.00000000", "1.00000000      0.00000000      0.00000000"
    )
    (folder / OUTPUT.replace("001", "100")).write_text(along_x)
    (folder / "notes.in").write_text("not for pw.x")
    return folder


@pytest.fixture
def case(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a copy of a case, free to be changed."""
    return Path(shutil.copytree(CASES / request.param, tmp_path / request.param))


def only(folder: Path, **options: object) -> Outcome:
    (outcome,) = read(folder, Options(energies="file", **options))  # type: ignore[arg-type]
    return outcome


def spectra(folder: Path) -> dict[str, Spectrum]:
    outcome = only(folder)
    assert outcome.problems == ()
    return {record.spectrum.level: record.spectrum for record in outcome.records}


def columns(path: Path) -> np.ndarray:
    return np.loadtxt(path).T


def test_numbers_are_those_of_the_file_to_the_last_digit(original: Path) -> None:
    energies, rpa2, rpa1, ipa2, ipa1 = columns(original / OUTPUT)
    found = spectra(original)
    for level, real, imaginary in (("rpa", rpa1, rpa2), ("ipa", ipa1, ipa2)):
        assert np.array_equal(found[level].energies, energies)
        for axis in ("xx", "zz"):
            values = found[level].component(axis)
            assert np.array_equal(values.real.round(8), real.round(8))
            assert np.array_equal(values.imag.round(8), imaginary.round(8))


def test_outputs_become_records(original: Path, tmp_path: Path) -> None:
    (outcome,) = read(original, Options())
    ipa, rpa = sorted(outcome.records, key=lambda record: record.spectrum.level)
    assert (ipa.id, ipa.formula, ipa.spectrum.level, rpa.spectrum.level) == ("Ca4As2O", "Ca4As2O", "ipa", "rpa")
    assert np.array_equal(rpa.spectrum.energies, DEFAULT_ENERGIES)
    assert rpa.spectrum.broadening == 0.3
    assert rpa.spectrum.provenance["engine"] == "Yambo 5.2.0"
    assert rpa.properties["spacegroup"] == 139
    assert check_record(ipa) == []
    written = write_part([ipa, rpa], tmp_path / "set" / "part-0000.parquet", {"broadening_eV": "0.3"})
    assert [record.spectrum.level for record in open_dataset(written).records()] == ["ipa", "rpa"]


def test_import_from_the_command_line(original: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("data", "import", original, "-o", tmp_path / "one", "--form", "yambo", "--json")
    assert code == 0
    assert json.loads(out)["records"] == {"ipa": 1, "rpa": 1}
    assert open_dataset(tmp_path / "one").labels("rpa").broadening == 0.3
    (tmp_path / "all" / "empty").mkdir(parents=True)
    original.rename(tmp_path / "all" / "Ca4As2O")
    code, out, err = run("data", "import", tmp_path / "all", "-o", tmp_path / "two", "--form", "yambo", "--json")
    assert code == 2
    assert "empty: holds no output of Yambo" in err
    report = json.loads(out)
    assert (report["read"], report["materials"]) == (2, 1)
    assert list(report["refused"].values()) == [1]
    for option in (("--level", "rpa"), ("--broadening", "0.3")):
        code, _, err = run("data", "import", tmp_path / "all", "-o", tmp_path / "three", "--form", "yambo", *option)
        assert code == 2
        assert "takes no" in err


def test_outputs_may_be_gzipped_and_named_as_in_the_paper(original: Path) -> None:
    reference = spectra(original)["rpa"].tensor
    for path in original.glob("o-*"):
        axis = "0" if "100" in path.name else "2"
        (original / f"epsilon_{axis}_1500_4000.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(spectra(original)["rpa"].tensor, reference)


def test_what_is_missing_is_named(original: Path, tmp_path: Path) -> None:
    (original / OUTPUT.replace("001", "100")).unlink()
    assert "level rpa: no response along 1 0 0" in only(original).problems[0]
    (original / "pw_agm001074044_nscf_k1500_E65.in").unlink()
    assert "no input of pw.x" in only(original).problems[0]
    with pytest.raises(InputError, match="no such folder"):
        list(read(tmp_path / "nowhere", Options()))


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("bse52", "o-x.eps_q1_diago_bse", {"bse": (1, 2), "ipa": (3, 4)}),
        ("ip51", "o-x.eps_q1_ip", {"ipa": (1, 2)}),
        ("v4", "o-x.eps_q1_inv_rpa_dyson", {"rpa": (1, 2), "ipa": (3, 4)}),
        ("manyq", "o-x.eps_q1_inv_rpa_dyson", {"rpa": (1, 2), "ipa": (3, 4)}),
        ("qdir_diag", "o-x.eps_q1_inv_rpa_dyson", {"rpa": (1, 2), "ipa": (3, 4)}),
    ],
)
def test_every_kind_of_response_is_its_own_level(
    name: str, file: str, expected: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    table = columns(CASES / name / file)
    found = spectra(CASES / name)
    assert found.keys() == expected.keys()
    for level, (imaginary, real) in expected.items():
        mean = found[level].component("mean")
        assert np.array_equal(mean.imag.round(6), table[imaginary])
        assert np.array_equal(mean.real.round(6), table[real])
        assert found[level].broadening == 0.3
    write_dataset([only(CASES / name)], tmp_path / "set", "Yambo")
    for stored in open_dataset(tmp_path / "set").records():
        assert np.array_equal(stored.spectrum.energies, table[0])
        assert np.array_equal(stored.spectrum.tensor, found[stored.spectrum.level].tensor)


def test_a_response_at_a_finite_q_is_left_out_and_counted(tmp_path: Path) -> None:
    assert only(CASES / "manyq").filtered == ("response at a finite q",)
    assert import_dataset(CASES / "manyq", tmp_path / "set", "yambo").filtered == {"response at a finite q": 1}


def test_damping_in_hartree_is_converted() -> None:
    assert spectra(CASES / "damp_ha")["rpa"].broadening == pytest.approx(0.3, abs=1e-4)


def test_a_lattice_by_a_and_c() -> None:
    outcome = only(CASES / "qe_hexAC")
    assert outcome.records[0].formula == "GaN"
    assert outcome.records[0].crystal.volume == pytest.approx(45.7, abs=0.05)
    assert outcome.records[0].properties["spacegroup"] == 186


@pytest.mark.parametrize("case", ["manyq"], indirect=True)
def test_one_bad_file_costs_no_other(case: Path) -> None:
    (case / "o-y.eps_q1_inv_rpa_dyson").write_text("my thesis")
    outcome = only(case)
    assert {record.spectrum.level for record in outcome.records} == {"ipa", "rpa"}
    assert "o-y.eps_q1_inv_rpa_dyson: needs the line" in outcome.problems[0]


KERNELS = '# | Chimod= "{}"    # [X] IP/Hartree/ALDA/LRC/PF/BSfxc\n'


@pytest.mark.parametrize(("kernel", "level"), [("HARTREE", "rpa"), ("ALDA", "alda"), ("LRC", "lrc"), ("IP", "ipa")])
def test_the_kernel_of_the_input_is_the_level(kernel: str, level: str) -> None:
    text = (CASES / "v4" / "o-x.eps_q1_inv_rpa_dyson").read_text()
    assert next(iter(parse_response(KERNELS.format(kernel) + text, "o-x.eps").functions)) == level


@pytest.mark.parametrize("case", ["v4"], indirect=True)
def test_the_adiabatic_kernel_is_a_level_and_an_unknown_one_is_refused_by_name(case: Path) -> None:
    file = case / "o-x.eps_q1_inv_rpa_dyson"
    file.rename(file.with_name("o-x.eps_q1_inv_alda_dyson"))
    outcome = only(case)
    assert [record.spectrum.level for record in outcome.records] == ["alda", "ipa"]
    assert "kernel 'bsfxc' belongs to no known level" in refusal(KERNELS.format("BSfxc") + file_text(case))


def file_text(folder: Path) -> str:
    return next(folder.glob("o-*")).read_text()


def refusal(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_response(text, "o-x.eps")
    return str(error.value)


def test_a_bse_kernel_without_screened_exchange_is_not_bse() -> None:
    text = (CASES / "bse52" / "o-x.eps_q1_diago_bse").read_text()
    hartree = parse_response(text + '# | BSKmod= "HARTREE"\n', "o-x.eps_q1_diago_bse")
    assert list(hartree.functions) == ["rpa", "ipa"]
    corrected = parse_response(text + '# | KfnQPdb= "E < ./SAVE/ndb.QP"\n', "o-x.eps_q1_diago_bse")
    assert corrected.quasiparticles
    assert not parse_response(text + '# | KfnQPdb= "none"\n', "o-x.eps_q1_diago_bse").quasiparticles


def test_energies_in_hartree_and_the_header_of_version_3() -> None:
    text = (CASES / "v4" / "o-x.eps_q1_inv_rpa_dyson").read_text()
    old = parse_response(text.replace("Version 4.5.1", "GPL Version 3.4.2"), "o-x.eps_q001_inv_rpa_dyson")
    assert old.version == "3.4.2"
    new = (CASES / "ip51" / "o-x.eps_q1_ip").read_text().replace("E[1] [eV]", "E[1] [Ha]")
    assert parse_response(new, "o-x.eps_q1_ip").energies[-1] == pytest.approx(20 * 27.2114, rel=1e-5)
