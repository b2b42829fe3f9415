"""Tell metals from insulators that were held out: python benchmarks/metals.py [DATASET...].

Five folds by formula of all metals and of the insulators of the training split; the validation split sets the
threshold, as in training. Gaps are those that the default model predicts, which no metal has trained. It has seen those
of the training insulators, so that how many insulators are refused is counted on the test split too, by a regression
on all folds. Prints how many metals would be answered and how many insulators refused.
"""

from __future__ import annotations

import sys

import numpy as np

from dielectra.arrays import BoolArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.splits import sorted_formula
from dielectra.levels import FUNDAMENTAL_OF_PBE
from dielectra.models.domain import crystal_features, has_odd_electrons, kernel, smallness
from dielectra.models.encoder_network import EncoderNetwork
from dielectra.models.ensemble import load_predictor
from dielectra.models.store import model_of
from dielectra.training.domains import (
    ANSWERED,
    LEAST_SCORE,
    METAL_WIDTH,
    N_COMPONENTS,
    SMALLEST_DEVIATION,
    metal_weights,
    transmuted,
)

FOLDS = 5


def folds(crystals: list[Crystal]) -> FloatArray:
    """Return the fold of each crystal, one for all of its formula."""
    formulas = [sorted_formula(crystal.formula) for crystal in crystals]
    shuffled = np.random.default_rng(0).permutation(sorted(set(formulas)))
    place = {formula: index % FOLDS for index, formula in enumerate(shuffled)}
    return np.array([place[formula] for formula in formulas])


def main(*sources: str) -> None:
    """Print the counts."""
    ensemble = load_predictor(str(model_of("rpa")))
    network = next(model.network for model in ensemble.models if isinstance(model.network, EncoderNetwork))
    insulators: dict[str, list[Crystal]] = {"train": [], "validation": [], "test": []}
    metals: list[Crystal] = []
    for source in sources:
        data = open_dataset(source)
        for split, found in insulators.items():
            found += data.labels("rpa").of_split(split).crystals
        metals += [metal.crystal for metal in data.metals()]

    def features(crystals: list[Crystal]) -> FloatArray:
        return np.array([crystal_features(one) for one in network.prepare_known(crystals)])

    def closing(crystals: list[Crystal]) -> FloatArray:
        gaps = ensemble.outputs(ensemble.prepare(crystals, known=True)).gaps
        assert gaps is not None
        return smallness(gaps[:, FUNDAMENTAL_OF_PBE])

    known = features(insulators["train"])
    mean, deviation = known.mean(axis=0), known.std(axis=0) + SMALLEST_DEVIATION
    axes = np.linalg.svd((known - mean) / deviation, full_matrices=False)[2][:N_COMPONENTS].T

    def place(crystals: list[Crystal]) -> FloatArray:
        return np.asarray(((features(crystals) - mean) / deviation) @ axes)

    gapped, seen, tested, metallic = (place(group) for group in (*insulators.values(), metals))
    of_gapped, of_seen, of_tested, of_metals = (closing(group) for group in (*insulators.values(), metals))
    width = METAL_WIDTH * float(np.median(np.linalg.norm(seen[:, None] - gapped[None], axis=2)))
    fold_of_metal, fold_of_insulator = folds(metals), folds(insulators["train"])
    odd = np.array([has_odd_electrons(crystal) for crystal in metals])
    by_features, refused = np.zeros(len(metals), bool), np.zeros(len(gapped), bool)
    of_test = []
    for fold in range(FOLDS):
        apart, held = fold_of_metal == fold, fold_of_insulator == fold
        kept = [crystal for crystal, out in zip(insulators["train"], held, strict=True) if not out]
        examples = np.concatenate([metallic[~apart], place(transmuted(kept))])
        weights = metal_weights(gapped[~held], examples, width)
        points = np.concatenate([gapped[~held], examples])
        threshold = max(LEAST_SCORE, float(np.quantile(kernel(seen, points, width) @ weights + of_seen, ANSWERED)))
        by_features[apart] = kernel(metallic[apart], points, width) @ weights + of_metals[apart] > threshold
        refused[held] = kernel(gapped[held], points, width) @ weights + of_gapped[held] > threshold
        of_test.append(int((kernel(tested, points, width) @ weights + of_tested > threshold).sum()))
    print(f"insulators refused: {refused.sum()} of {len(refused)}")
    print(f"test insulators refused, mean over folds: {np.mean(of_test):.1f} of {len(tested)}")
    tell("metals answered", ~(by_features | odd))
    tell("  by features and gap alone, electrons not counted", ~by_features)
    tell("  of those with an even number of electrons", ~by_features[~odd])
    print("answered:", ", ".join(metals[index].formula for index in np.flatnonzero(~(by_features | odd))))


def tell(what: str, answered: BoolArray) -> None:
    """Print a share of metals."""
    print(f"{what}: {answered.sum()} of {len(answered)}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["ladder-2"]))
