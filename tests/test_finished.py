"""Import of finished computations: the authors' original Yambo files, and files written by GPAW itself."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from dielectra.abinitio.finished import read_gpaw, read_yambo

from conftest import Run
from dielectra.abinitio.computation import ENERGIES
from dielectra.data.checks import check_record
from dielectra.data.store import read_labels, read_records, write_part
from dielectra.errors import InputError

SAMPLE = Path(__file__).parent / "data" / "yambo"
OUTPUT = "o-RPA_dir_001_sc_4000.eps_q1_inv_rpa_dyson"


@pytest.fixture
def yambo_folder(tmp_path: Path) -> Path:
    """Return the original computation, completed by a response along x: that along z with its real parts less one."""
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


def test_yambo_outputs_become_records(yambo_folder: Path, tmp_path: Path) -> None:
    ipa, rpa = read_yambo(yambo_folder)
    assert (ipa.id, ipa.formula, ipa.spectrum.level, rpa.spectrum.level) == ("Ca4As2O", "Ca4As2O", "ipa", "rpa")
    table = np.loadtxt(yambo_folder / OUTPUT)
    assert np.array_equal(rpa.spectrum.energies, ENERGIES)
    assert np.allclose(rpa.spectrum.component("zz").imag, table[::5, 1])
    assert np.allclose(ipa.spectrum.component("xx").real, table[::5, 4])
    assert rpa.spectrum.broadening == 0.3
    assert rpa.properties["spacegroup"] == 139
    assert check_record(ipa) == []
    written = write_part([ipa, rpa], tmp_path / "set" / "part-0000.parquet", {"broadening_eV": "0.3"})
    assert [record.spectrum.level for record in read_records(written)] == ["ipa", "rpa"]


def test_import_from_the_command_line(yambo_folder: Path, tmp_path: Path, run: Run) -> None:
    code, out, _ = run("data", "import", yambo_folder, "-o", tmp_path / "one", "--form", "yambo", "--json")
    assert code == 0
    assert json.loads(out)["records"] == {"ipa": 1, "rpa": 1}
    assert read_labels(tmp_path / "one", "rpa").broadening == 0.3
    (tmp_path / "all" / "empty").mkdir(parents=True)
    yambo_folder.rename(tmp_path / "all" / "Ca4As2O")
    code, out, err = run("data", "import", tmp_path / "all", "-o", tmp_path / "two", "--form", "yambo", "--json")
    assert code == 2
    assert "holds no output of Yambo" in err
    assert json.loads(out)["materials"] == 1
    for option in (("--level", "rpa"), ("--broadening", "0.3")):
        code, _, err = run("data", "import", tmp_path / "all", "-o", tmp_path / "three", "--form", "yambo", *option)
        assert code == 2
        assert "takes no" in err


def test_yambo_outputs_may_be_gzipped_and_named_as_in_the_paper(yambo_folder: Path) -> None:
    reference = read_yambo(yambo_folder)[1].spectrum.tensor
    for path in yambo_folder.glob("o-*"):
        axis = "0" if "100" in path.name else "2"
        (yambo_folder / f"epsilon_{axis}_1500_4000.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(read_yambo(yambo_folder, name="mine")[1].spectrum.tensor, reference)


def test_what_is_missing_is_named(yambo_folder: Path, tmp_path: Path) -> None:
    (yambo_folder / OUTPUT.replace("001", "100")).unlink()
    with pytest.raises(InputError, match="no response along 100"):
        read_yambo(yambo_folder)
    (yambo_folder / "pw_agm001074044_nscf_k1500_E65.in").unlink()
    with pytest.raises(InputError, match=r"no input of pw\.x"):
        read_yambo(yambo_folder)
    (yambo_folder / OUTPUT).unlink()
    with pytest.raises(InputError, match="no output of Yambo"):
        read_yambo(yambo_folder)
    with pytest.raises(InputError, match="no such folder"):
        read_gpaw(tmp_path / "nowhere")


def oscillators(centre: float) -> np.ndarray:
    return 1 + 40 / (centre**2 - (ENERGIES + 0.2j) ** 2)


def write_df(path: Path, *functions: np.ndarray) -> None:
    from gpaw.response.df import write_response_function

    write_response_function(path, ENERGIES, *functions)


@pytest.mark.filterwarnings("default")
def test_gpaw_files_become_records(tmp_path: Path) -> None:
    pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
    from ase.build import bulk
    from gpaw import GPAW, PW

    atoms = bulk("LiH", "rocksalt", 4.08)
    atoms.calc = GPAW(mode=PW(150), kpts=(1, 1, 1), txt=None, convergence={"density": 1e-1, "energy": 1.0})
    atoms.get_potential_energy()
    atoms.calc.write(tmp_path / "gs.gpw")
    write_df(tmp_path / "df.csv", oscillators(6.0), oscillators(7.0))
    ipa, rpa = read_gpaw(tmp_path, broadening=0.2, name="LiH")
    assert (ipa.id, ipa.formula, ipa.spectrum.broadening) == ("LiH", "LiH", 0.2)
    assert np.allclose(ipa.spectrum.mean, oscillators(6.0), atol=1e-6)
    assert np.allclose(rpa.spectrum.component("zz"), oscillators(7.0), atol=1e-6)
    assert np.allclose(ipa.crystal.cell, atoms.cell)


def test_gpaw_directions_follow_the_crystals_symmetry(tmp_path: Path) -> None:
    pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
    for label, centre in (("x", 5.0), ("z", 8.0)):
        write_df(tmp_path / f"df_{label}.csv", oscillators(centre), oscillators(centre))
    ipa, _ = read_gpaw(tmp_path, "examples/AlN.cif")
    assert np.allclose(ipa.spectrum.component("yy"), oscillators(5.0), atol=1e-6)
    assert np.allclose(ipa.spectrum.component("zz"), oscillators(8.0), atol=1e-6)
    (tmp_path / "df_z.csv").unlink()
    with pytest.raises(InputError, match=r"lacks df_z\.csv"):
        read_gpaw(tmp_path, "examples/AlN.cif")
    (tmp_path / "df_left.csv").write_text("")
    with pytest.raises(InputError, match="must end with a direction"):
        read_gpaw(tmp_path, "examples/AlN.cif")


def test_other_tables_are_refused(tmp_path: Path) -> None:
    for text, message in (("1, 2\n2, 3\n", "five columns"), ("a, b", "not a dielectric function")):
        (tmp_path / "df.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_gpaw(tmp_path, "examples/MgO.cif")
    (tmp_path / "df.csv").write_text("0, 1, 0, 1, 0\n10, 1, 0, 1, 0\n")
    with pytest.raises(InputError, match="spans 0-10 eV"):
        read_gpaw(tmp_path, "examples/MgO.cif")
