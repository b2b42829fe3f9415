"""Score predicted spectra against reference spectra, per material and in summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from dielectra.arrays import FloatArray, IntArray
from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.labels import Labels
from dielectra.data.schema import SPLITS
from dielectra.errors import InputError
from dielectra.levels import levels_below
from dielectra.models.model import ModelLike, Outputs, estimates
from dielectra.optics.bands import Calibration, band
from dielectra.spectrum import Spectrum, similarity
from dielectra.target import DIELECTRIC
from dielectra.training.groups import (
    GapScore,
    GroupScore,
    MetalScore,
    by_chemistry,
    by_element,
    gap_score,
    metal_score,
)

QUANTILES = (0.1, 0.25, 0.75, 0.9)


class MaterialScore(BaseModel):
    """The scores of one material: similarity coefficient, mean absolute and mean squared error of eps2."""

    id: str
    formula: str
    n_atoms: int
    sc: float
    mae: float
    mse: float


class SizeScore(BaseModel):
    """The scores of the materials with one number of atoms in the cell."""

    n: int
    sc_median: float
    sc_mean: float


class TensorScore(BaseModel):
    """SC of tensors: sums over xx, yy and zz."""

    sc_median: float
    sc_mean: float


class BandScore(BaseModel):
    """The calibrated bands of Im eps.

    ``coverage`` is the share of the energies at which a band holds the known curve, the mean over materials; ``width``
    the median of half the area of a band relative to that under the known curve.
    """

    coverage: float
    width: float


class RoughnessScore(BaseModel):
    """Median roughness of the isotropic Im eps, predicted and known: what ripples add to."""

    predicted: float
    reference: float


class Evaluation(BaseModel):
    """The scores of a model on one split; the keys are those of ``dielectra evaluate --json``."""

    model: str
    level: str
    split: str
    n: int
    sc_median: float
    sc_mean: float
    sc_quantiles: dict[str, float]
    mae_median: float
    mae_mean: float
    mse_median: float
    mse_mean: float
    baseline: dict[str, float | None]
    tensor: TensorScore | None = None
    band: BandScore | None = None
    roughness: RoughnessScore
    gaps: GapScore | None = None
    metals: MetalScore | None = None
    per_chemistry: dict[str, GroupScore]
    per_element: dict[str, GroupScore]
    per_n_atoms: dict[int, SizeScore]
    per_material: list[MaterialScore]


def evaluate(model: ModelLike, source: str | Path | DataSet, level: str, split: str = "test") -> Evaluation:
    """Score a model on a split of a data set.

    A model of several levels is scored for the one asked for; a model without that level for its highest.

    Parameters
    ----------
    source
        A data set, or its name, folder or file.

    Raises
    ------
    InputError
        If the split is empty, the grids of model and data differ, or the model predicts no spectra.
    """
    if model.target.quantity != DIELECTRIC or "im" not in model.target.parts:
        raise InputError(f"model {model.card.name} predicts {model.target.quantity}; only spectra are scored")
    data = open_dataset(source)
    everything = data.labels(data.target(level, rank=2))
    labels = everything.of_split(split)
    if len(labels) == 0:
        raise InputError(f"{data.source}: the split {split!r} holds no {level} spectrum; give {', '.join(SPLITS)}")
    if not model.target.is_on_grid(labels.energies):
        raise InputError(f"model {model.card.name} and {data.source} have different energy grids; resample the data")
    outputs = model.outputs(model.prepare(labels.crystals, known=True))
    baseline = baselines(data, everything, labels)
    scores = score(model.card.name, _tensors(model, outputs, labels.level), labels, split, baseline)
    more: dict[str, Any] = {"gaps": gap_score(outputs, labels), "metals": metal_score(model, data, split)}
    if level in model.card.calibration:
        more |= {"band": band_score(paired_spectra(model, data, labels, outputs), model.card.calibration[level])}
    return scores.model_copy(update=more)


def spectra_of_split(model: ModelLike, data: DataSet, level: str, split: str) -> list[tuple[Spectrum, Spectrum]]:
    """Return the predicted and the known spectrum of each crystal of a split, both in the axes of its record.

    Raises
    ------
    InputError
        If the split has no spectrum at the level.
    """
    labels, outputs = outputs_of_split(model, data, level, split)
    return paired_spectra(model, data, labels, outputs)


def outputs_of_split(model: ModelLike, data: DataSet, level: str, split: str) -> tuple[Labels, Outputs]:
    """Return the labels of a split at a level, and what a model puts out for their crystals.

    Raises
    ------
    InputError
        If the split has no spectrum at the level.
    """
    labels = data.labels(data.target(level, rank=2)).of_split(split)
    if len(labels) == 0:
        raise InputError(f"{data.source}: the split {split!r} holds no {level} spectrum")
    return labels, model.outputs(model.prepare(labels.crystals, known=True))


def paired_spectra(
    model: ModelLike, data: DataSet, labels: Labels, outputs: Outputs
) -> list[tuple[Spectrum, Spectrum]]:
    """Return the spectra that outputs for labels stand for, as broadened as the data, each with the known one."""
    model = model.at(labels.level)
    broadened = model.broadened(model.target.broadening) if model.target.broadening else model
    wanted = frozenset(labels.ids)
    known = {record.id: record.spectrum for record in data.records(labels.level) if record.id in wanted}
    predicted = (estimate.spectrum for estimate in estimates(broadened, outputs))
    return list(zip(predicted, (known[name] for name in labels.ids), strict=True))


def band_score(pairs: Sequence[tuple[Spectrum, Spectrum]], calibration: Calibration) -> BandScore:
    """Return how much of the known curves of Im eps lies in their bands, and how wide these are.

    Parameters
    ----------
    pairs
        Predicted spectra with members, and known ones.
    """
    inside, widths = [], []
    for predicted, known in pairs:
        found, curve = band(predicted, "eps2", calibration), known.mean.imag
        if found is not None:
            inside.append(np.mean((found.lower <= curve) & (curve <= found.upper)))
            widths.append(float((found.upper - found.lower).sum() / 2 / curve.sum()))
    return BandScore(coverage=float(np.mean(inside)), width=float(np.median(widths)))


def roughness(curves: FloatArray) -> FloatArray:
    """Return the sum of the absolute second differences of curves ``(n, n_energies)``, relative to their sum."""
    return np.asarray(np.abs(np.diff(curves, 2, axis=1)).sum(axis=1) / np.maximum(curves.sum(axis=1), 1e-6))


def predict_tensors(model: ModelLike, labels: Labels) -> FloatArray:
    """Return the predicted Im eps of every labelled crystal (xx, yy, zz, yz, xz, xy), shape ``(n, 6, n_energies)``.

    A model of rank 0 predicts equal diagonal components.
    """
    return _tensors(model, model.outputs(model.prepare(labels.crystals, known=True)), labels.level)


def _tensors(model: ModelLike, outputs: Outputs, level: str) -> FloatArray:
    target = model.target
    rows: FloatArray = outputs.values.mean(axis=0)[:, target.index(level), target.parts.index("im")]
    if target.rank == 2:
        return rows
    tensors = np.zeros((len(rows), 6, rows.shape[-1]))
    tensors[:, :3] = rows
    return tensors


def predict_means(model: ModelLike, labels: Labels) -> FloatArray:
    """Return the predicted isotropic Im eps of every labelled crystal, shape ``(n, n_energies)``."""
    return np.asarray(predict_tensors(model, labels)[:, :3].mean(axis=1))


def baselines(data: DataSet, everything: Labels, labels: Labels) -> dict[str, float | None]:
    """Return the median scores of two guesses that need no network.

    ``lower_level_*`` takes the spectrum of the same crystal at the nearest lower level of the data set (None where
    there is none), ``mean_spectrum_*`` the mean spectrum of the training split.
    """
    guesses = {"lower_level": lower_spectra(data, labels), "mean_spectrum": _mean_spectrum(everything, labels)}
    found: dict[str, float | None] = {}
    for name, guess in guesses.items():
        scores = (None, None, None) if guess is None else material_scores(guess, labels)
        for metric, values in zip(("sc", "mae", "mse"), scores, strict=True):
            found[f"{name}_{metric}_median"] = None if values is None else float(np.median(values))
    return found


def lower_spectra(data: DataSet, labels: Labels) -> FloatArray | None:
    """Return the known isotropic Im eps of the same crystals at the nearest lower level, shape ``(n, n_energies)``.

    None where the data set has no lower level, or lacks the spectrum of a crystal.
    """
    level = next((name for name in levels_below(labels.level) if name in data.levels), None)
    if level is None:
        return None
    lower = data.labels(level)
    position = {name: index for index, name in enumerate(lower.ids)}
    if not all(name in position for name in labels.ids):
        return None
    return np.asarray(lower.eps2[[position[name] for name in labels.ids]], float)


def score(
    name: str,
    prediction: FloatArray,
    labels: Labels,
    split: str,
    baseline: dict[str, float | None] | None = None,
) -> Evaluation:
    """Score predictions against labels.

    Parameters
    ----------
    prediction
        Im eps, isotropic ``(n, n_energies)`` or as six components ``(n, 6, n_energies)``.
    """
    tensor = tensor_scores(prediction, labels) if prediction.ndim == 3 and labels.target.rank == 2 else None
    mean = prediction[:, :3].mean(axis=1) if prediction.ndim == 3 else prediction
    sc, mae, mse = material_scores(mean, labels)
    n_atoms = [crystal.n_atoms for crystal in labels.crystals]
    per_material = [
        MaterialScore(id=i, formula=f, n_atoms=n, sc=float(a), mae=float(b), mse=float(c))
        for i, f, n, a, b, c in zip(labels.ids, labels.formulas, n_atoms, sc, mae, mse, strict=True)
    ]
    return Evaluation(
        model=name,
        level=labels.level,
        split=split,
        n=len(labels),
        sc_median=float(np.median(sc)),
        sc_mean=float(sc.mean()),
        sc_quantiles={f"{q:g}": float(np.quantile(sc, q)) for q in QUANTILES},
        mae_median=float(np.median(mae)),
        mae_mean=float(mae.mean()),
        mse_median=float(np.median(mse)),
        mse_mean=float(mse.mean()),
        baseline=baseline or {},
        tensor=None
        if tensor is None
        else TensorScore(sc_median=float(np.median(tensor)), sc_mean=float(tensor.mean())),
        roughness=RoughnessScore(
            predicted=float(np.median(roughness(mean))),
            reference=float(np.median(roughness(labels.eps2.astype(float)))),
        ),
        per_chemistry=by_chemistry(labels, sc),
        per_element=by_element(labels, sc),
        per_n_atoms=_by_atoms(np.array(n_atoms), sc),
        per_material=per_material,
    )


def material_scores(prediction: FloatArray, labels: Labels) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return SC, MAE and MSE of the isotropic Im eps of each material, shape ``(n,)`` each.

    Energies that a label lacks do not count.
    """
    weights = labels.weights[:, -1, labels.target.parts.index("im")]
    difference = (prediction - labels.eps2) * weights
    n_energies = weights.sum(axis=1)
    return (
        similarity(prediction * weights, labels.eps2 * weights, labels.energies),
        np.abs(difference).sum(axis=1) / n_energies,
        (difference**2).sum(axis=1) / n_energies,
    )


def tensor_scores(prediction: FloatArray, labels: Labels) -> FloatArray:
    """Return the SC of the tensor of each material, shape ``(n,)``.

    It is ``1 - sum int |a - b| / sum int |b|`` over xx, yy, zz.
    """
    part = labels.target.parts.index("im")
    weights = labels.weights[:, -1, part, None]
    reference = labels.values[:, -1, part, :3].astype(float) * weights
    error = np.trapezoid(np.abs(prediction[:, :3] * weights - reference), labels.energies).sum(axis=1)
    return np.asarray(1 - error / np.trapezoid(np.abs(reference), labels.energies).sum(axis=1))


def _mean_spectrum(everything: Labels, labels: Labels) -> FloatArray | None:
    train = everything.of_split("train")
    if len(train) == 0:
        return None
    return np.broadcast_to(train.eps2.mean(axis=0, dtype=float), labels.eps2.shape)


def _by_atoms(n_atoms: IntArray, sc: FloatArray) -> dict[int, SizeScore]:
    groups = {int(size): sc[n_atoms == size] for size in np.unique(n_atoms)}
    return {
        size: SizeScore(n=len(values), sc_median=float(np.median(values)), sc_mean=float(values.mean()))
        for size, values in groups.items()
    }
