"""Confidence against error: median SC of predictions by the disagreement of the ensemble's members.

python benchmarks/confidence.py [--model ladder-ensemble] [--data ladder-2] [--level rpa]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import spearmanr

from dielectra.data.dataset import open_dataset
from dielectra.prediction import Prediction, loaded_model, predict_each
from dielectra.prediction.confidence import HIGH_BELOW, MEDIUM_BELOW, disagreement
from dielectra.spectrum import similarity


def main() -> None:
    """Print a line per split and class of confidence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ladder-ensemble")
    parser.add_argument("--data", default="ladder-2")
    parser.add_argument("--level", default="rpa")
    options = parser.parse_args()
    broadening = open_dataset(options.data).broadening  # with its tails below the gap, as the data have them
    model = loaded_model(options.level, options.model, broadening=broadening)
    for split in ("validation", "test"):
        records = [record for record in open_dataset(options.data).records(options.level) if record.split == split]
        spread, scores = [], []
        for record, outcome in zip(records, predict_each((r.crystal for r in records), model), strict=True):
            if isinstance(outcome, Prediction):
                spread.append(disagreement(outcome.spectrum) or 0.0)
                known = record.spectrum.resample(outcome.spectrum.energies)
                scores.append(float(similarity(outcome.spectrum.mean.imag, known.mean.imag, known.energies)))
        distances, found = np.array(spread), np.array(scores)
        print(f"{split}: {len(found)} materials, rank correlation {spearmanr(distances, 1 - found)[0]:.2f}")
        for name, low, high in (
            ("high", 0, HIGH_BELOW),
            ("medium", HIGH_BELOW, MEDIUM_BELOW),
            ("low", MEDIUM_BELOW, 9),
        ):
            inside = found[(distances >= low) & (distances < high)]
            lowest = np.quantile(inside, 0.1)
            print(f"  {name}: {len(inside)}, median SC {np.median(inside):.3f}, lowest tenth below {lowest:.3f}")


if __name__ == "__main__":
    main()
