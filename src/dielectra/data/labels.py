"""Labels: what a network is trained on and scored against, with weights that say what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dielectra.arrays import BoolArray, FloatArray, SingleArray
from dielectra.crystal import Crystal
from dielectra.target import Target


@dataclass(frozen=True, eq=False)
class Labels:
    """The values of a target for many crystals.

    Attributes
    ----------
    target
        What the values are.
    ids, formulas, splits
        One string per crystal; the split is empty where it is in none.
    crystals
        The standardised primitive cells.
    values
        Shape ``(n, *target.shape)``; zero where missing.
    weights
        Shape ``(n, n_levels, n_parts, n_energies)``: 0 where a level or an energy is missing, 1 elsewhere.
    gaps
        Direct and fundamental gap of PBE, then of quasiparticles, shape ``(n, 4)``, eV; NaN where unknown.
    """

    target: Target
    ids: list[str]
    formulas: list[str]
    splits: list[str]
    crystals: list[Crystal]
    values: SingleArray
    weights: SingleArray
    gaps: SingleArray

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.ids)

    @property
    def level(self) -> str:
        """Return the highest level of the target."""
        return self.target.level

    @property
    def energies(self) -> FloatArray:
        """Return the photon energies, shape ``(n_energies,)``, eV."""
        return self.target.grid

    @property
    def broadening(self) -> float | None:
        """Return the Lorentzian broadening in eV, None where the data set does not say."""
        return self.target.broadening

    @property
    def eps2(self) -> SingleArray:
        """Return a third of the trace of the imaginary part at the highest level, shape ``(n, n_energies)``."""
        components = self.values[:, -1, self.target.parts.index("im"), :3]
        return components[:, 0] if self.target.rank == 0 else components.mean(axis=1, dtype=np.float32)

    def has(self, level: str) -> BoolArray:
        """Return which crystals have a value at a level of the target, shape ``(n,)``."""
        return np.asarray(self.weights[:, self.target.levels.index(level)].any(axis=(1, 2)))

    def select(self, indices: Sequence[int]) -> Labels:
        """Return the labels at `indices`, in that order."""
        chosen = list(indices)
        return Labels(
            self.target,
            [self.ids[i] for i in chosen],
            [self.formulas[i] for i in chosen],
            [self.splits[i] for i in chosen],
            [self.crystals[i] for i in chosen],
            self.values[chosen],
            self.weights[chosen],
            self.gaps[chosen],
        )

    def of_split(self, split: str) -> Labels:
        """Return the labels of one split."""
        return self.select([index for index, name in enumerate(self.splits) if name == split])

    def without(self, level: str, indices: Sequence[int]) -> Labels:
        """Return labels in which the crystals at `indices` lack a level; those left with none are taken out."""
        weights = np.array(self.weights)
        weights[list(indices), self.target.levels.index(level)] = 0.0
        left = replace(self, weights=weights)
        return left.select(np.flatnonzero(weights.any(axis=(1, 2, 3))).tolist())
