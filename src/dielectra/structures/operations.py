"""Symmetry operations of space groups: parsed, compared, checked to form a group and to fit a cell."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray, IntArray
from dielectra.errors import InputError

DENOMINATOR = 24
"""Translations are in this fraction of the lattice vectors, as in gemmi."""

MOST_OPERATIONS = 192
"""Number of symmetry operations of the largest space groups in their conventional cells."""

LONGEST_TRIPLET = 100

METRIC_TOLERANCE = 0.02
"""Relative change of a product of two lattice vectors that an operation of the cell may make."""


LARGEST_CODED = 4
"""Operations whose matrices have no larger entry are compared by one integer each."""

CODE_OF_TRANSLATION = DENOMINATOR ** np.arange(3)
CODE_OF_ROTATION = DENOMINATOR**3 * (2 * LARGEST_CODED + 1) ** np.arange(9)


@dataclass(frozen=True, eq=False)
class Operations:
    """The operations of a space group modulo lattice translations.

    Attributes
    ----------
    rotations
        Integer matrices that act on columns of fractional coordinates, shape ``(n, 3, 3)``.
    translations
        Integers from 0 to 23 in 24ths of the lattice vectors, shape ``(n, 3)``.
    """

    rotations: IntArray
    translations: IntArray

    def __len__(self) -> int:
        return len(self.rotations)

    def keys(self) -> frozenset[tuple[int, ...]]:
        """Return one tuple of 12 integers for every operation: equal sets are equal groups in equal settings."""
        rows = np.hstack([self.rotations.reshape(-1, 9), self.translations])
        return frozenset(tuple(row) for row in rows.tolist())

    def images(self, position: FloatArray) -> FloatArray:
        """Return where the operations carry a fractional position, shape ``(n, 3)``."""
        matrices, shifts = self._matrices
        return np.asarray((matrices @ position).reshape(-1, 3) + shifts)

    @cached_property
    def _matrices(self) -> tuple[FloatArray, FloatArray]:
        """Return the rotations, one below the other, shape ``(3 * n, 3)``, and the translations, shape ``(n, 3)``."""
        return self.rotations.reshape(-1, 3).astype(float), self.translations / DENOMINATOR

    @cached_property
    def turns(self) -> FloatArray:
        """Return the rotations, those of centred groups once, shape ``(m, 3, 3)``."""
        return np.unique(self.rotations, axis=0).astype(float)


IDENTITY = Operations(np.eye(3, dtype=np.int64)[None], np.zeros((1, 3), np.int64))


def parse_operations(triplets: Sequence[str], what: str, most: int = MOST_OPERATIONS) -> Operations:
    """Return the operations of Jones-faithful triplets such as ``-y, x-y, z+1/3``, each once.

    Raises
    ------
    InputError
        If there are too many or one is not an operation; the message starts with `what` and names it.
    """
    import gemmi

    if len(triplets) > most:
        raise InputError(f"{what} lists {len(triplets)} symmetry operations; a space group has up to {most}")
    operations = []
    for triplet in triplets:
        try:
            operations.append(gemmi.Op(triplet[:LONGEST_TRIPLET].strip("'\" ")))
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{what} holds {triplet[:40]!r}, which is not a symmetry operation ({error}); write it as -x,y+1/2,z"
            ) from error
    return of_gemmi(operations, what)


def of_gemmi(operations: Iterable[Any], what: str) -> Operations:
    """Return operations of gemmi, each once; `what` starts the message where one is no rotation."""
    listed = list(operations)
    rotations = np.array([operation.rot for operation in listed], np.int64)
    translations = np.array([operation.tran for operation in listed], np.int64) % DENOMINATOR
    determinants = np.abs(np.linalg.det(rotations / DENOMINATOR)).round(6)
    bad = (rotations % DENOMINATOR != 0).any(axis=(1, 2)) | (determinants != 1)
    if bad.any():
        raise InputError(f"{what} holds {listed[int(bad.argmax())].triplet()}, which is no rotation of a lattice")
    return _each_once(rotations // DENOMINATOR, translations)


def product(operations: Operations, centring: Operations) -> Operations:
    """Return every operation followed by every centring vector, each result once."""
    rotations = np.einsum("cij,ojk->coik", centring.rotations, operations.rotations)
    moved = np.einsum("cij,oj->coi", centring.rotations, operations.translations)
    translations = (moved + centring.translations[:, None]) % DENOMINATOR
    return _each_once(rotations.reshape(-1, 3, 3), translations.reshape(-1, 3))


def are_a_group(operations: Operations) -> bool:
    """Return whether the product of any two operations is one of them, modulo lattice translations."""
    if len(operations) > 4 * MOST_OPERATIONS or not IDENTITY.keys() <= operations.keys():
        return False
    return len(product(operations, operations)) == len(operations)


def fit(operations: Operations, cell: FloatArray) -> bool:
    """Return whether the operations leave the lengths and angles of a cell as they are."""
    return _keep(operations, *(cell @ cell.T).ravel().tolist())


@lru_cache(maxsize=1024)
def _keep(operations: Operations, *products: float) -> bool:
    """Return whether operations leave the nine products of the lattice vectors as they are."""
    metric = np.array(products).reshape(3, 3)
    lengths = np.sqrt(metric.diagonal())
    changes = operations.turns.transpose(0, 2, 1) @ metric @ operations.turns - metric
    return bool(np.abs(changes / lengths / lengths[:, None]).max() < METRIC_TOLERANCE)


def space_group_number(operations: Operations) -> int:
    """Return the number (1-230) of the space group that operations form in any setting, 0 where none is found."""
    import spglib

    translations = operations.translations / DENOMINATOR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            found = spglib.get_spacegroup_type_from_symmetry(operations.rotations, translations)
    except Exception:  # spglib >= 2.7 can raise its own error type instead of returning None
        return 0
    return 0 if found is None else int(found.number)


def _each_once(rotations: IntArray, translations: IntArray) -> Operations:
    if np.abs(rotations).max(initial=0) <= LARGEST_CODED:
        codes = (rotations.reshape(-1, 9) + LARGEST_CODED) @ CODE_OF_ROTATION + translations @ CODE_OF_TRANSLATION
        _, first = np.unique(codes, return_index=True)
    else:
        rows = np.hstack([rotations.reshape(-1, 9), translations])
        _, first = np.unique(rows, axis=0, return_index=True)
    order = np.sort(first)
    return Operations(rotations[order], translations[order])
