"""The target: what a network predicts, and how its output becomes spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, field_validator

from dielectra.arrays import BoolArray, ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.grids import describe_energies, parse_energies
from dielectra.integrals import real_from_imaginary
from dielectra.levels import check_level
from dielectra.spectrum import COMPONENTS, Spectrum

DIELECTRIC = "dielectric"
"""Quantity of a spectrum; every other quantity is a number."""

ROUNDING = 1e-12
"""Share of the trace below which a negative eigenvalue is rounding."""

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
        return {
            level: Spectrum(self.grid, self.tensors(row, level), level, self.broadening, provenance or {})
            for level in self.levels
        }

    def tensors(self, rows: FloatArray, level: str) -> ComplexArray:
        """Return the dielectric tensors at a level that rows of output stand for, shape ``(..., 3, 3, n_energies)``.

        Parameters
        ----------
        rows
            Shape ``(..., *target.shape)``.

        Raises
        ------
        InputError
            If the target is a number, or lacks the imaginary part.
        """
        if self.quantity != DIELECTRIC or "im" not in self.parts:
            raise InputError(f"a target of {self.quantity} ({', '.join(self.parts)}) has no spectrum")
        parts = np.asarray(rows, float)[..., self.levels.index(level), :, :, :]
        by_name = {name: parts[..., index, :, :] for index, name in enumerate(self.parts)}
        imaginary = passive(as_tensor(by_name["im"]))
        real = as_tensor(by_name["re"]) if "re" in by_name else self._real_part(imaginary)
        return np.asarray(real + 1j * imaginary)

    def _real_part(self, imaginary: FloatArray) -> FloatArray:
        components = np.stack([imaginary[..., i, j, :] for i, j in COMPONENTS.values()], axis=-2)
        real = real_from_imaginary(self.grid, components)
        real[..., 3:, :] -= 1.0
        return as_tensor(real)


def as_tensor(components: FloatArray) -> FloatArray:
    """Return tensors ``(..., 3, 3, n_energies)`` of one or six components ``(..., 1 or 6, n_energies)``."""
    if components.shape[-2] == 1:
        return np.asarray(np.eye(3)[:, :, None] * components[..., None, :, :])
    tensor = np.empty((*components.shape[:-2], 3, 3, components.shape[-1]))
    for index, (i, j) in enumerate(COMPONENTS.values()):
        tensor[..., i, j, :] = tensor[..., j, i, :] = components[..., index, :]
    return tensor


def passive(imaginary: FloatArray) -> FloatArray:
    """Return the nearest tensors without negative eigenvalues, shape ``(..., 3, 3, n_energies)`` as given."""
    wrong = ~_is_passive(imaginary)
    if not wrong.any():
        return imaginary
    by_energy = np.moveaxis(imaginary, -1, -3).copy()
    values, vectors = np.linalg.eigh(by_energy[wrong])
    by_energy[wrong] = np.einsum("wia,wa,wja->wij", vectors, np.maximum(values, 0.0), vectors)
    return np.moveaxis(by_energy, -3, -1)


def _is_passive(tensors: FloatArray) -> BoolArray:
    """Return at which energies no eigenvalue is negative beyond rounding, by the principal minors, ``(..., n)``."""
    xx, yy, zz, yz, xz, xy = (tensors[..., i, j, :] for i, j in COMPONENTS.values())
    scale = np.abs(xx) + np.abs(yy) + np.abs(zz)
    pairs = np.minimum(np.minimum(yy * zz - yz**2, xx * zz - xz**2), xx * yy - xy**2)
    determinant = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    diagonal = np.minimum(np.minimum(xx, yy), zz)
    return np.asarray((diagonal >= 0) & (pairs >= -ROUNDING * scale**2) & (determinant >= -ROUNDING * scale**3))
