"""How far a predicted spectrum can be trusted: by the disagreement of the ensemble's members.

Members that were trained alike from different starts disagree where the training says little. The limits below were
set on the validation materials of ladder-2, where the rank correlation of their disagreement with ``1 - SC`` is about
0.7. On its test materials ``ladder-ensemble`` has a median SC of 0.91 where confidence is high, 0.88 where it is medium
and 0.82 where it is low (``benchmarks/confidence.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from dielectra.spectrum import Spectrum, similarity

if TYPE_CHECKING:
    from dielectra.prediction.prediction import Prediction

Confidence = Literal["high", "medium", "low"]

HIGH_BELOW = 0.04
"""Disagreement below which confidence is high."""

MEDIUM_BELOW = 0.06
"""Disagreement below which it is medium."""


def disagreement(spectrum: Spectrum) -> float | None:
    """Return how far the members of an ensemble are from their mean; None without two members.

    It is one minus the mean similarity coefficient of their Im eps (isotropic average) with its mean.
    """
    if len(spectrum.members) < 2:
        return None
    mean = spectrum.mean.imag
    if not np.trapezoid(mean, spectrum.energies) > 0:
        return None
    return float(1 - similarity(spectrum.member_means.imag, mean, spectrum.energies).mean())


def confidence(prediction: Prediction) -> Confidence | None:
    """Return how far a prediction can be trusted; None for a model that is no ensemble.

    A crystal unlike those of the training, and one that is predicted to be a metal, has low confidence at best; at a
    level whose spectra are poor, it is medium at best: members that learnt from the same few spectra may agree.
    """
    if prediction.in_domain is False or prediction.metal:
        return "low"
    found = disagreement(prediction.spectrum)
    if found is None:
        return None
    if found < HIGH_BELOW and not prediction.doubted_level:
        return "high"
    return "medium" if found < MEDIUM_BELOW else "low"
