"""Write the crystals that the page's search finds: the materials of a data set, and how well each is predicted.

Run from the repository, whenever a data set or the shipped model changes, on what the model was trained on::

    python scripts/catalogue.py runs/ladders

The similarity is that of the RPA prediction to the computed spectrum; that of a material of the training split says how
well the model remembers it, not how well it predicts. Materials of other levels alone have none, and no gap of PBE.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.elements import SYMBOLS
from dielectra.integrals import similarity
from dielectra.prediction import Prediction, Refusal, loaded_model, predict_each
from dielectra.symmetry import space_group
from dielectra.web.catalogue import MODEL

TARGET = Path(__file__).parents[1] / "src" / "dielectra" / "web" / "tables" / "crystals.jsonl.gz"
LEVEL = "rpa"
DIGITS = 5


def materials(source: str) -> Iterator[Record]:
    """Yield one record of each material, that of the page's level where it has one."""
    seen: set[str] = set()
    dataset = open_dataset(source)
    for record in chain(dataset.records(LEVEL), dataset.records()):
        if record.id not in seen:
            seen.add(record.id)
            yield record


def line(record: Record, predicted: Prediction | Refusal) -> dict[str, Any]:
    """Return the line of a material."""
    similar = guessed = gap = None
    if isinstance(predicted, Prediction):
        guessed = predicted.gap
    if (real := record.spectrum).level == LEVEL:
        gap = record.properties.get("gap_indirect")
        if isinstance(predicted, Prediction):
            similar = round(float(similarity(predicted.spectrum.mean.imag, real.mean.imag, real.energies)), 3)
    crystal = record.crystal
    return {
        "id": record.id,
        "formula": crystal.formula,
        "space_group": space_group(crystal),
        "split": record.split,
        "gap_ev": None if gap is None else round(gap, 2),
        "predicted_gap_ev": None if guessed is None else round(guessed, 2),
        "similarity": similar,
        "lattice": crystal.cell.round(DIGITS).tolist(),
        "species": [SYMBOLS[number] for number in crystal.numbers],
        "frac_coords": crystal.frac_coords.round(DIGITS + 1).tolist(),
    }


def main(source: str) -> None:
    """Predict all materials and write the table."""
    model = loaded_model(LEVEL, MODEL)
    lines = []
    found = materials(source)
    while records := list(islice(found, 64)):
        outcomes = predict_each((record.crystal for record in records), model)
        for record, outcome in zip(records, outcomes, strict=True):
            lines.append(line(record, outcome))
        print(len(lines), file=sys.stderr)
    TARGET.parent.mkdir(exist_ok=True)
    text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines)
    TARGET.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
