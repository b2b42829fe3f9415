"""Real spherical harmonics up to degree 3, and the symmetric tensors that degree 2 stands for."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def spherical_harmonics(directions: Float[Tensor, "n 3"], degree: int) -> Float[Tensor, "n components"]:
    """Evaluate the real spherical harmonics of degrees 0 to `degree`, each of mean square 1 over the sphere.

    Order and sign are those of e3nn: the polar axis is y, and degree 1 is ``sqrt(3) (x, y, z)``.

    Parameters
    ----------
    directions
        Unit vectors, shape ``(n, 3)``.
    degree
        Highest degree, at most 3.

    Returns
    -------
    Tensor, shape ``(n, (degree + 1) ** 2)``
    """
    x, y, z = directions.unbind(dim=1)
    root3, root5, root7 = math.sqrt(3.0), math.sqrt(5.0), math.sqrt(7.0)
    xz, zz_xx = root3 * x * z, root3 / 2 * (z * z - x * x)
    axial = x * x + z * z
    parts = [
        [torch.ones_like(x)],
        [root3 * x, root3 * y, root3 * z],
        [root5 * part for part in (xz, root3 * x * y, y * y - axial / 2, root3 * y * z, zz_xx)],
        [
            root7 * math.sqrt(5 / 6) * (xz * z + zz_xx * x),
            root7 * root5 * xz * y,
            root7 * math.sqrt(3 / 8) * (4 * y * y - axial) * x,
            root7 / 2 * y * (2 * y * y - 3 * axial),
            root7 * math.sqrt(3 / 8) * z * (4 * y * y - axial),
            root7 * root5 * zz_xx * y,
            root7 * math.sqrt(5 / 6) * (zz_xx * z - xz * x),
        ],
    ]
    return torch.stack([component for part in parts[: degree + 1] for component in part], dim=1)


def symmetric_tensors(components: Float[Tensor, "n 5 channels"]) -> Float[Tensor, "n channels 6"]:
    """Turn five components of degree 2 into traceless symmetric tensors (xx, yy, zz, yz, xz, xy)."""
    xz, xy, yy, yz, zz_xx = components.unbind(dim=1)
    half = math.sqrt(3.0) / 2
    return torch.stack([-yy / 2 - half * zz_xx, yy, -yy / 2 + half * zz_xx, half * yz, half * xz, half * xy], dim=-1)
