"""What choosing labels saves: python benchmarks/suggest.py DATASET [--sizes 25 50 100 200] [--seeds 5].

Labels are drawn from the training split at random or as ``dielectra suggest`` chooses them. Kernel regression learns
from them the highest level alone, and its difference to the level below, which it knows of all training crystals.
Scored on the validation and test splits together; nothing is chosen by them.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from dielectra.data.dataset import open_dataset
from dielectra.models.atom_batch import collate, pooled_invariants
from dielectra.models.difference_network import restored, transformed, volume_per_atom
from dielectra.models.encoder.features import encode, load_encoder
from dielectra.models.kernel_regression import KernelRegression
from dielectra.models.spectral_head import SMALLEST_DEVIATION
from dielectra.spectrum import similarity
from dielectra.training.suggestion import choose_diverse, principal_components


def main() -> None:
    """Print median and lowest tenth of SC, mean over seeds and spread, for both ways of choosing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--sizes", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = open_dataset(options.dataset)
    labels = data.labels(data.target("ipa", "rpa"))
    batch = collate(encode(labels.crystals, load_encoder("sevennet-0")), [one.volume for one in labels.crystals])
    deviation = batch.invariants.std(dim=0) + SMALLEST_DEVIATION
    features, volumes = pooled_invariants(batch, batch.invariants.mean(dim=0), deviation), volume_per_atom(batch)
    ipa, rpa = (transformed(torch.from_numpy(labels.values[:, level, 0, 0]), volumes) for level in (0, 1))
    splits = np.array(labels.splits)
    pool, scored = np.flatnonzero(splits == "train"), np.flatnonzero(np.isin(splits, ("validation", "test")))
    places = principal_components(features[pool].double().numpy())

    def learn(chosen: np.ndarray, values: torch.Tensor) -> torch.Tensor:
        regression = KernelRegression(0, features.shape[1], values.shape[1])
        regression.fit(features[chosen], values[chosen])
        return regression(features[scored])

    def scores(predicted: torch.Tensor) -> np.ndarray:
        curves = restored(predicted, volumes[scored]).double().numpy()
        return similarity(curves, labels.eps2[scored], labels.energies)

    below = learn(pool, ipa)
    found: dict[tuple[str, int, str], list[np.ndarray]] = {}
    for n in options.sizes:
        for seed in range(options.seeds):
            ways = {
                "random": np.random.default_rng(seed).choice(pool, n, replace=False),
                "suggested": pool[choose_diverse(places, n, places[:0], seed)[0]],
            }
            for way, chosen in ways.items():
                found.setdefault(("direct", n, way), []).append(scores(learn(chosen, rpa)))
                found.setdefault(("climb", n, way), []).append(scores(below + learn(chosen, rpa - ipa)))
    print(f"{options.dataset}: {len(pool)} crystals to choose from, {len(scored)} scored, {options.seeds} seeds\n")
    print("| learning | labels | median, random | suggested | lowest tenth, random | suggested |")
    print("|---|---:|---:|---:|---:|---:|")
    for learning in ("direct", "climb"):
        for n in options.sizes:
            cells = [
                spread([float(np.quantile(one, quantile)) for one in found[learning, n, way]])
                for quantile in (0.5, 0.1)
                for way in ("random", "suggested")
            ]
            print(f"| {learning} | {n} | " + " | ".join(cells) + " |")


def spread(values: list[float]) -> str:
    """Return the mean over seeds, lowest and highest."""
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
