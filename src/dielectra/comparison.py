"""Compare a prediction with other levels, other models and measured curves of the same crystal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from dielectra.documents.document import Document
from dielectra.errors import InputError
from dielectra.levels import LEVELS
from dielectra.optics.constants import static_or_none
from dielectra.optics.measured import FILE_ENDINGS, MeasuredSpectrum, load_measured, read_measured
from dielectra.optics.onset import gap_or_none
from dielectra.optics.quantities import quantity_curve, sodium_index
from dielectra.prediction import Prediction, Refusal, loaded_model, predict_each
from dielectra.spectrum import Spectrum, similarity

MEASURED = "measured"
INDEX_WINDOW = (0.5, 6.0)
"""Photon energies in eV over which n and k are compared, where both curves have them: above phonons, below 6 eV."""


class Curve(NamedTuple):
    """A curve that a prediction is compared with, under the label of its source."""

    label: str
    spectrum: Spectrum


@dataclass(frozen=True)
class Source:
    """Where curves to compare with come from.

    Attributes
    ----------
    name
        As it was asked for.
    curves
        Gives those for a prediction, none where there are none.
    """

    name: str
    curves: Callable[[Prediction], list[Curve]]


class ComparedCurve(Document):
    """What another source says of a crystal, and how far the prediction is from it."""

    source: str = Field(description="Level and model, or the measurement.")
    eps_infinity: float | None = Field(description="Electronic dielectric constant; null where unknown.")
    n_589nm: float | None = Field(description="Refractive index at 589 nm; null outside the curve.")
    gap_ev: float | None = Field(description="Gap (eV), predicted, else estimated from the absorption.")
    range_ev: tuple[float, float] = Field(description="Photon energies (eV) that both curves cover.")
    sc: float | None = Field(description="Similarity of Im eps over that range, the other curve as reference.")
    rmse_n: float | None = Field(description="Root mean square difference of n from 0.5 to 6 eV, inside that range.")
    rmse_k: float | None = Field(description="The same of k.")


def find_sources(names: Sequence[str]) -> list[Source]:
    """Return the sources of names, each checked before any work.

    Parameters
    ----------
    names
        A level (``ipa``), whose shipped model predicts; ``measured``, for the measured spectra that ship; a ``.yml``
        or ``.csv`` file of measured n and k; a model by name or folder, alone or with a level (``ladder-rpa``,
        ``my-model@ipa``).

    Raises
    ------
    InputError
        If a name is none of these.
    """
    return [_find_source(name) for name in names]


def compare(prediction: Prediction, curves: Sequence[Curve]) -> list[ComparedCurve]:
    """Return what each curve says of the crystal, and how far the prediction is from it."""
    return [_compared(prediction.spectrum, curve) for curve in curves]


def _find_source(name: str) -> Source:
    if name == MEASURED:
        return Source(name, _measured)
    if name.lower().endswith(FILE_ENDINGS):
        known = read_measured(name)
        return Source(name, lambda _: [Curve(Path(name).name, known.spectrum)])
    model, _, level = name.rpartition("@") if "@" in name else (name, "", "rpa")
    try:
        predictor = loaded_model(name) if name in LEVELS else loaded_model(level, model)
    except InputError as error:
        raise InputError(
            f"nothing to compare with is called {name!r}; give a level, {MEASURED!r}, a .yml or .csv file of n and k, "
            f"or a model: {error}"
        ) from error

    def predicted(prediction: Prediction) -> list[Curve]:
        (other,) = predict_each([prediction.given], predictor)
        if isinstance(other, Refusal):
            raise InputError(other.reason)
        return [Curve(f"{other.spectrum.level.upper()}, {other.model}", other.spectrum)]

    return Source(name, predicted)


def _measured(prediction: Prediction) -> list[Curve]:
    """Return the measured curves of the crystal, and those of the compound whose structure is not known."""
    allowed = (0, prediction.form.space_group)
    found = [entry for entry in load_measured(prediction.formula) if entry.space_group in allowed]
    return [Curve(measured_label(entry), entry.spectrum) for entry in found]


def measured_label(entry: MeasuredSpectrum) -> str:
    """Return the author, kind and axis of a measured spectrum, for instance ``Adachi, bulk crystal, o``."""
    return f"{entry.source.rsplit('/', 1)[-1].removesuffix('.yml')}, {entry.kind}, {entry.axis}"


def _compared(spectrum: Spectrum, curve: Curve) -> ComparedCurve:
    other = curve.spectrum
    low = max(spectrum.energies[0], other.energies[0])
    high = min(spectrum.energies[-1], other.energies[-1])
    differences = {"n": _distance(spectrum, other, "n"), "k": _distance(spectrum, other, "k")}
    return ComparedCurve(
        source=curve.label,
        eps_infinity=static_or_none(other.energies, other.mean),
        n_589nm=sodium_index(other),
        gap_ev=gap_or_none(other),
        range_ev=(float(low), float(high)),
        sc=_similarity(spectrum, other, (float(low), float(high))),
        rmse_n=differences["n"],
        rmse_k=differences["k"],
    )


def _similarity(spectrum: Spectrum, other: Spectrum, ends: tuple[float, float]) -> float | None:
    inside = (spectrum.energies >= ends[0]) & (spectrum.energies <= ends[1])
    grid = spectrum.energies[inside]
    if len(grid) < 2:
        return None
    known = np.interp(grid, other.energies, other.mean.imag)
    if not np.trapezoid(known, grid) > 0:
        return None
    return float(similarity(np.interp(grid, spectrum.energies, spectrum.mean.imag), known, grid))


def _distance(spectrum: Spectrum, other: Spectrum, quantity: str) -> float | None:
    low, high = max(other.energies[0], INDEX_WINDOW[0]), min(other.energies[-1], INDEX_WINDOW[1])
    grid = spectrum.energies[(spectrum.energies >= low) & (spectrum.energies <= high)]
    if len(grid) < 2:
        return None
    ours, theirs = (np.interp(grid, one.energies, quantity_curve(one, quantity)) for one in (spectrum, other))
    return float(np.sqrt(np.mean((ours - theirs) ** 2)))
