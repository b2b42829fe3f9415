"""Ensembles: models of one target, read and used as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.crystal import Crystal
from dielectra.elements import symbols
from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.levels import FUNDAMENTAL_OF_PBE
from dielectra.models.admission import Admitted, Estimate, Refusal
from dielectra.models.card import CARD, ModelCard, read_card
from dielectra.models.domain import SMALL_GAP, Domain, disagreement, load_domain, save_domain
from dielectra.models.dressed import DressedModel
from dielectra.models.model import Model, ModelLike, Outputs, admit_to, estimates
from dielectra.models.store import load_model, model_folder, save_model
from dielectra.symmetry import StandardForm
from dielectra.target import Target

LEAST_SC = 0.8
"""Median SC on validation crystals below which a level is to be doubted."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Models of one target; a :class:`~dielectra.models.admission.Predictor` whose members differ.

    Crystals are prepared once for all members that prepare them alike. ``level`` is the one predicted where the target
    has several, by default the highest. With a ``domain`` metals are refused unless ``allow_metals``, and crystals
    unlike those of the training are told.
    """

    models: tuple[Model, ...]
    card: ModelCard
    level: str | None = None
    transparent: bool = True
    domain: Domain | None = None
    allow_metals: bool = False

    @property
    def target(self) -> Target:
        """Return what the members predict."""
        return self.card.target

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers that every member can represent."""
        return frozenset.intersection(*(model.elements for model in self.models))

    def prepare(self, crystals: Sequence[Crystal], *, known: bool = False) -> list[Any]:
        """Return what each different kind of member needs of each crystal, by kind."""
        by_kind = {model.network.preparation: model for model in self.models}
        prepared = {kind: model.prepare(crystals, known=known) for kind, model in by_kind.items()}
        return [{kind: found[index] for kind, found in prepared.items()} for index in range(len(crystals))]

    def remarks(self, prepared: Any) -> list[str]:
        """Return the reasons of any member to doubt the prediction for a prepared crystal, each once."""
        found = [remark for model in self.models for remark in model.remarks(prepared[model.network.preparation])]
        return list(dict.fromkeys(found))

    def outputs(self, prepared: Sequence[Any]) -> Outputs:
        """Return what each member predicts for prepared crystals."""
        found = [model.outputs([one[model.network.preparation] for one in prepared]) for model in self.models]
        gaps = [outputs.gaps for outputs in found if outputs.gaps is not None]
        return Outputs(np.concatenate([outputs.values for outputs in found]), np.mean(gaps, axis=0) if gaps else None)

    def admit(self, crystal: Crystal) -> Admitted | Refusal:
        """Find out all that a prediction needs of a crystal, or why it is refused."""
        return admit_to(self, [crystal])[0]

    def admit_each(
        self, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
    ) -> list[Admitted | Refusal]:
        """Admit many crystals, with their standard forms where these are known."""
        return admit_to(self, crystals, forms)

    def predict(self, admitted: Sequence[Admitted]) -> list[Estimate | Refusal]:
        """Return what is predicted of each admitted crystal: the mean over members, with the members."""
        outputs = self.outputs([one.prepared for one in admitted])
        found = estimates(self, outputs)
        if self.domain is None:
            return list(found)
        judged = zip(admitted, found, _fundamental_gaps(outputs), strict=True)
        return [self._judged(one, estimate, gap, self.domain) for one, estimate, gap in judged]

    def why_metal(self, crystals: Sequence[Crystal]) -> list[str]:
        """Return why each crystal of a data set, a primitive cell, counts as a metal; empty where it does not."""
        if self.domain is None or not crystals:
            return [""] * len(crystals)
        prepared = self.prepare(crystals, known=True)
        places = [self.domain.place(one[self.domain.preparation]) for one in prepared]
        gaps = _fundamental_gaps(self.outputs(prepared))
        return [self.domain.why_metal(*one) for one in zip(crystals, places, gaps, strict=True)]

    def _judged(self, admitted: Admitted, estimate: Estimate, gap: float, domain: Domain) -> Estimate | Refusal:
        """Return an estimate with what the domain says of its crystal, of this PBE gap, or why it is refused."""
        crystal = admitted.form.crystal
        point = domain.place(admitted.prepared[domain.preparation])
        reason = domain.why_metal(crystal, point, gap)
        if reason and not self.allow_metals:
            return Refusal(
                f"{crystal.formula}: taken for a metal ({reason}); the model describes crystals with a gap, without "
                "free carriers. If you know of a gap, allow metals (--allow-metals, allow_metals=True)"
            )
        nearest = domain.nearest(point)
        doubts = domain.doubts(crystal, nearest, disagreement(estimate.spectrum.member_means.imag))
        level = estimate.spectrum.level
        notes = self._doubts_of_level(level)
        poor_level = bool(notes)
        unseen = crystal.elements.intersection(self.card.elements) - self.card.elements_at(level)
        if unseen:
            notes.append(f"{symbols(unseen)} in no {level} spectrum of the training, only at other levels")
        notes += [f"unlike the training crystals: {doubt}" for doubt in doubts]
        if reason:
            notes.append(f"taken for a metal ({reason}); what free carriers do is not in the spectrum")
        return estimate._replace(
            metal=bool(reason),
            in_domain=not doubts,
            nearest=nearest,
            warnings=(*estimate.warnings, *notes),
            doubted_level=poor_level,
        )

    def _doubts_of_level(self, level: str) -> list[str]:
        """Return why spectra at a level are to be doubted, whatever the crystal."""
        known = self.card.metrics.get("validation", {}).get("levels", {}).get(level, {})
        if known.get("sc_median", 1.0) >= LEAST_SC:
            return []
        score = f"the median SC of validation crystals is {known['sc_median']:.2f} there (1 is perfect)"
        return [f"the level {level} is learnt from few spectra: {score}"]

    def at(self, level: str) -> Ensemble:
        """Return the ensemble predicting a level; unchanged where its target has no such level."""
        return replace(self, level=level) if level in self.target.levels else self

    def broadened(self, broadening: float) -> Ensemble:
        """Return the ensemble predicting spectra of a Lorentzian broadening (half width, eV), its tails included."""
        models = tuple(model.broadened(broadening) for model in self.models)
        calibration = self.card.calibration if broadening == self.target.broadening else {}
        card = self.card.model_copy(update={"target": models[0].target, "calibration": calibration})
        return replace(self, models=models, card=card, transparent=False)

    def allowing_metals(self) -> Ensemble:
        """Return the ensemble predicting crystals that it takes for metals, which it refuses otherwise."""
        return replace(self, allow_metals=True)


def _fundamental_gaps(outputs: Outputs) -> list[float]:
    """Return the predicted fundamental gap of PBE of each crystal, eV; as wide as tells nothing where none is."""
    if outputs.gaps is None:
        return [SMALL_GAP] * outputs.values.shape[1]
    return [float(gap) for gap in outputs.gaps[:, FUNDAMENTAL_OF_PBE]]


def combine(models: Sequence[Model], name: str) -> Ensemble:
    """Return models as an ensemble.

    Raises
    ------
    InputError
        If there are fewer than two, or their targets differ.
    """
    if len(models) < 2:
        raise InputError(f"an ensemble needs at least two models; {len(models)} given")
    first = models[0].card
    for model in models[1:]:
        if model.target != first.target:
            raise InputError(
                f"{model.card.name} and {first.name} predict different targets; an ensemble needs models of one target"
            )
    architectures = dict.fromkeys(model.card.architecture for model in models)
    card = first.model_copy(
        update={
            "name": name,
            "architecture": ", ".join(architectures),
            "elements": sorted(set.intersection(*(set(model.card.elements) for model in models))),
            "trained_on": f"{len(models)} members, each: {first.trained_on}",
            "members": [f"member-{index}" for index in range(len(models))],
            "training": {},
            "metrics": {},
            "weights_sha256": "",
            "domain_sha256": "",
        }
    )
    return Ensemble(tuple(models), card)


def save_ensemble(ensemble: Ensemble, folder: str | Path) -> Path:
    """Write members into subfolders, then the ensemble's card; return the folder."""
    folder = Path(folder)
    for name, model in zip(ensemble.card.members, ensemble.models, strict=True):
        save_model(model.network, model.card, folder / name)
    save_card(ensemble, folder)
    return folder


def save_card(ensemble: Ensemble, folder: Path) -> ModelCard:
    """Write the domain of an ensemble beside its members, then its card with the domain's digest; return the card."""
    digest = "" if ensemble.domain is None else save_domain(ensemble.domain, folder)
    card = ensemble.card.model_copy(update={"domain_sha256": digest})
    write_whole(folder / CARD, card.model_dump_json(indent=1) + "\n")
    return card


def load_predictor(name_or_path: str | Path, device: str = "cpu") -> ModelLike:
    """Load a model, an ensemble or a dressed model by name or folder.

    Raises
    ------
    InputError
        If there is none, or a card or weights cannot be used.
    """
    folder = model_folder(name_or_path)
    card = read_card(folder)
    if card.dressing is not None:
        if read_card(model_folder(card.dressing.base)).dressing is not None:
            raise InputError(f"{folder}: dresses a model that is dressed itself; restore its card")
        return DressedModel(load_predictor(card.dressing.base, device), card, card.dressing)
    if not card.members:
        return load_model(folder, device)
    for name in card.members:
        if Path(name).name != name or not (folder / name / CARD).is_file():
            raise InputError(f"{folder}: member {name!r} of the ensemble is missing; restore it or combine again")
    members = tuple(load_model(folder / name, device) for name in card.members)
    return Ensemble(members, card, domain=load_domain(folder, card.domain_sha256))
