"""What an ensemble was trained on, seen from a crystal: how far it is, and whether such crystals are metals.

A crystal is a point: mean and deviation of the encoder's invariants over its atoms, on the principal components of the
training crystals. Distances are measured in units of that beyond which only a twentieth of the validation crystals lie.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.elements import symbols
from dielectra.errors import InputError
from dielectra.files import read_bytes, write_whole
from dielectra.models.admission import Neighbour
from dielectra.models.encoder_network import EncodedCrystal

FILE = "domain.safetensors"
LARGEST_FILE = 2**28
N_NEAREST = 5
"""Number of training crystals whose mean distance counts, and that are named."""

SMALL_GAP = 1.0
"""Predicted fundamental gap of PBE in eV below which a crystal looks the more like a metal, the smaller it is."""

SCORE_OF_NO_GAP = 0.5
"""What a closing gap adds to the score of metals: five-fold, of 373 metals 15 are answered with it, 24 without."""

FEW = 5
"""Number of training crystals with an element below which its crystals count as unusual."""


@dataclass(frozen=True, eq=False)
class Domain:
    """The training crystals as points, and what counts as far from them.

    Attributes
    ----------
    preparation
        What the members prepare alike for the features (:attr:`dielectra.models.interface.Network.preparation`).
    mean, deviation
        Of the features of the training crystals, shape ``(n_features,)``.
    components
        Principal components of the standardised features, shape ``(n_features, n_components)``.
    points
        Training crystals with a spectrum, then metals, shape ``(n_points, n_components)``.
    ids, formulas
        Of the training crystals with a spectrum.
    counts
        Number of training crystals with each element, by atomic number.
    distance
        Mean distance to the :data:`N_NEAREST` nearest that counts as 1.
    disagreement
        Relative spread of the members that counts as large.
    metal_weights
        Weight of each point in the score of metals, shape ``(n_points,)``; empty where it is not known.
    metal_width
        Distance over which that weight falls to 1 / e.
    metal_threshold
        Score from which a crystal counts as a metal.
    """

    preparation: str
    mean: FloatArray
    deviation: FloatArray
    components: FloatArray
    points: FloatArray
    ids: tuple[str, ...]
    formulas: tuple[str, ...]
    counts: Mapping[int, int]
    distance: float
    disagreement: float
    metal_weights: FloatArray
    metal_width: float
    metal_threshold: float

    def place(self, encoded: EncodedCrystal) -> FloatArray:
        """Return the point of a crystal, shape ``(n_components,)``."""
        point: FloatArray = ((crystal_features(encoded) - self.mean) / self.deviation) @ self.components
        return point

    def nearest(self, point: FloatArray) -> tuple[Neighbour, ...]:
        """Return the nearest training crystals, in units of :attr:`distance`."""
        distances = np.linalg.norm(self.points[: len(self.ids)] - point, axis=1) / self.distance
        order = np.argsort(distances)[:N_NEAREST]
        return tuple(Neighbour(self.ids[i], self.formulas[i], round(float(distances[i]), 3)) for i in order)

    def doubts(self, crystal: Crystal, nearest: Sequence[Neighbour], spread: float) -> list[str]:
        """Return why a crystal is unlike those of the training, one sentence each; empty where it is not.

        Parameters
        ----------
        spread
            Disagreement of the members (:func:`disagreement`).
        """
        counts = {number: self.counts.get(number, 0) for number in sorted(crystal.elements)}
        found = [
            f"few training crystals contain {symbols([number])} ({count})"
            for number, count in counts.items()
            if 0 < count < FEW
        ]
        distance = float(np.mean([near.distance for near in nearest])) if nearest else 0.0
        if distance > 1:
            names = ", ".join(dict.fromkeys(near.formula for near in nearest))
            found.append(
                f"far from the training crystals (distance {distance:.2f}, above 1 only for unusual crystals; the "
                f"nearest are {names})"
            )
        if spread > self.disagreement:
            found.append(
                f"the members of the ensemble disagree by {spread:.0%} of the area under Im eps; of validation "
                f"crystals 95 % have less than {self.disagreement:.0%}"
            )
        return found

    def metal_score(self, point: FloatArray, gap: float = SMALL_GAP) -> float:
        """Return how much a crystal looks like a metal: about -1 for insulators and 1 for metals, more for small gaps.

        Parameters
        ----------
        gap
            Predicted fundamental gap of PBE, eV.
        """
        by_features = kernel(point[None], self.points, self.metal_width)[0] @ self.metal_weights
        return float(by_features + smallness(gap))

    def why_metal(self, crystal: Crystal, point: FloatArray, gap: float = SMALL_GAP) -> str:
        """Return why a crystal counts as a metal; empty where it does not.

        Parameters
        ----------
        crystal
            A primitive cell.
        gap
            Predicted fundamental gap of PBE, eV.
        """
        if has_odd_electrons(crystal):
            return (
                "a cell with an odd number of electrons, so that without magnetic order its highest band is half filled"
            )
        if len(self.metal_weights) and self.metal_score(point, gap) > self.metal_threshold:
            reason = "its features are those of metals"
            return reason if gap >= SMALL_GAP else f"{reason}, and the gap it would have is {gap:.1f} eV"
        return ""


def smallness(gaps: FloatArray | float) -> FloatArray:
    """Return what predicted gaps (eV) add to the score of metals: most where they close, 0 from ``SMALL_GAP`` on."""
    return np.asarray(SCORE_OF_NO_GAP * np.maximum(0.0, 1 - np.asarray(gaps) / SMALL_GAP))


def crystal_features(encoded: EncodedCrystal) -> FloatArray:
    """Return mean and deviation over atoms of the invariants, shape ``(n_features,)``."""
    atoms = encoded.features.invariants.numpy().astype(float)
    return np.concatenate([atoms.mean(axis=0), atoms.std(axis=0)])


def kernel(points: FloatArray, others: FloatArray, width: float) -> FloatArray:
    """Return ``exp(-distance / width)`` between points, shape ``(n_points, n_others)``."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    return np.asarray(np.exp(-np.sqrt(np.maximum(squares, 0.0)) / width))


def has_odd_electrons(crystal: Crystal) -> bool:
    """Return whether a primitive cell has an odd number of electrons.

    Every band holds two of them, so that such a crystal has no gap without magnetic order.
    """
    return int(crystal.numbers.sum()) % 2 == 1


def disagreement(curves: FloatArray) -> float:
    """Return the area of the deviation of the members' curves, relative to that under their mean.

    Parameters
    ----------
    curves
        Isotropic Im eps of each member, shape ``(n_members, n_energies)``.
    """
    return float(curves.std(axis=0).sum() / max(float(curves.mean(axis=0).sum()), 1e-9))


def save_domain(domain: Domain, folder: Path) -> str:
    """Write a domain into the folder of its ensemble; return the SHA-256 digest of its file."""
    arrays = {name: np.ascontiguousarray(getattr(domain, name), np.float32) for name in _ARRAYS}
    facts = {name: getattr(domain, name) for name in (*_FACTS, *_NUMBERS)}
    payload = save(arrays, {"facts": json.dumps(facts)})
    write_whole(folder / FILE, payload)
    return hashlib.sha256(payload).hexdigest()


def load_domain(folder: Path, digest: str = "") -> Domain | None:
    """Return the domain in the folder of an ensemble; None where there is none.

    Parameters
    ----------
    digest
        SHA-256 of the file by the ensemble's card; empty where the card knows none.

    Raises
    ------
    InputError
        If the file cannot be used, or is not the one that the card names.
    """
    path = folder / FILE
    if not path.is_file() and not digest:
        return None
    payload = read_bytes(path, LARGEST_FILE)
    if digest and hashlib.sha256(payload).hexdigest() != digest:
        raise InputError(f"{path}: differs from the digest in its card; restore it or train again")
    try:
        return _domain(load(payload), _metadata(payload))
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is damaged ({error}); restore it or train again") from error


def _metadata(payload: bytes) -> dict[str, Any]:
    """Return the facts in the header of a safetensors file, which ``load`` leaves out."""
    length = int.from_bytes(payload[:8], "little")
    facts: dict[str, Any] = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["facts"])
    return facts


def _domain(arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> Domain:
    numbers: dict[str, Any] = {name: float(facts[name]) for name in _NUMBERS}
    numbers |= {name: np.asarray(arrays[name], float) for name in _ARRAYS}
    domain = Domain(
        preparation=str(facts["preparation"]),
        ids=tuple(facts["ids"]),
        formulas=tuple(facts["formulas"]),
        counts={int(number): int(count) for number, count in facts["counts"].items()},
        **numbers,
    )
    n_points, n_components = domain.points.shape
    shapes = [domain.mean.shape, domain.deviation.shape, domain.components.shape, domain.metal_weights.shape]
    n_features = len(domain.mean)
    if shapes != [(n_features,), (n_features,), (n_features, n_components), (n_points,)] or not (
        len(domain.ids) == len(domain.formulas) <= n_points
    ):
        raise ValueError("arrays that do not fit together")
    return domain


_FACTS = ("preparation", "ids", "formulas", "counts")
_NUMBERS = ("distance", "disagreement", "metal_width", "metal_threshold")
_ARRAYS = ("mean", "deviation", "components", "points", "metal_weights")
