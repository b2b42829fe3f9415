"""Files of n and k for other programs, read as those programs read them."""

from __future__ import annotations

import json
import re
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tmm
from scipy import constants

from conftest import Run, make_mgo
from dielectra.documents.files import FORMS, LOWEST_ENERGY
from dielectra.errors import InputError
from dielectra.optics import fit_oscillators, oscillator_eps
from dielectra.prediction import Prediction, predict_many
from dielectra.units import HC, AxisOptions

VISIBLE = AxisOptions("nm", "400:800", 10)


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return predict_many([make_mgo()], "ipa")[0]


def uniaxial(prediction: Prediction) -> Prediction:
    tensor = prediction.spectrum.tensor.copy()
    tensor[2, 2] = 1 + 1.2 * (tensor[2, 2] - 1)
    return replace(prediction, spectrum=replace(prediction.spectrum, tensor=tensor))


def write(prediction: Prediction, form: str, folder: Path, points: AxisOptions | None = None) -> Path:
    return FORMS[form].write(prediction, folder / f"x{FORMS[form].ending}", points or AxisOptions())


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_file_says_where_its_data_hold(form: str, prediction: Prediction, tmp_path: Path) -> None:
    text = write(prediction, form, tmp_path).read_text()
    assert "electronic response without phonons: holds from 0.5 eV (2480 nm) to 20 eV (61.99 nm)" in text
    assert "MgO, level ipa, model ladder-ensemble" in text
    text.encode("ascii")


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_file_says_what_is_doubtful_and_averaged(form: str, prediction: Prediction, tmp_path: Path) -> None:
    """A file travels without what the terminal said."""
    doubtful = replace(uniaxial(prediction), warnings=('unlike "any"\ntraining crystal',))
    text = write(doubtful, form, tmp_path).read_text().replace('\\"', "'").replace('"', "'")
    assert "doubt: unlike 'any' training crystal" in text
    assert ("isotropic average of axes that differ" in text) == (form not in ("csv", "lumerical"))


@pytest.mark.parametrize(("form", "per_nm"), [("tmm", 1.0), ("comsol", 1000.0), ("yaml", 1000.0)])
def test_by_default_nothing_is_written_where_phonons_rule(
    form: str, per_nm: float, prediction: Prediction, tmp_path: Path
) -> None:
    text = write(prediction, form, tmp_path).read_text()
    rows = re.findall(r"^ *([0-9.e+-]+) [0-9.e+-]+ [0-9.e+-]+$", text, re.M)
    wavelengths = per_nm * np.array(rows, float)
    assert wavelengths.max() == pytest.approx(HC / LOWEST_ENERGY, rel=1e-5)
    assert np.all(np.diff(wavelengths) > 0)


def test_the_table_for_tmm_gives_the_same_film(prediction: Prediction, tmp_path: Path) -> None:
    wavelengths, n, k = np.loadtxt(write(prediction, "tmm", tmp_path, VISIBLE), unpack=True)
    np.testing.assert_allclose(wavelengths, np.arange(400, 801, 10))
    at = float(np.interp(550, wavelengths, n)) + 1j * float(np.interp(550, wavelengths, k))
    reflected = [
        tmm.coh_tmm("s", [1, index, 1], [np.inf, 80, np.inf], 0, 550)["R"]
        for index in (at, prediction.spectrum.nk(550))
    ]
    assert reflected[0] == pytest.approx(reflected[1], rel=1e-3)


def test_the_table_for_comsol_is_in_micrometre(prediction: Prediction, tmp_path: Path) -> None:
    table = np.loadtxt(write(prediction, "comsol", tmp_path, VISIBLE), comments="%")
    np.testing.assert_allclose(table[:, 0], np.arange(0.4, 0.8001, 0.01))
    index = prediction.spectrum.nk(table[:, 0], "um")
    np.testing.assert_allclose(table[:, 1] + 1j * table[:, 2], index, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("change", [lambda prediction: prediction, uniaxial])
def test_the_script_for_lumerical_holds_frequency_and_permittivity(
    change: Any, prediction: Prediction, tmp_path: Path
) -> None:
    crystal = change(prediction)
    text = write(crystal, "lumerical", tmp_path, VISIBLE).read_text()
    block = re.search(r"sampled = \[\n(.*?)\n\];", text, re.S)
    assert block is not None
    rows = [line.rstrip(";").split(", ") for line in block[1].splitlines()]
    frequencies = np.array([row[0] for row in rows], float)
    assert np.all(np.diff(frequencies) > 0)
    np.testing.assert_allclose(frequencies[0], constants.c / 800e-9, rtol=1e-8)
    for column, component in enumerate(("mean",) if len(rows[0]) == 2 else ("xx", "yy", "zz"), 1):
        eps = np.array([complex(row[column].replace("*1i", "j")) for row in rows])
        expected = crystal.spectrum.nk(constants.c / frequencies * 1e9, "nm", component) ** 2
        np.testing.assert_allclose(eps, expected, rtol=1e-5, atol=1e-5)
    assert ('"anisotropy", 1' in text) == (change is uniaxial)
    assert 'addmaterial("Sampled 3D data")' in text


def test_polymorphs_have_names_of_their_own_in_lumerical(prediction: Prediction, tmp_path: Path) -> None:
    other = replace(prediction, form=replace(prediction.form, space_group=221))
    texts = [write(one, "lumerical", tmp_path).read_text() for one in (prediction, other)]
    names = [re.findall(r'"name", "(.*?)"', text) for text in texts]
    assert names == [["MgO 225 (ipa, Dielectra)"], ["MgO 221 (ipa, Dielectra)"]]
    for text, (name,) in zip(texts, names, strict=True):
        assert text.count(f'setmaterial("{name}"') == 1


def test_what_a_diagonal_material_leaves_out_is_said(prediction: Prediction, tmp_path: Path) -> None:
    tensor = prediction.spectrum.tensor.copy()
    tensor[0, 2] = tensor[2, 0] = 0.1 * tensor[0, 0]
    tilted = replace(prediction, spectrum=replace(prediction.spectrum, tensor=tensor))
    assert "off-diagonal components, up to 10.0% of the largest" in write(tilted, "lumerical", tmp_path).read_text()
    assert "off-diagonal" not in write(uniaxial(prediction), "lumerical", tmp_path).read_text()


def test_the_module_for_meep_is_the_fit(
    prediction: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Meep's formula: epsilon + sum sigma f^2 / (f^2 - F^2 - i gamma F), frequencies in 1/um."""
    stand_in = types.ModuleType("meep")
    stand_in.LorentzianSusceptibility = dict  # type: ignore[attr-defined]
    stand_in.Medium = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "meep", stand_in)
    names: dict[str, Any] = {}
    exec(write(prediction, "meep", tmp_path).read_text(), names)
    energies = np.linspace(0.5, 6, 12)
    frequency = energies / HC * 1000
    eps = names["medium"]["epsilon"] + sum(
        term["sigma"]
        * term["frequency"] ** 2
        / (term["frequency"] ** 2 - frequency**2 - 1j * term["gamma"] * frequency)
        for term in names["medium"]["E_susceptibilities"]
    )
    np.testing.assert_allclose(eps, oscillator_eps(fit_oscillators(prediction.spectrum), energies), rtol=1e-9)
    assert "k, which is to be zero, reaches" in names["__doc__"]
    resolution = int(re.findall(r"resolution of (\d+) on", names["__doc__"])[0])
    fastest = max(term["frequency"] for term in names["medium"]["E_susceptibilities"])
    assert 2 * np.pi * fastest * 0.5 / resolution <= 2 < 2 * np.pi * fastest * 0.5 / (resolution - 1)


def test_the_range_of_the_module_for_meep_is_that_of_the_fit(prediction: Prediction, tmp_path: Path) -> None:
    text = write(prediction, "meep", tmp_path, AxisOptions("nm", "500:2000")).read_text()
    assert "reaches 0." in text  # below the gap: no absorption at all
    assert "gamma=0.0" in text


def test_the_options_of_the_fit_are_those_of_the_module_for_meep(run: Run, tmp_path: Path) -> None:
    fits = (["--poles", "4"], ["--fit-range", "0.5:3"], ["--unit", "nm", "--range", "700:800"])
    for number, options in enumerate(fits):
        assert run("predict", "examples/MgO.cif", "--write", f"meep={tmp_path / str(number)}", *options)[0] == 0
    four, clear, narrow = ((tmp_path / str(number) / "MgO.py").read_text() for number in range(3))
    assert four.count("Susceptibility(") == 4
    assert clear.count("gamma=0.0") == clear.count("Susceptibility(") == 3
    assert narrow.count("gamma=0.0") == narrow.count("Susceptibility(") == 1


def test_a_fit_that_fails_costs_no_other_file(run: Run, tmp_path: Path) -> None:
    folders = [f"--write=meep={tmp_path / 'meep'}", f"--write=tmm={tmp_path}"]
    files = ("examples/MgO.cif", "examples/GaAs.cif")
    code, out, error = run("predict", *files, *folders, "--fit-range", "1:1.45", "--poles", "4", "--json", "--brief")
    assert code == 2
    assert "examples/GaAs.cif: no meep file: 4 poles for 10 energies; give 1 to 3 poles" in error.replace("\n", " ")
    assert {path.name for path in tmp_path.rglob("*.*")} == {"MgO.py", "MgO.nk.txt", "GaAs.nk.txt"}
    assert len(json.loads(out)) == 2


def test_outputs_of_one_run_do_not_replace_each_other(run: Run, tmp_path: Path) -> None:
    for options, message in (
        (
            ["--csv", tmp_path / "a", "--write", f"csv={tmp_path / 'b' / '..' / 'a'}"],
            "given twice for files of form csv",
        ),
        (["--csv", tmp_path / "a", "-o", tmp_path / "a" / "MgO.csv"], "a table among the files of --csv"),
    ):
        code, _, error = run("predict", "examples/MgO.cif", *options, "--force")
        assert code == 2
        assert message in error.replace("\n", " ")
    assert not (tmp_path / "a").exists()


def test_the_command_line_writes_every_form_in_any_unit(run: Run, tmp_path: Path) -> None:
    folders = [f"--write={form}={tmp_path}" for form in FORMS]
    code, _, _ = run("predict", "examples/MgO.cif", *folders, "--unit", "nm", "--range", "400:800", "--step", "50")
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"MgO{form.ending}" for form in FORMS.values())
    header = (tmp_path / "MgO.csv").read_text().splitlines()[1]
    assert header.startswith("wavelength_nm,eps1,eps2,n,k,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--write", "zemax=out"], "FORM=DIR with one of the forms csv, yaml, tmm"),
        (["--write", "csv"], "got 'csv'"),
        (["--unit", "parsec"], "allowed are ev, nm, um, cm-1, thz"),
        (["--unit", "nm", "--range", "800:400"], "lower to its upper"),
        (["--unit", "nm", "--range", "10:400", "--json"], "leaves that range"),
        (["--unit", "nm", "--step", "5", "--json"], "need a range"),
    ],
)
def test_a_wrong_form_or_axis_is_refused(run: Run, arguments: list[str], message: str) -> None:
    code, out, error = run("predict", "examples/MgO.cif", *arguments)
    assert (code, out) == (2, "")
    assert message in error.replace("\n", " ")


def test_a_fit_below_the_gap_comes_from_the_command_line(run: Run) -> None:
    options = ("--property", "oscillators", "--fit-range", "0.5:3", "--json")
    document = json.loads(run("predict", "examples/MgO.cif", *options)[1])[0]["properties"]["oscillators"]
    assert document["below_gap"]["largest_k"] == 0
    assert document["below_gap"]["n_error"] < 0.02
    assert document["gap_ev"] > 3
    assert all(pole["width_ev"] == 0 and pole["energy_ev"] > 3 for pole in document["lorentz"])


def test_json_has_the_axis_that_was_asked_for(run: Run) -> None:
    options = ("--unit", "nm", "--range", "400:800", "--step", "100", "--json")
    document = json.loads(run("predict", "examples/MgO.cif", *options)[1])[0]
    assert document["wavelength_nm"] == [400, 500, 600, 700, 800]
    np.testing.assert_allclose(document["energy_ev"], HC / np.array(document["wavelength_nm"]), rtol=1e-6)
    assert len(document["n"]["mean"]) == 5
    assert document["eps_infinity"] == document["static_eps"] > 2


def test_an_unknown_unit_is_an_input_error() -> None:
    with pytest.raises(InputError, match="unknown unit 'angstrom'"):
        AxisOptions("angstrom")
