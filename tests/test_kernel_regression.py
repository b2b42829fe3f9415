from __future__ import annotations

import numpy as np
import pytest
import torch

from dielectra.models.kernel_regression import KernelRegression


def test_without_centres_the_regression_is_zero() -> None:
    assert torch.equal(KernelRegression(0, 3, 2)(torch.rand(5, 3)), torch.zeros(5, 2))


def test_it_is_ridge_regression_with_a_laplacian_kernel() -> None:
    generator = torch.Generator().manual_seed(0)
    features, values = torch.rand(12, 3, generator=generator), torch.rand(12, 2, generator=generator)
    regression = KernelRegression(0, 3, 2)
    regression.fit(features, values, ridge=0.1)
    x, y = features.double().numpy(), values.double().numpy()
    distances = np.abs(x[:, None] - x[None]).mean(axis=2)
    width = 2 * distances.sum() / (12 * 11)
    kernel = np.exp(-distances / width)
    expected = y.mean(axis=0) + kernel @ np.linalg.solve(kernel + 0.1 * np.eye(12), y - y.mean(axis=0))
    np.testing.assert_allclose(regression(features).numpy(), expected, atol=1e-5)


def test_far_from_all_centres_it_returns_the_mean() -> None:
    regression = KernelRegression(0, 2, 1)
    regression.fit(torch.rand(6, 2), torch.arange(6.0)[:, None])
    assert float(regression(torch.full((1, 2), 1e6))) == pytest.approx(2.5)


def test_weights_are_loaded_by_the_number_of_centres() -> None:
    first, second = KernelRegression(0, 2, 1), KernelRegression(6, 2, 1)
    first.fit(torch.rand(6, 2), torch.rand(6, 1))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(torch.ones(3, 2)), first(torch.ones(3, 2)))
