from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, make_mgo
from dielectra.errors import InputError
from dielectra.models.dressed import DressedModel
from dielectra.models.ensemble import load_predictor
from dielectra.optics.dressing import Dressing, dress, gap_shift, shifted, static_value
from dielectra.prediction import predict_many
from dielectra.spectrum import Spectrum, isotropic_spectrum, real_from_imaginary
from dielectra.training.dressing import climb_to_measured, index_errors

ENERGIES = np.linspace(0.0, 20.0, 401)
BASE = "ladder-rpa"


def oscillator(centre: float = 6.0) -> Spectrum:
    function = 1 + 60 / (centre**2 - ENERGIES**2 - 0.6j * ENERGIES)
    return isotropic_spectrum(ENERGIES, function.imag, "rpa")


def test_absorption_moves_up_and_the_real_part_follows() -> None:
    spectrum = oscillator()
    moved = shifted(ENERGIES, spectrum.tensor, 1.5)
    assert ENERGIES[moved[0, 0].imag.argmax()] - ENERGIES[spectrum.mean.imag.argmax()] == pytest.approx(1.5, abs=0.051)
    np.testing.assert_allclose(moved[2, 2].real, real_from_imaginary(ENERGIES, moved[2, 2].imag), atol=1e-9)
    assert np.abs(moved[0, 1]).max() < 1e-9
    assert moved[0, 0, 0].real < spectrum.mean[0].real


def test_weakly_screened_crystals_are_shifted_most() -> None:
    dressing = Dressing(base=BASE, level="rpa", shift=6.0, kernel=0.5)
    first, second = oscillator(4.0), oscillator(9.0)
    assert gap_shift(first, dressing) < gap_shift(second, dressing)
    assert gap_shift(first, dressing) == pytest.approx(6.0 / static_value(first))


def test_the_kernel_takes_strength_down_to_lower_energies() -> None:
    spectrum = oscillator()
    weak, strong = (
        dress(spectrum, Dressing(base=BASE, level="rpa", shift=6.0, kernel=kernel)) for kernel in (0.005, 0.75)
    )
    centres = [float((ENERGIES * one.mean.imag).sum() / one.mean.imag.sum()) for one in (weak, strong)]
    assert centres[1] < centres[0]
    assert strong.level == "experiment"
    assert strong.mean.imag.min() > -1e-6


def test_a_shift_without_a_kernel_is_not_to_be_had() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Dressing(base=BASE, level="rpa", shift=6.0, kernel=0.0)


def test_errors_of_an_index_are_those_of_the_measured_window() -> None:
    spectrum = oscillator()
    known = Spectrum(ENERGIES[20:80], spectrum.tensor[:, :, 20:80], "experiment")
    assert index_errors(ENERGIES, spectrum.mean, known) == pytest.approx((0.0, 0.0), abs=1e-12)
    index = np.sqrt(spectrum.mean) + 0.1
    assert index_errors(ENERGIES, index**2, known) == pytest.approx((0.1, 0.0), abs=1e-9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("dressed") / "run"
    climb_to_measured("experiment", BASE, run)
    return run


def test_a_dressed_model_is_loaded_and_predicts_what_its_base_does_dressed(folder: Path) -> None:
    model = load_predictor(folder)
    assert isinstance(model, DressedModel)
    (dressed,) = predict_many([make_mgo()], model=model)
    (base,) = predict_many([make_mgo()], model=BASE)
    expected = dress(base.spectrum, model.dressing)
    np.testing.assert_allclose(dressed.spectrum.tensor, expected.tensor, atol=1e-6)
    assert dressed.spectrum.level == "experiment"
    outputs = model.outputs(model.prepare([dressed.form.crystal]))
    np.testing.assert_allclose(outputs.values[0, 0, 0, 0, 0], expected.mean.imag, atol=1e-4)


def test_each_compound_is_judged_by_parameters_of_the_others(folder: Path) -> None:
    found = json.loads((folder / "climb.json").read_text())
    assert len(found["compounds"]) >= 4
    assert len(found["compounds"]) + len(found["refused"]) == 19
    assert {one["formula"] for one in found["compounds"] if one["unseen"]} >= {"AlAs"}


def test_a_dressed_model_is_not_dressed_again(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is dressed already"):
        climb_to_measured("experiment", str(folder), tmp_path / "run")
    card = json.loads((folder / "card.json").read_text())
    card["dressing"]["base"] = str(tmp_path / "loop")
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "card.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="dressed itself"):
        load_predictor(tmp_path / "loop")


@pytest.mark.slow
def test_the_command_prints_a_table_and_needs_a_start(run: Run, tmp_path: Path) -> None:
    code, _, err = run("climb", "experiment", "--to", "experiment", "-o", tmp_path / "run")
    assert code == 2
    assert "give one with --from" in err
    code, out, err = run("climb", "experiment", "--to", "experiment", "--from", BASE, "-o", tmp_path / "run", "--json")
    assert code == 0, err
    card = json.loads(out)
    assert card["target"]["levels"] == ["experiment"]
    assert isinstance(card["climb"]["helps"], bool)
