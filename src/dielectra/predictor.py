"""Predict from Python: one crystal or many, of any form, with a model that stays loaded."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from dielectra.errors import InputError
from dielectra.prediction import Prediction, Refusal, loaded_model, predict_each
from dielectra.prediction.confidence import confidence
from dielectra.structures import Entry, Refused, read_structure, scan

if TYPE_CHECKING:
    from dielectra.models.model import ModelLike
    from dielectra.spectrum import Spectrum

LIBRARY = (str(Path(__file__).parent),)


class PredictionWarning(UserWarning):
    """A reason to doubt a predicted spectrum."""


class Predictor:
    """A model that is loaded once and predicts as often as it is called.

    Parameters
    ----------
    level
        Level of theory; a model that lacks it predicts its highest.
    model
        A loaded model, a name, ``fast`` for the published network, or a folder; by default the model that ships.
    broadening, allow_metals
        As for :func:`predict`.

    Raises
    ------
    InputError
        If there is no such model or it cannot be loaded.
    """

    def __init__(
        self,
        level: str = "rpa",
        model: ModelLike | str | Path | None = None,
        *,
        broadening: float | None = None,
        allow_metals: bool = False,
    ) -> None:
        self.model = loaded_model(level, model, broadening=broadening, allow_metals=allow_metals)

    @overload
    def __call__(self, structures: list[Any], skip_refused: bool = False) -> list[Spectrum]: ...
    @overload
    def __call__(self, structures: Any, skip_refused: bool = False) -> Spectrum: ...
    def __call__(self, structures: Any, skip_refused: bool = False) -> Spectrum | list[Spectrum]:
        """Predict the dielectric function of one crystal, or of many; see :func:`predict`."""
        alone = _is_alone(structures)
        items = _read_one(structures) if alone else chain.from_iterable(map(_read_one, structures))
        spectra = self._spectra(items, skip_refused)
        if alone and len(spectra) == 1 and not _is_folder(structures):
            return spectra[0]
        return spectra

    def __repr__(self) -> str:
        card = self.model.card
        return f"Predictor({card.name}, {card.level}, trained on {card.trained_on})"

    def _spectra(self, items: Iterable[Entry | Refused], skip_refused: bool) -> list[Spectrum]:
        """Return the spectra in order; refusals are raised together, or become warnings."""
        entries, reasons = [], []
        for item in items:
            if isinstance(item, Entry):
                entries.append(item)
            else:
                reasons.append(item.reason)
        spectra = []
        for entry, outcome in zip(entries, predict_each((entry.crystal for entry in entries), self.model), strict=True):
            if isinstance(outcome, Refusal):
                reasons.append(f"{entry.name}: {outcome.reason}" if entry.file else outcome.reason)
            else:
                spectra.append(_spectrum(outcome, entry))
        if reasons and not (skip_refused and spectra):
            raise InputError("\n".join(reasons))
        for reason in reasons:
            _warn(f"left out: {reason}")
        return spectra


@overload
def predict(
    structures: list[Any],
    level: str = "rpa",
    model: ModelLike | str | Path | None = None,
    skip_refused: bool = False,
    *,
    broadening: float | None = None,
    allow_metals: bool = False,
) -> list[Spectrum]: ...
@overload
def predict(
    structures: Any,
    level: str = "rpa",
    model: ModelLike | str | Path | None = None,
    skip_refused: bool = False,
    *,
    broadening: float | None = None,
    allow_metals: bool = False,
) -> Spectrum: ...
def predict(
    structures: Any,
    level: str = "rpa",
    model: ModelLike | str | Path | None = None,
    skip_refused: bool = False,
    *,
    broadening: float | None = None,
    allow_metals: bool = False,
) -> Spectrum | list[Spectrum]:
    """Predict the dielectric function of one crystal, or of many.

    Parameters
    ----------
    structures
        One crystal: path of a structure file, ``ase.Atoms``, pymatgen ``Structure`` or
        :class:`~dielectra.crystal.Crystal`. Many: a folder, a file of several structures, or a list or other iterable
        of whatever is one or many.
    level
        Level of theory; a model that lacks it predicts its highest.
    model
        A loaded model, a name, ``fast`` for the published network, or a folder; by default the model that ships.
    skip_refused
        Leave crystals out that cannot be predicted, with a warning each, instead of raising their reasons.
    broadening
        Half width in eV of the Lorentzian of the spectrum, whose tail then reaches below the gap; 0 is none. By
        default that of the data, without its tail below the predicted gap.
    allow_metals
        Predict crystals that are taken for metals too, which are refused otherwise.

    Returns
    -------
    Spectrum or list of Spectrum
        On the model's energies (0-20 eV), in the Cartesian axes of the given cell. A single crystal gives a spectrum;
        a folder or an iterable a list in its order. ``provenance`` names formula, model and file.

    Raises
    ------
    InputError
        If a structure cannot be read, or the model refuses it; gives the reason for each.

    Warns
    -----
    PredictionWarning
        For each reason to doubt a spectrum; they are also in ``provenance["warnings"]``.
    """
    found: Spectrum | list[Spectrum] = Predictor(level, model, broadening=broadening, allow_metals=allow_metals)(
        structures, skip_refused
    )
    return found


def _is_alone(structures: Any) -> bool:
    """Return whether an object is one thing; crystals of other libraries are iterable too, over their atoms."""
    return not isinstance(structures, list | tuple | set | frozenset | Iterator) or isinstance(structures, Mapping)


def _is_folder(structures: Any) -> bool:
    return isinstance(structures, str | Path) and Path(structures).is_dir()


def _read_one(source: Any) -> Iterable[Entry | Refused]:
    if isinstance(source, str | Path):
        return scan([source])
    try:
        return [Entry("", "", "", read_structure(source))]
    except InputError as error:
        return [Refused("", "", "", str(error))]


def _spectrum(prediction: Prediction, entry: Entry) -> Spectrum:
    """Return the spectrum with its file in the provenance, after warning of what is doubtful."""
    for note in prediction.warnings:
        _warn(f"{entry.name or prediction.formula}: {note}")
    known = {
        "file": entry.name or None,
        "confidence": confidence(prediction),
    }
    added = {key: value for key, value in known.items() if value is not None}
    return replace(prediction.spectrum, provenance={**prediction.spectrum.provenance, **added})


def _warn(message: str) -> None:
    """Warn at the caller's line outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(LIBRARY):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, PredictionWarning, stacklevel=level)
