"""Spectroscopic limited maximum efficiency (SLME) of a solar absorber under AM1.5G.

L. Yu and A. Zunger, Phys. Rev. Lett. 108, 068701 (2012): a film that absorbs ``1 - exp(-2 alpha L)`` of the light above
its direct gap (two passes, a mirror behind, no reflection in front). Its recombination current is its black-body
emission, raised by ``exp((E_direct - E_gap) / kT)`` where the fundamental gap E_gap is indirect, as radiation then
competes with other channels.

Where a measured crystal keeps its absorption below the direct gap, by phonons and tails, the limit is that of detailed
balance instead: all recombination is radiative, and the emission follows from the same absorptance (T. Tiedje et al.,
IEEE Trans. Electron Devices 31, 711 (1984)).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import absorption_coefficient, interpolated
from dielectra.optics.onset import estimate_gap, fundamental_gap
from dielectra.optics.tables import read_table
from dielectra.spectrum import Spectrum
from dielectra.units import HC, NANOMETRES_PER_CM

BOLTZMANN = 8.617333262e-5
"""Boltzmann constant, eV/K."""
PLANCK = 4.135667696e-15
"""Planck constant, eV s."""
ELEMENTARY_CHARGE = 1.602176634e-19
SPEED_OF_LIGHT = 299792458.0


FADED = 0.05
"""Absorptance of a film at the lowest energy of a table above which the table is cut off too early."""


class SolarEfficiency(NamedTuple):
    """The efficiency of a solar absorber and what it rests on.

    Attributes
    ----------
    slme
        Spectroscopic limited maximum efficiency of the film, 0 to 1.
    spectroscopic_limit
        The same for a film that absorbs every photon above the direct gap, and none below; the Shockley-Queisser limit
        where the gap is direct. With absorption below the gap that of the fundamental gap, which tails may exceed.
    short_circuit_current
        Of the film, mA/cm^2.
    open_circuit_voltage
        Of the film, V.
    gap_direct, gap_indirect
        Direct and fundamental gap used, eV.
    gap_direct_source, gap_indirect_source
        ``given``, ``predicted``, ``estimated from the spectrum``, or ``taken equal to the direct gap``.
    subgap_absorption
        Whether absorption below the direct gap counts.
    temperature
        Kelvin.
    thickness_nm
        Film thickness, nm.
    """

    slme: float
    spectroscopic_limit: float
    short_circuit_current: float
    open_circuit_voltage: float
    gap_direct: float
    gap_indirect: float
    gap_direct_source: str
    gap_indirect_source: str
    temperature: float
    thickness_nm: float
    subgap_absorption: bool = False


class _Gaps(NamedTuple):
    direct: float
    indirect: float
    direct_source: str
    indirect_source: str


def solar_efficiency(
    spectrum: Spectrum,
    gap_direct: float | None = None,
    gap_indirect: float | None = None,
    temperature: float = 293.15,
    thickness_nm: float = 500.0,
    keep_subgap: bool = False,
) -> SolarEfficiency:
    """Return the SLME, its limit for full absorption, and the short-circuit current of a crystal as solar absorber.

    Parameters
    ----------
    spectrum
        Its isotropic average counts.
    gap_direct
        Direct allowed gap, eV; below it absorption, mostly broadening, is discarded. Estimated from the spectrum where
        it is not given (:func:`~dielectra.optics.onset.estimate_gap`).
    gap_indirect
        Fundamental gap, eV, at most the direct one. Where no gap is given it is the predicted one of the spectrum's
        provenance, or of a measured spectrum the energy from which it absorbs
        (:func:`~dielectra.optics.onset.fundamental_gap`). Other spectra do not show it: it is the direct one.
    temperature
        Of the cell, kelvin.
    thickness_nm
        Of the film, nm.
    keep_subgap
        Count the absorption below the direct gap, and take the limit of detailed balance; for spectra without
        broadening, that is measured ones.

    Raises
    ------
    InputError
        If a gap, temperature or thickness is not positive, the indirect gap exceeds the direct one, the spectrum does
        not reach from the gap to 4.43 eV, no gap is given and none can be estimated, or absorption is to be kept that
        is broadening or begins below the spectrum.
    """
    if keep_subgap and (spectrum.level != "experiment" or spectrum.broadening):
        raise InputError(
            f"below the gap a spectrum of level {spectrum.level} has broadening, not absorption, to keep; give the gaps"
        )
    gaps = _find_gaps(spectrum, gap_direct, gap_indirect)
    _check(gaps.direct, gaps.indirect, temperature, thickness_nm)
    first, indirectness = (gaps.indirect, 0.0) if keep_subgap else (gaps.direct, gaps.direct - gaps.indirect)
    wavelengths, irradiance = read_table("am15g.csv")
    energies = HC / wavelengths
    above = energies > first
    if above.any() and (spectrum.energies[0] > energies[above].min() or spectrum.energies[-1] < energies.max()):
        raise InputError(
            f"the spectrum covers {spectrum.energies[0]:g}-{spectrum.energies[-1]:g} eV; the solar efficiency needs it "
            f"from the gap ({first:.2f} eV) to {energies.max():.2f} eV"
        )
    eps = np.interp(energies, spectrum.energies, spectrum.mean)
    inside = above | keep_subgap & (energies >= spectrum.energies[0])
    if keep_subgap:
        _refuse_cut_off(spectrum, energies.min(), thickness_nm)
    film = _current_voltage(inside * _absorptance(energies, eps, thickness_nm), indirectness, temperature)
    limit = _current_voltage(above.astype(float), indirectness, temperature)
    power_in = float(np.trapezoid(irradiance, wavelengths))
    return SolarEfficiency(
        slme=float(film.maximum_power) / power_in,
        spectroscopic_limit=float(limit.maximum_power) / power_in,
        short_circuit_current=float(film.short_circuit_current) / 10,
        open_circuit_voltage=float(film.open_circuit_voltage),
        gap_direct=gaps.direct,
        gap_indirect=gaps.indirect,
        gap_direct_source=gaps.direct_source,
        gap_indirect_source=gaps.indirect_source,
        temperature=temperature,
        thickness_nm=thickness_nm,
        subgap_absorption=keep_subgap,
    )


def _refuse_cut_off(spectrum: Spectrum, lowest: float, thickness_nm: float) -> None:
    """Refuse a table that begins, above the lowest energy of sunlight, where the film still absorbs."""
    start = spectrum.energies[:1]
    absorbed = float(_absorptance(start, spectrum.mean[:1], thickness_nm)[0])
    if start[0] > lowest and absorbed > FADED:
        raise InputError(
            f"the spectrum begins at {start[0]:g} eV, where a film of {thickness_nm:g} nm absorbs {absorbed:.0%} of "
            "the light; give a table that reaches further down, or leave the absorption below the gap out"
        )


def _find_direct_gap(spectrum: Spectrum, given: float | None) -> tuple[float, str]:
    """Return the direct gap in eV and where it comes from."""
    predicted = spectrum.provenance.get("gap_direct_ev")
    if given is not None:
        return given, "given"
    if predicted is not None and predicted > 0:
        return float(predicted), "predicted"
    return estimate_gap(spectrum), "estimated from the spectrum"


def _find_gaps(spectrum: Spectrum, direct: float | None, indirect: float | None) -> _Gaps:
    """Return both gaps in eV and where they come from."""
    onset, direct_source = _find_direct_gap(spectrum, direct)
    if indirect is not None:
        return _Gaps(onset, indirect, direct_source, "given")
    known, predicted = fundamental_gap(spectrum), spectrum.provenance.get("gap_ev")
    if direct is None and predicted is not None and 0 < predicted <= onset:
        return _Gaps(onset, float(predicted), direct_source, "predicted")
    if direct is None and known is not None:
        return _Gaps(onset, min(known, onset), direct_source, "estimated from the spectrum")
    return _Gaps(onset, onset, direct_source, "taken equal to the direct gap")


def efficiencies(
    energies: FloatArray,
    eps: ComplexArray,
    gap_direct: FloatArray,
    gap_indirect: FloatArray,
    temperature: float = 293.15,
    thickness_nm: float = 500.0,
) -> FloatArray:
    """Return the SLME of many crystals, as :func:`solar_efficiency` does for one, shape ``(n,)``.

    Parameters
    ----------
    energies
        Photon energies, shape ``(n_energies,)``, eV, from below every direct gap to 4.43 eV at least.
    eps
        Isotropic averages, shape ``(n, n_energies)``.
    gap_direct, gap_indirect
        Shape ``(n,)``, eV, positive; an indirect gap above the direct one counts as equal to it.
    """
    wavelengths, irradiance = read_table("am15g.csv")
    points = HC / wavelengths
    onset = np.minimum(gap_direct, points.max())
    visible = points > onset.min()
    absorptance = np.zeros((len(eps), len(points)))
    absorptance[:, visible] = _absorptance(points[visible], interpolated(points[visible], energies, eps), thickness_nm)
    absorptance *= points > gap_direct[:, None]
    indirectness = np.maximum(gap_direct - gap_indirect, 0.0)
    found = _current_voltage(absorptance, indirectness, temperature)
    return np.asarray(found.maximum_power / float(np.trapezoid(irradiance, wavelengths)))


def _absorptance(energies: FloatArray, eps: ComplexArray, thickness_nm: float) -> FloatArray:
    """Return the share of light that a film absorbs in two passes."""
    return np.asarray(-np.expm1(-2 * absorption_coefficient(energies, eps) * thickness_nm / NANOMETRES_PER_CM))


class _CurrentVoltage(NamedTuple):
    """Short-circuit current (A/m^2), open-circuit voltage (V) and maximum power (W/m^2)."""

    short_circuit_current: FloatArray
    open_circuit_voltage: FloatArray
    maximum_power: FloatArray


def _current_voltage(absorptance: FloatArray, indirectness: FloatArray | float, temperature: float) -> _CurrentVoltage:
    """Solve the ideal diode ``J = J_sc - J_0 (exp(V / kT) - 1)`` for absorptances ``(..., n)`` at AM1.5G's wavelengths.

    With ``v = V / kT`` the power is greatest where ``v + ln(1 + v) = ln(1 + J_sc / J_0)``, by Newton's method.
    """
    wavelengths, irradiance = read_table("am15g.csv")
    energies, thermal = HC / wavelengths, BOLTZMANN * temperature
    short_circuit = np.trapezoid(irradiance / energies * absorptance, wavelengths)
    dark = short_circuit == 0
    # Emission relative to the factor exp(-onset / kT), which underflows for cold cells with wide gaps.
    onset = np.where(absorptance > 0, energies, np.inf).min(axis=-1)
    onset = np.where(dark, energies.max(), onset)
    planck = np.exp(np.minimum(onset[..., None] - energies, 0.0) / thermal) / -np.expm1(-energies / thermal)
    metres = wavelengths * 1e-9
    emission = 2 * np.pi * SPEED_OF_LIGHT / metres**4 * planck
    radiative = ELEMENTARY_CHARGE * np.trapezoid(emission * absorptance, metres)
    ratio = np.log(np.where(dark, 1.0, short_circuit) / np.where(dark, 1.0, radiative))
    open_circuit = np.logaddexp(0.0, ratio + (onset - indirectness) / thermal)
    voltage = open_circuit
    for _ in range(60):
        voltage = (open_circuit - np.log1p(voltage) + voltage / (1 + voltage)) * (1 + voltage) / (2 + voltage)
    # J_sc - J_0 (e^v - 1) with J_0 = J_sc / (e^v_oc - 1)
    filling = np.expm1(voltage - open_circuit) / np.expm1(-open_circuit)
    volts = np.where(dark, 0.0, thermal * open_circuit)
    return _CurrentVoltage(short_circuit, volts, np.where(dark, 0.0, thermal * voltage * short_circuit * filling))


def _check(direct: float, indirect: float, temperature: float, thickness_nm: float) -> None:
    named = {"direct gap": direct, "indirect gap": indirect, "temperature": temperature, "thickness": thickness_nm}
    for name, value in named.items():
        if not np.isfinite(value) or value <= 0:
            raise InputError(f"the {name} must be a positive number; got {value}")
    if indirect > direct:
        raise InputError(
            f"the indirect (fundamental) gap {indirect:g} eV exceeds the direct gap {direct:g} eV; give the smaller "
            "one as indirect gap, or leave it out"
        )
