"""What an ensemble says of crystals beside their spectra: metals, distance to the training, transparency."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import dielectra
from conftest import Run, make_aln, make_mgo, repeated, rotated
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.models.domain import FILE, Domain, has_odd_electrons, kernel, load_domain, save_domain
from dielectra.models.ensemble import load_predictor
from dielectra.models.store import SHIPPED, model_of
from dielectra.prediction import Prediction, predict_each, predict_many
from dielectra.prediction import loaded_model as load
from dielectra.structures import read_structure
from dielectra.training.domains import metal_weights, transmuted


@pytest.fixture(scope="module")
def domain() -> Domain:
    found = load_domain(SHIPPED / str(model_of("rpa")))
    assert found is not None
    return found


def test_a_domain_comes_back_as_saved(domain: Domain, tmp_path: Path) -> None:
    digest = save_domain(domain, tmp_path)
    again = load_domain(tmp_path, digest)
    assert again is not None
    for name, value in vars(domain).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged"):
        load_domain(tmp_path)


def test_a_domain_that_is_changed_or_gone_is_no_silent_loss(tmp_path: Path) -> None:
    """Without it metals would be answered: the card knows its digest."""
    shipped = tmp_path / "model"
    shutil.copytree(SHIPPED / str(model_of("rpa")), shipped)
    payload = bytearray((shipped / FILE).read_bytes())
    payload[-1] ^= 1
    (shipped / FILE).write_bytes(payload)
    with pytest.raises(InputError, match="differs from the digest in its card"):
        load_predictor(shipped)
    (shipped / FILE).unlink()
    with pytest.raises(InputError, match="no such file"):
        load_predictor(shipped)


def test_a_training_crystal_is_its_own_nearest_and_cells_and_axes_do_not_matter(domain: Domain) -> None:
    found = predict_many([make_aln(), rotated(make_aln()), repeated(make_aln())])
    for prediction in found:
        assert prediction.in_domain is True
        assert prediction.metal is False
        assert [near.id for near in prediction.nearest] == [near.id for near in found[0].nearest]
        assert [near.distance for near in prediction.nearest] == sorted(near.distance for near in prediction.nearest)
    assert found[0].nearest[0].formula == "AlN"
    assert {near.id for near in found[0].nearest} <= set(domain.ids)


def test_an_unusual_crystal_is_told_with_the_reason_and_the_nearest() -> None:
    squeezed = make_mgo()
    squeezed = Crystal(squeezed.cell * 0.7, squeezed.numbers, squeezed.frac_coords)
    (found,) = predict_many([squeezed], model=load(allow_metals=True))
    assert found.in_domain is False
    assert any("far from the training crystals" in note for note in found.warnings)
    assert np.mean([near.distance for near in found.nearest]) > 1


def test_an_odd_number_of_electrons_makes_a_metal_unless_it_is_allowed() -> None:
    sodium = read_structure(bulk("Na"))
    assert has_odd_electrons(sodium)
    with pytest.raises(InputError, match=r"Na: taken for a metal \(.*odd number of electrons.*allow_metals=True"):
        dielectra.predict(sodium)
    (found,) = predict_many([sodium], model=load(allow_metals=True))
    assert found.metal is True
    assert any(note.startswith("taken for a metal") for note in found.warnings)


@pytest.mark.parametrize("name", ["Si", "MgO", "GaAs", "SrTiO3", "SnO2", "NaCl"])
def test_well_known_insulators_are_no_metals(name: str) -> None:
    (found,) = predict_each([read_structure(Path("examples") / f"{name}.cif")], load())
    assert isinstance(found, Prediction)
    assert found.metal is False


def test_made_up_metals_have_an_odd_number_of_electrons_and_one_element_changed() -> None:
    found = transmuted([make_mgo(), make_aln()] * 10, n=3)
    assert len(found) == 3
    for crystal in found:
        assert has_odd_electrons(crystal)
        assert 1 in (len(crystal.elements & old) for old in ({12, 8}, {13, 7}))


def test_metals_are_told_from_insulators_they_are_not_trained_with() -> None:
    generator = np.random.default_rng(0)
    insulators, metals = (generator.normal(centre, 1.0, size=(60, 3)) for centre in (-1.5, 1.5))
    weights = metal_weights(insulators[:50], metals[:50], width=3.0)
    points = np.concatenate([insulators[:50], metals[:50]])
    assert (kernel(insulators[50:], points, 3.0) @ weights).max() < (kernel(metals[50:], points, 3.0) @ weights).mean()
    assert (kernel(metals[50:], points, 3.0) @ weights > 0).mean() > 0.8


def test_a_small_predicted_gap_makes_a_metal_of_a_crystal_between(domain: Domain) -> None:
    point, crystal = domain.points[0], make_mgo()
    assert domain.metal_score(point) == domain.metal_score(point, 2.0)
    assert domain.metal_score(point, 0.4) - domain.metal_score(point) == pytest.approx(0.3)
    between = replace(domain, metal_threshold=domain.metal_score(point) + 0.25)
    assert between.why_metal(crystal, point) == between.why_metal(crystal, point, 0.6) == ""
    assert between.why_metal(crystal, point, 0.3).endswith("metals, and the gap it would have is 0.3 eV")


def test_a_crystal_is_transparent_below_its_predicted_gap_unless_broadened_on_purpose() -> None:
    (default,) = predict_many([make_mgo()])
    assert default.gap_direct is not None
    below = default.spectrum.energies < default.gap_direct
    assert default.spectrum.k()[below].max() < 1e-4
    (broad,) = predict_many([make_mgo()], model=load(broadening=0.3))
    assert broad.spectrum.k()[below].max() > 1e-3
    np.testing.assert_allclose(broad.spectrum.tensor.real, default.spectrum.tensor.real, atol=1e-9)
    above = default.spectrum.energies > default.gap_direct + 0.3
    np.testing.assert_allclose(broad.spectrum.tensor[..., above], default.spectrum.tensor[..., above], atol=1e-9)


def test_another_broadening_moves_strength_and_keeps_its_sum() -> None:
    wide, narrow, none = (
        predict_many([make_mgo()], model=load(broadening=width))[0].spectrum for width in (0.3, 0.1, 0.0)
    )
    assert (wide.broadening, narrow.broadening, none.broadening) == (0.3, 0.1, 0.0)
    assert narrow.mean.imag.max() > wide.mean.imag.max()
    areas = [np.trapezoid(one.energies * one.mean.imag, one.energies) for one in (wide, narrow, none)]
    assert areas == pytest.approx([areas[0]] * 3, rel=0.03)
    (prediction,) = predict_many([make_mgo()], model=load(broadening=0.0))
    assert prediction.gap_direct is not None
    below = none.energies < prediction.gap_direct - 0.1  # members have gaps of their own
    assert none.mean.imag[below].max() < 1e-6


def test_a_broadening_that_cannot_be_had_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match=r"allowed are 0 \(none\) and 0.05 to 20 eV"):
        dielectra.predict(make_mgo(), broadening=0.01)
    code, _, problem = run("predict", "examples/MgO.cif", "--model", "fast", "--broadening", "0.1")
    assert code == 2
    assert "another broadening needs a model of oscillator strengths" in problem


def test_the_command_line_allows_metals(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "Na.cif"
    bulk("Na").write(path)
    code, _, problem = run("predict", str(path))
    assert code == 2
    assert "taken for a metal" in problem
    code, out, _ = run("predict", str(path), "--allow-metals", "--json")
    assert code == 0
    assert '"metal":true' in out


def test_members_that_disagree_are_told(domain: Domain) -> None:
    doubts = domain.doubts(make_mgo(), (), 10 * domain.disagreement)
    assert any("members of the ensemble disagree" in doubt for doubt in doubts)
    rare = replace(domain, counts={12: 2, 8: 500})
    assert any("few training crystals contain Mg (2)" in doubt for doubt in rare.doubts(make_mgo(), (), 0.0))


def test_an_atom_alone_is_unusual() -> None:
    argon = make_crystal(np.eye(3) * 9.0, ["Ar"], [[0.0, 0.0, 0.0]])
    (found,) = predict_many([argon], model=load(allow_metals=True))
    assert found.in_domain is False
