"""A static long-range exchange-correlation kernel, ``-alpha / q^2``, in closed form.

Of the head of the dielectric matrix alone, with ``x = eps - 1`` of the random-phase approximation,
``eps' = 1 + x / (1 - alpha x / 4 pi)`` (Reining, Olevano, Rubio, Onida, Phys. Rev. Lett. 88, 066404 (2002)). The
strength follows from the static dielectric constant by a rule.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dielectra.arrays import ComplexArray
from dielectra.errors import InputError


def botti(eps0: float) -> float:
    """Return the strength that Botti and co-workers fitted to semiconductors, ``4.615 / eps0 - 0.213``.

    Source: Botti et al., Phys. Rev. B 69, 155112 (2004).
    """
    return max(0.0, 4.615 / eps0 - 0.213)


def bootstrap(eps0: float) -> float:
    """Return the strength of the one-shot bootstrap kernel, ``4 pi / (eps0 (eps0 - 1))``.

    Source: Sharma, Dewhurst, Sanna, Gross, Phys. Rev. Lett. 107, 186401 (2011).
    """
    return 4 * np.pi / (eps0 * (eps0 - 1))


RULES: dict[str, Callable[[float], float]] = {
    "botti-half": lambda eps0: 0.5 * botti(eps0),
    "bootstrap-half": lambda eps0: 0.5 * bootstrap(eps0),
    "bootstrap-three-quarters": lambda eps0: 0.75 * bootstrap(eps0),
}
"""The last was chosen on half of the measured crystals by ``benchmarks/kernel.py``; docs/validation.md has a table."""


def kernel_strength(rule: str, eps0: float) -> float:
    """Return the kernel's strength alpha by a rule from the static dielectric constant.

    Raises
    ------
    InputError
        If there is no such rule.
    """
    if rule not in RULES:
        raise InputError(f"unknown kernel {rule!r}; known are {', '.join(RULES)}")
    return RULES[rule](eps0)


def with_long_range_kernel(tensor: ComplexArray, strength: float) -> ComplexArray:
    """Return the dielectric tensor with the kernel, from that of the random-phase approximation.

    Parameters
    ----------
    tensor
        Shape ``(3, 3, n_energies)``.
    strength
        alpha.
    """
    susceptibility = np.moveaxis(tensor, -1, 0) - np.eye(3)
    screened = np.linalg.solve(np.eye(3) - strength / (4 * np.pi) * susceptibility, susceptibility)
    return np.asarray(np.moveaxis(np.eye(3) + screened, 0, -1))
