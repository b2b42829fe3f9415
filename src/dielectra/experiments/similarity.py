"""Predict from the structure how alike the levels are: SC[RPA; IPA], and what the network learnt (UMAP).

The target is one number, trained by the same loop as spectra. The map shows the pooled features of every
material in two dimensions.
"""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.data.labels import Labels
from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.setup import LOWER, SPLITS, UPPER, Setup, digest
from dielectra.experiments.strategies import QUICK_LOWER_LABELS, shortened
from dielectra.experiments.tables import markdown_table, number, spread
from dielectra.experiments.trainings import Models, in_processes
from dielectra.models.card import CARD
from dielectra.models.model import Model
from dielectra.models.store import load_model
from dielectra.spectrum import similarity
from dielectra.target import Target
from dielectra.training.config import TrainingConfig, load_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = {"mae": "MAE", "median_error": "median error", "r2": "R2", "pearson": "Pearson"}
N_NEIGHBOURS = 30
MIN_DISTANCE = 0.1
QUANTITY = f"similarity of {UPPER} to {LOWER}"


def similarity_labels(setup: Setup) -> Labels:
    """Return SC[RPA; IPA] of every material with both levels: a number, not a spectrum."""
    lower, upper, _ = setup.both_levels()
    target = Target(quantity=QUANTITY, levels=(UPPER,), parts=("re",))
    alike = similarity(upper.eps2, lower.eps2, upper.energies).astype(np.float32).reshape(-1, *target.shape)
    weights = np.ones((len(upper), 1, 1, 1), np.float32)
    return Labels(target, upper.ids, upper.formulas, upper.splits, upper.crystals, alike, weights, upper.gaps)


def similarity_config(setup: Setup, seed: int) -> TrainingConfig:
    """Return our recipe of direct learning for one output that is no spectrum; the loss is the mean absolute error."""
    n_train = setup.upper.splits.count("train")
    n = QUICK_LOWER_LABELS if setup.quick and n_train > QUICK_LOWER_LABELS else None
    no_spectrum = ("network.broaden_output=false", "network.density_scaling=false")
    return shortened(load_config("direct", overrides=no_spectrum, seed=seed, n=n, loss="l1"), setup)


def network_folder(config: TrainingConfig, setup: Setup) -> Path:
    """Return the folder of a network, named by all that fixes it."""
    fixed_by = digest([QUANTITY, config.model_dump(mode="json"), setup.data_digest])
    return setup.models / f"similarity-{config.n or 'all'}-seed{config.seed}-{fixed_by}"


def train_similarity(config: TrainingConfig, setup: Setup) -> Path:
    """Train a network, or go on with it, and return its folder; do nothing where it is done."""
    from dielectra.training.recipes import train_model

    folder = network_folder(config, setup)
    if not (folder / CARD).is_file():
        train_model(setup.data, UPPER, config, folder, labels=similarity_labels(setup))
    return folder


def run(setup: Setup, _models: Models) -> Report:
    """Train one network per seed; return its errors on the test split, those of a constant, and the map."""
    configs = [similarity_config(setup, seed) for seed in setup.seeds]
    for done, (config, _) in enumerate(in_processes(train_similarity, configs, setup), start=1):
        setup.progress(f"trained similarity network, seed {config.seed}", done, len(configs))
    networks = [load_model(network_folder(config, setup)) for config in configs]
    labels = similarity_labels(setup)
    truth = labels.values[:, 0, 0, 0, 0].astype(float)
    is_test = np.array([split == "test" for split in labels.splits])
    constant = float(np.median(labels.of_split("train").values))
    outputs = [_outputs(model, labels) for model in networks]
    found = [_errors(predicted[is_test], truth[is_test]) for predicted, _ in outputs]
    return {
        "further_cpu_minutes": sum(model.card.training["cpu_minutes"] for model in networks),
        "models": [str(network_folder(config, setup)) for config in configs],
        "constant": constant,
        "constant_mae": float(np.abs(truth[is_test] - constant).mean()),
        "scores": {key: [seed[key] for seed in found if key in seed] for key in SCORES},
        "published": published_numbers()["similarity"],
        "materials": [
            {"id": i, "formula": formula, "split": split, "sc": float(sc), "predicted": float(guess)}
            for i, formula, split, sc, guess in zip(
                labels.ids, labels.formulas, labels.splits, truth, outputs[0][0], strict=True
            )
        ],
        "map": _map(outputs[0][1], setup.seeds[0]),
    }


def _outputs(model: Model, labels: Labels) -> tuple[FloatArray, FloatArray]:
    """Return predictions ``(n,)`` and pooled features ``(n, n_features)``."""
    import torch

    from dielectra.models.model import BATCH

    network, prepared = model.network, model.prepare(labels.crystals)
    predicted = model.outputs(prepared).values[0, :, 0, 0, 0, 0]
    with torch.no_grad():
        features = [
            network.latents(network.collate(prepared[start : start + BATCH]))
            for start in range(0, len(prepared), BATCH)
        ]
    return predicted, torch.cat(features).double().numpy()


def _errors(predicted: FloatArray, truth: FloatArray) -> dict[str, float]:
    """Return mean and median absolute error, and R2 and Pearson's coefficient where they are defined."""
    errors = np.abs(predicted - truth)
    found = {"mae": float(errors.mean()), "median_error": float(np.median(errors))}
    if np.std(truth) > 0:
        found["r2"] = float(1 - (errors**2).mean() / np.var(truth))
        if np.std(predicted) > 0:
            found["pearson"] = float(np.corrcoef(predicted, truth)[0, 1])
    return found


def _map(features: FloatArray, seed: int) -> list[list[float]] | None:
    """Return UMAP positions ``(n, 2)``, None where umap-learn is not installed."""
    if importlib.util.find_spec("umap") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # umap's, about TensorFlow, which nothing here needs
        import umap

    neighbours = min(N_NEIGHBOURS, len(features) - 1)
    reducer = umap.UMAP(n_neighbors=neighbours, min_dist=MIN_DISTANCE, random_state=seed, n_jobs=1)
    positions: list[list[float]] = np.round(reducer.fit_transform(features).astype(float), 4).tolist()
    return positions


def table(report: Report) -> list[str]:
    """Return errors, those of a constant and the published ones."""
    paper: dict[str, Any] = report["published"]
    rows = [[title, spread(report["scores"][key]), number(paper[key])] for key, title in SCORES.items()]
    rows.append(["MAE of a constant", number(report["constant_mae"]), number(paper["constant_mae"])])
    lines = ["SC[RPA; IPA] predicted from the structure, test split:", ""]
    lines += markdown_table(["score", "ours", "published"], rows)
    lines += [f"The constant is the median over the training split, {report['constant']:.3f}.", ""]
    if report["map"] is None:
        lines += ["The map of the latent space is left out: it needs `pip install 'dielectra[umap]'`.", ""]
    return lines


def figures(report: Report) -> dict[str, Figure]:
    """Return the parity plot, and the map of the latent space."""
    from dielectra.plots.experiments import plot_similarity

    return {"figure": plot_similarity(report)}


def pages(report: Report) -> dict[str, str]:
    """Return the map as an interactive page."""
    from dielectra.plots.interactive import scatter_page

    if report["map"] is None:
        return {}
    points = [
        {"x": x, "y": y, "value": entry["sc"], "group": entry["split"] or "none"}
        | {
            "lines": [
                f"{entry['formula']} ({entry['id']})",
                f"SC[RPA; IPA] {entry['sc']:.3f}, predicted {entry['predicted']:.3f}",
                f"split: {entry['split'] or 'none'}",
            ]
        }
        for (x, y), entry in zip(report["map"], report["materials"], strict=True)
    ]
    title = f"Latent space of the similarity network, {report['data']} (UMAP)"
    return {"map": scatter_page(title, "SC[RPA; IPA]", points, [*SPLITS, "none"])}


EXPERIMENT = Experiment(
    "similarity",
    "A network that predicts SC[RPA; IPA] from the structure, against a constant, and a map of what it learnt.",
    run,
    table,
    figures,
    pages=pages,
)
