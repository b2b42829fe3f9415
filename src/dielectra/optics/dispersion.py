"""Dispersion formulas 1 to 9 of refractiveindex.info.

Source: M. N. Polyanskiy, "Dispersion formulas", refractiveindex.info; Sci. Data 11, 94 (2024). Wavelengths are in
micrometres. Every formula takes as many terms as there are coefficients; those that are not given are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.errors import InputError

Coefficients = Sequence[float]


def evaluate_formula(number: int, coefficients: Coefficients, wavelengths: FloatArray) -> FloatArray:
    """Return the refractive index by a dispersion formula.

    Parameters
    ----------
    number
        1 (Sellmeier), 2 (Sellmeier-2), 3 (polynomial), 4 (RefractiveIndex.INFO), 5 (Cauchy), 6 (gases), 7 (Herzberger),
        8 (retro) or 9 (exotic).
    coefficients
        C1, C2, ... of the formula.
    wavelengths
        In micrometres, shape ``(n,)``.

    Raises
    ------
    InputError
        If the number is another, the formula has no such many coefficients, or it gives no real index somewhere.
    """
    if number not in FORMULAS:
        raise InputError(f"unknown dispersion formula {number}; known are 1 to 9")
    most, evaluate = FORMULAS[number]
    if not 1 <= len(coefficients) <= most:
        raise InputError(f"dispersion formula {number} takes 1 to {most} coefficients; got {len(coefficients)}")
    padded = [*coefficients, *[0.0] * (most - len(coefficients))]
    try:
        with np.errstate(all="ignore"):
            index = evaluate(padded, np.asarray(wavelengths, float))
    except ArithmeticError as error:
        raise InputError(f"dispersion formula {number} has coefficients beyond all numbers; check them") from error
    if not np.isfinite(index).all() or np.any(index <= 0):
        bad = wavelengths[~(np.isfinite(index) & (index > 0))][0]
        raise InputError(f"dispersion formula {number} gives no refractive index at {bad:g} um; check its coefficients")
    return np.asarray(index)


def _sellmeier(c: Coefficients, x: FloatArray) -> FloatArray:
    return np.sqrt(1 + c[0] + sum(b * x**2 / (x**2 - a**2) for b, a in _pairs(c, 1) if b))


def _sellmeier_2(c: Coefficients, x: FloatArray) -> FloatArray:
    return np.sqrt(1 + c[0] + sum(b * x**2 / (x**2 - a) for b, a in _pairs(c, 1) if b))


def _polynomial(c: Coefficients, x: FloatArray) -> FloatArray:
    return np.sqrt(c[0] + sum(b * x**a for b, a in _pairs(c, 1) if b))


def _refractive_index_info(c: Coefficients, x: FloatArray) -> FloatArray:
    poles = sum(c[i] * x ** c[i + 1] / (x**2 - c[i + 2] ** c[i + 3]) for i in (1, 5) if c[i])
    return np.asarray(np.sqrt(c[0] + poles + sum(b * x**a for b, a in _pairs(c, 9) if b)))


def _cauchy(c: Coefficients, x: FloatArray) -> FloatArray:
    return c[0] + sum(b * x**a for b, a in _pairs(c, 1) if b) + 0 * x


def _gases(c: Coefficients, x: FloatArray) -> FloatArray:
    return 1 + c[0] + sum(b / (a - x**-2) for b, a in _pairs(c, 1) if b) + 0 * x


def _herzberger(c: Coefficients, x: FloatArray) -> FloatArray:
    pole = 1 / (x**2 - 0.028)
    return c[0] + c[1] * pole + c[2] * pole**2 + c[3] * x**2 + c[4] * x**4 + c[5] * x**6


def _retro(c: Coefficients, x: FloatArray) -> FloatArray:
    ratio = c[0] + c[1] * x**2 / (x**2 - c[2]) + c[3] * x**2
    return np.asarray(np.sqrt((1 + 2 * ratio) / (1 - ratio)))


def _exotic(c: Coefficients, x: FloatArray) -> FloatArray:
    resonance = c[3] * (x - c[4]) / ((x - c[4]) ** 2 + c[5]) if c[3] else 0.0
    return np.sqrt(c[0] + c[1] / (x**2 - c[2]) + resonance)


def _pairs(c: Coefficients, first: int) -> list[tuple[float, float]]:
    return list(zip(c[first::2], c[first + 1 :: 2], strict=False))


FORMULAS: dict[int, tuple[int, Callable[[Coefficients, FloatArray], FloatArray]]] = {
    1: (17, _sellmeier),
    2: (17, _sellmeier_2),
    3: (17, _polynomial),
    4: (17, _refractive_index_info),
    5: (11, _cauchy),
    6: (11, _gases),
    7: (6, _herzberger),
    8: (4, _retro),
    9: (6, _exotic),
}
"""Largest number of coefficients, and function, of every formula."""
