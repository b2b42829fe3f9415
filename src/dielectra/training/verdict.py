"""Whether a climb helped: its scores on held-out labels against those of answers that need no climb."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import BaseModel

from dielectra.arrays import FloatArray
from dielectra.data.labels import Labels
from dielectra.models.atom_batch import collate, pooled_invariants
from dielectra.models.difference_network import isotropic, restored, transformed, volume_per_atom
from dielectra.models.encoder.cache import cached_features
from dielectra.models.encoder.features import load_encoder
from dielectra.models.encoder_network import EncoderOptions
from dielectra.models.kernel_regression import KernelRegression
from dielectra.models.spectral_head import SMALLEST_DEVIATION
from dielectra.training.evaluation import material_scores

FEWEST = 5
"""Number of held-out labels below which nothing is said of a climb."""

SIGNIFICANT = 2.0
"""Standard errors that a mean difference of SC has to exceed."""

NAMES = {"lower_level": "the spectrum of the level below, taken as it is", "direct": "direct learning"}
"""What messages call the other answers."""


class Comparison(BaseModel):
    """SC of a climbed model against another answer, on the same held-out labels.

    Attributes
    ----------
    sc_median
        That of the other answer.
    difference, standard_error
        Mean over crystals of the climb's SC minus the other's, and its standard error.
    better
        Whether the climb is better; None where the difference is within two standard errors.
    """

    sc_median: float
    difference: float
    standard_error: float
    better: bool | None


class Verdict(BaseModel):
    """How a climbed model does on held-out labels, against the level below and against direct learning.

    Attributes
    ----------
    n
        Number of held-out labels.
    sc_median
        That of the climb; None where the labels are too few.
    lower_level, direct
        Comparisons; None where there is nothing to compare with.
    helped
        Whether the climb is better than all that it is compared with; None where the labels do not tell.
    says
        All of it in a sentence or two.
    """

    n: int
    sc_median: float | None = None
    lower_level: Comparison | None = None
    direct: Comparison | None = None
    helped: bool | None = None
    says: str


def judge(level: str, own: FloatArray, held_out: Labels, guesses: dict[str, FloatArray | None]) -> Verdict:
    """Compare predictions on held-out labels with other answers.

    Parameters
    ----------
    own
        Predicted isotropic Im eps, shape ``(n, n_energies)``.
    guesses
        The same by ``lower_level`` and ``direct``; None where there is none.
    """
    n = len(held_out)
    if n < FEWEST:
        return Verdict(n=n, says=f"held-out labels: {n}, too few to say whether the climb helped; give {FEWEST}")
    scores, *_ = material_scores(own, held_out)
    against = {name: compare(scores, guess, held_out) for name, guess in guesses.items() if guess is not None}
    found = [comparison.better for comparison in against.values()]
    helped = None if not found or None in found else all(found)
    median = float(np.median(scores))
    words = [f"median SC {median:.3f} at {level} on {n} held-out labels"]
    words += [f"{_in_words(comparison)} {NAMES[name]}" for name, comparison in against.items()]
    return Verdict(n=n, sc_median=median, helped=helped, says="; ".join(words), **against)


def compare(scores: FloatArray, guess: FloatArray, labels: Labels) -> Comparison:
    """Compare the SC of each crystal, shape ``(n,)``, with that of a guess of the spectra, ``(n, n_energies)``."""
    other, *_ = material_scores(guess, labels)
    difference = scores - other
    mean, error = float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
    better = None if abs(mean) <= SIGNIFICANT * error else mean > 0
    return Comparison(sc_median=float(np.median(other)), difference=mean, standard_error=error, better=better)


def _in_words(found: Comparison) -> str:
    by = f"({found.sc_median:.3f}; mean difference {found.difference:+.3f}, standard error {found.standard_error:.3f})"
    words = {True: "better than", False: "worse than", None: "no better and no worse, as far as they tell, than"}
    return f"{words[found.better]} {by}"


def learn_directly(training: Labels, wanted: Labels) -> FloatArray | None:
    """Return what direct learning makes of the labels: isotropic Im eps of other crystals, shape ``(n, n_energies)``.

    It is kernel regression on the features of the default encoder, as good as a network on any number of labels. None
    where the encoder does not know an element.
    """
    encoder = load_encoder(EncoderOptions().encoder)
    crystals = [*training.crystals, *wanted.crystals]
    if any(crystal.elements - encoder.elements for crystal in crystals):
        return None
    batch = collate(cached_features(crystals, encoder), [crystal.volume for crystal in crystals])
    invariants, n = batch.invariants[batch.crystal < len(training)], len(training)
    features = pooled_invariants(batch, invariants.mean(dim=0), invariants.std(dim=0) + SMALLEST_DEVIATION)
    volumes = volume_per_atom(batch)
    known = isotropic(torch.from_numpy(np.array(training.values[:, -1])))
    regression = KernelRegression(0, features.shape[1], known.shape[1])
    regression.fit(features[:n], transformed(known, volumes[:n]))
    predicted = restored(regression(features[n:]), volumes[n:])
    return np.asarray(predicted.numpy(), float)
