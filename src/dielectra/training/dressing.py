"""Climb to measured spectra: fit a shift and a kernel, and judge them on compounds that did not fit them.

Measured spectra are few and cover windows of energies: too few for weights, enough for two parameters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.schema import Record
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.integrals import real_from_imaginary
from dielectra.models.admission import Admitted, Estimate, Refusal
from dielectra.models.card import CARD
from dielectra.models.dressed import DressedModel, dressed_card, undressed
from dielectra.models.ensemble import load_predictor
from dielectra.models.model import ModelLike
from dielectra.optics.dressing import Dressing, static_value
from dielectra.optics.kernel import bootstrap
from dielectra.spectrum import Spectrum
from dielectra.version import __version__

SHIFTS = np.arange(0.0, 12.1, 0.5)
KERNELS = np.arange(0.125, 1.01, 0.125)
HIGHEST = 10.0
"""Photon energy in eV up to which n and k are compared."""

FLOOR = 0.05
"""Added to errors of n or k that others are measured by, so that a compound that is right already does not rule."""

DRESSED = "rpa"
"""Level whose spectra are dressed, where the base has it."""

FEWEST = 4
UNSEEN = ("test", "experiment-test")


class Errors(NamedTuple):
    """Root mean square errors of n and of k over the measured energies."""

    n: float
    k: float


class Compound(BaseModel):
    """A measured compound: errors of the base as it is, and dressed by what the other compounds say.

    ``unseen`` says whether the compound is in a split from which no model learns.
    """

    id: str
    formula: str
    unseen: bool
    base: Errors
    dressed: Errors
    shift: float
    kernel: float


class Judgement(BaseModel):
    """How a dressed model does against its base, leave-one-compound-out, and which parameters all compounds give."""

    dressing: Dressing
    compounds: list[Compound]
    refused: list[str]

    def medians(self, kind: str, unseen: bool = False) -> Errors:
        """Return the median errors of ``base`` or ``dressed`` over all compounds, or over the unseen ones."""
        errors = [getattr(one, kind) for one in self.compounds if one.unseen or not unseen]
        return Errors(*(float(value) for value in np.median(np.array(errors), axis=0)))

    @property
    def helps(self) -> bool:
        """Return whether the medians of both errors over all compounds are lower with the dressing."""
        base, dressed = self.medians("base"), self.medians("dressed")
        return dressed.n < base.n and dressed.k < base.k


class _Case(NamedTuple):
    record: Record
    base: Errors
    table: FloatArray  # (shifts, kernels, 2)


def climb_to_measured(
    source: str | Path | DataSet, start: str, run: str | Path, level: str = "experiment"
) -> tuple[DressedModel, Judgement]:
    """Dress a model by the measured spectra of a data set, and save the card and ``climb.json`` in a folder.

    Raises
    ------
    InputError
        If the model cannot be dressed, or fewer than four compounds can be predicted.
    """
    data, base, folder = open_dataset(source), load_predictor(start), Path(run)
    judgement = judge_dressing(base, data, start, level)
    card = dressed_card(base, judgement.dressing, folder.resolve().name, level).model_copy(
        update={
            "trained_on": f"{len(judgement.compounds)} measured spectra of {data.name} from {base.card.name}",
            "data_hashes": data.hashes,
            "training": {"strategy": "dress", "dielectra_version": __version__},
            "metrics": {"leave-one-out": _summary(judgement)},
            "dielectra_version": __version__,
        }
    )
    write_whole(folder / CARD, card.model_dump_json(indent=1) + "\n")
    write_whole(folder / "climb.json", json.dumps(judgement.model_dump(mode="json"), indent=1) + "\n")
    return DressedModel(base, card, judgement.dressing), judgement


def judge_dressing(base: ModelLike, data: DataSet, start: str, level: str = "experiment") -> Judgement:
    """Fit the parameters to all compounds, and for each compound to the others.

    Parameters
    ----------
    start
        The base's name or folder, as the dressing is to note it.
    """
    base = base if base.level else base.at(DRESSED)
    computed = base.level or base.target.level
    base = undressed(base.allowing_metals(), computed)
    cases, refused = _cases(base, list(data.records(level)))
    if len(cases) < FEWEST:
        raise InputError("\n".join([*refused, f"{len(cases)} measured compounds can be predicted; give {FEWEST}"]))
    compounds = []
    for index, case in enumerate(cases):
        i, j = _best([*cases[:index], *cases[index + 1 :]])
        compounds.append(
            Compound(
                id=case.record.id,
                formula=case.record.formula,
                unseen=case.record.split in UNSEEN,
                base=case.base,
                dressed=Errors(*map(float, case.table[i, j])),
                shift=float(SHIFTS[i]),
                kernel=float(KERNELS[j]),
            )
        )
    i, j = _best(cases)
    dressing = Dressing(base=start, level=computed, shift=float(SHIFTS[i]), kernel=float(KERNELS[j]))
    return Judgement(dressing=dressing, compounds=compounds, refused=refused)


def index_errors(energies: FloatArray, function: ComplexArray, measured: Spectrum) -> Errors:
    """Return the errors of n and k of an isotropic dielectric function against those of a measured spectrum's mean."""
    inside = measured.energies <= HIGHEST
    grid, known = measured.energies[inside], np.sqrt(measured.mean[inside])
    found = np.interp(grid, energies, function.real) + 1j * np.interp(grid, energies, function.imag).clip(0)
    difference = np.sqrt(found) - known
    return Errors(*(float(np.sqrt(np.mean(part**2))) for part in (difference.real, difference.imag)))


def measured_errors(model: ModelLike, level: str, data: DataSet) -> dict[str, Errors]:
    """Return the errors of what a model predicts at a level for the measured crystals of a data set, by their ids."""
    base, found = undressed(model.allowing_metals(), level), {}
    for record in data.records():
        answer = _prediction(base, record)
        if isinstance(answer, Estimate):
            found[record.id] = index_errors(answer.spectrum.energies, answer.spectrum.mean, record.spectrum)
    return found


def _prediction(base: ModelLike, record: Record) -> Estimate | Refusal:
    (admitted,) = base.admit_each([record.crystal])
    return base.predict([admitted])[0] if isinstance(admitted, Admitted) else admitted


def _cases(base: ModelLike, records: Sequence[Record]) -> tuple[list[_Case], list[str]]:
    cases, refused = [], []
    for record in records:
        answer = _prediction(base, record)
        if isinstance(answer, Refusal):
            refused.append(answer.reason)
            continue
        spectrum = answer.spectrum
        plain = index_errors(spectrum.energies, spectrum.mean, record.spectrum)
        cases.append(_Case(record, plain, _table(spectrum, record.spectrum)))
    return cases, refused


def _table(spectrum: Spectrum, measured: Spectrum) -> FloatArray:
    """Return the errors for every shift and kernel, of the isotropic average, shape ``(n_shifts, n_kernels, 2)``."""
    energies, eps0 = spectrum.energies, static_value(spectrum)
    moved = np.array([np.interp(energies - one / eps0, energies, spectrum.mean.imag, left=0.0) for one in SHIFTS])
    susceptibilities = real_from_imaginary(energies, moved) - 1 + 1j * moved
    return np.array(
        [
            [
                index_errors(
                    energies, 1 + x / (1 - kernel * bootstrap(1 + float(x[0].real)) / (4 * np.pi) * x), measured
                )
                for kernel in KERNELS
            ]
            for x in susceptibilities
        ]
    )


def _best(cases: Sequence[_Case]) -> tuple[int, int]:
    """Return the indices of the shift and kernel with the lowest geometric mean of errors relative to the base's."""
    relative = [np.log((case.table + FLOOR) / (np.array(case.base) + FLOOR)).sum(axis=2) for case in cases]
    mean = np.mean(relative, axis=0)
    i, j = np.unravel_index(int(mean.argmin()), mean.shape)
    return int(i), int(j)


def _summary(judgement: Judgement) -> dict[str, Any]:
    return {
        "n": len(judgement.compounds),
        **{
            f"rmse_{part}_median_{kind}": getattr(judgement.medians(kind), part)
            for kind in ("base", "dressed")
            for part in ("n", "k")
        },
    }
