from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dielectra.crystal import Crystal
from dielectra.documents.crystal import describe
from dielectra.prediction import Prediction, predict_many
from dielectra.prediction.confidence import confidence, disagreement


@pytest.fixture(scope="module")
def prediction(mgo: Crystal) -> Prediction:
    (found,) = predict_many([mgo], model="ladder-rpa")
    return found


@pytest.mark.parametrize(("spread", "expected"), [(0.0, "high"), (0.05, "medium"), (0.2, "low")])
def test_confidence_falls_with_the_disagreement(prediction: Prediction, spread: float, expected: str) -> None:
    tensor = prediction.spectrum.tensor
    members = (tensor * (1 - spread), tensor * (1 + spread))
    one = replace(prediction, spectrum=replace(prediction.spectrum, members=members))
    assert disagreement(one.spectrum) == pytest.approx(spread, abs=1e-12)
    assert confidence(one) == describe(one, "x").confidence == expected


def test_confidence_is_never_high_at_a_level_of_poor_spectra(prediction: Prediction) -> None:
    members = (prediction.spectrum.tensor, prediction.spectrum.tensor)
    one = replace(prediction, spectrum=replace(prediction.spectrum, members=members))
    assert confidence(one) == "high"
    assert confidence(replace(one, doubted_level=True)) == "medium"


def test_what_is_unlike_the_training_has_low_confidence(prediction: Prediction) -> None:
    assert confidence(replace(prediction, in_domain=False)) == "low"
    assert confidence(replace(prediction, metal=True)) == "low"


def test_a_single_model_does_not_say(prediction: Prediction) -> None:
    assert disagreement(prediction.spectrum) is None
    assert confidence(prediction) is None
    dark = replace(prediction.spectrum, tensor=np.ones_like(prediction.spectrum.tensor))
    assert disagreement(replace(dark, members=(dark.tensor, dark.tensor))) is None
