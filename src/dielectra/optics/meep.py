"""Fitted oscillators in the units of Meep, and the resolution that they need there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dielectra.errors import InputError
from dielectra.optics.oscillators import Oscillators
from dielectra.units import HC, NANOMETRES_PER_MICROMETRE

COURANT_FACTOR = 0.5
"""Meep's default ratio of time step and grid spacing."""


def meep_susceptibilities(oscillators: Oscillators, length_unit_um: float = 1.0) -> dict[str, Any]:
    """Return oscillators as arguments of Meep's ``Medium``: ``epsilon`` and ``E_susceptibilities``.

    Each entry of ``susceptibilities`` names Meep's class and its ``frequency``, ``gamma`` and ``sigma``. Frequencies
    and gammas are in Meep's unit c/a, that is ``E a / (h c)``, with a the length unit.

    Parameters
    ----------
    length_unit_um
        Meep's length unit a in micrometre.

    Raises
    ------
    InputError
        If the unit is not positive.
    """
    if not np.isfinite(length_unit_um) or length_unit_um <= 0:
        raise InputError(f"Meep's length unit must be positive (micrometre); got {length_unit_um}")
    per_ev = _per_ev(length_unit_um)
    terms = [
        ("LorentzianSusceptibility", energy, width, strength)
        for energy, width, strength in zip(oscillators.energies, oscillators.widths, oscillators.strengths, strict=True)
    ]
    if oscillators.drude_energy > 0:
        terms.append(("DrudeSusceptibility", oscillators.drude_energy, oscillators.drude_width, 1.0))
    return {
        "length_unit_um": length_unit_um,
        "epsilon": oscillators.eps_infinity,
        "susceptibilities": [
            {
                "class": name,
                "frequency": float(energy * per_ev),
                "gamma": float(width * per_ev),
                "sigma": float(strength),
            }
            for name, energy, width, strength in terms
        ],
    }


def least_resolution(oscillators: Oscillators, length_unit_um: float = 1.0) -> int:
    """Return the grid points for each length unit from which on Meep's time steps follow the fastest pole.

    Central differences step an oscillator of angular frequency w stably where ``w dt < 2``; ``dt`` is Meep's default.
    """
    fastest = float(np.max(oscillators.energies)) * _per_ev(length_unit_um)
    return math.ceil(math.pi * fastest * COURANT_FACTOR)


def _per_ev(length_unit_um: float) -> float:
    """Return the frequency of 1 eV in units of c/a."""
    return length_unit_um * NANOMETRES_PER_MICROMETRE / HC
