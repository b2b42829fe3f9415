"""Documents of predictions, and files of them read back by the programs they are for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import read, write
from pydantic import ValidationError

from conftest import Run
from dielectra.crystal import Crystal
from dielectra.documents.crystal import PredictedCrystal, describe
from dielectra.documents.document import dump_json
from dielectra.documents.files import tensor_columns, write_csv, write_json, write_refractiveindex
from dielectra.models.admission import Neighbour
from dielectra.optics.bands import Calibration
from dielectra.optics.constants import absorption_coefficient, optical_constants
from dielectra.optics.measured import read_measured
from dielectra.optics.quantities import QUANTITIES
from dielectra.prediction import Prediction, predict_many
from dielectra.spectrum import Spectrum


@pytest.fixture(scope="module")
def prediction(mgo: Crystal) -> Prediction:
    return predict_many([mgo], model="fast")[0]


def triclinic(spectrum: Spectrum) -> Spectrum:
    mixing = np.array([[1.0, 0.1, 0.2], [0.1, 1.3, 0.3], [0.2, 0.3, 0.8]])
    identity = np.eye(3)[:, :, None]
    return replace(spectrum, tensor=identity + mixing[:, :, None] * (spectrum.tensor[0, 0] - 1))


KEYS = ("eps1", "eps2", "n", "k", "absorption_per_cm", "reflectivity", "loss")


def test_the_description_has_the_agreed_keys(prediction: Prediction) -> None:
    entry = describe(prediction, "MgO.cif").plain()
    assert list(entry) == [
        *("file", "formula", "space_group", "level", "model", "energy_ev", *KEYS),
        *("static_eps", "eps_infinity", "gap_of", "warnings"),
    ]
    assert entry["space_group"] == 225
    assert entry["static_eps"] == entry["eps_infinity"] == pytest.approx(entry["eps1"]["mean"][0], rel=1e-5)
    json.dumps(entry, allow_nan=False)


def test_curves_of_an_isotropic_spectrum_are_written_once(prediction: Prediction) -> None:
    entry = describe(prediction, "MgO.cif").plain()
    constants = optical_constants(prediction.spectrum)
    for key in KEYS:
        assert list(entry[key]) == ["mean"]
        expected = getattr(constants, key.removesuffix("_per_cm"))
        np.testing.assert_allclose(entry[key]["mean"], expected, rtol=5e-7, atol=1e-12)


def test_curves_are_computed_once_for_all_documents(
    mgo: Crystal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    loss = QUANTITIES["loss"]
    counted = replace(loss, formula=lambda *given: computed.append("loss") or loss.formula(*given))
    monkeypatch.setitem(QUANTITIES, "loss", counted)
    (fresh,) = predict_many([mgo], model="fast")
    describe(fresh, "MgO.cif")
    write_csv(fresh, tmp_path / "a.csv")
    write_json(fresh, tmp_path / "a.json")
    write_refractiveindex(fresh, tmp_path / "a.yml")
    assert computed == ["loss"]


def test_a_tensor_is_written_whole(prediction: Prediction, tmp_path: Path) -> None:
    skew = replace(prediction, spectrum=triclinic(prediction.spectrum))
    entry = describe(skew, "MgO.cif").plain()
    for key in KEYS[:2]:
        assert list(entry[key]) == ["xx", "yy", "zz", "mean", "yz", "xz", "xy"]
    for key in KEYS[2:]:
        assert list(entry[key]) == ["xx", "yy", "zz", "mean"]
    for name in ("xx", "zz", "xy"):
        found = np.array(entry["eps1"][name]) + 1j * np.array(entry["eps2"][name])
        np.testing.assert_allclose(found, skew.spectrum.component(name), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(entry["n"]["yy"], optical_constants(skew.spectrum, "yy").n, rtol=1e-6)
    path = write_csv(skew, tmp_path / "a.csv")
    head = path.read_text().splitlines()[1].split(",")
    table = dict(zip(head, np.loadtxt(path, delimiter=",", skiprows=2).T, strict=True))
    np.testing.assert_allclose(table["eps2_xy"], skew.spectrum.component("xy").imag, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(table["k_zz"], optical_constants(skew.spectrum, "zz").k, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(read_measured(path).spectrum.mean, skew.spectrum.mean, rtol=1e-5, atol=1e-5)


def test_gap_domain_and_bands_are_there_where_the_model_has_them(prediction: Prediction) -> None:
    spectrum = prediction.spectrum
    members = tuple(np.eye(3)[:, :, None] + scale * (spectrum.tensor - np.eye(3)[:, :, None]) for scale in (0.9, 1.1))
    rich = replace(prediction, spectrum=replace(spectrum, members=members), gap=4.5, metal=False, in_domain=True)
    rich = replace(rich, gap_direct=4.75, nearest=(Neighbour("agm1", "CaO", 0.25),))
    entry = describe(rich, "MgO.cif").plain()
    assert (entry["gap_ev"], entry["metal"], entry["in_domain"]) == (4.5, False, True)
    assert (entry["gap_direct_ev"], entry["nearest"]) == (4.75, [{"id": "agm1", "formula": "CaO", "distance": 0.25}])
    assert set(entry["band"]) == set(KEYS)
    band = entry["band"]["eps2"]
    np.testing.assert_allclose(band["upper"], 1.1 * np.array(entry["eps2"]["mean"]), rtol=1e-5, atol=1e-9)
    assert band["coverage"] is None
    calibrated = replace(rich, calibration=Calibration(0.9, {"n": 2.0}))
    entry = describe(calibrated, "MgO.cif").plain()
    assert {key: band["coverage"] for key, band in entry["band"].items()} == {"n": 0.9}


def test_a_document_reads_back(prediction: Prediction) -> None:
    document = describe(prediction, "MgO.cif")
    assert PredictedCrystal.model_validate_json(dump_json(document)) == document
    with pytest.raises(ValidationError, match="finite"):
        PredictedCrystal.model_validate(document.plain() | {"eps_infinity": float("nan")})


def test_json_is_that_of_the_verb(prediction: Prediction, tmp_path: Path, run: Run) -> None:
    path = write_json(prediction, tmp_path / "new" / "mgo.json", "mgo.cif")
    document = json.loads(path.read_text())
    assert document == describe(prediction, "mgo.cif").plain()
    (entry,) = json.loads(run("predict", "examples/MgO.cif", "--model", "fast", "--json")[1])
    assert list(entry) == list(document)
    assert PredictedCrystal.model_validate(entry).plain() == entry


def test_the_docs_list_every_key() -> None:
    page = Path("docs/cli.md").read_text(encoding="utf-8")
    for name, field in PredictedCrystal.model_fields.items():
        assert f"| `{name}` | {field.description} |" in page


def test_the_refractiveindex_file_has_the_form_of_the_database(prediction: Prediction, tmp_path: Path) -> None:
    noted = replace(prediction, warnings=('a "quoted": note',))
    document = yaml.safe_load(write_refractiveindex(noted, tmp_path / "mgo.yml").read_text())
    assert set(document) == {"REFERENCES", "COMMENTS", "DATA"}
    assert document["COMMENTS"].startswith(
        "Predicted, not measured; electronic response without phonons: holds from 0.5"
    )
    assert document["COMMENTS"].endswith('; doubt: a "quoted": note')
    assert "ladder-rpa" in document["REFERENCES"]
    table = np.array([line.split() for line in document["DATA"][0]["data"].splitlines()], float)
    assert document["DATA"][0]["type"] == "tabulated nk"
    assert np.all(np.diff(table[:, 0]) > 0)
    at_two_ev = np.abs(table[:, 0] - 0.61992).argmin()
    assert table[at_two_ev, 1] == pytest.approx(optical_constants(prediction.spectrum).n[40], rel=1e-5)


@pytest.mark.slow
def test_pymatgen_takes_the_tensor(prediction: Prediction) -> None:
    from pymatgen.analysis.solar.slme import absorption_coefficient as theirs

    columns = tensor_columns(triclinic(prediction.spectrum))
    assert columns["dielectric_real"].shape == columns["dielectric_imaginary"].shape == (401, 6)
    energies, absorption = theirs([columns[f"dielectric_{name}"] for name in ("energies_ev", "real", "imaginary")])
    spectrum = triclinic(prediction.spectrum)
    np.testing.assert_allclose(absorption, absorption_coefficient(energies, spectrum.mean), rtol=1e-6, atol=1e-3)


def test_extxyz_carries_the_tensor(prediction: Prediction, tmp_path: Path) -> None:
    spectrum, crystal = triclinic(prediction.spectrum), prediction.crystal
    atoms = Atoms(crystal.numbers, scaled_positions=crystal.frac_coords, cell=crystal.cell, pbc=True)
    atoms.info.update(tensor_columns(spectrum))
    write(tmp_path / "mgo.extxyz", atoms)
    info = read(tmp_path / "mgo.extxyz").info
    np.testing.assert_allclose(info["dielectric_energies_ev"], spectrum.energies, atol=1e-7)
    np.testing.assert_allclose(np.array(info["dielectric_real"])[:, 3], spectrum.component("xy").real, atol=1e-6)
    np.testing.assert_allclose(np.array(info["dielectric_imaginary"])[:, 4], spectrum.component("yz").imag, atol=1e-6)
    assert (info["dielectric_level"], info["dielectric_broadening_ev"]) == ("rpa", 0.3)
    assert "dielectric_broadening_ev" not in tensor_columns(replace(spectrum, broadening=None))


def test_the_verb_writes_refractiveindex_files(run: Run, tmp_path: Path) -> None:
    assert run("predict", "examples/MgO.cif", "--yaml", tmp_path)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["MgO.yml"]
