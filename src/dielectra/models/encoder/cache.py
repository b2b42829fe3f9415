"""Features of the crystals of data sets, kept on disk: trainings read them again and again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save

from dielectra.crystal import Crystal
from dielectra.models.encoder.features import AtomFeatures, encode
from dielectra.models.encoder.sevennet import SevenNet

FOLDER = "DIELECTRA_CACHE"
"""Environment variable for the folder; by default the user's folder of caches."""

VERSION = b"1"
"""Raised when the features of a crystal change for another reason than the encoder's weights."""

CHUNK = 100
"""Number of crystals that are encoded between two writes, so that a killed training loses little."""


def cached_features(crystals: Sequence[Crystal], encoder: SevenNet) -> list[AtomFeatures]:
    """Return what :func:`~dielectra.models.encoder.features.encode` does, computed once for each crystal and encoder.

    Where the folder cannot be used, the features are computed anew.
    """
    keys = [_digest(crystal, encoder) for crystal in crystals]
    known = _read(keys)
    missing = [index for index, key in enumerate(keys) if key not in known]
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        fresh = dict(zip((keys[index] for index in chunk), encode([crystals[i] for i in chunk], encoder), strict=True))
        _write(fresh)
        known |= fresh
    return [known[key] for key in keys]


def _digest(crystal: Crystal, encoder: SevenNet) -> str:
    """Return a digest of all that the features depend on."""
    digest = hashlib.sha256(VERSION + encoder.card.weights_sha256.encode())
    for array in (crystal.cell, crystal.frac_coords, crystal.numbers):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@contextmanager
def _table() -> Iterator[sqlite3.Connection]:
    """Open the table of features, and make it where there is none."""
    folder = Path(os.environ.get(FOLDER) or _user_folder())
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "features.sqlite", timeout=30)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, payload BLOB)")
        yield connection


def _user_folder() -> Path:
    import pooch

    return Path(pooch.os_cache("dielectra"))


def _read(keys: Sequence[str]) -> dict[str, AtomFeatures]:
    found: dict[str, AtomFeatures] = {}
    try:
        with _table() as table:
            for key in keys:
                row = table.execute("SELECT payload FROM features WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    parts = load(row[0])
                    found[key] = AtomFeatures(parts["invariants"], parts["tensors"])
    except (OSError, sqlite3.Error, SafetensorError, KeyError, TypeError):
        return found
    return found


def _write(features: dict[str, AtomFeatures]) -> None:
    rows = [
        (key, save({name: part.contiguous() for name, part in found._asdict().items()}))
        for key, found in features.items()
    ]
    try:
        with _table() as table:
            table.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
    except (OSError, sqlite3.Error):
        return
