"""Units of photon-energy axes: electronvolt, nanometre, micrometre, inverse centimetre, terahertz.

Inside the package photon energies are in eV. Other units stand only at its borders: command line, files, plots, API.
Wavelengths are those in vacuum. Constants: CODATA 2018.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import FloatArray
from dielectra.errors import InputError

HC = 1239.8419843320026
"""Planck constant times speed of light, eV nm: photon energy times wavelength."""

PLANCK_THZ = 4.135667696923859e-3
"""Planck constant, eV per THz."""

HARTREE = 27.211386245988
"""Hartree energy, eV."""

BOHR = 0.529177210903
"""Bohr radius, angstrom."""

NANOMETRES_PER_CM = 1e7
NANOMETRES_PER_MICROMETRE = 1000.0

VISIBLE_NM = (380.0, 780.0)
"""Range of visible light, nm."""


@dataclass(frozen=True)
class Unit:
    """Describe a unit of photon-energy axes.

    Attributes
    ----------
    name
        As the command line and the API spell it: ``ev``, ``nm``, ``um``, ``cm-1`` or ``thz``.
    symbol
        As figures and texts print it.
    quantity
        What the axis shows: ``photon energy``, ``wavelength``, ``wavenumber`` or ``frequency``.
    column
        Name of the axis in tables.
    scale
        Photon energy in eV of one unit.
    is_wavelength
        Whether the photon energy is `scale` divided by the value, not times the value.
    usual
        Lowest and highest median of the values of an optical spectrum in this unit.
    """

    name: str
    symbol: str
    quantity: str
    column: str
    scale: float
    is_wavelength: bool
    usual: tuple[float, float]

    @property
    def plural(self) -> str:
        """Return the quantity in the plural, for instance ``photon energies``."""
        return f"{self.quantity[:-1]}ies" if self.quantity.endswith("y") else f"{self.quantity}s"

    @property
    def label(self) -> str:
        """Return the title of an axis in this unit, for instance ``wavelength (nm)``."""
        return f"{self.quantity} ({self.symbol})"


EV = Unit("ev", "eV", "photon energy", "energy_ev", 1.0, False, (5e-4, 100.0))
NM = Unit("nm", "nm", "wavelength", "wavelength_nm", HC, True, (10.0, 1e5))
UM = Unit("um", "µm", "wavelength", "wavelength_um", HC / NANOMETRES_PER_MICROMETRE, True, (0.01, 200.0))
PER_CM = Unit("cm-1", "1/cm", "wavenumber", "wavenumber_per_cm", HC / NANOMETRES_PER_CM, False, (5.0, 8e5))
THZ = Unit("thz", "THz", "frequency", "frequency_thz", PLANCK_THZ, False, (0.1, 2.5e4))

UNITS = {unit.name: unit for unit in (EV, NM, UM, PER_CM, THZ)}

_SPELLINGS = {
    EV: ("electronvolt", "electronvolts"),
    NM: ("nanometer", "nanometers", "nanometre", "nanometres"),
    UM: ("micrometer", "micrometers", "micrometre", "micrometres", "micron", "microns"),
    PER_CM: ("1/cm", "/cm", "cm^-1", "cm**-1", "per_cm", "wavenumber", "wavenumbers", "kayser"),
    THZ: ("terahertz",),
}
_BY_SPELLING = {spelling: unit for unit, names in _SPELLINGS.items() for spelling in (unit.name, *names)}
_PLAIN = str.maketrans({"µ": "u", "μ": "u", "⁻": "-", "¹": "1"})
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_COMMON_ENERGIES = (0.1, 30.0)

MOST_POINTS = 100_000


def parse_unit(text: str | Unit) -> Unit:
    """Return the unit that a text names, in any of its usual spellings (``nm``, ``µm``, ``cm⁻¹``, ``THz``).

    Raises
    ------
    InputError
        If it names none.
    """
    if isinstance(text, Unit):
        return text
    spelling = text.strip().translate(_PLAIN)
    unit = _BY_SPELLING.get(spelling.lower())
    # Upper case decides between milli and mega; a unit of another power of ten is not taken for this one.
    if unit is None or spelling[:1] == "M":
        raise InputError(f"unknown unit {text!r} of a photon-energy axis; allowed are {', '.join(UNITS)}")
    return unit


def to_energies(values: ArrayLike, unit: str | Unit) -> FloatArray:
    """Return the photon energies in eV of values in a unit, in their order and shape.

    Raises
    ------
    InputError
        If the unit is unknown, or a value is not finite, negative, or a wavelength of zero.
    """
    given, unit = np.asarray(values, float), parse_unit(unit)
    if not np.isfinite(given).all() or np.any(given < 0) or (unit.is_wavelength and np.any(given == 0)):
        bad = given[~np.isfinite(given) | (given < 0) | ((given == 0) & unit.is_wavelength)].flat[0]
        rule = "positive" if unit.is_wavelength else "not negative"
        raise InputError(f"a {unit.quantity} is a finite number that is {rule}; got {bad:g} {unit.symbol}")
    return np.asarray(unit.scale / given if unit.is_wavelength else unit.scale * given)


def from_energies(energies: ArrayLike, unit: str | Unit) -> FloatArray:
    """Return photon energies (eV) in a unit, in their order and shape; 0 eV has an infinite wavelength."""
    given, unit = np.asarray(energies, float), parse_unit(unit)
    if not unit.is_wavelength:
        return np.asarray(given / unit.scale)
    return np.asarray(np.divide(unit.scale, given, out=np.full_like(given, np.inf), where=given != 0))


def parse_energy(text: str | float, unit: str | Unit = EV) -> float:
    """Return the photon energy in eV of a quantity such as ``589 nm``, ``2.1`` or ``16,950 cm-1``.

    Parameters
    ----------
    unit
        Unit of a number that names none.

    Raises
    ------
    InputError
        If it is no number with a known unit, or no photon has that energy.
    """
    if isinstance(text, int | float):
        return float(to_energies(text, unit))
    match = _QUANTITY.fullmatch(re.sub(r"(?<=\d),(?=\d{3}(\D|$))", "", text.strip()))
    if match is None:
        raise InputError(f"{text!r} is no photon energy; give a number with a unit, such as 589 nm or 2.1 eV")
    return float(to_energies(float(match[1]), parse_unit(match[2]) if match[2].strip() else unit))


def format_energy(energy: float, unit: str | Unit = EV, digits: int = 4) -> str:
    """Return a photon energy (eV) as text in a unit, for instance ``589.3 nm``."""
    unit = parse_unit(unit)
    value = float(from_energies(energy, unit))
    number = f"{value:.{digits}g}" if value < 10**digits else f"{value:.0f}"
    return f"{number} {unit.symbol}"


def parse_range(text: str, unit: str | Unit = EV) -> tuple[float, float]:
    """Return lower and upper end, in the unit itself, of a range such as ``400:800``.

    Raises
    ------
    InputError
        If there are not two numbers, or they do not increase.
    """
    unit = parse_unit(unit)
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise InputError(f"a range is two numbers with a colon, such as 400:800; got {text!r}") from None
    to_energies([low, high], unit)
    if high <= low:
        raise InputError(f"a range goes from its lower to its upper end; got {text!r} {unit.symbol}")
    return low, high


@dataclass(frozen=True, eq=False)
class Axis:
    """Describe the points of a photon-energy axis.

    Attributes
    ----------
    unit
        Unit of the values.
    values
        Points in that unit, increasing, shape ``(n_points,)``.
    """

    unit: Unit
    values: FloatArray

    @property
    def energies(self) -> FloatArray:
        """Return the photon energies in eV in the order of the values, shape ``(n_points,)``."""
        return to_energies(self.values, self.unit)


@dataclass(frozen=True)
class AxisOptions:
    """Say on which points a spectrum is wanted; see :func:`make_axis`.

    Attributes
    ----------
    unit
        ``ev``, ``nm``, ``um``, ``cm-1`` or ``thz``.
    limits
        Ends in that unit, such as ``400:800``.
    step
        Distance of the points in that unit.

    Raises
    ------
    InputError
        If the unit is unknown or the limits are no range.
    """

    unit: str = "ev"
    limits: str | None = None
    step: float | None = None

    def __post_init__(self) -> None:
        parse_unit(self.unit)
        if self.limits is not None:
            parse_range(self.limits, self.unit)

    def axis(self, energies: ArrayLike) -> Axis:
        """Return the axis for data on photon energies (eV); errors as for :func:`make_axis`."""
        return make_axis(energies, self.unit, self.limits, self.step)


def make_axis(
    energies: ArrayLike,
    unit: str | Unit = EV,
    limits: tuple[float, float] | str | None = None,
    step: float | None = None,
) -> Axis:
    """Return an axis for data on a grid: the grid's points, those inside a range, or points with an even step.

    Parameters
    ----------
    energies
        Photon energies of the data, shape ``(n,)``, eV, increasing.
    unit
        Unit of the axis. A grid point at 0 eV has no wavelength and is left out.
    limits
        Lower and upper end in this unit, as two numbers or as ``400:800``; by default those of the grid.
    step
        Distance of the points in this unit; by default the points are those of the grid.

    Raises
    ------
    InputError
        If the range leaves the grid or holds fewer than two of its points, if the step is not positive or makes
        too many points, or if wavelengths are to have a step without a range.
    """
    unit, grid = parse_unit(unit), np.asarray(energies, float)
    if isinstance(limits, str):
        limits = parse_range(limits, unit)
    points = np.sort(from_energies(grid[grid > 0] if unit.is_wavelength else grid, unit))
    if limits is None:
        if step is None:
            return Axis(unit, points)
        if unit.is_wavelength:
            raise InputError("wavelengths with a step need a range, such as 400:800")
        limits = float(points[0]), float(points[-1])
    low, high = limits
    to_energies([low, high], unit)
    margin = 1e-9 * points[-1]
    if low < points[0] - margin or (high > points[-1] + margin and not (unit.is_wavelength and grid[0] == 0)):
        end = "" if unit.is_wavelength and grid[0] == 0 else f" to {points[-1]:.6g}"
        raise InputError(
            f"the spectrum covers {unit.plural} from {points[0]:.6g}{end} {unit.symbol}; "
            f"{low:g} to {high:g} {unit.symbol} leaves that range"
        )
    if step is not None:
        return even_axis(unit, (low, high), step)
    values = points[(points >= low - margin) & (points <= high + margin)]
    if len(values) < 2:
        raise InputError(
            f"the spectrum has fewer than two points from {low:g} to {high:g} {unit.symbol}; "
            "give a step, or a wider range"
        )
    return Axis(unit, values)


def even_axis(unit: str | Unit, limits: tuple[float, float], step: float) -> Axis:
    """Return an axis of even steps from the lower limit on, in its unit.

    Raises
    ------
    InputError
        If a limit is no photon's, or the step is not positive or makes too many points or a single one.
    """
    unit, (low, high) = parse_unit(unit), limits
    to_energies([low, high], unit)
    if not np.isfinite(step) or step <= 0:
        raise InputError(f"a step is a positive number; got {step:g}")
    if not step <= high - low:
        raise InputError(f"a step of {step:g} does not fit between {low:g} and {high:g} {unit.symbol}")
    if (high - low) / step > MOST_POINTS:
        raise InputError(f"a step of {step:g} makes more than {MOST_POINTS} points; give a larger one")
    n_steps = int(np.floor((high - low) / step * (1 + 1e-9)))
    return Axis(unit, np.asarray(low + step * np.arange(n_steps + 1)))


def doubtful_unit(values: Sequence[float] | FloatArray, unit: str | Unit) -> str | None:
    """Return a sentence where the values of an axis make no sense as an optical spectrum in their unit, else None.

    The median decides, since spectra may begin at zero or end far in the ultraviolet.
    """
    given, unit = np.asarray(values, float), parse_unit(unit)
    given = given[np.isfinite(given) & (given > 0)]
    if not len(given) or unit.usual[0] <= np.median(given) <= unit.usual[1]:
        return None
    middle = float(np.median(given))
    fitting = [
        other.symbol
        for other in (NM, UM, EV, PER_CM, THZ)
        if other is not unit and _COMMON_ENERGIES[0] <= float(to_energies(middle, other)) <= _COMMON_ENERGIES[1]
    ]
    hint = f"; are they in {' or '.join(fitting[:2])}?" if fitting else ""
    return (
        f"{unit.plural} of {given.min():.6g} to {given.max():.6g} {unit.symbol} are unusual for an optical "
        f"spectrum{hint}"
    )
