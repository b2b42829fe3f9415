"""Which crystals to label next: one for each kind that a pool holds, those first that promise most for their cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from scipy.spatial.distance import cdist

from dielectra.arrays import FloatArray, IntArray
from dielectra.crystal import Crystal
from dielectra.data.dataset import DataSet, open_dataset
from dielectra.errors import InputError
from dielectra.models.admission import Admitted
from dielectra.models.atom_batch import collate, pooled_invariants
from dielectra.models.encoder.cache import cached_features
from dielectra.models.encoder.features import encode, load_encoder, refuse_unknown_elements
from dielectra.models.encoder_network import EncoderOptions
from dielectra.models.model import ModelLike
from dielectra.models.spectral_head import SMALLEST_DEVIATION
from dielectra.structures import Refused, scan
from dielectra.symmetry import standardise
from dielectra.training.domains import isotropic

DIMENSIONS = 50
"""Number of principal components of the features in which crystals are grouped."""

ROUNDS = 100


class Suggestion(BaseModel):
    """A crystal to label.

    Attributes
    ----------
    file, formula
        As the pool has them.
    n_alike
        Number of crystals of the pool for which it stands.
    disagreement
        How far the members of an ensemble differ about its spectrum: mean absolute deviation relative to the mean, by
        integrals; None without an ensemble.
    cpu_s
        Expected cost of a computation; None where no data set says what computations cost.
    """

    file: str
    formula: str
    n_alike: int
    disagreement: float | None
    cpu_s: float | None


class Suggestions(BaseModel):
    """What to label, best first, and what of the pool cannot be used."""

    suggestions: list[Suggestion]
    pool: int
    labelled: int
    refused: list[str]


def suggest(
    sources: Iterable[str | Path],
    n: int,
    data: str | Path | DataSet | None = None,
    model: ModelLike | None = None,
    seed: int = 0,
) -> Suggestions:
    """Choose crystals of a pool to label.

    The pool is divided into `n` groups by the features of a frozen encoder, and the crystal nearest to the centre of
    each is chosen: choosing by disagreement or distance alone picks outliers. The chosen ones come in the order of the
    number they stand for times disagreement over cost, as far as these are known.

    Parameters
    ----------
    sources
        Structure files, folders and archives.
    data
        Data set that is labelled already: crystals like its own are not chosen again, and what its computations cost
        tells what others will.
    model
        Ensemble that tells about which crystals its members disagree.
    seed
        Of the first centres.

    Raises
    ------
    InputError
        If the pool has fewer than `n` crystals that can be used.
    """
    if n < 1:
        raise InputError(f"{n} crystals asked for; give at least 1")
    entries, refused = _read(sources)
    if len(entries) < n:
        raise InputError(
            "\n".join([*refused, f"{n} crystals asked for; the pool holds {len(entries)} that can be used"])
        )
    crystals = [crystal for _, crystal in entries]
    known = None if data is None else open_dataset(data)
    labelled = [] if known is None else labelled_crystals(known)
    features = crystal_features(crystals, labelled)
    pool, centres = features[: len(crystals)], features[len(crystals) :]
    chosen, sizes = choose_diverse(pool, n, centres, seed)
    picked = [crystals[index] for index in chosen]
    disagreement = None if model is None else disagreements(model, picked)
    cost = None if known is None else expected_cost(known, picked)
    order = np.argsort(-_promise(sizes, disagreement, cost), kind="stable")
    suggestions = [
        Suggestion(
            file=entries[chosen[rank]][0],
            formula=picked[rank].formula,
            n_alike=int(sizes[rank]),
            disagreement=None if disagreement is None else float(disagreement[rank]),
            cpu_s=None if cost is None else float(cost[rank]),
        )
        for rank in order
    ]
    return Suggestions(suggestions=suggestions, pool=len(entries), labelled=len(labelled), refused=refused)


def crystal_features(pool: Sequence[Crystal], labelled: Sequence[Crystal] = ()) -> FloatArray:
    """Return principal components of the pooled features of crystals, shape ``(n, at most DIMENSIONS)``.

    Features of labelled crystals, which come second, are kept on disk.
    """
    encoder = load_encoder(EncoderOptions().encoder)
    found = [*encode(pool, encoder), *cached_features(labelled, encoder)]
    batch = collate(found, [crystal.volume for crystal in (*pool, *labelled)])
    invariants = batch.invariants
    deviation = invariants.std(dim=0, correction=0) + SMALLEST_DEVIATION
    pooled = pooled_invariants(batch, invariants.mean(dim=0), deviation).double().numpy()
    return principal_components(pooled)


def principal_components(features: FloatArray) -> FloatArray:
    """Return the first principal components of features, shape ``(n, at most DIMENSIONS)``."""
    left, values, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, :DIMENSIONS] * values[:DIMENSIONS])


def choose_diverse(pool: FloatArray, n: int, labelled: FloatArray, seed: int) -> tuple[list[int], IntArray]:
    """Choose `n` representatives by k-means, in which the features of labelled crystals are centres that stay.

    Parameters
    ----------
    pool, labelled
        Features, shapes ``(n_pool, d)`` and ``(n_labelled, d)``.

    Returns
    -------
    list of int, array
        Indices of the crystals nearest to the free centres, each once, and the numbers of crystals of their groups.
    """
    generator = np.random.default_rng(seed)
    centres = pool[_spread(pool, n, labelled, generator)]
    owner = np.full(len(pool), -1)
    for _ in range(ROUNDS):
        nearest = _nearest(pool, np.concatenate([centres, labelled]))
        if np.array_equal(nearest, owner):
            break
        owner = nearest
        for index in range(n):
            if (owner == index).any():
                centres[index] = pool[owner == index].mean(axis=0)
    chosen: list[int] = []
    distances = _distances(pool, centres)
    sizes = np.bincount(owner[owner < n], minlength=n)
    for index in range(n):
        distances[chosen, index] = np.inf
        chosen.append(int(distances[:, index].argmin()))
    return chosen, np.maximum(sizes, 1)


def disagreements(model: ModelLike, crystals: Sequence[Crystal]) -> FloatArray:
    """Return how far the members of an ensemble differ about each crystal, shape ``(n,)``; NaN where it is refused.

    Raises
    ------
    InputError
        If the model is no ensemble.
    """
    found = np.full(len(crystals), np.nan)
    admitted = {i: one for i, one in enumerate(model.admit_each(crystals)) if isinstance(one, Admitted)}
    if not admitted:
        return found
    members = isotropic(model, model.outputs([one.prepared for one in admitted.values()]).values)
    if len(members) < 2:
        raise InputError(f"{model.card.name} is no ensemble, which disagreement needs; give another or none")
    mean = members.mean(axis=0)
    found[list(admitted)] = np.abs(members - mean).mean(axis=0).sum(axis=1) / mean.sum(axis=1)
    return found


def expected_cost(data: DataSet, crystals: Sequence[Crystal]) -> FloatArray | None:
    """Return the CPU seconds that computations of crystals will take, by those of a data set; None where it has none.

    A power law in the volume of the cell, by least squares of the logarithms.
    """
    seconds = {name: value for name, value in data.properties("cpu_s").items() if value}
    volumes = {record.id: record.crystal.volume for record in data.records() if record.id in seconds}
    if len(volumes) < 2:
        return None
    logs = np.log([[volume, seconds[name]] for name, volume in volumes.items()])
    slope, offset = np.polyfit(logs[:, 0], logs[:, 1], 1)
    return np.asarray(np.exp(offset) * np.array([crystal.volume for crystal in crystals]) ** slope)


def labelled_crystals(data: DataSet) -> list[Crystal]:
    """Return the crystals of a data set that have a spectrum at its highest level."""
    return [record.crystal for record in data.records(data.levels[-1])]


def _read(sources: Iterable[str | Path]) -> tuple[list[tuple[str, Crystal]], list[str]]:
    """Return names and standard cells of the crystals that the encoder knows, and the reasons against the others."""
    encoder = load_encoder(EncoderOptions().encoder)
    entries, refused = [], []
    for found in scan(sources):
        if isinstance(found, Refused):
            refused.append(found.reason)
            continue
        try:
            refuse_unknown_elements(found.crystal, encoder)
            entries.append((found.name, standardise(found.crystal)))
        except InputError as error:
            refused.append(f"{found.name}: {error}")
    return entries, refused


def _promise(sizes: IntArray, disagreement: FloatArray | None, cost: FloatArray | None) -> FloatArray:
    promise = sizes.astype(float)
    if disagreement is not None:
        promise = promise * np.nan_to_num(disagreement)
    return promise if cost is None else promise / cost


def _spread(pool: FloatArray, n: int, labelled: FloatArray, generator: np.random.Generator) -> list[int]:
    """Return first centres: each drawn with a probability that grows as its squared distance from those before."""
    away = _distances(pool, labelled).min(axis=1) ** 2 if len(labelled) else np.ones(len(pool))
    chosen: list[int] = []
    for _ in range(n):
        away[chosen] = 0.0
        weights = away if away.sum() > 0 else np.ones(len(pool))
        weights[chosen] = 0.0
        index = int(generator.choice(len(pool), p=weights / weights.sum()))
        distance = _distances(pool, pool[[index]])[:, 0] ** 2
        away = np.minimum(away, distance) if chosen or len(labelled) else distance
        chosen.append(index)
    return chosen


def _nearest(points: FloatArray, centres: FloatArray) -> IntArray:
    return np.asarray(_distances(points, centres).argmin(axis=1))


def _distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    return np.asarray(cdist(points, centres))
