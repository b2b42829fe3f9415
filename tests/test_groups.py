from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.models.model import Model, Outputs
from dielectra.models.store import load_model
from dielectra.prediction import loaded_model
from dielectra.training.groups import by_chemistry, by_element, gap_score, metal_score

pytestmark = pytest.mark.slow


def test_groups_hold_every_material_with_the_element_or_of_the_class(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa")
    sc = np.linspace(0.5, 1.0, len(labels))
    found = by_element(labels, sc)
    for name, group in found.items():
        values = [value for value, formula in zip(sc, labels.formulas, strict=True) if name in formula]
        assert group.n >= 5
        assert group.n <= len(values)
        assert 0.5 <= group.sc_median <= 1.0
    classes = by_chemistry(labels, sc)
    assert sum(group.n for group in classes.values()) >= len(labels)


def test_errors_of_gaps_are_means_over_known_ones(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa")
    known = np.isfinite(labels.gaps[:, :2]).all(axis=1)
    outputs = Outputs(np.zeros((1, len(labels))), labels.gaps[:, :2] + np.array([0.5, -0.25]))
    found = gap_score(outputs, labels)
    assert found is not None
    assert found.n == known.sum()
    assert (found.direct_mae, found.fundamental_mae) == pytest.approx((0.5, 0.25), abs=1e-5)
    assert gap_score(outputs._replace(gaps=None), labels) is None


def test_the_default_model_tells_metals_and_a_single_network_does_not(small_data: Path, tiny_model: Model) -> None:
    data = open_dataset(small_data)
    assert metal_score(tiny_model, data, "train") is None
    assert metal_score(load_model("ladder-rpa"), data, "train") is None
    model = loaded_model()
    found = metal_score(model, data, "train")  # type: ignore[arg-type]
    assert found is not None
    assert (found.metals, found.answered) == (0, 0)
    assert found.insulators > 0
    assert found.refused <= 0.2 * found.insulators


def test_gaps_are_compared_with_those_of_the_level(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa")
    raised = replace(labels, target=labels.target.model_copy(update={"levels": ("lrc",)}))
    raised.gaps[:, 2:] = labels.gaps[:, :2] + 2.0
    both = np.concatenate([labels.gaps[:, :2], raised.gaps[:, 2:] + 0.1], axis=1).astype(float)
    for gaps, error in ((both, 0.1), (both[:, :2], 2.0)):  # the second knows PBE's gaps alone
        found = gap_score(Outputs(np.zeros((1, len(labels))), gaps), raised)
        assert found is not None
        assert found.direct_mae == pytest.approx(error, abs=1e-5)
