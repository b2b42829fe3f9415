"""Ridge regression with a Laplacian kernel: few labels, closed form, no steps.

B. Schoelkopf, A. J. Smola, *Learning with Kernels* (MIT Press, 2002), chapter 4.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

RIDGE = 0.03
"""Added to the diagonal of the kernel matrix, whose own diagonal is 1."""

WIDTH = 2.0
"""Width of the kernel in units of the mean distance of two centres."""


class KernelRegression(nn.Module):
    """A sum of kernels ``exp(-|x - c| / width)`` around centres, on top of a mean.

    The distance is the mean absolute difference of features. Before :meth:`fit` it has no centres and returns zeros.

    Parameters
    ----------
    n_centres
        Number of centres that weights to be loaded have.
    n_features, n_outputs
        Sizes.
    """

    centres: Tensor
    coefficients: Tensor
    mean: Tensor
    width: Tensor

    def __init__(self, n_centres: int, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(n_centres, n_features))
        self.register_buffer("coefficients", torch.zeros(n_centres, n_outputs))
        self.register_buffer("mean", torch.zeros(n_outputs))
        self.register_buffer("width", torch.ones(()))

    def forward(self, features: Float[Tensor, "n n_features"]) -> Float[Tensor, "n n_outputs"]:
        """Return the regression at features."""
        return self.mean + torch.exp(-_distances(features, self.centres) / self.width) @ self.coefficients

    @torch.no_grad()
    def fit(
        self, features: Float[Tensor, "n n_features"], values: Float[Tensor, "n n_outputs"], ridge: float = RIDGE
    ) -> None:
        """Solve for the coefficients of a kernel around each of the given features."""
        distances = _distances(features, features)
        n = len(features)
        self.width = (WIDTH * distances.sum() / max(1, n * (n - 1))).clamp_min(1e-6)
        kernel = torch.exp(-distances / self.width).double() + ridge * torch.eye(n, device=features.device)
        self.mean = values.mean(dim=0)
        self.coefficients = torch.linalg.solve(kernel, (values - self.mean).double()).to(values.dtype)
        self.centres = features


def _distances(first: Tensor, second: Tensor) -> Float[Tensor, "n m"]:
    return torch.cdist(first, second, p=1.0) / first.shape[1]
