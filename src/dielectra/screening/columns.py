"""Columns of a result: properties of many predicted crystals at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.models.admission import Admitted, Estimate
from dielectra.optics.anisotropy import principal_indices
from dielectra.optics.colour import hex_colours, visible_energies
from dielectra.optics.constants import STATIC_LIMIT, interpolated, is_isotropic, reflectivity, refractive_index
from dielectra.optics.onset import estimate_gap
from dielectra.optics.solar import efficiencies
from dielectra.screening.spectra import encode
from dielectra.units import HC

SODIUM_D = 589.3
"""Wavelength in nm at which birefringence is given."""


class Wanted(NamedTuple):
    """What is derived of each crystal.

    Attributes
    ----------
    wavelengths
        Where the refractive index is given, nm.
    thickness_nm
        Of the film of the SLME, nm.
    spectra
        Whether spectra are kept.
    """

    wavelengths: tuple[float, ...]
    thickness_nm: float
    spectra: bool


class Predicted(NamedTuple):
    """A crystal that was admitted, with what is predicted of it."""

    admitted: Admitted
    estimate: Estimate


def schema_of(wanted: Wanted) -> pa.Schema:
    """Return the names and types of the columns."""
    numbers = (
        *("gap_ev", "gap_direct_ev"),
        *("eps_infinity", "eps_infinity_low", "eps_infinity_high"),
        *(index_column(wavelength) for wavelength in wanted.wavelengths),
        *("slme", "birefringence"),
    )
    return pa.schema(
        [
            *(pa.field(name, pa.string()) for name in ("id", "file", "place", "formula")),
            pa.field("n_atoms", pa.int32()),
            pa.field("space_group", pa.int16()),
            *(pa.field(name, pa.bool_()) for name in ("metal", "in_domain")),
            *(pa.field(name, pa.float32()) for name in numbers),
            pa.field("colour", pa.string()),
            pa.field("warnings", pa.list_(pa.string())),
            pa.field("reason", pa.string()),
            *([pa.field("spectrum", pa.binary())] if wanted.spectra else []),
        ]
    )


def index_column(wavelength: float) -> str:
    """Return the column of the refractive index at a wavelength (nm)."""
    return f"n_{wavelength:g}nm".replace(".", "_")


def columns_of(found: Sequence[Predicted], wanted: Wanted) -> dict[str, Sequence[Any]]:
    """Return the columns of predicted crystals, None where a property cannot be had."""
    estimates = [one.estimate for one in found]
    energies = estimates[0].spectrum.energies
    eps = np.array([estimate.spectrum.mean for estimate in estimates])
    static = energies[0] <= STATIC_LIMIT
    ranges = [_static_range(estimate) if static else (None, None) for estimate in estimates]
    indices = {
        index_column(wavelength): refractive_index(interpolated(np.array([HC / wavelength]), energies, eps)).real[:, 0]
        for wavelength in wanted.wavelengths
    }
    direct = [_direct_gap(estimate) for estimate in estimates]
    columns: dict[str, Sequence[Any]] = {
        "formula": [one.admitted.form.crystal.formula for one in found],
        "n_atoms": [one.admitted.form.crystal.n_atoms for one in found],
        "space_group": [one.admitted.form.space_group for one in found],
        "metal": [estimate.metal for estimate in estimates],
        "in_domain": [estimate.in_domain for estimate in estimates],
        "gap_ev": [estimate.gap for estimate in estimates],
        "gap_direct_ev": direct,
        "eps_infinity": eps[:, 0].real.tolist() if static else [None] * len(found),
        "eps_infinity_low": [low for low, _ in ranges],
        "eps_infinity_high": [high for _, high in ranges],
        **{name: values.tolist() for name, values in indices.items()},
        "slme": _efficiencies(energies, eps, estimates, direct, wanted.thickness_nm),
        "birefringence": [_birefringence(one) for one in found],
        "colour": hex_colours(reflectivity(interpolated(visible_energies(), energies, eps))),
        "warnings": [[*one.admitted.warnings, *one.estimate.warnings] for one in found],
    }
    if wanted.spectra:
        columns["spectrum"] = [
            encode(one.estimate.broadened or one.estimate.spectrum, one.admitted.form) for one in found
        ]
    return columns


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; what a row lacks is null."""
    return pa.Table.from_pydict({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)


def _direct_gap(estimate: Estimate) -> float | None:
    """Return the direct gap (eV): the predicted one, or that of the onset of absorption."""
    if estimate.gap_direct is not None:
        return estimate.gap_direct
    try:
        return estimate_gap(estimate.spectrum)
    except InputError:
        return None


def _static_range(estimate: Estimate) -> tuple[float, float] | tuple[None, None]:
    """Return the lowest and highest electronic dielectric constant of the members of an ensemble."""
    found = estimate.spectrum.member_means[:, 0].real.tolist()
    return (min(found), max(found)) if found else (None, None)


def _efficiencies(
    energies: FloatArray,
    eps: Any,
    estimates: Sequence[Estimate],
    direct: Sequence[float | None],
    thickness_nm: float,
) -> list[float | None]:
    known = np.array(
        [bool(gap and gap > energies[0] and not one.metal) for gap, one in zip(direct, estimates, strict=True)]
    )
    found: list[float | None] = [None] * len(eps)
    if known.any():
        gaps = np.array([gap or 0.0 for gap in direct])[known]
        fundamental = np.array([estimate.gap or np.inf for estimate in estimates])[known]
        values = efficiencies(energies, eps[known], gaps, fundamental, thickness_nm=thickness_nm)
        for index, value in zip(np.flatnonzero(known), values, strict=True):
            found[index] = float(value)
    return found


def _birefringence(found: Predicted) -> float | None:
    """Return n_e - n_o, or n_gamma - n_alpha, at 589.3 nm; None where only the average of a crystal is predicted."""
    if found.admitted.form.cubic:
        return 0.0
    spectrum = found.estimate.spectrum
    if is_isotropic(spectrum):
        return None
    principal = principal_indices(spectrum)
    return float(np.interp(HC / SODIUM_D, principal.energies, principal.birefringence))
