"""Train the members of an ensemble, combine them, and calibrate its bands on labels that trained nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.data.labels import Labels
from dielectra.errors import InputError
from dielectra.models.card import CARD
from dielectra.models.ensemble import Ensemble, combine, load_predictor, save_card
from dielectra.models.model import Model, ModelLike, Outputs
from dielectra.optics.bands import Calibration, misfits
from dielectra.optics.quantities import QUANTITIES
from dielectra.training.config import TrainingConfig
from dielectra.training.domains import fit_domain
from dielectra.training.evaluation import evaluate, outputs_of_split, paired_spectra
from dielectra.training.groups import gap_deviations
from dielectra.training.recipes import Progress, same_settings, train_model

COVERAGE = 0.9
"""Share of the energies at which a calibrated band is to hold the true curve."""

SUMMARY = ("n", "sc_median", "sc_mean", "mae_median", "mse_median")
LEFT_OUT = ("model", "level", "split", "per_material", "per_n_atoms")

INTENDED_USE = (
    "Dielectric tensors of bulk crystals with a gap, 0 to 20 eV, at the levels of theory of the training: to find and "
    "rank crystals, to design with, and to start a climb from."
)
LIMITS = (
    "The labels of ipa and rpa rest on PBE bands: gaps are too small, and there are no excitons. lrc has few labels.",
    "No spin-orbit coupling, no magnetic order, no phonons: infrared spectra of ions are not in it.",
    "Metals, surfaces, molecules and disorder are not described.",
    "Semiconductors whose PBE gap closes, such as InAs, are metals in the data and may be predicted as semiconductors.",
    "A band holds the curve of its level of theory, on average over crystals like those of validation, no experiment.",
)


def train_ensemble(
    source: str | Path | DataSet,
    level: str | Sequence[str],
    config: TrainingConfig,
    run: str | Path,
    name: str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Ensemble:
    """Train every member of a configuration in a subfolder of `run`, and save the calibrated ensemble.

    A killed run goes on where it stopped: finished members are read, not trained again. Arguments are those of
    :func:`~dielectra.training.recipes.train_model`.

    Raises
    ------
    InputError
        If the configuration has fewer than two members, or the run folder holds another ensemble.
    """
    folder, data = Path(run), open_dataset(source)
    settings = {"config": config.model_dump(mode="json")}
    if (folder / CARD).is_file():
        return _finished(folder, settings, data)
    models: list[Model] = []
    for index, member in enumerate(member_configs(config)):
        models.append(train_model(data, level, member, folder / f"member-{index}", device=device, progress=progress))
    ensemble = combine(models, name or folder.resolve().name)
    domain = fit_domain(ensemble, data)
    calibration = {one: calibrate(ensemble, data, one) for one in ensemble.target.levels}
    card = ensemble.card.model_copy(update={"calibration": calibration, "training": settings})
    ensemble = Ensemble(ensemble.models, card, domain=domain)
    scores = {split: _scores(ensemble, data, split) for split in ("validation", "test")}
    words = {"intended_use": INTENDED_USE, "limits": list(LIMITS)}
    card = card.model_copy(update={"metrics": {split: one for split, one in scores.items() if one}} | words)
    card = save_card(Ensemble(ensemble.models, card, domain=domain), folder)
    return Ensemble(ensemble.models, card, domain=domain)


def train_recipe(
    source: str | Path | DataSet,
    level: str | Sequence[str],
    config: TrainingConfig,
    run: str | Path,
    start: str | Path | None = None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> ModelLike:
    """Train what a recipe asks for: an ensemble where it has members and starts afresh, else a single model.

    Arguments and errors are those of :func:`~dielectra.training.recipes.train_model`.
    """
    if config.members and start is None:
        return train_ensemble(source, level, config, run, device=device, progress=progress)
    return train_model(source, level, config, run, start, device=device, progress=progress)


def member_configs(config: TrainingConfig) -> list[TrainingConfig]:
    """Return the configuration of each member: seeds counted on, its own network options over the common ones."""
    common: dict[str, Any] = {"members": ()}
    if config.draw is None and (config.n is not None or config.hold_out):
        common["draw"] = config.seed
    return [
        config.model_copy(update=common | {"seed": config.seed + index, "network": config.network | options})
        for index, options in enumerate(config.members)
    ]


def calibrate(
    ensemble: Ensemble, data: DataSet, level: str, split: str = "validation", coverage: float = COVERAGE
) -> Calibration:
    """Return what makes bands that hold the known curves of a split at a share `coverage` of the energies.

    Each factor is the quantile of the misfits of all crystals and energies, each error of a gap that of all crystals.
    The split must have trained nothing.
    """
    labels, outputs = outputs_of_split(ensemble, data, level, split)
    pairs = paired_spectra(ensemble, data, labels, outputs)
    factors = {
        quantity: float(np.quantile([misfits(*pair, quantity) for pair in pairs], coverage, method="higher"))
        for quantity in QUANTITIES
    }
    return Calibration(coverage, factors, gap_errors=_gap_errors(outputs, labels, coverage, level))


def _gap_errors(outputs: Outputs, labels: Labels, coverage: float, level: str) -> dict[str, float]:
    """Return the errors in eV that a share of the predicted gaps stays below; empty where there are none to compare."""
    if outputs.gaps is None:
        return {}
    errors = dict(zip(("gap_direct_ev", "gap_ev"), gap_deviations(outputs.gaps, labels, level).T, strict=True))
    known = {name: values[np.isfinite(values)] for name, values in errors.items()}
    return {
        name: float(np.quantile(values, coverage, method="higher")) for name, values in known.items() if len(values)
    }


def _scores(ensemble: Ensemble, data: DataSet, split: str) -> dict[str, Any]:
    """Return the scores of a split that the card notes: those at the highest level, and all of them by level."""
    known = data.labels(ensemble.target).of_split(split)
    found = {
        level: evaluate(ensemble, data, level, split).model_dump(exclude=set(LEFT_OUT))
        for level in ensemble.target.levels
        if len(known) and known.has(level).any()
    }
    highest = found.get(ensemble.target.level)
    return {} if highest is None else {key: highest[key] for key in SUMMARY} | {"levels": found}


def _finished(folder: Path, settings: dict[str, Any], data: DataSet) -> Ensemble:
    found = load_predictor(folder)
    if (
        not isinstance(found, Ensemble)
        or not same_settings(found.card.training, settings)
        or found.card.data_hashes != data.hashes
    ):
        raise InputError(f"{folder}: holds a finished model of other settings or data; choose another folder")
    return found
