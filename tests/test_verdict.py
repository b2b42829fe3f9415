from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.data.labels import Labels
from dielectra.training.verdict import judge, learn_directly


@pytest.fixture(scope="module")
def labels(small_data: Path) -> Labels:
    return open_dataset(small_data).labels("rpa")


def test_a_climb_that_is_closer_everywhere_helped(labels: Labels) -> None:
    known = labels.eps2.astype(float)
    own, lower, direct = 0.95 * known, 0.8 * known, 0.9 * known
    verdict = judge("rpa", own, labels, {"lower_level": lower, "direct": direct})
    assert verdict.helped is True
    assert verdict.sc_median == pytest.approx(0.95)
    assert verdict.lower_level is not None
    assert verdict.lower_level.difference == pytest.approx(0.15)
    assert verdict.lower_level.sc_median == pytest.approx(0.8)
    assert "better than (0.900" in verdict.says


def test_a_climb_that_is_worse_than_either_did_not_help(labels: Labels) -> None:
    known = labels.eps2.astype(float)
    verdict = judge("rpa", 0.7 * known, labels, {"lower_level": 0.5 * known, "direct": 0.9 * known})
    assert verdict.helped is False
    assert verdict.direct is not None
    assert verdict.direct.better is False
    assert "worse than (0.900" in verdict.says


def test_what_lies_within_the_error_is_not_called_better(labels: Labels) -> None:
    known = labels.eps2.astype(float)
    factors = np.where(np.arange(len(labels)) % 2, 0.8, 0.95)[:, None]
    verdict = judge("rpa", factors * known, labels, {"lower_level": 0.87 * known, "direct": None})
    assert verdict.lower_level is not None
    assert verdict.lower_level.better is None
    assert verdict.helped is None
    assert verdict.direct is None
    assert "no better and no worse" in verdict.says


def test_too_few_labels_say_nothing(labels: Labels) -> None:
    few = labels.select([0, 1])
    known = few.eps2.astype(float)
    verdict = judge("rpa", known, few, {"lower_level": 0.5 * known})
    assert (verdict.n, verdict.helped, verdict.lower_level, verdict.sc_median) == (2, None, None, None)
    assert "too few" in verdict.says


def test_direct_learning_beats_the_mean_spectrum(labels: Labels) -> None:
    training, held_out = labels.of_split("train"), labels.of_split("test")
    predicted = learn_directly(training, held_out)
    assert predicted is not None
    mean = np.broadcast_to(training.eps2.mean(axis=0), predicted.shape)
    verdict = judge("rpa", predicted, labels.select([]), {})
    assert verdict.n == 0
    errors = [np.abs(guess - held_out.eps2).sum() for guess in (predicted, mean)]
    assert errors[0] < errors[1]
