"""What every engine returns, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dielectra.abinitio.protocol import NamedProtocol
from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.errors import InputError

ENERGIES = np.linspace(0.0, 20.0, 401)
"""Photon energies in eV of every record that an engine makes."""

MAXIMUM_MOMENT = 0.5
"""Total moment in Bohr magnetons above which a crystal is magnetic: that of a crystal with a gap is a whole number, so
that less is what smearing has left. Databases hold up to 0.24 for alkali halides."""


class RefusedError(InputError):
    """A crystal that the engine does not compute, with the reason."""


def refuse_spin(crystal: Crystal, n_electrons: int, magnetic_moment: float) -> None:
    """Refuse what a protocol without spin does not describe.

    Parameters
    ----------
    n_electrons
        Valence electrons of the cell.
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.

    Raises
    ------
    RefusedError
        If the crystal is magnetic or the electron count is odd.
    """
    if abs(magnetic_moment) > MAXIMUM_MOMENT:
        raise RefusedError(
            f"{crystal.formula}: magnetic (total moment {magnetic_moment:.2f}); the protocol has no spin"
        )
    if n_electrons % 2:
        raise RefusedError(f"{crystal.formula}: odd number of valence electrons; the protocol has no spin")


class ComputationError(RuntimeError):
    """A computation that was begun and failed."""


@dataclass(frozen=True, eq=False)
class Computation:
    """The result of one ab initio computation.

    Attributes
    ----------
    crystal
        The standardised primitive cell that was computed.
    energies
        Photon energies in eV, shape ``(n_energies,)``, 0-20 eV.
    tensors
        Complex dielectric tensor of each level, shape ``(3, 3, n_energies)``; any number of levels, none of a metal.
    gap_direct, gap_indirect
        Gaps in eV of the protocol's functional on the k-point grid of the response.
    cpu_seconds
        CPU seconds by part: ``ground_state``, ``bands``, ``response``.
    properties
        Further values by name, plain data: a gap of another functional, say.
    metal
        Whether the crystal is a metal, of which nothing but the verdict is kept.
    """

    crystal: Crystal
    protocol: NamedProtocol
    energies: FloatArray
    tensors: dict[str, ComplexArray]
    gap_direct: float
    gap_indirect: float
    kgrid: tuple[int, int, int]
    n_kpoints: int
    n_bands: int
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    metal: bool = False
