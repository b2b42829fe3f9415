"""Score predicted spectra against reference spectra, per material and in summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel

from dielectra.arrays import FloatArray, IntArray
from dielectra.data.store import Labels, levels_of, read_labels
from dielectra.errors import InputError
from dielectra.levels import levels_below
from dielectra.models.store import Model
from dielectra.spectrum import similarity
from dielectra.training.loop import predict_batches, prepare

QUANTILES = (0.1, 0.25, 0.75, 0.9)


class MaterialScore(BaseModel):
    """Hold the scores of one material: similarity coefficient, mean absolute and mean squared error of eps2."""

    id: str
    formula: str
    n_atoms: int
    sc: float
    mae: float
    mse: float


class SizeScore(BaseModel):
    """Hold the scores of the materials with one number of atoms in the cell."""

    n: int
    sc_median: float
    sc_mean: float


class Evaluation(BaseModel):
    """Hold the scores of a model on one split; the keys are those of ``dielectra evaluate --json``."""

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
    per_n_atoms: dict[int, SizeScore]
    per_material: list[MaterialScore]


def evaluate(model: Model, source: str | Path, level: str, split: str = "test") -> Evaluation:
    """Score a model on a split of a data set.

    Parameters
    ----------
    source
        Name, folder or file of a data set.

    Raises
    ------
    InputError
        If the split is empty or the grids of model and data differ.
    """
    everything = read_labels(source, level)
    labels = everything.of_split(split)
    if len(labels) == 0:
        raise InputError(f"{source}: the split {split!r} holds no {level} spectrum; give train, validation or test")
    if len(model.grid) != len(labels.energies) or np.abs(model.grid - labels.energies).max() > 1e-6:
        raise InputError(f"model {model.card.name} and {source} have different energy grids; resample the data first")
    baseline = baselines(source, everything, labels)
    return score(model.card.name, predict_labels(model, labels), labels, split, baseline)


def predict_labels(model: Model, labels: Labels) -> FloatArray:
    """Return the predicted isotropic eps2 of every labelled crystal, shape ``(n, n_energies)``."""
    device = next(model.network.parameters()).device
    data = prepare(labels, model.network.cutoff, str(device))
    return np.asarray(predict_batches(model.network, data.graphs, torch.device(device)).cpu().numpy(), float)


def baselines(source: str | Path, everything: Labels, labels: Labels) -> dict[str, float | None]:
    """Return the median scores of two answers that need no network.

    ``lower_level_*`` takes the spectrum of the same crystal at the nearest lower level of the data set (None where
    there is none), ``mean_spectrum_*`` the mean spectrum of the training split.
    """
    answers = {"lower_level": _lower_level(source, labels), "mean_spectrum": _mean_spectrum(everything, labels)}
    found: dict[str, float | None] = {}
    for name, answer in answers.items():
        scores = (None, None, None) if answer is None else material_scores(answer, labels)
        for metric, values in zip(("sc", "mae", "mse"), scores, strict=True):
            found[f"{name}_{metric}_median"] = None if values is None else float(np.median(values))
    return found


def score(
    name: str,
    prediction: FloatArray,
    labels: Labels,
    split: str,
    baseline: dict[str, float | None] | None = None,
) -> Evaluation:
    """Score predictions ``(n, n_energies)`` against labels."""
    sc, mae, mse = material_scores(prediction, labels)
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
        per_n_atoms=_by_atoms(np.array(n_atoms), sc),
        per_material=per_material,
    )


def material_scores(prediction: FloatArray, labels: Labels) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return SC, MAE and MSE of eps2 of each material, shape ``(n,)`` each."""
    difference = prediction - labels.eps2
    return (
        similarity(prediction, labels.eps2, labels.energies),
        np.abs(difference).mean(axis=1),
        (difference**2).mean(axis=1),
    )


def _lower_level(source: str | Path, labels: Labels) -> FloatArray | None:
    present = levels_of(source)
    level = next((name for name in levels_below(labels.level) if name in present), None)
    if level is None:
        return None
    lower = read_labels(source, level)
    position = {name: index for index, name in enumerate(lower.ids)}
    if not all(name in position for name in labels.ids):
        return None
    return np.asarray(lower.eps2[[position[name] for name in labels.ids]], float)


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
