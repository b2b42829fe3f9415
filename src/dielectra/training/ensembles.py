"""Train the members of an ensemble, combine them, and calibrate its bands on labels that trained nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.dataset import DataSet, open_dataset
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.models.card import CARD
from dielectra.models.domain import save_domain
from dielectra.models.ensemble import Ensemble, combine, load_predictor
from dielectra.models.model import Model
from dielectra.optics.bands import Calibration, misfits
from dielectra.optics.quantities import QUANTITIES
from dielectra.training.config import TrainingConfig
from dielectra.training.domains import fit_domain
from dielectra.training.evaluation import predict_tensors, score, spectra_of_split
from dielectra.training.recipes import Progress, same_settings, train_model

COVERAGE = 0.9
"""Share of the energies at which a calibrated band is to hold the true curve."""


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
    metrics = {"validation": _validation_scores(ensemble, data)}
    card = ensemble.card.model_copy(update={"calibration": calibration, "metrics": metrics, "training": settings})
    if domain is not None:
        save_domain(domain, folder)
    write_whole(folder / CARD, card.model_dump_json(indent=1) + "\n")
    return Ensemble(ensemble.models, card, domain=domain)


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

    Each factor is the quantile of the misfits of all crystals and energies. The split must have trained nothing.
    """
    pairs = spectra_of_split(ensemble, data, level, split)
    factors = {
        quantity: float(np.quantile([misfits(*pair, quantity) for pair in pairs], coverage, method="higher"))
        for quantity in QUANTITIES
    }
    return Calibration(coverage, factors)


def _validation_scores(ensemble: Ensemble, data: DataSet) -> dict[str, Any]:
    labels = data.labels(ensemble.target.model_copy(update={"levels": (ensemble.target.level,)})).of_split("validation")
    scores = score(ensemble.card.name, predict_tensors(ensemble, labels), labels, "validation")
    return scores.model_dump(include={"n", "sc_median", "sc_mean", "mae_median", "mse_median"})


def _finished(folder: Path, settings: dict[str, Any], data: DataSet) -> Ensemble:
    found = load_predictor(folder)
    if (
        not isinstance(found, Ensemble)
        or not same_settings(found.card.training, settings)
        or found.card.data_hashes != data.hashes
    ):
        raise InputError(f"{folder}: holds a finished model of other settings or data; choose another folder")
    return found
