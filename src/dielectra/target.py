"""The target: what a network predicts, and how its output becomes spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, field_validator

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.grids import describe_energies, parse_energies
from dielectra.integrals import real_from_imaginary
from dielectra.levels import check_level
from dielectra.spectrum import COMPONENTS, Spectrum

DIELECTRIC = "dielectric"
"""Quantity of a spectrum; every other quantity is a number."""

Part = Literal["re", "im"]
Energies = Annotated[
    tuple[float, ...],
    BeforeValidator(lambda given: tuple(parse_energies(given).tolist()) if isinstance(given, str) else given),
    PlainSerializer(lambda energies: describe_energies(np.array(energies)) if energies else ()),
]


class Target(BaseModel):
    """What a network predicts of a crystal.

    Attributes
    ----------
    quantity
        ``dielectric`` for spectra. Any other name is a number of each crystal, such as a gap: a column of the data set
        or what an experiment makes of it.
    levels
        Levels of theory, from low to high.
    parts
        Real part, imaginary part or both. A real part that is left out follows by Kramers-Kronig. A number
        has ``re``.
    rank
        0 for the isotropic average, 2 for the tensor (xx, yy, zz, yz, xz, xy).
    energies
        Photon energies, eV; written as ``linspace(start,stop,n)``. Empty for a number.
    broadening
        Lorentzian broadening in eV, None where unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantity: str = DIELECTRIC
    levels: tuple[str, ...]
    parts: tuple[Part, ...] = ("im",)
    rank: Literal[0, 2] = 0
    energies: Energies = ()
    broadening: float | None = None

    @field_validator("levels")
    @classmethod
    def _check_levels(cls, levels: tuple[str, ...]) -> tuple[str, ...]:
        if not levels:
            raise ValueError("a target needs at least one level")
        try:
            return tuple(check_level(level) for level in levels)
        except InputError as error:
            raise ValueError(str(error)) from error

    @property
    def level(self) -> str:
        """Return the highest level."""
        return self.levels[-1]

    @property
    def grid(self) -> FloatArray:
        """Return the photon energies as an array, shape ``(n_energies,)``, eV; one zero for a number."""
        return np.array(self.energies or (0.0,))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return ``(n_levels, n_parts, 1 or 6, n_energies)``; a number counts as one energy."""
        return len(self.levels), len(self.parts), 6 if self.rank else 1, len(self.grid)

    def is_on_grid(self, energies: FloatArray) -> bool:
        """Return whether photon energies (eV) are those of the target, to 1e-6 eV."""
        return len(energies) == len(self.grid) and bool(np.abs(self.grid - energies).max() < 1e-6)

    def index(self, level: str) -> int:
        """Return the place of a level in the target, that of the highest where the target does not have it."""
        return self.levels.index(level) if level in self.levels else len(self.levels) - 1

    def spectra(self, row: FloatArray, provenance: Mapping[str, Any] | None = None) -> dict[str, Spectrum]:
        """Return the spectra that one row of a network's output stands for, by level.

        What is not passive is made so: negative eigenvalues of the imaginary part become zero.

        Parameters
        ----------
        row
            Shape ``target.shape``.

        Raises
        ------
        InputError
            If the target is a number, or lacks the imaginary part.
        """
        if self.quantity != DIELECTRIC or "im" not in self.parts:
            raise InputError(f"a target of {self.quantity} ({', '.join(self.parts)}) has no spectrum")
        found = {}
        for level, parts in zip(self.levels, np.asarray(row, float), strict=True):
            by_name = dict(zip(self.parts, parts, strict=True))
            imaginary = passive(as_tensor(by_name["im"]))
            real = as_tensor(by_name["re"]) if "re" in by_name else self._real_part(imaginary)
            found[level] = Spectrum(self.grid, real + 1j * imaginary, level, self.broadening, provenance or {})
        return found

    def _real_part(self, imaginary: FloatArray) -> FloatArray:
        real = np.empty_like(imaginary)
        for i, j in COMPONENTS.values():
            constant = 0.0 if i == j else 1.0
            real[i, j] = real[j, i] = real_from_imaginary(self.grid, imaginary[i, j]) - constant
        return real


def as_tensor(components: FloatArray) -> FloatArray:
    """Return tensors ``(3, 3, n_energies)`` of one isotropic row or of six components ``(1 or 6, n_energies)``."""
    if len(components) == 1:
        return np.asarray(np.einsum("ij,w->ijw", np.eye(3), components[0]))
    tensor = np.empty((3, 3, components.shape[1]))
    for (i, j), values in zip(COMPONENTS.values(), components, strict=True):
        tensor[i, j] = tensor[j, i] = values
    return tensor


def passive(imaginary: FloatArray) -> FloatArray:
    """Return the nearest tensors without negative eigenvalues, shape ``(3, 3, n_energies)`` as given."""
    if (imaginary * (1 - np.eye(3))[:, :, None]).any():
        values, vectors = np.linalg.eigh(imaginary.transpose(2, 0, 1))
        if values.min() >= 0:
            return imaginary
        return np.asarray(np.einsum("wia,wa,wja->ijw", vectors, np.maximum(values, 0.0), vectors))
    return np.maximum(imaginary, 0.0)
