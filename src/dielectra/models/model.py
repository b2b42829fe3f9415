"""A trained model: a network with its card, whatever the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.levels import GAP_COLUMNS, gap_columns, onset_columns
from dielectra.models.admission import Admitted, Estimate, Predictor, Preparation, Refusal, admit_each, find_form
from dielectra.models.card import ModelCard
from dielectra.models.interface import Network
from dielectra.optics.onset import transparent_below
from dielectra.spectrum import Spectrum
from dielectra.symmetry import StandardForm
from dielectra.target import Target

BATCH = 128
"""Number of crystals given to a network together."""


class Outputs(NamedTuple):
    """What the members of a model predict for some crystals.

    Attributes
    ----------
    values
        Shape ``(n_members, n, *target.shape)``.
    gaps
        Direct and fundamental gap of PBE, then of quasiparticles and less an exciton's binding where these are
        predicted, mean over the members that predict them, shape ``(n, n_gaps)``, eV; None without such.
    """

    values: FloatArray
    gaps: FloatArray | None


@runtime_checkable
class ModelLike(Predictor, Protocol):
    """What predicts a target, spectra or numbers: a :class:`Model` or an ensemble."""

    @property
    def target(self) -> Target:
        """Return what is predicted."""
        ...

    @property
    def level(self) -> str | None:
        """Return the level predicted where the target has several; None for the highest."""
        ...

    @property
    def transparent(self) -> bool:
        """Return whether what a broadening puts below the predicted gap is taken off (:func:`estimates`)."""
        ...

    def at(self, level: str) -> ModelLike:
        """Return the model predicting a level; unchanged where its target has no such level."""
        ...

    def broadened(self, broadening: float) -> ModelLike:
        """Return the model predicting spectra of a Lorentzian broadening (half width, eV), its tails included."""
        ...

    def allowing_metals(self) -> ModelLike:
        """Return the model predicting crystals that it takes for metals, which it refuses otherwise."""
        ...

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers that can be represented."""
        ...

    def remarks(self, prepared: Any) -> list[str]:
        """Return one sentence for each reason to doubt the prediction for a prepared crystal."""
        ...

    def prepare(self, crystals: Sequence[Crystal], *, known: bool = False) -> list[Any]:
        """Return what is needed of each crystal, found out once; of a data set's `known` crystals from disk."""
        ...

    def outputs(self, prepared: Sequence[Any]) -> Outputs:
        """Return what each member predicts for prepared crystals."""
        ...


@dataclass(frozen=True, eq=False)
class Model:
    """A network in evaluation mode with its card.

    ``level`` is the one predicted where the target has several, by default the highest.
    """

    network: Network
    card: ModelCard
    level: str | None = None
    transparent: bool = True

    @property
    def target(self) -> Target:
        """Return what the model predicts."""
        return self.card.target

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers that the network can represent."""
        return self.network.elements

    def prepare(self, crystals: Sequence[Crystal], *, known: bool = False) -> list[Any]:
        """Return what the network needs of each crystal."""
        return self.network.prepare_known(crystals) if known else self.network.prepare(crystals)

    def remarks(self, prepared: Any) -> list[str]:
        """Return the network's reasons to doubt the prediction for a prepared crystal."""
        return self.network.remarks(prepared)

    def outputs(self, prepared: Sequence[Any]) -> Outputs:
        """Return the predictions for prepared crystals, as those of one member."""
        values, gaps = predict_prepared(self.network, prepared)
        known = None if gaps is None else np.asarray(gaps.cpu().numpy(), np.float64)
        return Outputs(np.asarray(values.cpu().numpy(), np.float64)[None], known)

    def admit(self, crystal: Crystal) -> Admitted | Refusal:
        """Find out all that a prediction needs of a crystal, or why it is refused."""
        return admit_to(self, [crystal])[0]

    def admit_each(
        self, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
    ) -> list[Admitted | Refusal]:
        """Admit many crystals, with their standard forms where these are known."""
        return admit_to(self, crystals, forms)

    def predict(self, admitted: Sequence[Admitted]) -> list[Estimate]:
        """Return what is predicted of each admitted crystal."""
        return estimates(self, self.outputs([found.prepared for found in admitted]))

    def at(self, level: str) -> Model:
        """Return the model predicting a level; unchanged where its target has no such level."""
        return replace(self, level=level) if level in self.target.levels else self

    def broadened(self, broadening: float) -> Model:
        """Return the model predicting spectra of a Lorentzian broadening (half width, eV), its tails included."""
        if broadening == self.target.broadening:
            return replace(self, transparent=False)
        network = self.network.broadened(broadening)
        card = self.card.model_copy(update={"target": network.target, "calibration": {}})
        return replace(self, network=network, card=card, transparent=False)

    def allowing_metals(self) -> Model:
        """Return the model as it is: a single one tells no metals."""
        return self


def admit_to(
    model: ModelLike, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
) -> list[Admitted | Refusal]:
    """Admit crystals to a model or ensemble, or say why they are refused."""

    def prepare(cells: Sequence[Crystal]) -> list[Preparation]:
        return [Preparation(prepared, tuple(model.remarks(prepared))) for prepared in model.prepare(cells)]

    found = [find_form(crystal, model.card, model.elements) for crystal in crystals] if forms is None else forms
    return admit_each(crystals, found, model.card, model.elements, prepare, isotropic=model.card.target.rank == 0)


def estimates(model: ModelLike, outputs: Outputs) -> list[Estimate]:
    """Return the spectra at the model's level that outputs stand for: the mean over members, with the members.

    A transparent model takes off what the broadening of its data puts below the predicted gap.
    """
    target, level = model.target, model.level or model.target.level
    kinds = [onset_columns(level).start, gap_columns(level).start]
    calibration = model.card.calibration.get(level)
    tensors = target.tensors(outputs.values.mean(axis=0), level)
    of_members = target.tensors(outputs.values, level) if len(outputs.values) > 1 else np.empty((0, *tensors.shape))
    found = []
    for index, tensor in enumerate(tensors):
        gaps = {} if outputs.gaps is None else _by_kind(outputs.gaps[index])
        direct, fundamental = next((gaps[kind] for kind in kinds if kind in gaps), (None, None))
        spectrum = Spectrum(target.grid, tensor, level, target.broadening, members=tuple(of_members[:, index]))
        broadened = None
        if direct is not None and model.transparent:
            broadened, spectrum = replace(spectrum, members=()), transparent_below(spectrum, direct)
        quasiparticle_gap = gaps.get(GAP_COLUMNS["quasiparticles"].start, (None, None))[1]
        found.append(
            Estimate(
                spectrum,
                fundamental,
                direct,
                calibration=calibration,
                broadened=broadened,
                quasiparticle_gap=quasiparticle_gap,
            )
        )
    return found


def _by_kind(gaps: FloatArray) -> dict[int, tuple[float, float]]:
    """Return direct and fundamental gap, the latter no larger, as bands have it, by their column."""
    pairs = {column: gaps[column : column + 2] for column in range(0, len(gaps), 2)}
    return {column: (float(direct), float(min(direct, other))) for column, (direct, other) in pairs.items()}


def predict_prepared(network: Network, prepared: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return predictions for prepared crystals, ``(n, *target.shape)``, and gaps, ``(n, n_gaps)``, of a network."""
    if network.training:
        network.eval()
    values, gaps = [], []
    with torch.inference_mode():
        for start in range(0, len(prepared), BATCH):
            batch = network.collate(prepared[start : start + BATCH]).to(network.device)
            outputs = network.outputs(batch)
            values.append(outputs[0])
            gaps.append(outputs[1])
    known = [part for part in gaps if part is not None]
    return torch.cat(values), torch.cat(known) if known else None
