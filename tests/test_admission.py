"""A crystal is admitted once, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase.build import bulk

from conftest import make_aln, make_mgo, repeated
from dielectra.crystal import Crystal, make_crystal
from dielectra.models.admission import Admitted, Preparation, Refusal, admit_each, find_form
from dielectra.models.card import ModelCard
from dielectra.models.model import Model
from dielectra.structures import read_structure
from dielectra.symmetry import StandardForm, standard_form


def test_an_admitted_crystal_carries_what_was_found_out(
    crystal: Crystal, disguise: Callable[[Crystal], Crystal], tiny_model: Model
) -> None:
    given = disguise(crystal)
    admitted = tiny_model.admit(given)
    assert isinstance(admitted, Admitted)
    assert admitted.given is given
    assert admitted.form.crystal.n_atoms == crystal.n_atoms == len(admitted.prepared.numbers)


def test_a_crystal_without_symmetry_data_is_refused(tiny_model: Model) -> None:
    overlapping = Crystal(np.eye(3) * 4, np.array([12, 12]), np.array([[0.0, 0, 0], [0, 0, 1e-4]]))
    refusal = tiny_model.admit(overlapping)
    assert isinstance(refusal, Refusal)
    assert "symmetry" in refusal.reason or "overlapping atoms" in refusal.reason


def test_elements_that_cannot_be_represented_are_named_with_those_that_can(tiny_model: Model) -> None:
    refusal = tiny_model.admit(read_structure("examples/SrTiO3.cif"))
    assert refusal == Refusal("SrTiO3: model tiny-ipa has no features for Ti; it covers H-Ca, Ga-Sr, In-Xe")


def test_a_large_cell_counts_by_its_primitive_cell(tiny_model: Model) -> None:
    assert isinstance(tiny_model.admit(repeated(repeated(repeated(make_mgo())))), Admitted)
    atoms = bulk("NaCl", "rocksalt", a=5.64) * (7, 7, 6)
    atoms.rattle(0.3, seed=0)
    refusal = tiny_model.admit(read_structure(atoms))
    assert isinstance(refusal, Refusal)
    assert "588 atoms in the primitive cell" in refusal.reason


def admitted_to(
    card: ModelCard, crystals: list[Crystal], *, isotropic: bool, unseen: tuple[str, ...] = ()
) -> list[Admitted]:
    """Admit crystals to a model whose network takes the standard cell as it is."""
    forms = [find_form(crystal, card, range(1, 100)) for crystal in crystals]
    found = admit_each(
        crystals,
        forms,
        card,
        range(1, 100),
        lambda cells: [Preparation(cell, unseen) for cell in cells],
        isotropic=isotropic,
    )
    assert all(isinstance(one, Admitted) for one in found)
    return [one for one in found if isinstance(one, Admitted)]


@pytest.mark.parametrize(("isotropic", "n_warnings"), [(True, 1), (False, 0)])
def test_only_an_isotropic_model_warns_of_its_average(tiny_model: Model, isotropic: bool, n_warnings: int) -> None:
    card = tiny_model.card.model_copy(update={"elements": [7, 12, 8, 13]})
    aln, cubic = admitted_to(card, [make_aln(), make_mgo()], isotropic=isotropic)
    assert len(aln.warnings) == n_warnings
    assert cubic.warnings == ()


def test_what_a_network_does_not_see_is_among_the_warnings(tiny_model: Model) -> None:
    card = tiny_model.card.model_copy(update={"elements": [8]})
    (admitted,) = admitted_to(card, [make_mgo()], unseen=("blind",), isotropic=True)
    assert admitted.prepared is admitted.form.crystal
    first, second = admitted.warnings
    assert first.startswith("Mg not among the elements the model was trained on")
    assert second == "blind"


@pytest.mark.parametrize(("species", "n_warnings"), [(["Na", "Na"], 1), (["Mg", "O"], 0), (["Li", "H"], 0)])
def test_metals_alone_are_doubted_aloud(tiny_model: Model, species: list[str], n_warnings: int) -> None:
    crystal = make_crystal(np.eye(3) * 4.2, species, [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = tiny_model.admit(crystal)
    assert isinstance(found, Admitted)
    assert sum("made of metals alone" in warning for warning in found.warnings) == n_warnings


def test_a_crystal_of_other_elements_costs_no_symmetry_search(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def search(crystal: Crystal) -> StandardForm:
        searched.append(crystal.formula)
        return standard_form(crystal)

    monkeypatch.setattr("dielectra.models.admission.standard_form", search)
    iron = make_crystal(np.eye(3) * 4.2, ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = find_form(iron, tiny_model.card, range(1, 20))
    assert isinstance(found, Refusal)
    assert "no features for Fe" in found.reason
    find_form(make_mgo(), tiny_model.card, range(1, 20))
    assert searched == ["MgO"]
