from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import trapezoid

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.models.model import Model
from dielectra.models.store import load_model
from dielectra.training.evaluation import evaluate, predict_means, score


def test_scores_are_those_of_the_paper(small_data: Path, tiny_model: Model) -> None:
    result = evaluate(tiny_model, small_data, "ipa", "test")
    labels = open_dataset(small_data).labels("ipa").of_split("test")
    prediction = predict_means(tiny_model, labels)
    assert [entry.id for entry in result.per_material] == labels.ids
    for entry, found, reference in zip(result.per_material, prediction, labels.eps2.astype(float), strict=True):
        difference = np.abs(found - reference)
        expected = 1 - trapezoid(difference, labels.energies) / trapezoid(reference, labels.energies)
        assert entry.sc == pytest.approx(expected, abs=1e-6)
        assert entry.mae == pytest.approx(difference.mean(), rel=1e-6)
        assert entry.mse == pytest.approx((difference**2).mean(), rel=1e-6)
    assert result.sc_median == pytest.approx(np.median([entry.sc for entry in result.per_material]))
    assert result.sc_quantiles["0.9"] == pytest.approx(np.quantile([e.sc for e in result.per_material], 0.9))


def test_a_perfect_prediction_scores_one(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa").of_split("validation")
    result = score("truth", labels.eps2.astype(float), labels, "validation")
    assert (result.sc_median, result.sc_mean, result.mae_median, result.mse_mean) == (1.0, 1.0, 0.0, 0.0)


def test_baselines_need_no_network(small_data: Path, tiny_model: Model) -> None:
    rpa = open_dataset(small_data).labels("rpa")
    ipa = open_dataset(small_data).labels("ipa").of_split("test").eps2.astype(float)
    test = rpa.of_split("test")
    result = evaluate(tiny_model, small_data, "rpa")
    lower = score("ipa", ipa, test, "test")
    mean = rpa.of_split("train").eps2.astype(float).mean(axis=0)
    assert result.baseline["lower_level_sc_median"] == pytest.approx(lower.sc_median)
    assert result.baseline["lower_level_mse_median"] == pytest.approx(lower.mse_median)
    constant = score("mean", np.tile(mean, (len(test), 1)), test, "test")
    assert result.baseline["mean_spectrum_sc_median"] == pytest.approx(constant.sc_median, abs=1e-6)
    assert evaluate(tiny_model, small_data, "ipa").baseline["lower_level_sc_median"] is None


def test_cell_sizes_add_up(small_data: Path, tiny_model: Model) -> None:
    result = evaluate(tiny_model, small_data, "rpa", "train")
    assert sum(group.n for group in result.per_n_atoms.values()) == result.n == 16


def test_what_does_not_fit_is_refused(small_data: Path, tiny_model: Model) -> None:
    with pytest.raises(InputError, match="the split 'dev' holds no rpa spectrum; give train, validation, test, "):
        evaluate(tiny_model, small_data, "rpa", "dev")
    with pytest.raises(InputError, match="different energy grids"):
        evaluate(tiny_model, "ladder", "rpa")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["ipa", "rpa"])
def test_the_shipped_models_beat_both_baselines_on_unseen_materials(level: str) -> None:
    result = evaluate(load_model(f"ladder-{level}"), "ladder", level, "test")
    for baseline in ("lower_level_sc_median", "mean_spectrum_sc_median"):
        assert result.sc_median > (result.baseline[baseline] or 0.0) + 0.03
