"""One crystal or many of any form, by a model that stays loaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import dielectra
from conftest import make_aln, make_mgo
from dielectra.predictor import PredictionWarning, Predictor

EXAMPLES = Path("examples")


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor("ipa")


@pytest.mark.slow
def test_one_crystal_gives_a_spectrum_many_give_a_list(predictor: Predictor) -> None:
    from pymatgen.core import Lattice, Structure

    atoms = bulk("MgO", "rocksalt", a=4.212)
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.212), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    forms = [EXAMPLES / "MgO.cif", str(EXAMPLES / "MgO.cif"), atoms, structure, make_mgo()]
    for form in forms:
        assert isinstance(predictor(form), dielectra.Spectrum)
    together = predictor(forms)
    assert [spectrum.provenance["formula"] for spectrum in together] == ["MgO"] * 5
    assert len(predictor(iter([atoms]))) == 1
    np.testing.assert_allclose(together[2].tensor, predictor(atoms).tensor, atol=1e-5)


def test_a_folder_and_a_file_of_several_give_lists(predictor: Predictor, tmp_path: Path) -> None:
    from ase.io import write

    write(tmp_path / "two.extxyz", [bulk("MgO", "rocksalt", a=4.2), bulk("NaCl", "rocksalt", a=5.6)])
    both = predictor(tmp_path / "two.extxyz")
    assert [spectrum.provenance["formula"] for spectrum in both] == ["MgO", "NaCl"]
    assert both[1].provenance["file"].endswith("two.extxyz#1")
    assert len(predictor(tmp_path)) == 2
    assert len(predictor([tmp_path, EXAMPLES / "MgO.cif"])) == 3


def test_warnings_come_at_the_line_of_the_caller() -> None:
    with pytest.warns(PredictionWarning, match="AlN: not cubic") as caught:
        spectrum = Predictor("ipa", "fast")(make_aln())
    assert caught[0].filename == __file__
    assert spectrum.provenance["warnings"]


def test_what_is_refused_is_raised_with_all_reasons(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "broken.cif").write_text("no crystal")
    items = [make_mgo(), tmp_path / "broken.cif", bulk("Ra", "bcc", a=5.0), "missing.cif"]
    with pytest.raises(dielectra.InputError) as caught:
        predictor(items)
    for word in ("broken.cif", "Ra", "missing.cif"):
        assert word in str(caught.value)


def test_what_is_refused_can_be_left_out(predictor: Predictor) -> None:
    with pytest.warns(PredictionWarning, match="left out: .*Ra"):
        found = predictor([make_mgo(), bulk("Ra", "bcc", a=5.0)], skip_refused=True)
    assert len(found) == 1
    with pytest.raises(dielectra.InputError):
        predictor(bulk("Ra", "bcc", a=5.0), skip_refused=True)


def test_an_empty_list_gives_an_empty_list(predictor: Predictor) -> None:
    assert predictor([]) == []


def test_it_says_what_it_is(predictor: Predictor) -> None:
    assert "Predictor(" in repr(predictor)
    assert predictor.model.card.name in repr(predictor)


def test_the_public_function_is_the_predictor(predictor: Predictor) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spectrum = dielectra.predict(make_mgo(), model=predictor.model)
    np.testing.assert_array_equal(spectrum.tensor, predictor(make_mgo()).tensor)
