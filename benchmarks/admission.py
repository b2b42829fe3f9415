"""Count what a prediction of many files costs: symmetry searches, readings of weights, and the time of a batch line."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import spglib

from dielectra.data.dataset import open_dataset
from dielectra.models import store
from dielectra.prediction import predict_files
from dielectra.predictor import predict
from dielectra.structures import Refused
from dielectra.web import workers
from dielectra.web.limits import Limits
from dielectra.web.uploads import Upload

N_CRYSTALS = 128
REFUSED_EVERY = 8
TITANIUM = 22
REPEATS = 20


def counted(module: Any, name: str) -> list[str]:
    """Count the calls of a function of a module; return the list that grows by one for each."""
    calls: list[str] = []
    function: Callable[..., Any] = getattr(module, name)

    def counting(*given: Any, **options: Any) -> Any:
        calls.append(name)
        return function(*given, **options)

    setattr(module, name, counting)
    return calls


def write_files(folder: Path) -> list[tuple[str, Path]]:
    """Write crystals of the ladder set, one a file; every eighth has titanium in place of its first element."""
    files = []
    for index, crystal in enumerate(open_dataset("ladder").labels("rpa").crystals[:N_CRYSTALS]):
        numbers = crystal.numbers.copy()
        if index % REFUSED_EVERY == 0:
            numbers[numbers == numbers[0]] = TITANIUM
        entry = {"lattice": crystal.cell.tolist(), "numbers": numbers.tolist()}
        path = folder / f"{index:03d}.jsonl"
        path.write_text(json.dumps(entry | {"frac_coords": np.asarray(crystal.frac_coords).tolist()}) + "\n")
        files.append((path.name, path))
    return files


def main() -> None:
    """Print counts and times."""
    searches, readings = counted(spglib, "get_symmetry_dataset"), counted(store, "load_tensors")
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder))
        model = store.load_model("ladder-rpa")
        start = time.perf_counter()
        outcomes = list(predict_files(files, model))
        n_refused = sum(isinstance(outcome, Refused) for outcome in outcomes)
        print(
            f"{len(files)} files, {n_refused} of them refused: {len(searches)} symmetry searches, "
            f"{time.perf_counter() - start:.2f} s"
        )
    readings.clear()
    start = time.perf_counter()
    for _ in range(REPEATS):
        predict("examples/MgO.cif")
    seconds = (time.perf_counter() - start) / REPEATS
    print(f"{REPEATS} calls of predict: weights read {len(readings)} time(s), {1000 * seconds:.0f} ms a call")
    searches.clear()
    upload, limits = Upload("MgO.cif", Path("examples/MgO.cif")), Limits()
    start = time.perf_counter()
    for _ in range(REPEATS):
        line = workers.read_and_predict(upload, "ladder-rpa", limits)
    seconds = (time.perf_counter() - start) / REPEATS
    print(f"a line of a batch: {len(searches) // REPEATS} symmetry search, {len(line)} bytes, {1000 * seconds:.0f} ms")


if __name__ == "__main__":
    main()
