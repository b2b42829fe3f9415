"""Files of n and k: every kind of block of refractiveindex.info, its site's CSV, axes of any unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.errors import InputError
from dielectra.optics.dispersion import evaluate_formula
from dielectra.optics.index_files import IndexTable, read_index
from dielectra.units import HC

DATA = Path(__file__).parent / "data" / "nk"
UM = HC / 1000

X = 0.5876
PUBLISHED = {
    1: ([0, 0.6961663, 0.0684043, 0.4079426, 0.1162414, 0.8974794, 9.896161], 1.4585, 1e-4),  # fused silica
    2: ([0, 1.03961212, 0.00600069867, 0.231792344, 0.0200179144, 1.01046945, 103.560653], 1.5168, 1e-4),  # N-BK7
    6: ([0, 0.05792105, 238.0185, 0.00167917, 57.362], 1.000277, 1e-6),  # air
}
"""Coefficients, and the index at 587.6 nm that handbooks give, with a tolerance."""

WRITTEN_OUT = {
    3: ([2.74, 0.018, -2, -0.016, 2], np.sqrt(2.74 + 0.018 / X**2 - 0.016 * X**2)),
    4: ([3.63, 0.018, 0, 0.13, 2, 0, 0, 0, 1, -0.016, 2], np.sqrt(3.63 + 0.018 / (X**2 - 0.13**2) - 0.016 * X**2)),
    5: ([1.5, 0.004, -2, 0.001, -4], 1.5 + 0.004 / X**2 + 0.001 / X**4),
    7: (
        [3.42, 0.16, -0.12, 1e-3, 1e-4, 1e-5],
        3.42 + 0.16 / (X**2 - 0.028) - 0.12 / (X**2 - 0.028) ** 2 + 1e-3 * X**2 + 1e-4 * X**4 + 1e-5 * X**6,
    ),
    9: (
        [2.5, 0.024, 0.03, 0.02, 1.52, 0.88],
        np.sqrt(2.5 + 0.024 / (X**2 - 0.03) + 0.02 * (X - 1.52) / ((X - 1.52) ** 2 + 0.88)),
    ),
}


def index_at(number: int, coefficients: list[float]) -> float:
    return float(evaluate_formula(number, coefficients, np.array([X]))[0])


def test_formulas_of_known_materials_give_the_known_index() -> None:
    for number, (coefficients, expected, tolerance) in PUBLISHED.items():
        assert index_at(number, coefficients) == pytest.approx(expected, abs=tolerance), number


def test_formulas_are_as_written_out() -> None:
    for number, (coefficients, expected) in WRITTEN_OUT.items():
        assert index_at(number, coefficients) == pytest.approx(expected, rel=1e-12), number
    index = index_at(8, [0.45, 0.1, 0.07, -0.0015])
    assert (index**2 - 1) / (index**2 + 2) == pytest.approx(0.45 + 0.1 * X**2 / (X**2 - 0.07) - 0.0015 * X**2)


def test_coefficients_are_counted() -> None:
    for number in range(1, 10):
        with pytest.raises(InputError, match=f"formula {number} takes 1 to"):
            evaluate_formula(number, [1.0] * 18, np.array([1.0]))
    with pytest.raises(InputError, match="unknown dispersion formula 10"):
        evaluate_formula(10, [1.0], np.array([1.0]))


def write(folder: Path, text: str, name: str = "page.yml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def at(table: IndexTable, wavelength: float) -> complex:
    """Return the index at a wavelength in micrometres."""
    order = np.argsort(table.energies)
    return complex(np.interp(UM / wavelength, table.energies[order], table.values[order]))


def test_a_page_with_a_formula() -> None:
    table = read_index(DATA / "formula1.yml")
    assert table.energies.min() == pytest.approx(UM / 6.7)
    assert table.energies.max() == pytest.approx(UM / 0.21)
    assert at(table, 0.5876) == pytest.approx(1.4585, abs=1e-3)
    assert (table.reference, table.comments, table.warnings) == ("A. Author. Test", "Room temperature", ())


FORMULA = "DATA:\n  - type: formula 1\n    wavelength_range: 0.3 2.0\n    coefficients: 0 1.0 0.1\n"
TABLE_K = "  - type: tabulated k\n    data: |\n      0.2 0.5\n      0.4 0.1\n      1.0 0.0\n"
TABLE_N = "  - type: tabulated n\n    data: |\n      2.5 1.3\n      5.0 1.2\n"


def test_a_formula_with_a_table_of_k_stops_where_k_does(tmp_path: Path) -> None:
    table = read_index(write(tmp_path, FORMULA + TABLE_K))
    index = np.sqrt(1 + 0.16 / (0.16 - 0.01))
    assert at(table, 0.4) == pytest.approx(index + 0.1j, rel=1e-9)  # a point of k is a point of the result
    assert table.energies.max() == pytest.approx(UM / 0.3)
    assert table.energies.min() == pytest.approx(UM / 1.0, abs=0.02)
    assert "k is known from 1.24 to 6.199 eV only" in table.warnings[0]


def test_several_blocks_are_put_together(tmp_path: Path) -> None:
    table = read_index(write(tmp_path, FORMULA + TABLE_N))
    assert table.energies.min() == pytest.approx(UM / 5)
    assert at(table, 2.5) == pytest.approx(1.3)
    assert at(table, 0.5) == pytest.approx(np.sqrt(1 + 0.25 / 0.24), abs=1e-5)
    assert not table.values.imag.any()


def test_the_sites_csv_has_a_block_for_n_and_one_for_k() -> None:
    table = read_index(DATA / "site_nk.csv")
    assert at(table, 0.2) == pytest.approx(1.9 + 0.01j)
    assert at(table, 1.0) == pytest.approx(1.75)


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    table = read_index(DATA / "bom_nm.csv")
    assert at(table, 0.2) == pytest.approx(1.9 + 0.01j)
    assert table.warnings == ()


def test_units_that_make_no_sense_are_warned_of(tmp_path: Path) -> None:
    (warning,) = read_index(DATA / "wrongunit2.csv").warnings
    assert "wavelengths of 0.2 to 1 nm are unusual" in warning
    assert "are they in µm" in warning
    (warning,) = read_index(write(tmp_path, "energy_ev,n,k\n1240,1.9,0\n6200,1.8,0\n", "a.csv")).warnings
    assert "photon energies of 1240 to 6200 eV are unusual" in warning
    (warning,) = read_index(
        write(tmp_path, "DATA:\n- type: tabulated nk\n  data: |\n    300 2 0\n    900 2 0\n")
    ).warnings
    assert "300 to 900 µm" in warning


def test_warnings_reach_the_command_line(tmp_path: Path, run: Run) -> None:
    source = ("data", "import", DATA / "wrongunit2.csv", "--form", "measured", "--structure", "examples/MgO.cif")
    code, _, err = run(*source, "--energies", "file", "-o", tmp_path / "set")
    assert code == 0
    assert "warning: " in err
    assert "unusual for an optical spectrum" in " ".join(err.split())


@pytest.mark.parametrize(
    ("head", "value"),
    [
        ("energy_ev", UM / 0.5),
        ("Energy (eV)", UM / 0.5),
        ("photon energy [eV]", UM / 0.5),
        ("wavelength_nm", 500.0),
        ("wavelength (µm)", 0.5),
        ("lambda_um", 0.5),
        ("wl", 0.5),
        ("frequency_THz", 599.584916),
        ("wavenumber (cm-1)", 20000.0),
        ("wavenumber_per_cm", 20000.0),
    ],
)
def test_axes_of_any_unit(tmp_path: Path, head: str, value: float) -> None:
    file = write(tmp_path, f"# a comment\n{head},n,k\n{value},2.0,0.5\n{value * 1.5},2.5,0.25\n", "a.csv")
    table = read_index(file)
    assert at(table, 0.5) == pytest.approx(2.0 + 0.5j, rel=1e-6)
    assert table.warnings == ()


def test_energies_stay_as_they_are_written(tmp_path: Path) -> None:
    rows = "".join(f"{energy!r},2,0.1\n" for energy in (0.0, 0.1, 0.3, 1.7))
    table = read_index(write(tmp_path, "energy_ev,n,k\n" + rows, "a.csv"))
    assert table.energies.tolist() == [0.0, 0.1, 0.3, 1.7]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("wavelength_um;n;k\n0,3;1,9;0,5\n0,4;1,8;0,2\n", "semicolons and decimal commas"),
        ("Wavelength [um]\tN\tK\n0.3\t1.9\t0.5\n0.4\t1.8\t0.2\n", "tabs"),
        ("wavelength_um n k\n0.3   1.9 0.5\n0.4 1.8 0.2 \n", "blanks"),
        ('"Wavelength, µm",n,k\n0.3,1.9,0.5\n0.4,1.8,0.2\n', "a comma in a name"),
        ("wavelength_um,n,sample,k\n0.3,1.9,film,0.5\n0.4,1.8,film,0.2\n", "a column of text"),
    ],
)
def test_tables_of_any_separator(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    table = read_index(tmp_path / "a.csv")
    np.testing.assert_allclose(table.energies, [UM / 0.4, UM / 0.3])
    np.testing.assert_array_equal(table.values, [1.8 + 0.2j, 1.9 + 0.5j])
    assert table.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wavelength_um,n,k\n0.3,1.9,-0.5\n0.4,1.8,-0.2\n", r"k is -0\.5; absorption is positive here"),
        ("energy_ev,eps1,eps2\n1,2,-0.5\n2,3,-0.6\n", r"eps2 is -0\.6; absorption is positive here"),
        ("wavelength_um,n,k\n0.3,0,0\n0.4,1.8,0\n", r"n is 0 at 4\.133 eV; a refractive index is positive"),
        ("wavelength_um,n,k\n0.3,-1.9,0\n0.4,1.8,0\n", r"n is -1\.9 at 4\.133 eV"),
        ("wavelength_um,n,k\n", "is known at 0 energies; two are needed"),
        ("wavelength_um,n,k\n0.3,1.9\n", "line 2: needs 3 numbers; got 2 values"),
        ("# a comment\nwavelength_um;n\n0.3;1.9\n0.4;?\n", "line 4: '\\?' is not a number"),
        ("wl,n\n0.3,1.9\n0.4,1.8\n\nwl,k\n0.35,0.5\n0.45,0.1\n", "is known at 1 energies; two are needed"),
    ],
)
def test_values_that_no_crystal_has(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_index(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("energy_ev,n,k\n1,2,-0.001\n2,2,0.4\n", "k is slightly negative, down to -0.001; it is taken as zero there"),
        ("energy_ev,n,k\n1,2,0\n2,2,0\n1,3,0\n", "n is given twice at 1 eV, and differently; the first is taken"),
        ("energy_ev,n,alpha_per_cm\n1,2,100\n2,3,1000\n", "the columns alpha_per_cm are not read; without k"),
    ],
)
def test_doubts_about_values_are_said(text: str, doubt: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    table = read_index(tmp_path / "a.csv")
    assert table.values[0] == 2
    (warning,) = table.warnings
    assert doubt in warning
