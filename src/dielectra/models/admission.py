"""Admission: what a model needs of a crystal, found out once, or the reason why it is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dielectra.crystal import VACUUM_GAP, Crystal, widest_empty_layer
from dielectra.elements import NONMETALS, element_ranges, symbols
from dielectra.errors import InputError
from dielectra.optics.bands import Calibration
from dielectra.spectrum import Spectrum
from dielectra.symmetry import StandardForm, standard_form

if TYPE_CHECKING:
    from dielectra.models.card import ModelCard

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


class Neighbour(NamedTuple):
    """A training crystal near a predicted one.

    Attributes
    ----------
    id, formula
        As in the data set.
    distance
        Distance in the model's feature space; 1 is where a crystal starts to count as far from the training.
    """

    id: str
    formula: str
    distance: float


class Estimate(NamedTuple):
    """What a model predicts of an admitted crystal.

    Attributes
    ----------
    spectrum
        The dielectric tensor in the axes of the crystal's standard form, with the members of an ensemble.
    gap, gap_direct
        Fundamental and direct gap at the level of the spectrum, eV; None where the model predicts none.
    metal
        Whether the crystal is a metal; None where the model does not say.
    in_domain
        Whether the crystal is like those the model was trained on; None where the model does not say.
    nearest
        The training crystals most like it, nearest first; empty where the model does not say.
    calibration
        What makes bands of stated coverage of the members; None for their range.
    warnings
        Further reasons to doubt the spectrum, one sentence each.
    broadened
        The spectrum with what its broadening puts below the gap, without members; None where that is not taken off.
    quasiparticle_gap
        Fundamental gap of quasiparticles, eV, whatever the level; None where the model predicts none.
    doubted_level
        Whether the model's spectra at this level are poor, whatever the crystal.
    """

    spectrum: Spectrum
    gap: float | None = None
    gap_direct: float | None = None
    metal: bool | None = None
    in_domain: bool | None = None
    nearest: tuple[Neighbour, ...] = ()
    calibration: Calibration | None = None
    warnings: tuple[str, ...] = ()
    broadened: Spectrum | None = None
    quasiparticle_gap: float | None = None
    doubted_level: bool = False


class Predictor(Protocol):
    """What predicts spectra: a model, or an ensemble of models."""

    @property
    def card(self) -> ModelCard:
        """Return what is known of the model."""

    def admit_each(
        self, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
    ) -> list[Admitted | Refusal]:
        """Find out all that a prediction needs of crystals, or why they are refused.

        Standard forms are found where they are not given.
        """

    def predict(self, admitted: Sequence[Admitted]) -> Sequence[Estimate | Refusal]:
        """Return what is predicted of each admitted crystal, or why it is refused after all, a metal for instance."""


class Preparation(NamedTuple):
    """What a network takes of a crystal.

    Attributes
    ----------
    prepared
        For instance a graph.
    warnings
        What the network does not see of the crystal, one sentence each.
    """

    prepared: Any
    warnings: tuple[str, ...] = ()


def find_form(crystal: Crystal, card: ModelCard, elements: Collection[int]) -> StandardForm | Refusal:
    """Return the standard form of a crystal, or why the model refuses it or its symmetry cannot be determined.

    Elements come first: a crystal of others costs no symmetry search.
    """
    reason = _unknown_elements(crystal, card, elements)
    if reason:
        return Refusal(reason)
    try:
        return standard_form(crystal)
    except InputError as error:
        return Refusal(str(error))


def admit_each(
    crystals: Sequence[Crystal],
    forms: Sequence[StandardForm | Refusal],
    card: ModelCard,
    elements: Collection[int],
    prepare: Callable[[Sequence[Crystal]], Sequence[Preparation]],
    *,
    isotropic: bool,
) -> list[Admitted | Refusal]:
    """Find out all that a prediction needs of crystals, those that can be predicted in one batch.

    Parameters
    ----------
    crystals
        Any cells.
    forms
        Their standard forms, from one symmetry search each (:func:`find_form`).
    card
        Names the model and the elements it was trained on.
    elements
        Atomic numbers that the network can represent.
    prepare
        Makes what the network takes of standard cells.
    isotropic
        Whether the network predicts the isotropic average only, and not the tensor.

    Returns
    -------
    list of Admitted or Refusal
        A refusal where the symmetry cannot be determined, the cell is too large, or an element cannot be represented.
    """
    found = [form if isinstance(form, Refusal) else _refusal_or(form, card, elements) for form in forms]
    prepared = iter(prepare([form.crystal for form in found if isinstance(form, StandardForm)]))
    return [
        form if isinstance(form, Refusal) else _admitted(crystal, form, next(prepared), card, isotropic=isotropic)
        for crystal, form in zip(crystals, found, strict=True)
    ]


def _refusal_or(form: StandardForm, card: ModelCard, elements: Collection[int]) -> StandardForm | Refusal:
    reason = _reason_to_refuse(form.crystal, card, elements)
    return Refusal(reason) if reason else form


def _admitted(
    crystal: Crystal, form: StandardForm, preparation: Preparation, card: ModelCard, *, isotropic: bool
) -> Admitted:
    notes = [*crystal.warnings, *_doubts(crystal, card), *preparation.warnings]
    if isotropic and not form.cubic:
        notes.append("not cubic: the model predicts the isotropic average, so that xx, yy and zz are equal")
    return Admitted(crystal, form, preparation.prepared, tuple(notes))


def _reason_to_refuse(crystal: Crystal, card: ModelCard, elements: Collection[int]) -> str:
    """Return why a model cannot predict a standard cell; empty where it can."""
    reason = _unknown_elements(crystal, card, elements)
    if not reason and crystal.n_atoms > MAXIMUM_ATOMS:
        reason = (
            f"{crystal.formula}: {crystal.n_atoms} atoms in the primitive cell; the model was trained on small unit "
            f"cells and predicts up to {MAXIMUM_ATOMS}"
        )
    return reason


def _unknown_elements(crystal: Crystal, card: ModelCard, elements: Collection[int]) -> str:
    """Return which elements of a crystal a model cannot represent; empty where it can all."""
    unknown = crystal.elements.difference(elements)
    if not unknown:
        return ""
    return (
        f"{crystal.formula}: model {card.name} has no features for {symbols(unknown)}; "
        f"it covers {element_ranges(elements)}"
    )


def _doubts(crystal: Crystal, card: ModelCard) -> list[str]:
    """Return the reasons to doubt any prediction of a crystal by a model of this training."""
    notes = []
    unseen = crystal.elements - set(card.elements)
    if unseen:
        notes.append(
            f"{symbols(unseen)} not among the elements the model was trained on; the spectrum is an extrapolation"
        )
    if not crystal.elements & NONMETALS:
        notes.append(
            "made of metals alone: most such crystals have no gap, and what free carriers do is not in the model; "
            "do not trust the spectrum unless you know of a gap"
        )
    gap = widest_empty_layer(crystal)
    if gap > VACUUM_GAP:
        notes.append(
            f"empty layer of {gap:.1f} angstrom: the dielectric function of a slab or molecule in vacuum "
            "depends on the cell size; the model describes bulk crystals"
        )
    return notes
