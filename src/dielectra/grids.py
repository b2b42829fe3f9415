"""Grids of photon energies, written as short text in data sets and cards."""

from __future__ import annotations

import numpy as np

from dielectra.arrays import FloatArray

MOST_ENERGIES = 1_000_000


def parse_energies(text: str) -> FloatArray:
    """Return the photon energies (eV) that ``linspace(start,stop,n)`` or a comma-separated list stands for.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text.startswith("linspace(") and text.endswith(")"):
        start, stop, count = text[len("linspace(") : -1].split(",")
        if not 2 <= int(count) <= MOST_ENERGIES:
            raise ValueError(f"a grid has 2 to {MOST_ENERGIES} energies; {count} declared")
        return np.linspace(float(start), float(stop), int(count))
    energies = np.array([float(value) for value in text.split(",")])
    if len(energies) < 2:
        raise ValueError("a grid needs at least two energies, written like 'linspace(0,20,401)'")
    return energies


def describe_energies(energies: FloatArray) -> str:
    """Return the text that :func:`parse_energies` reads."""
    regular = np.linspace(energies[0], energies[-1], len(energies))
    if np.allclose(energies, regular, rtol=0, atol=1e-9):
        return f"linspace({_shortest(energies[0])},{_shortest(energies[-1])},{len(energies)})"
    return ",".join(repr(float(energy)) for energy in energies)


def _shortest(energy: float) -> str:
    """Return the shortest text that stands for exactly this number."""
    short = f"{energy:g}"
    return short if float(short) == energy else repr(float(energy))
