"""Derived properties by name, in Python and from the shell."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from conftest import Run
from dielectra.crystal import Crystal
from dielectra.documents.properties import AnisotropyDocument, Failure
from dielectra.errors import InputError
from dielectra.optics.colour import bulk_colour, film_colour
from dielectra.optics.oscillators import fit_oscillators
from dielectra.optics.solar import solar_efficiency
from dielectra.prediction import Prediction, predict_many
from dielectra.properties import PROPERTIES, PropertyOptions, derive
from dielectra.spectrum import Spectrum


@pytest.fixture(scope="module")
def prediction(gaas: Crystal) -> Prediction:
    return predict_many([gaas])[0]


def test_every_property_is_plain_data(prediction: Prediction) -> None:
    found = derive(prediction, list(PROPERTIES), PropertyOptions())
    assert set(found) == set(PROPERTIES)
    plain = json.loads(json.dumps({name: document.plain() for name, document in found.items()}, allow_nan=False))
    assert plain["colour"]["hex"].startswith("#")
    assert plain["meep"]["susceptibilities"][0]["class"] == "LorentzianSusceptibility"
    assert not [name for name, document in found.items() if isinstance(document, Failure)]


def test_properties_are_those_of_the_functions(prediction: Prediction) -> None:
    options = PropertyOptions(thickness_nm=120.0, illuminant="A", gap=1.5, gap_indirect=1.4, temperature=310.0, poles=4)
    found = derive(prediction, ["colour", "film-colour", "slme", "oscillators", "meep"], options)
    answers = {name: document.plain() for name, document in found.items()}
    spectrum = prediction.spectrum
    around = answers["colour"].pop("interval")["lab"]
    assert answers["colour"] == bulk_colour(spectrum, "A")._asdict()
    assert np.all(np.array(around["lower"]) < answers["colour"]["lab"])
    assert np.all(np.array(around["upper"]) > answers["colour"]["lab"])
    assert answers["film-colour"]["hex"] == film_colour(spectrum, 120.0, "A").hex
    efficiency = solar_efficiency(spectrum, 1.5, 1.4, 310.0, 120.0)
    assert answers["slme"]["slme"] == efficiency.slme
    assert answers["slme"]["short_circuit_current_ma_per_cm2"] == efficiency.short_circuit_current
    assert answers["slme"]["gap_direct_source"] == "given"
    assert answers["oscillators"]["eps_infinity"] == fit_oscillators(spectrum, 4).eps_infinity
    assert len(answers["meep"]["susceptibilities"]) == 4


def test_what_follows_the_gap_is_as_uncertain_as_the_gap(prediction: Prediction) -> None:
    names = ["slme", "body-colour", "film-colour", "gap", "index", "penn-gap"]
    free, given = (derive(prediction, names, PropertyOptions(gap=gap)) for gap in (None, 1.42))
    wide, narrow = (found["slme"].plain()["interval"]["slme"] for found in (free, given))
    assert wide["upper"] - wide["lower"] > 3 * (narrow["upper"] - narrow["lower"])
    assert "gap_direct_ev" not in given["slme"].plain()["interval"]
    for name in ("body-colour", "film-colour"):
        assert len(free[name].plain()["hex_by_gap"]) == 4
    assert free["gap"].plain()["interval"]["gap_direct_ev"]["coverage"] == 0.9
    for name, key in (("index", "static_n"), ("index", "abbe_number"), ("penn-gap", "penn_gap_ev")):
        plain = free[name].plain()
        assert plain["interval"][key]["lower"] < plain[key] < plain["interval"][key]["upper"]


def test_a_model_alone_has_no_intervals(aln: Crystal) -> None:
    (alone,) = predict_many([aln], model="fast")
    assert "interval" not in derive(alone, ["colour"], PropertyOptions())["colour"].plain()


def test_a_property_that_cannot_be_had_says_why_and_leaves_the_others(prediction: Prediction) -> None:
    cut = replace(prediction, spectrum=prediction.spectrum.resample(np.linspace(0, 4, 81)))
    answers = derive(cut, ["slme", "colour"], PropertyOptions())
    assert isinstance(answers["slme"], Failure)
    assert "the solar efficiency needs it" in answers["slme"].error
    assert not isinstance(answers["colour"], Failure)


def test_anisotropy_is_not_claimed_of_an_average(aln: Crystal, prediction: Prediction) -> None:
    wurtzite = predict_many([aln], model="fast")[0]
    assert "isotropic average only" in derive(wurtzite, ["anisotropy"], PropertyOptions())["anisotropy"].error
    tensor = wurtzite.spectrum.tensor.copy()
    tensor[2, 2] += 0.3
    turned = replace(wurtzite, spectrum=Spectrum(wurtzite.spectrum.energies, tensor, "rpa"))
    found = derive(turned, ["anisotropy"], PropertyOptions())["anisotropy"]
    assert isinstance(found, AnisotropyDocument)
    assert (found.kind, found.optic_axis) == ("uniaxial", [0, 0, 1])
    assert found.birefringence_589_nm > 0
    assert derive(prediction, ["anisotropy"], PropertyOptions())["anisotropy"].plain()["kind"] == "isotropic"


def test_an_unknown_property_is_refused_with_the_list(prediction: Prediction) -> None:
    with pytest.raises(InputError, match="unknown property 'color'; known are colour, body-colour, film-colour, slme"):
        derive(prediction, ["color"], PropertyOptions())


def test_the_verb_adds_properties_to_its_json_only_where_asked(run: Run) -> None:
    words = ["predict", "examples/GaAs.cif", "examples/MgO.cif", "--json"]
    plain = json.loads(run(*words)[1])
    code, out, _ = run(*words, "--property", "colour", "--property", "slme", "--illuminant", "E", "--gap", "1.42")
    entries = json.loads(out)
    assert code == 0
    assert [set(entry["properties"]) for entry in entries] == [{"colour", "slme"}] * 2
    assert entries[0]["properties"]["colour"]["illuminant"] == "E"
    assert entries[0]["properties"]["slme"]["gap_direct_ev"] == 1.42
    assert [{k: v for k, v in entry.items() if k != "properties"} for entry in entries] == plain


def test_the_verb_prints_numbers_and_leaves_tables_to_json(run: Run) -> None:
    words = [word for name in PROPERTIES for word in ("--property", name)]
    code, out, _ = run("predict", "examples/GaAs.cif", *words, "--poles", "3")
    lines = " ".join(out.replace("│", " ").split())
    assert code == 0
    for word in ("short_circuit", "hex", "#", "strength", "sigma", "isotropic", "abbe_number"):
        assert word in lines
    assert "[" not in lines.split("interval", 1)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--property", "color"], "unknown property 'color'; known are colour"),
        (["--property", "slme", "--gap", "-1"], "examples/MgO.cif: slme: the direct gap must be a positive number"),
        (["--property", "film-colour", "--thickness-nm", "-1"], "film-colour: layer 0: thickness -1.0 nm"),
        (["--property", "colour", "--illuminant", "D50"], "D50"),
    ],
)
def test_bad_input_exits_with_2(run: Run, words: list[str], message: str) -> None:
    code, _, err = run("predict", "examples/MgO.cif", *words)
    assert code == 2
    assert message in " ".join(err.split())
