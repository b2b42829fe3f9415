"""A model of measured spectra: the spectra of another model, dressed by a few physical parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.models.admission import Admitted, Estimate, Refusal
from dielectra.models.card import ModelCard
from dielectra.models.model import ModelLike, Outputs
from dielectra.optics.dressing import Dressing, dress, gap_shift
from dielectra.spectrum import COMPONENTS
from dielectra.symmetry import StandardForm
from dielectra.target import Target


@dataclass(frozen=True, eq=False)
class DressedModel:
    """The spectra of a base model, dressed; a :class:`~dielectra.models.model.ModelLike`.

    Whatever else the base says of a crystal stays, but for the calibration of its bands, which is not that of measured
    spectra.
    """

    base: ModelLike
    card: ModelCard
    dressing: Dressing
    level: str | None = None
    transparent: bool = True

    @property
    def target(self) -> Target:
        """Return what is predicted."""
        return self.card.target

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers that the base can represent."""
        return self.base.elements

    def prepare(self, crystals: Sequence[Crystal], *, known: bool = False) -> list[Any]:
        """Return what the base needs of each crystal."""
        return self.base.prepare(crystals, known=known)

    def remarks(self, prepared: Any) -> list[str]:
        """Return the base's reasons to doubt the prediction for a prepared crystal."""
        return self.base.remarks(prepared)

    def outputs(self, prepared: Sequence[Any]) -> Outputs:
        """Return dressed Im eps of each member of the base for prepared crystals."""
        found, target = self.base.outputs(prepared), self.base.target
        values = np.zeros((*found.values.shape[:2], *self.target.shape))
        for member, rows in enumerate(found.values):
            for index, row in enumerate(rows):
                tensor = dress(target.spectra(row)[self.dressing.level], self.dressing).tensor.imag
                names = list(COMPONENTS.values())[: values.shape[4]]
                values[member, index, 0, 0] = [tensor[i, j] for i, j in names]
        return Outputs(values, None)

    def admit(self, crystal: Crystal) -> Admitted | Refusal:
        """Find out all that a prediction needs of a crystal, or why the base refuses it."""
        return self.admit_each([crystal])[0]

    def admit_each(
        self, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
    ) -> list[Admitted | Refusal]:
        """Admit many crystals, with their standard forms where these are known."""
        return self.base.admit_each(crystals, forms)

    def predict(self, admitted: Sequence[Admitted]) -> list[Estimate | Refusal]:
        """Return what is predicted of each admitted crystal."""
        return [
            one if isinstance(one, Refusal) else dressed_estimate(one, self.dressing, self.target.level)
            for one in undressed(self.base, self.dressing.level).predict(admitted)
        ]

    def at(self, level: str) -> DressedModel:  # noqa: ARG002  (it has one)
        """Return the model itself, whose only level is its own."""
        return self

    def broadened(self, broadening: float) -> DressedModel:
        """Return the model dressing spectra of a Lorentzian broadening (half width, eV)."""
        base = self.base.broadened(broadening)
        target = self.target.model_copy(update={"broadening": base.target.broadening})
        card = self.card.model_copy(update={"target": target})
        return replace(self, base=base, card=card, transparent=False)

    def allowing_metals(self) -> DressedModel:
        """Return the model predicting crystals that its base takes for metals."""
        return replace(self, base=self.base.allowing_metals())


def undressed(base: ModelLike, level: str) -> ModelLike:
    """Return the base predicting what is dressed: a level, with the tails of the broadening, of which kernels need all.

    A base that cannot be told so stays as it is.
    """
    broadening = base.target.broadening
    return (base if broadening is None or not base.transparent else base.broadened(broadening)).at(level)


def dressed_estimate(estimate: Estimate, dressing: Dressing, level: str) -> Estimate:
    """Return an estimate with its spectrum dressed, its gaps raised, and without a calibration of computed spectra."""
    raised = gap_shift(estimate.spectrum, dressing)
    return estimate._replace(
        spectrum=dress(estimate.spectrum, dressing, level),
        gap=None if estimate.gap is None else estimate.gap + raised,
        gap_direct=None if estimate.gap_direct is None else estimate.gap_direct + raised,
        calibration=None,
    )


def dressed_card(base: ModelLike, dressing: Dressing, name: str, level: str = "experiment") -> ModelCard:
    """Return the card of a dressed model, still without training and metrics.

    Raises
    ------
    InputError
        If the base is dressed itself, or does not predict Im eps at the level of the dressing.
    """
    if isinstance(base, DressedModel):
        raise InputError(f"model {base.card.name} is dressed already; give the one that it is made of")
    target = base.target
    if dressing.level not in target.levels or target.parts != ("im",):
        raise InputError(
            f"model {base.card.name} does not predict Im eps at {dressing.level}; give another with --from"
        )
    update = {
        "name": name,
        "target": target.model_copy(update={"levels": (level,)}),
        "level_history": [*base.card.level_history, level],
        "members": [],
        "calibration": {},
        "metrics": {},
        "weights_sha256": "",
        "dressing": dressing,
    }
    return base.card.model_copy(update=update)
