"""Measured spectra: the shipped set, refractiveindex.info files and CSV tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.crystal import Crystal
from dielectra.documents.files import write_csv, write_refractiveindex
from dielectra.errors import InputError
from dielectra.optics.constants import optical_constants
from dielectra.optics.measured import load_measured, measured_formulas, measured_page, read_measured
from dielectra.prediction import Prediction, predict_many

TABULATED = """# comment
REFERENCES: "A. Author. A journal 1, 2 (2003)"
COMMENTS: "Room temperature"
DATA:
  - type: tabulated nk
    data: |
        0.30 2.0 0.5
        0.50 1.8 0.1
        0.40 1.9 0.2
"""
SEPARATE = """DATA:
  - type: tabulated n
    data: |
        0.3 2.0
        0.4 1.9
        0.5 1.8
        0.9 1.7
  - type: tabulated k
    data: |
        0.35 0.4
        0.60 0.2
"""


@pytest.fixture(scope="module")
def prediction(mgo: Crystal) -> Prediction:
    return predict_many([mgo])[0]


def test_shipped_silicon_is_silicon() -> None:
    found = load_measured("Si", space_group=227)
    assert len(found) == len(load_measured("Si")) == 6
    aspnes = next(entry for entry in found if "Aspnes" in entry.source)
    constants = optical_constants(aspnes.spectrum)
    n, k = (np.interp(2.0, aspnes.spectrum.energies, values) for values in (constants.n, constants.k))
    assert n == pytest.approx(3.906, abs=0.01)  # D. E. Aspnes and A. A. Studna, Phys. Rev. B 27, 985 (1983)
    assert k == pytest.approx(0.022, abs=0.005)
    assert (aspnes.kind, aspnes.axis, aspnes.spectrum.level) == ("bulk crystal", "iso", "experiment")
    assert "Aspnes" in aspnes.reference


def test_every_shipped_spectrum_is_a_passive_one_with_a_source() -> None:
    formulas = measured_formulas()
    entries = [entry for formula in formulas for entry in load_measured(formula)]
    assert len(formulas) == 51
    assert len(entries) == 91
    assert len({entry.source for entry in entries}) == 91
    for entry in entries:
        assert entry.spectrum.mean.imag.min() >= 0
        assert len(entry.spectrum.energies) > 10
        assert entry.reference
        assert 0 <= entry.space_group <= 230
        assert entry.axis in {"iso", "o", "e", "alpha", "beta", "gamma"}


def test_formulas_are_compared_by_composition() -> None:
    assert len(load_measured("O3LaAl")) == len(load_measured("LaAlO3")) == 1
    assert len(load_measured("Ga2Sb2")) == len(load_measured("GaSb"))
    assert load_measured("NaCl") == []
    assert load_measured("Si", space_group=1) == []
    with pytest.raises(InputError, match="'silicon!' is not a chemical formula"):
        load_measured("silicon!")


def test_a_page_is_found_by_name() -> None:
    page = measured_page("main/GaN/nk/Adachi.yml") or measured_page(load_measured("GaN")[0].source)
    assert page is not None
    assert page.formula == "GaN"
    assert measured_page("main/GaN/nk/Nobody.yml") is None


def test_tabulated_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "page.yml"
    file.write_text(TABULATED)
    found = read_measured(file)
    np.testing.assert_allclose(found.spectrum.energies, 1.2398419843 / np.array([0.5, 0.4, 0.3]))
    constants = optical_constants(found.spectrum)
    np.testing.assert_allclose(constants.n, [1.8, 1.9, 2.0])
    np.testing.assert_allclose(constants.k, [0.1, 0.2, 0.5])
    assert found.reference.startswith("A. Author")
    assert (found.comments, found.source) == ("Room temperature", str(file))


def test_n_and_k_of_different_wavelengths_are_joined_where_both_are(tmp_path: Path) -> None:
    file = tmp_path / "page.yaml"
    file.write_text(SEPARATE)
    constants = optical_constants(read_measured(file).spectrum)
    np.testing.assert_allclose(constants.n, [1.8, 1.9])
    np.testing.assert_allclose(constants.k, [0.28, 0.36])
    file.write_text(SEPARATE.split("  - type: tabulated k")[0])
    transparent = read_measured(file).spectrum
    assert len(transparent.energies) == 4
    np.testing.assert_array_equal(transparent.mean.imag, 0)


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("energy_ev, n, k", "2.0, 1.5, 0.1"),
        ("k,wavelength_nm,n", "0.1,619.92099,1.5"),
        ("Wavelength_um,n,k", "0.61992099,1.5,0.1"),
        ("energy_ev,eps1,eps2", "2.0,2.24,0.3"),
    ],
)
def test_csv_tables_are_read_by_their_heads(tmp_path: Path, head: str, row: str) -> None:
    file = tmp_path / "data.csv"
    other = row.replace("2.0", "3.0").replace("619.92099", "413.28066").replace("0.61992099", "0.41328066")
    file.write_text(f"# measured\n{head}\n{other}\n\n{row}\n")
    found = read_measured(file).spectrum
    assert found.energies[0] == pytest.approx(2.0)
    constants = optical_constants(found)
    assert (constants.n[0], constants.k[0]) == (pytest.approx(1.5), pytest.approx(0.1))


def test_exports_come_back(prediction: Prediction, tmp_path: Path) -> None:
    expected = optical_constants(prediction.spectrum)
    for file in (
        write_csv(prediction, tmp_path / "a.csv"),
        write_refractiveindex(prediction, tmp_path / "a.yml"),
    ):
        found = read_measured(file).spectrum
        skipped = len(expected.n) - len(found.energies)
        assert skipped == (10 if file.suffix == ".yml" else 0)  # n and k below 0.5 eV are those of phonons
        constants = optical_constants(found)
        np.testing.assert_allclose(found.energies, prediction.spectrum.energies[skipped:], rtol=1e-5)
        np.testing.assert_allclose(constants.n, expected.n[skipped:], rtol=1e-4)
        np.testing.assert_allclose(constants.k, expected.k[skipped:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "1", "read from .yml, .yaml"),
        (
            "a.yml",
            "DATA:\n  - type: formula 2\n    coefficients: 0 1\n",
            "formula 2 needs coefficients and a wavelength_range",
        ),
        ("a.yml", "DATA: [", "cannot be read"),
        ("a.yml", "- 1", "not a refractiveindex.info file"),
        (
            "a.yml",
            "DATA:\n  - type: tabulated k\n    data: |\n      1 2\n",
            "holds no refractive index; it has tabulated k",
        ),
        (
            "a.yml",
            "DATA:\n  - type: tabulated nk\n    data: |\n      1 2\n",
            "row 1 of 'tabulated nk': needs 3 numbers",
        ),
        ("a.yml", "DATA:\n  - type: tabulated nk\n    data: |\n      1 2 3\n", "is known at 1 energies"),
        (
            "a.yml",
            "DATA:\n  - type: tabulated n\n    data: |\n      -1 2\n      1 2\n",
            "a wavelength is a finite number that is positive",
        ),
        ("a.csv", "energy,n\n1,2\n", "the column 'energy' lacks its unit; write energy_UNIT with ev, nm"),
        ("a.csv", "E,n\n1,2\n", "needs a header that names one of energy_ev"),
        ("a.csv", "wavelength_ev,n\n1,2\n", "the column 'wavelength_ev' has the unit of a photon energy"),
        ("a.csv", "energy_ev,x\n1,2\n", "needs a header that names n"),
        ("a.csv", "1,2\n", "needs a header that names its columns; it begins with 1"),
        (
            "a.yml",
            "DATA:\n  - type: formula 1\n    wavelength_range: 2 1\n    coefficients: 0 1 1\n",
            "wavelength range 2 to 1",
        ),
        ("a.yml", "DATA:\n  - type: formula 12\n", "unknown block 'formula 12'"),
        (
            "a.yml",
            "DATA:\n  - type: formula 1\n    wavelength_range: 1 2\n    coefficients: -3 1 1\n",
            "no refractive index at 2 um",
        ),
        ("a.csv", "", "it has none"),
        ("a.csv", "energy_ev,n\n1,2\n2\n", "line 3: needs 2 numbers"),
        ("a.csv", "energy_ev,n\n1,2\n2,x\n", "line 3: 'x' is not a number"),
        ("a.csv", "energy_ev,n\n1,2\n2,nan\n", "line 3: 'nan' is not a number"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_measured(tmp_path / name)


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_measured(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_measured(tmp_path / "binary.csv")
