"""Exports read back by the programs they are for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import read, write

from conftest import Run
from dielectra.crystal import Crystal
from dielectra.export import tensor_columns, write_json, write_refractiveindex
from dielectra.optics.constants import absorption_coefficient, optical_constants
from dielectra.prediction import Prediction, describe, predict_many
from dielectra.spectrum import Spectrum


@pytest.fixture(scope="module")
def prediction(mgo: Crystal) -> Prediction:
    return predict_many([mgo])[0]


def triclinic(spectrum: Spectrum) -> Spectrum:
    mixing = np.array([[1.0, 0.1, 0.2], [0.1, 1.3, 0.3], [0.2, 0.3, 0.8]])
    identity = np.eye(3)[:, :, None]
    return replace(spectrum, tensor=identity + mixing[:, :, None] * (spectrum.tensor[0, 0] - 1))


def test_json_is_that_of_the_verb(prediction: Prediction, tmp_path: Path) -> None:
    path = write_json(prediction, tmp_path / "new" / "mgo.json", "mgo.cif")
    assert json.loads(path.read_text()) == json.loads(json.dumps(describe(prediction, "mgo.cif")))


def test_the_refractiveindex_file_has_the_form_of_the_database(prediction: Prediction, tmp_path: Path) -> None:
    noted = prediction._replace(warnings=['a "quoted": note'])
    document = yaml.safe_load(write_refractiveindex(noted, tmp_path / "mgo.yml").read_text())
    assert set(document) == {"REFERENCES", "COMMENTS", "DATA"}
    assert document["COMMENTS"] == 'Predicted, not measured; a "quoted": note'
    assert "ladder-rpa" in document["REFERENCES"]
    table = np.array([line.split() for line in document["DATA"][0]["data"].splitlines()], float)
    assert document["DATA"][0]["type"] == "tabulated nk"
    assert np.all(np.diff(table[:, 0]) > 0)
    at_two_ev = np.abs(table[:, 0] - 0.61992).argmin()
    assert table[at_two_ev, 1] == pytest.approx(optical_constants(prediction.spectrum).n[40], rel=1e-5)


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
