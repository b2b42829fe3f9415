"""Optical quantities by name: curves, values at a photon energy or wavelength, and tables on any axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.anisotropy import principal_indices
from dielectra.optics.constants import (
    STATIC_LIMIT,
    absorption_coefficient,
    energy_loss,
    is_isotropic,
    off_diagonals,
    reflectivity,
    refractive_index,
)
from dielectra.spectrum import Component, OpticalConstants, Spectrum
from dielectra.units import EV, Axis, Unit, format_energy, make_axis, parse_energy, to_energies

SODIUM_NM = 589.0
"""Wavelength in nm of the yellow light of sodium, at which refractive indices are quoted."""

WAVES = ("ordinary", "extraordinary")
PRINCIPAL = ("alpha", "beta", "gamma")
OFF_DIAGONAL = ("yz", "xz", "xy")


@dataclass(frozen=True)
class Quantity:
    """Describe an optical quantity.

    Attributes
    ----------
    name
        As the Python API spells it.
    column
        Name in tables, with the unit where there is one.
    label
        Title of an axis that shows it.
    formula
        Its values from photon energies (eV) and dielectric function, each of shape ``(n_energies,)``.
    lowest, highest
        Bounds of its values in a passive crystal.
    """

    name: str
    column: str
    label: str
    formula: Callable[[FloatArray, ComplexArray], FloatArray]
    lowest: float = -np.inf
    highest: float = np.inf


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("eps1", "eps1", r"$\varepsilon_1$", lambda _, eps: eps.real),
        Quantity("eps2", "eps2", r"$\varepsilon_2$", lambda _, eps: eps.imag, 0.0),
        Quantity("n", "n", "refractive index n", lambda _, eps: refractive_index(eps).real, 0.0),
        Quantity("k", "k", "extinction coefficient k", lambda _, eps: refractive_index(eps).imag, 0.0),
        Quantity("absorption", "absorption_per_cm", "absorption coefficient (1/cm)", absorption_coefficient, 0.0),
        Quantity("reflectivity", "reflectivity", "reflectivity", lambda _, eps: reflectivity(eps), 0.0, 1.0),
        Quantity("loss", "loss", r"energy loss $-\mathrm{Im}\,1/\varepsilon$", lambda _, eps: energy_loss(eps), 0.0),
    )
}


def find_quantity(name: str) -> Quantity:
    """Return the quantity of a name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in QUANTITIES:
        raise InputError(f"unknown quantity {name!r}; allowed are {', '.join(QUANTITIES)}")
    return QUANTITIES[name]


def dielectric_function(spectrum: Spectrum, component: Component = "mean") -> ComplexArray:
    """Return the dielectric function of one component, wave or direction, shape ``(n_energies,)``.

    Parameters
    ----------
    component
        ``mean`` for the isotropic average; ``xx``, ``yy`` or ``zz``; ``ordinary`` or ``extraordinary`` of a uniaxial
        crystal; ``alpha``, ``beta`` or ``gamma``, the principal axes by rising index; or the Cartesian direction of the
        electric field.

    Raises
    ------
    InputError
        If the component is unknown or off-diagonal, or a biaxial crystal is asked for its ordinary wave.
    """
    if not isinstance(component, str):
        return spectrum.along(component)
    if component in OFF_DIAGONAL:
        raise InputError(f"component {component} is off-diagonal and has no refractive index; give a direction instead")
    if component in WAVES:
        principal = principal_indices(spectrum)
        index = principal.ordinary if component == "ordinary" else principal.extraordinary
        return np.asarray(index**2)
    if component in PRINCIPAL:
        indices = principal_indices(spectrum).indices
        order = np.argsort(indices[:, 0].real, kind="stable")
        return np.asarray(indices[order[PRINCIPAL.index(component)]] ** 2)
    if component != "mean" and component not in ("xx", "yy", "zz"):
        known = ("mean", "xx", "yy", "zz", *WAVES, *PRINCIPAL)
        raise InputError(f"unknown component {component!r}; allowed are {', '.join(known)} or a direction")
    return spectrum.component(component)


def distinct_components(spectrum: Spectrum) -> tuple[str, ...]:
    """Return the names of the functions a crystal has: one, two of a uniaxial crystal, or three."""
    kind = principal_indices(spectrum).kind
    return {"isotropic": ("mean",), "uniaxial": WAVES, "biaxial": PRINCIPAL}[kind]


def quantity_curve(spectrum: Spectrum, quantity: str, component: Component = "mean") -> FloatArray:
    """Return a quantity on the energies of the spectrum, shape ``(n_energies,)``; errors as for the parts of the name.

    Parameters
    ----------
    quantity
        ``eps1``, ``eps2``, ``n``, ``k``, ``absorption`` (1/cm), ``reflectivity`` or ``loss``.
    component
        See :func:`dielectric_function`.
    """
    formula = find_quantity(quantity).formula
    return np.asarray(formula(spectrum.energies, dielectric_function(spectrum, component)))


def interpolate(spectrum: Spectrum, energies: ArrayLike, component: Component = "mean") -> ComplexArray:
    """Return the dielectric function at photon energies (eV), interpolated linearly, in their shape.

    Raises
    ------
    InputError
        If an energy lies outside the spectrum.
    """
    wanted = np.asarray(energies, float)
    low, high = spectrum.energies[[0, -1]]
    outside = (wanted < low - 1e-9) | (wanted > high + 1e-9)
    if outside.any():
        far = float(wanted[outside].flat[0])
        wavelengths = f" ({format_energy(far, 'nm')})" if far > 0 else ""
        raise InputError(f"the spectrum covers {low:g} to {high:g} eV; asked for {far:.4g} eV{wavelengths}")
    return np.asarray(np.interp(wanted, spectrum.energies, dielectric_function(spectrum, component)))


def quantity_at(
    spectrum: Spectrum,
    quantity: str,
    at: ArrayLike | str,
    unit: str | Unit = EV,
    component: Component = "mean",
) -> float | FloatArray:
    """Return a quantity at photon energies or wavelengths: a number for one, an array of their shape for many.

    Parameters
    ----------
    at
        Values in `unit`, or text such as ``589 nm``.

    Raises
    ------
    InputError
        If quantity, unit or component is unknown, or a value lies outside the spectrum.
    """
    formula = find_quantity(quantity).formula
    energies = parse_energy(at, unit) if isinstance(at, str) else to_energies(at, unit)
    values = formula(np.asarray(energies), interpolate(spectrum, energies, component))
    return float(values) if np.ndim(values) == 0 else np.asarray(values)


def quantity_of(
    spectrum: Spectrum,
    quantity: str,
    at: ArrayLike | str | None = None,
    unit: str | Unit = EV,
    component: Component = "mean",
) -> float | FloatArray:
    """Return a quantity at values as :func:`quantity_at` does, on its own energies without."""
    if at is None:
        return quantity_curve(spectrum, quantity, component)
    return quantity_at(spectrum, quantity, at, unit, component)


def sodium_index(spectrum: Spectrum) -> float | None:
    """Return the refractive index at :data:`SODIUM_NM`, isotropic average; None where the spectrum lacks it."""
    try:
        return float(quantity_at(spectrum, "n", SODIUM_NM, "nm"))
    except InputError:
        return None


def constants_at(
    spectrum: Spectrum, at: float | str, unit: str | Unit = EV, component: Component = "mean"
) -> OpticalConstants:
    """Return all optical constants at one photon energy or wavelength; parameters as for :func:`quantity_at`."""
    values = {name: quantity_at(spectrum, name, at, unit, component) for name in QUANTITIES}
    eps = dielectric_function(spectrum, component)
    static = float(eps[0].real) if spectrum.energies[0] <= STATIC_LIMIT else None
    return OpticalConstants(**values, eps_infinity=static)  # type: ignore[arg-type]


def tabulate(
    spectrum: Spectrum,
    unit: str | Unit = EV,
    limits: tuple[float, float] | str | None = None,
    step: float | None = None,
    components: Sequence[str] | None = None,
) -> dict[str, FloatArray]:
    """Return a spectrum as columns: the axis first, then every quantity.

    Parameters
    ----------
    unit, limits, step
        The axis; see :func:`~dielectra.units.make_axis`.
    components
        Columns of ``mean`` bear the name of their quantity, those of others end with that of the component, as
        ``n_xx``. By default ``mean``; ``xx``, ``yy`` and ``zz`` where they differ; and eps of the
        off-diagonal components that do not vanish.

    Returns
    -------
    dict
        Arrays of one length by column, rows in the order of the rising axis.

    Raises
    ------
    InputError
        If the axis leaves the spectrum, or unit or component is unknown.
    """
    return tabulate_on(spectrum, make_axis(spectrum.energies, unit, limits, step), components)


def tabulate_on(spectrum: Spectrum, axis: Axis, components: Sequence[str] | None = None) -> dict[str, FloatArray]:
    """Return a spectrum on the points of an axis as columns; see :func:`tabulate`."""
    skew: tuple[str, ...] = ()
    if components is None:
        components = ("mean",) if is_isotropic(spectrum) else ("mean", "xx", "yy", "zz")
        skew = off_diagonals(spectrum)
    energies = axis.energies
    columns = {axis.unit.column: axis.values}
    for component in components:
        eps = interpolate(spectrum, energies, component)
        suffix = "" if component == "mean" else f"_{component}"
        columns |= {q.column + suffix: np.asarray(q.formula(energies, eps)) for q in QUANTITIES.values()}
    for component in skew:
        eps = np.interp(energies, spectrum.energies, spectrum.component(component))
        columns |= {f"eps1_{component}": eps.real, f"eps2_{component}": eps.imag}
    return columns


def csv_text(comment: str, columns: Mapping[str, FloatArray]) -> str:
    """Return columns of one length as CSV below a comment line, six significant digits each."""
    rows = zip(*columns.values(), strict=True)
    lines = [f"# {comment}", ",".join(columns), *(",".join(f"{value:.6g}" for value in row) for row in rows)]
    return "\n".join(lines) + "\n"
