"""Admission: what a model needs of a crystal, found out once, or the reason why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dielectra.crystal import VACUUM_GAP, Crystal, widest_empty_layer
from dielectra.elements import symbols
from dielectra.errors import InputError
from dielectra.graph import CrystalGraph, build_graph
from dielectra.spectrum import Spectrum
from dielectra.symmetry import StandardForm, standard_form

if TYPE_CHECKING:
    from dielectra.models.store import Model, ModelCard

MAXIMUM_ATOMS = 500
"""Number of atoms in the primitive cell above which a crystal is refused."""


@dataclass(frozen=True, eq=False)
class Admitted:
    """A crystal that a model can predict, with all that was found out about it.

    Attributes
    ----------
    given
        The crystal as it was given.
    form
        Its standard form: primitive cell, space group, rotation.
    prepared
        What the network takes of the standard cell, such as a graph.
    warnings
        One sentence for each reason to doubt the prediction.
    """

    given: Crystal
    form: StandardForm
    prepared: Any
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """The reason why a model cannot predict a crystal: what was given, what is allowed, how to mend it."""

    reason: str


class Predictor(Protocol):
    """What predicts spectra: a model, or an ensemble of models."""

    @property
    def card(self) -> ModelCard:
        """Return what is known of the model."""

    def admit(self, crystal: Crystal) -> Admitted | Refusal:
        """Find out all that a prediction needs of a crystal, or why it is refused."""

    def predict(self, admitted: Sequence[Admitted]) -> list[Spectrum]:
        """Return the spectra of admitted crystals, tensors in the axes of their standard forms."""


def admit(crystal: Crystal, model: Model) -> Admitted | Refusal:
    """Find out all that a prediction needs of a crystal: one symmetry search, one neighbour search.

    Parameters
    ----------
    crystal
        Any cell of the crystal.

    Returns
    -------
    Admitted or Refusal
        A refusal where the symmetry cannot be determined, the cell is too large, or the network cannot represent an
        element.
    """
    try:
        form = standard_form(crystal)
    except InputError as error:
        return Refusal(str(error))
    reason = _reason_to_refuse(form.crystal, model)
    if reason:
        return Refusal(reason)
    graph = build_graph(form.crystal, model.network.cutoff)
    return Admitted(crystal, form, graph, tuple(_warnings(crystal, form, graph, model)))


def _reason_to_refuse(crystal: Crystal, model: Model) -> str:
    """Return why a model cannot predict a crystal; empty where it can."""
    from dielectra.models.optimate import supported_elements

    unknown = crystal.elements - supported_elements()
    if unknown:
        return (
            f"{crystal.formula}: model {model.card.name} has no features for {symbols(unknown)}; "
            "it covers the main-group elements H to Xe"
        )
    if crystal.n_atoms > MAXIMUM_ATOMS:
        return (
            f"{crystal.formula}: {crystal.n_atoms} atoms in the primitive cell; the model was trained on small unit "
            f"cells and answers up to {MAXIMUM_ATOMS}"
        )
    return ""


def _warnings(given: Crystal, form: StandardForm, graph: CrystalGraph, model: Model) -> list[str]:
    notes = []
    unseen = form.crystal.elements - set(model.card.elements)
    if unseen:
        notes.append(
            f"{symbols(unseen)} not among the elements the model was trained on; the spectrum is an extrapolation"
        )
    gap = widest_empty_layer(given)
    if gap > VACUUM_GAP:
        notes.append(
            f"empty layer of {gap:.1f} angstrom: the dielectric function of a slab or molecule in vacuum "
            "depends on the cell size; the model describes bulk crystals"
        )
    if len(np.unique(graph.target)) < form.crystal.n_atoms:
        notes.append(
            f"an atom has no neighbour within {model.network.cutoff:g} angstrom; the model sees it as isolated"
        )
    if not form.cubic:
        notes.append("not cubic: the model predicts the isotropic average, so that xx, yy and zz are equal")
    return notes
