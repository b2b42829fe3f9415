"""The dielectric tensor of a crystal against photon energy, and the integral relations it obeys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.integrals import (
    PLASMA_ENERGY_SQUARED,
    effective_electrons,
    imaginary_from_real,
    plasma_energy,
    quantum_weight,
    real_from_imaginary,
    similarity,
)
from dielectra.levels import check_level
from dielectra.views import view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COMPONENTS",
    "PLASMA_ENERGY_SQUARED",
    "Component",
    "OpticalConstants",
    "Spectrum",
    "effective_electrons",
    "imaginary_from_real",
    "isotropic_spectrum",
    "plasma_energy",
    "quantum_weight",
    "real_from_imaginary",
    "similarity",
]


COMPONENTS = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}

Component = str | Sequence[float]
"""Name of a component or wave, or the Cartesian direction of the electric field."""


class OpticalConstants(NamedTuple):
    """What follows from a dielectric function along one direction, each of shape ``(n_energies,)``.

    Attributes
    ----------
    eps1, eps2
        Real and imaginary part of the dielectric function.
    n, k
        Refractive index and extinction coefficient.
    absorption
        Absorption coefficient, 1/cm.
    reflectivity
        Normal-incidence reflectivity of a half-space in vacuum, 0 to 1.
    loss
        Energy loss function.
    eps_infinity
        Electronic dielectric constant, ions clamped; None for a grid that does not begin near zero.
    """

    eps1: FloatArray
    eps2: FloatArray
    n: FloatArray
    k: FloatArray
    absorption: FloatArray
    reflectivity: FloatArray
    loss: FloatArray
    eps_infinity: float | None

    @property
    def static_eps(self) -> float | None:
        """Return `eps_infinity` by its name in the first edition; without phonons it is no static value."""
        return self.eps_infinity


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A macroscopic dielectric tensor on a grid of photon energies.

    In a notebook it shows as a small figure with its facts; ``n``, ``k``, ``absorption`` and ``at`` give values at any
    photon energy or wavelength.

    Attributes
    ----------
    energies
        Photon energies, shape ``(n_energies,)``, eV, not negative and increasing.
    tensor
        Complex relative dielectric tensor, shape ``(3, 3, n_energies)``, symmetric in its first two axes.
    level
        Level of theory (:data:`dielectra.levels.LEVELS`).
    broadening
        Lorentzian broadening in eV, None where unknown.
    provenance
        Where the spectrum comes from: ``formula``, ``model``, ``engine``, ``protocol``, ``reference``, ``warnings``.
    members
        Tensors of the members of an ensemble whose mean `tensor` is, each of shape ``(3, 3, n_energies)``; empty
        without an ensemble.
    """

    energies: FloatArray
    tensor: ComplexArray
    level: str
    broadening: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[ComplexArray, ...] = ()

    def __post_init__(self) -> None:
        check_level(self.level)
        energies = np.asarray(self.energies, float)
        tensor = np.asarray(self.tensor, complex)
        if energies.ndim != 1 or len(energies) < 2 or tensor.shape != (3, 3, len(energies)):
            raise InputError(
                f"a spectrum needs energies (n,) and a tensor (3, 3, n); got {energies.shape} and {tensor.shape}"
            )
        if not np.isfinite(energies).all():
            raise InputError("the spectrum holds energies that are not finite; remove NaN and infinite points")
        if energies[0] < 0 or np.any(np.diff(energies) <= 0):
            raise InputError("photon energies must be increasing and not negative (eV)")
        if self.broadening is not None and not 0 <= self.broadening < np.inf:
            raise InputError(f"a broadening is a number of eV that is not negative; got {self.broadening}")
        members = tuple(np.asarray(member, complex) for member in self.members)
        for member in members:
            if member.shape != tensor.shape:
                raise InputError(f"a member of a spectrum needs the shape of its tensor {tensor.shape}; {member.shape}")
        _check_tensors(np.array((tensor, *members)))
        object.__setattr__(self, "energies", energies)
        object.__setattr__(self, "tensor", tensor)
        object.__setattr__(self, "members", members)

    @property
    def mean(self) -> ComplexArray:
        """Return the isotropic average, a third of the trace, shape ``(n_energies,)``."""
        return np.asarray(np.trace(self.tensor) / 3)

    @property
    def member_means(self) -> ComplexArray:
        """Return the isotropic average of each member of an ensemble, shape ``(n_members, n_energies)``."""
        means = [np.trace(member) / 3 for member in self.members]
        return np.array(means).reshape(len(means), len(self.energies))

    def component(self, name: str) -> ComplexArray:
        """Return one component (``xx``, ``yy``, ``zz``, ``yz``, ``xz``, ``xy``) or ``mean``, shape ``(n_energies,)``.

        Raises
        ------
        InputError
            If there is no component of that name.
        """
        if name == "mean":
            return self.mean
        if name not in COMPONENTS:
            raise InputError(f"unknown component {name!r}; allowed are mean, {', '.join(COMPONENTS)}")
        row, column = COMPONENTS[name]
        return np.asarray(self.tensor[row, column])

    def along(self, direction: Sequence[float]) -> ComplexArray:
        """Return the function seen by a field along a Cartesian direction, shape ``(n_energies,)``.

        Raises
        ------
        InputError
            If the direction is not three numbers or is zero.
        """
        try:
            vector = np.asarray(direction, float)
        except (TypeError, ValueError):
            vector = np.zeros(0)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not np.any(vector):
            raise InputError(f"a direction is three numbers, not all zero; got {direction!r}")
        unit = vector / np.linalg.norm(vector)
        return np.asarray(np.einsum("i,ijw,j->w", unit, self.tensor, unit))

    def resample(self, energies: ArrayLike) -> Spectrum:
        """Return the spectrum on other photon energies by linear interpolation.

        Parameters
        ----------
        energies
            New grid, shape ``(m,)``, eV, inside the present one.

        Raises
        ------
        InputError
            If the new grid leaves the present one.
        """
        grid = np.asarray(energies, float)
        if grid.ndim != 1 or len(grid) < 2:
            raise InputError(f"a grid is a list of at least two energies (eV); got shape {grid.shape}")
        if grid.min() < self.energies[0] - 1e-9 or grid.max() > self.energies[-1] + 1e-9:
            raise InputError(
                f"can only resample inside {self.energies[0]:g}-{self.energies[-1]:g} eV; asked for "
                f"{grid.min():g}-{grid.max():g} eV"
            )

        def interpolate(tensor: ComplexArray) -> ComplexArray:
            rows = [np.interp(grid, self.energies, row) for row in tensor.reshape(9, -1)]
            return np.array(rows).reshape(3, 3, -1)

        members = tuple(interpolate(member) for member in self.members)
        return replace(self, energies=grid, tensor=interpolate(self.tensor), members=members)

    def n(self, at: ArrayLike | str | None = None, unit: str = "ev", component: Component = "mean") -> Any:
        """Return the refractive index: ``spectrum.n(589, "nm")``.

        Parameters
        ----------
        at
            One value or many in `unit`, or text such as ``589 nm``; by default the spectrum's own energies.
        unit
            ``ev``, ``nm``, ``um``, ``cm-1`` or ``thz``.
        component
            ``mean``, ``xx``, ``yy``, ``zz``, ``ordinary``, ``extraordinary``, ``alpha``, ``beta``, ``gamma`` or the
            Cartesian direction of the field.

        Returns
        -------
        float or array
            A number for one value, else an array of the shape of the values.

        Raises
        ------
        InputError
            If a value lies outside the spectrum, or unit or component is unknown.
        """
        return view("quantity")(self, "n", at, unit, component)

    def k(self, at: ArrayLike | str | None = None, unit: str = "ev", component: Component = "mean") -> Any:
        """Return the extinction coefficient; parameters as for :meth:`n`."""
        return view("quantity")(self, "k", at, unit, component)

    def absorption(self, at: ArrayLike | str | None = None, unit: str = "ev", component: Component = "mean") -> Any:
        """Return the absorption coefficient in 1/cm; parameters as for :meth:`n`."""
        return view("quantity")(self, "absorption", at, unit, component)

    def nk(self, wavelength: ArrayLike | str, unit: str = "nm", component: Component = "mean") -> Any:
        """Return the complex refractive index n + i k at wavelengths, as ``tmm`` and other solvers take it.

        Parameters are those of :meth:`n`; a number is a wavelength in nm unless `unit` says otherwise.
        """
        return self.n(wavelength, unit, component) + 1j * self.k(wavelength, unit, component)

    def at(self, at: float | str, unit: str = "ev", component: Component = "mean") -> OpticalConstants:
        """Return all optical constants at one photon energy or wavelength; parameters as for :meth:`n`."""
        constants: OpticalConstants = view("constants")(self, at, unit, component)
        return constants

    def plot(
        self,
        quantity: str = "eps",
        unit: str = "ev",
        limits: tuple[float, float] | str | None = None,
        components: Sequence[Component] | None = None,
    ) -> Figure:
        """Draw ``eps``, ``nk``, ``eps1``, ``eps2``, ``n``, ``k``, ``absorption``, ``reflectivity`` or ``loss``.

        Parameters
        ----------
        unit, limits
            Unit of the axis and its ends in that unit, for instance ``nm`` and ``400:800``.
        components
            As in :meth:`n`; by default those that differ.
        """
        figure: Figure = view("plot")(self, quantity, unit, limits, components)
        return figure

    def to_dataframe(
        self,
        unit: str = "ev",
        limits: tuple[float, float] | str | None = None,
        step: float | None = None,
        components: Sequence[str] | None = None,
    ) -> Any:
        """Return all quantities as a pandas table; parameters as for :func:`~dielectra.optics.quantities.tabulate`."""
        return view("dataframe")(self, unit, limits, step, components)

    def to_csv(
        self,
        path: str | Path,
        unit: str = "ev",
        limits: tuple[float, float] | str | None = None,
        step: float | None = None,
        components: Sequence[str] | None = None,
    ) -> Path:
        """Write all quantities as CSV; parameters as for :func:`~dielectra.optics.quantities.tabulate`."""
        written: Path = view("csv")(self, path, unit, limits, step, components)
        return written

    def __repr__(self) -> str:
        shown: str = view("text")(self)
        return shown

    def _repr_html_(self) -> str:
        shown: str = view("html")(self)
        return shown

    def _repr_png_(self) -> bytes:
        shown: bytes = view("png")(self)
        return shown


def _check_tensors(tensors: ComplexArray) -> None:
    if not np.isfinite(tensors).all():
        raise InputError("the spectrum holds values that are not finite; remove NaN and infinite points")
    skew = max(np.abs(tensors[:, i, j] - tensors[:, j, i]).max() for i, j in COMPONENTS.values() if i != j)
    if skew > 1e-3 and skew > 1e-3 * float(np.abs(tensors).max()):
        raise InputError("the dielectric tensor is not symmetric; gyrotropic crystals are not supported")


def isotropic_spectrum(
    energies: ArrayLike,
    eps2: ArrayLike,
    level: str,
    broadening: float | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Spectrum:
    """Build a spectrum from an isotropic imaginary part; the real part follows by Kramers-Kronig.

    Parameters
    ----------
    energies, eps2
        Photon energies (eV) and imaginary part, each of shape ``(n_energies,)``.
    """
    grid, imaginary = np.asarray(energies, float), np.asarray(eps2, float)
    if grid.ndim != 1 or imaginary.shape != grid.shape:
        raise InputError(f"energies and eps2 must have one length; got shapes {grid.shape} and {imaginary.shape}")
    function = real_from_imaginary(grid, imaginary) + 1j * imaginary
    tensor = np.einsum("ij,w->ijw", np.eye(3), function)
    return Spectrum(grid, tensor, level, broadening, provenance or {})
