"""What an ensemble was trained on, from its data set: distances, disagreement, and what tells metals."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.data.dataset import DataSet
from dielectra.data.labels import Labels
from dielectra.levels import FUNDAMENTAL_OF_PBE
from dielectra.models.domain import (
    N_NEAREST,
    Domain,
    crystal_features,
    disagreement,
    has_odd_electrons,
    kernel,
    smallness,
)
from dielectra.models.encoder_network import EncoderNetwork
from dielectra.models.ensemble import Ensemble
from dielectra.models.model import ModelLike
from dielectra.models.spectral_head import SMALLEST_DEVIATION

N_COMPONENTS = 128
COMMON = 0.95
"""Share of the validation crystals that count as usual, in distance and in disagreement."""

ANSWERED = 0.99
"""Share of the validation insulators that are not taken for metals."""

METAL_WIDTH = 0.5
"""Reach of a known crystal's verdict, as a fraction of the median distance between crystals."""

LEAST_SCORE = 0.1
"""Score below which no crystal counts as a metal: far from all that is known the score is 0."""

N_TRANSMUTED = 300
"""Number of made-up metals: training crystals with one element replaced by its neighbour in the periodic table."""

RIDGE = 0.1


def fit_domain(ensemble: Ensemble, data: DataSet) -> Domain | None:
    """Return the domain of an ensemble; None where no member is on an encoder.

    The training split gives the points, the validation split what counts as far, as disagreement and as a metal.
    """
    networks = [model.network for model in ensemble.models]
    network = next((one for one in networks if isinstance(one, EncoderNetwork)), None)
    if network is None:
        return None
    labels = data.labels(ensemble.target)
    training, validation = labels.of_split("train"), labels.of_split("validation")
    metals = [metal.crystal for metal in data.metals() if metal.split == "train"]
    metals += transmuted(training.crystals)
    features = [_features(network, crystals) for crystals in (training.crystals, validation.crystals, metals)]
    mean, deviation = features[0].mean(axis=0), features[0].std(axis=0) + SMALLEST_DEVIATION
    _, _, axes = np.linalg.svd((features[0] - mean) / deviation, full_matrices=False)
    components = axes[:N_COMPONENTS].T
    placed, seen, metallic = (((one - mean) / deviation) @ components for one in features)
    distances = np.linalg.norm(seen[:, None] - placed[None], axis=2)
    near = np.sort(distances, axis=1)[:, :N_NEAREST].mean(axis=1)
    width = METAL_WIDTH * float(np.median(distances))
    weights = metal_weights(placed, metallic, width)
    points = np.concatenate([placed, metallic])
    outputs = ensemble.outputs(ensemble.prepare(validation.crystals, known=True))
    scores = kernel(seen, points, width) @ weights
    if outputs.gaps is not None:
        scores = scores + smallness(outputs.gaps[:, FUNDAMENTAL_OF_PBE])
    return Domain(
        preparation=network.preparation,
        mean=mean,
        deviation=deviation,
        components=components,
        points=points,
        ids=tuple(training.ids),
        formulas=tuple(training.formulas),
        counts=Counter(number for crystal in training.crystals for number in sorted(crystal.elements)),
        distance=float(np.quantile(near, COMMON)),
        disagreement=float(np.quantile(_spreads(ensemble, validation, outputs.values), COMMON)),
        metal_weights=weights,
        metal_width=width,
        metal_threshold=max(LEAST_SCORE, float(np.quantile(scores, ANSWERED))),
    )


def metal_weights(insulators: FloatArray, metals: FloatArray, width: float) -> FloatArray:
    """Return the weights of kernel ridge regression of -1 for insulators and 1 for metals, both given as points."""
    points = np.concatenate([insulators, metals])
    verdicts = np.concatenate([-np.ones(len(insulators)), np.ones(len(metals))])
    matrix = kernel(points, points, width) + RIDGE * np.eye(len(points))
    return np.asarray(np.linalg.solve(matrix, verdicts))


def transmuted(crystals: Sequence[Crystal], n: int = N_TRANSMUTED, seed: int = 0) -> list[Crystal]:
    """Return metals made of insulators: one element becomes its neighbour in the periodic table.

    Their cells hold an odd number of electrons, so that without magnetic order they have no gap, whatever their
    structure. They tell what the few known metals cannot: insulators with an electron too many or too few.
    """
    generator = random.Random(seed)
    found: list[Crystal] = []
    for crystal in generator.sample(crystals, len(crystals)):
        if len(found) == n:
            break
        elements = sorted(crystal.elements)
        old = generator.choice(elements)
        new = old + generator.choice((-1, 1))
        changed = Crystal(crystal.cell, np.where(crystal.numbers == old, new, crystal.numbers), crystal.frac_coords)
        if new in EncoderNetwork.elements and new not in elements and has_odd_electrons(changed):
            found.append(changed)
    return found


def _features(network: EncoderNetwork, crystals: Sequence[Crystal]) -> FloatArray:
    return np.array([crystal_features(one) for one in network.prepare_known(crystals)])


def _spreads(ensemble: Ensemble, labels: Labels, values: FloatArray) -> FloatArray:
    """Return the disagreement of the members about each crystal, shape ``(n,)``, at the level with most labels.

    Of several with as many it is the highest. A level that few crystals have is judged by what is usual at that one.
    """
    level = max(reversed(ensemble.target.levels), key=lambda name: int(labels.has(name).sum()))
    return np.array([disagreement(curves) for curves in isotropic(ensemble, values, level).swapaxes(0, 1)])


def isotropic(model: ModelLike, values: FloatArray, level: str | None = None) -> FloatArray:
    """Return isotropic Im eps of outputs at a level, by default the highest, ``(n_members, n, n_energies)``."""
    index = -1 if level is None else model.target.levels.index(level)
    return np.asarray(values[:, :, index, model.target.parts.index("im"), :3].mean(axis=2))
