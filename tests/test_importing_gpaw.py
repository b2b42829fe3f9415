"""Import of dielectric functions that GPAW itself wrote, or its writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.errors import InputError
from dielectra.importing.gpaw import Options, read
from dielectra.importing.outcomes import Outcome

ENERGIES = np.linspace(0.0, 20.0, 401)


def oscillators(centre: float) -> np.ndarray:
    return 1 + 40 / (centre**2 - (ENERGIES + 0.2j) ** 2)


def write_df(path: Path, *functions: np.ndarray) -> None:
    """Write columns as GPAW does: energy, then real and imaginary part of each function."""
    parts = [part for function in functions for part in (function.real, function.imag)]
    np.savetxt(path, np.column_stack([ENERGIES, *parts]), delimiter=", ", fmt="%.9f")


def only(folder: Path, structure: str | None = "examples/MgO.cif", **options: object) -> Outcome:
    (outcome,) = read(folder, Options(structure=structure, **options))  # type: ignore[arg-type]
    return outcome


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_files_of_gpaw_become_records(tmp_path: Path) -> None:
    pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
    from ase.build import bulk
    from gpaw import GPAW, PW
    from gpaw.response.df import write_response_function

    atoms = bulk("LiH", "rocksalt", 4.08)
    atoms.calc = GPAW(mode=PW(150), kpts=(1, 1, 1), txt=None, convergence={"density": 1e-1, "energy": 1.0})
    atoms.get_potential_energy()
    atoms.calc.write(tmp_path / "gs.gpw")
    write_response_function(tmp_path / "df.csv", ENERGIES, oscillators(6.0), oscillators(7.0))
    outcome = only(tmp_path, None, broadening=0.2)
    ipa, rpa = outcome.records
    assert (ipa.formula, ipa.spectrum.broadening, rpa.spectrum.level) == ("LiH", 0.2, "rpa")
    assert np.allclose(ipa.spectrum.mean, oscillators(6.0), atol=1e-6)
    assert np.allclose(rpa.spectrum.component("zz"), oscillators(7.0), atol=1e-6)
    assert np.allclose(ipa.crystal.cell, atoms.cell)


def test_directions_follow_the_crystals_symmetry(tmp_path: Path) -> None:
    for label, centre in (("x", 5.0), ("z", 8.0)):
        write_df(tmp_path / f"df_{label}.csv", oscillators(centre), oscillators(centre))
    ipa, _ = only(tmp_path, "examples/AlN.cif").records
    assert np.allclose(ipa.spectrum.component("yy"), oscillators(5.0), atol=1e-6)
    assert np.allclose(ipa.spectrum.component("zz"), oscillators(8.0), atol=1e-6)
    (tmp_path / "df_left.csv").write_text("")
    assert "must end with a direction" in only(tmp_path, "examples/AlN.cif").problems[0]
    (tmp_path / "df_z.csv").unlink()
    assert "level ipa: no response along 0 0 1" in only(tmp_path, "examples/AlN.cif").problems[1]


@pytest.mark.parametrize("name", ["df.csv", "df_y.csv", "df_yz.csv", "df_1_1_1.csv", "df-[1,-1,0].csv", "df110.csv"])
def test_any_direction_fixes_a_cubic_tensor(tmp_path: Path, name: str) -> None:
    write_df(tmp_path / name, oscillators(5.0), oscillators(6.0))
    outcome = only(tmp_path)
    assert outcome.problems == ()
    assert np.allclose(outcome.records[1].spectrum.component("zz"), oscillators(6.0), atol=1e-6)


def test_a_diagonal_direction_stands_for_the_missing_axis(tmp_path: Path) -> None:
    x, z = oscillators(5.0), oscillators(8.0)
    write_df(tmp_path / "df_x.csv", x, x)
    write_df(tmp_path / "df_xz.csv", (x + z) / 2, (x + z) / 2)
    ipa, _ = only(tmp_path, "examples/AlN.cif").records
    assert np.allclose(ipa.spectrum.component("zz"), z, atol=1e-6)


def test_bse_and_other_kernels_are_levels_of_their_own(tmp_path: Path) -> None:
    write_df(tmp_path / "df_bse.csv", oscillators(5.0))
    write_df(tmp_path / "df_lrc_x.csv", oscillators(6.0), oscillators(7.0))
    outcome = only(tmp_path)
    found = {record.spectrum.level: record.spectrum.component("xx") for record in outcome.records}
    assert outcome.problems == ()
    assert list(found) == ["bse", "ipa", "lrc"]
    for level, centre in (("bse", 5.0), ("ipa", 6.0), ("lrc", 7.0)):
        assert np.allclose(found[level], oscillators(centre), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1, 2\n2, 3\n", "five columns"),
        ("0, 1, 2\n1, 1, 2\n", "five columns"),
        ("a, b", "not a dielectric function"),
        ("0, 1, 0, 1, 0\n10, 1, 0, 1, 0\n", "covers 0 to 10 eV"),
        ("", "the file is empty"),
        (
            "0, 1, 0, 1, 0\n1, nan, 0, 1, 0\n",
            "level ipa: df.csv holds values that are not finite, the first in its line 2",
        ),
        (
            "0, 1, 0, 1, 0\n1, 1, inf, 1, 0\n",
            "level ipa: df.csv holds values that are not finite, the first in its line 2",
        ),
        ("1, 1, 0, 1, 0\n0, 1, 0, 1, 0\n", "level ipa: df.csv has photon energies that do not increase"),
        ("0, 0.7, 0, 0.7, 0\n20, 0.1, 0, 0.1, 0\n", "has Re eps = 0.7 at 0 eV"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "df.csv").write_text(text)
    assert message in only(tmp_path).problems[0]


@pytest.mark.parametrize("broadening", [-0.1, float("nan"), float("inf"), 50.0])
def test_a_broadening_is_a_number_of_ev(broadening: float, tmp_path: Path) -> None:
    write_df(tmp_path / "df.csv", oscillators(5.0), oscillators(6.0))
    outcome = only(tmp_path, broadening=broadening)
    assert outcome.records == ()
    assert "broadening" in outcome.problems[0]


def test_a_mark_of_the_encoding_is_no_number(tmp_path: Path) -> None:
    write_df(tmp_path / "df.csv", oscillators(5.0), oscillators(6.0))
    (tmp_path / "df.csv").write_text("\ufeff" + (tmp_path / "df.csv").read_text(), encoding="utf-8")
    assert only(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [("df_rpa_alda_x.csv", "rpa and alda; keep one"), ("df_experiment.csv", "end with a direction")],
)
def test_names_that_say_two_things_are_refused(name: str, message: str, tmp_path: Path) -> None:
    write_df(tmp_path / name, oscillators(5.0), oscillators(6.0))
    assert message in only(tmp_path).problems[0]


def test_a_folder_without_any_response_is_said(tmp_path: Path) -> None:
    write_df(tmp_path / "mgo_df.csv", oscillators(5.0), oscillators(6.0))
    with pytest.raises(InputError, match="holds neither a response"):
        only(tmp_path)


def test_a_structure_is_needed(tmp_path: Path) -> None:
    write_df(tmp_path / "df.csv", oscillators(5.0), oscillators(6.0))
    assert "holds 0 .gpw files" in only(tmp_path, None).problems[0]
    with pytest.raises(InputError, match="one structure for the computations"):
        only(tmp_path.parent)
