"""Single numbers that sum up a spectrum: plasmon, Penn gap, index over the visible range, Abbe number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import energy_loss, static_dielectric_constant
from dielectra.optics.stack import material_index
from dielectra.spectrum import Spectrum
from dielectra.units import HC, VISIBLE_NM

FRAUNHOFER_LINES = {"F": 486.13, "d": 587.56, "C": 656.27}
"""Wavelengths in nm of the lines that define the Abbe number."""


class Plasmon(NamedTuple):
    """The main peak of the energy loss function.

    Attributes
    ----------
    energy
        Position, eV.
    height
        Value of ``-Im 1/eps`` there.
    width
        Full width at half maximum, eV; None where the window ends before the function has halved.
    """

    energy: float
    height: float
    width: float | None


def plasmon(spectrum: Spectrum) -> Plasmon:
    """Return the highest peak of the energy loss function of the isotropic average.

    Position and height are those of the parabola through the highest point and its neighbours.

    Raises
    ------
    InputError
        If the loss function is still rising at the end of the window.
    """
    energies, loss = spectrum.energies, energy_loss(spectrum.mean)
    top = int(loss.argmax())
    if top in (0, len(loss) - 1):
        raise InputError(
            f"the loss function has no peak inside {energies[0]:g}-{energies[-1]:g} eV; the plasmon lies outside"
        )
    around = slice(top - 1, top + 2)
    curvature, slope, _ = np.polyfit(energies[around] - energies[top], loss[around], 2)
    shift = -slope / (2 * curvature)
    height = float(loss[top] + slope * shift / 2)
    below = np.flatnonzero(loss < height / 2)
    left, right = below[below < top], below[below > top]
    width = None
    if len(left) and len(right):
        low = np.interp(height / 2, loss[left[-1] : left[-1] + 2], energies[left[-1] : left[-1] + 2])
        high = np.interp(
            height / 2, loss[right[0] - 1 : right[0] + 1][::-1], energies[right[0] - 1 : right[0] + 1][::-1]
        )
        width = float(high - low)
    return Plasmon(float(energies[top] + shift), height, width)


def penn_gap(spectrum: Spectrum, plasma_energy: float | None = None) -> float:
    """Return the Penn gap in eV, the mean gap of the two-level model: ``E_P = hbar w_p / sqrt(eps(0) - 1)``.

    D. R. Penn, Phys. Rev. 128, 2093 (1962), with his factor S0 (0.9 to 1) taken as 1.

    Parameters
    ----------
    plasma_energy
        Plasma energy of the valence electrons, eV (:func:`dielectra.spectrum.plasma_energy`). Where it is not given,
        the f-sum rule over the window serves, ``(hbar w_p)^2 = 2/pi int E eps2 dE``; it misses what lies above.

    Raises
    ------
    InputError
        If the grid does not begin near 0 eV, or the static dielectric constant is not above 1.
    """
    static = static_dielectric_constant(spectrum.energies, spectrum.mean)
    if static <= 1:
        raise InputError(f"the static dielectric constant is {static:.3g}; the Penn model needs one above 1")
    if plasma_energy is None:
        plasma_energy = float(
            np.sqrt(2 / np.pi * np.trapezoid(spectrum.energies * spectrum.mean.imag, spectrum.energies))
        )
    return plasma_energy / float(np.sqrt(static - 1))


def visible_index(spectrum: Spectrum) -> float:
    """Return the refractive index n averaged over the wavelengths 380-780 nm (1.59-3.26 eV).

    Raises
    ------
    InputError
        If the spectrum does not cover them.
    """
    return float(_index_at(spectrum, np.arange(VISIBLE_NM[0], VISIBLE_NM[1] + 1.0)).mean())


def abbe_number(spectrum: Spectrum) -> float:
    """Return the Abbe number ``V_d = (n_d - 1) / (n_F - n_C)``; negative where n falls towards the blue, by absorption.

    Raises
    ------
    InputError
        If the spectrum does not cover 486-656 nm (1.89-2.55 eV) or does not disperse there.
    """
    blue, yellow, red = _index_at(spectrum, list(FRAUNHOFER_LINES.values()))
    if blue == red:
        raise InputError("n is equal at 486 and 656 nm; a material without dispersion has no Abbe number")
    return float((yellow - 1) / (blue - red))


def _index_at(spectrum: Spectrum, wavelengths: ArrayLike) -> FloatArray:
    return material_index(spectrum, HC / np.asarray(wavelengths, float)).real
