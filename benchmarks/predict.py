"""Time prediction: one crystal cold from the shell, and a thousand structures of four atoms in one process."""

from __future__ import annotations

import subprocess
import sys
import time

from dielectra.data.dataset import open_dataset
from dielectra.models.ensemble import load_predictor
from dielectra.models.store import DEFAULT
from dielectra.prediction import predict_many

N_STRUCTURES = 1000
REPEATS = 5


def main() -> None:
    """Print both timings."""
    cold = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "dielectra", "predict", "examples/MgO.cif"], check=True, capture_output=True
        )
        cold.append(time.perf_counter() - start)
    print(f"dielectra predict on one CIF, cold: {min(cold):.2f} s, best of {REPEATS}")
    four = [crystal for crystal in open_dataset("ladder").labels("rpa").crystals if crystal.n_atoms == 4]
    crystals = [four[index % len(four)] for index in range(N_STRUCTURES)]
    for name in ("fast", DEFAULT):
        model = load_predictor(name)
        start = time.perf_counter()
        predict_many(crystals, model=model)
        print(f"{N_STRUCTURES} structures of 4 atoms, {name}: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
