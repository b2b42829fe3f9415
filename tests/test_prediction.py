from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk, diamond111, molecule

import dielectra
from conftest import (
    bond_tensor,
    conventional,
    make_aln,
    make_gaas,
    make_mgo,
    make_triclinic,
    rattled,
    repeated,
    rotated,
)
from dielectra.crystal import Crystal, make_crystal
from dielectra.documents.crystal import describe
from dielectra.errors import InputError
from dielectra.models import store
from dielectra.models.admission import Admitted, Estimate, Preparation, Refusal, admit_each, find_form
from dielectra.models.card import CARD, ModelCard
from dielectra.models.model import Model
from dielectra.models.store import WEIGHTS, load_model
from dielectra.optics.constants import optical_constants
from dielectra.prediction import (
    Predicted,
    Prediction,
    loaded_model,
    predict_each,
    predict_files,
    predict_many,
)
from dielectra.prediction.batches import BATCH
from dielectra.predictor import PredictionWarning, predict
from dielectra.spectrum import Spectrum
from dielectra.structures import Refused, read_structure
from dielectra.symmetry import StandardForm

EXAMPLES = Path("examples")


class TensorModel:
    """A model of tensors known beforehand: those of the bonds, mean of two members."""

    energies = np.linspace(0.0, 10.0, 21)

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def tensor(self, crystal: Crystal) -> np.ndarray:
        peak = 1 / (5.0 - self.energies - 0.5j)
        return np.asarray(np.eye(3)[:, :, None] * (1 + peak) + bond_tensor(crystal)[:, :, None] * peak)

    def admit_each(
        self, crystals: Sequence[Crystal], forms: Sequence[StandardForm | Refusal] | None = None
    ) -> list[Admitted | Refusal]:
        found = forms or [find_form(crystal, self.card, range(1, 119)) for crystal in crystals]
        return admit_each(crystals, found, self.card, range(1, 119), self.prepare, isotropic=False)

    def prepare(self, cells: Sequence[Crystal]) -> list[Preparation]:
        return [Preparation(cell) for cell in cells]

    def predict(self, admitted: Sequence[Admitted]) -> list[Estimate | Refusal]:
        return [self.estimate(found.prepared) for found in admitted]

    def estimate(self, crystal: Crystal) -> Estimate | Refusal:
        if 22 in crystal.elements:
            return Refusal(f"{crystal.formula}: a metal; the model predicts crystals with a gap")
        tensor = self.tensor(crystal)
        spectrum = Spectrum(self.energies, tensor, "rpa", members=(0.5 * tensor, 1.5 * tensor))
        return Estimate(spectrum, 5.0, metal=False, in_domain=True)


@pytest.fixture(scope="module")
def tensor_model(tiny_model: Model) -> TensorModel:
    """Return that model, trained on all elements."""
    return TensorModel(tiny_model.card.model_copy(update={"name": "tensor", "elements": list(range(1, 119))}))


@pytest.mark.parametrize("name", ["MgO", "NaCl", "GaAs"])
@pytest.mark.parametrize("level", ["ipa", "rpa"])
def test_known_crystals_get_a_physical_spectrum_without_warnings(name: str, level: str) -> None:
    spectrum = predict(EXAMPLES / f"{name}.cif", level=level)
    constants = optical_constants(spectrum)
    assert spectrum.provenance["warnings"] == []
    assert spectrum.level == level
    assert spectrum.tensor.shape == (3, 3, 401)
    assert (constants.eps2 >= 0).all()
    assert (constants.reflectivity >= 0).all()
    assert (constants.reflectivity <= 1).all()
    assert constants.eps2[0] < 0.05 * constants.eps2.max()
    assert 1.5 < constants.static_eps < 20


@pytest.mark.slow
def test_semiconductor_insulator_and_their_order() -> None:
    static = {name: optical_constants(predict(EXAMPLES / f"{name}.cif")).static_eps for name in ("GaAs", "MgO", "NaCl")}
    assert static["GaAs"] > 1.5 * static["MgO"]
    assert static["GaAs"] > 1.5 * static["NaCl"]
    peaks = {
        name: predict(EXAMPLES / f"{name}.cif").energies[predict(EXAMPLES / f"{name}.cif").mean.imag.argmax()]
        for name in ("GaAs", "MgO")
    }
    assert peaks["GaAs"] < peaks["MgO"]


@pytest.mark.parametrize("make", [make_mgo, make_gaas, make_aln, make_triclinic])
@pytest.mark.parametrize("change", [repeated, conventional, rotated])
def test_another_cell_gives_the_same_spectrum(
    make: Callable[[], Crystal], change: Callable[[Crystal], Crystal]
) -> None:
    model = loaded_model(allow_metals=True)  # whether a made-up crystal has a gap is not the question here
    first, second = (found.spectrum for found in predict_many([make(), change(make())], model=model))
    scale = first.tensor.imag.max()
    np.testing.assert_allclose(second.mean, first.mean, atol=1e-4 * scale)
    principal = [np.linalg.eigvalsh(found.tensor.imag.transpose(2, 0, 1)) for found in (first, second)]
    np.testing.assert_allclose(principal[1], principal[0], atol=1e-3 * scale)


def test_relaxation_noise_hardly_changes_the_spectrum() -> None:
    first, second = predict_many([make_mgo(), rattled(repeated(make_mgo()))])
    assert second.crystal.n_atoms == 2
    difference = np.abs(second.spectrum.mean.imag - first.spectrum.mean.imag).max()
    assert difference < 0.01 * first.spectrum.mean.imag.max()


def test_a_batch_answers_like_single_calls(tiny_model: Model) -> None:
    crystals = [make_mgo(), make_aln(), make_triclinic()] * 30
    batch = predict_many(crystals, model=tiny_model)
    for crystal, found in list(zip(crystals, batch, strict=True))[-3:]:
        alone = predict_many([crystal], model=tiny_model)[0]
        np.testing.assert_allclose(found.spectrum.tensor, alone.spectrum.tensor, atol=1e-5)


def test_elements_without_features_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"SrTiO3: .*no features for Ti; it covers H-Ca, Ga-Sr, In-Xe"):
        predict(EXAMPLES / "SrTiO3.cif", model="fast")


def test_an_element_unseen_in_training_is_warned_of(tiny_model: Model) -> None:
    model = Model(tiny_model.network, tiny_model.card.model_copy(update={"elements": [8]}))
    with pytest.warns(PredictionWarning, match="Mg not among the elements the model was trained on"):
        warnings = predict(make_mgo(), model=model).provenance["warnings"]
    assert any(warning.startswith("Mg not among the elements the model was trained on") for warning in warnings)


@pytest.mark.filterwarnings("ignore:.*isotropic average:dielectra.PredictionWarning")
def test_slab_molecule_and_lone_atom_are_warned_of() -> None:
    slab = diamond111("Si", (1, 1, 4), vacuum=10.0)
    slab.pbc = True
    with pytest.warns(PredictionWarning, match="empty layer of"):
        predict(slab, model="fast")
    box = molecule("H2O", vacuum=6.0)
    box.pbc = True
    with pytest.warns(PredictionWarning, match="empty layer of"):
        predict(box, model="fast")
    argon = make_crystal(np.eye(3) * 6.0, ["Ar"], [[0.0, 0.0, 0.0]])
    with pytest.warns(PredictionWarning, match="no neighbour within 5 angstrom"):
        predict(argon, model="fast")


def test_anisotropy_is_said_to_be_averaged() -> None:
    with pytest.warns(PredictionWarning, match="isotropic average"):
        predict(make_aln(), model="fast")


def test_a_huge_cell_is_refused() -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.64) * (7, 7, 6)
    atoms.rattle(0.3, seed=0)
    with pytest.raises(InputError, match=r"588 atoms in the primitive cell; .*up to 500"):
        predict(atoms)


def test_the_public_names_do_what_the_readme_says(tmp_path: Path) -> None:
    spectrum = dielectra.predict(bulk("MgO", "rocksalt", a=4.212), level="ipa")
    assert isinstance(spectrum, dielectra.Spectrum)
    assert dielectra.load_model("ladder-ipa").card.level == "ipa"
    assert dielectra.read_structure(EXAMPLES / "MgO.cif").formula == "MgO"
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        dielectra.predicts  # noqa: B018


def with_titanium(crystal: Crystal) -> Crystal:
    """Return a crystal with titanium in place of its first element, which the fast and the tiny models refuse."""
    numbers = np.where(crystal.numbers == crystal.numbers[0], 22, crystal.numbers)
    return Crystal(crystal.cell, numbers, crystal.frac_coords)


def test_a_crystal_costs_one_symmetry_search_and_none_where_its_elements_are_unknown(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[object] = []
    search = spglib.get_symmetry_dataset

    def counted(cell: object, **options: float) -> object:
        searches.append(cell)
        return search(cell, **options)

    monkeypatch.setattr(spglib, "get_symmetry_dataset", counted)
    kinds = [make_mgo(), make_gaas(), make_aln(), make_triclinic()]
    crystals = [Crystal(c.cell * (1 + 1e-5 * i), c.numbers, c.frac_coords) for i in range(1, 33) for c in kinds]
    crystals[::8] = [with_titanium(crystal) for crystal in crystals[::8]]
    outcomes = list(predict_each(crystals, tiny_model))
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 16
    assert sum(isinstance(outcome, Prediction) for outcome in outcomes) == 112
    assert len(searches) == 112
    assert len(list(predict_each(crystals[-4:], tiny_model))) == 4
    assert len(searches) == 112  # those of late are remembered


def test_refusals_and_predictions_keep_the_order_of_the_crystals(tiny_model: Model) -> None:
    crystals = [make_mgo(), with_titanium(make_mgo()), make_gaas(), with_titanium(make_gaas())] * 40
    outcomes = list(predict_each(crystals, tiny_model))
    for crystal, outcome in zip(crystals, outcomes, strict=True):
        if 22 in crystal.elements:
            assert isinstance(outcome, Refusal)
            assert outcome.reason.startswith(f"{crystal.formula}: model tiny-ipa has no features for Ti")
        else:
            assert isinstance(outcome, Prediction)
            assert outcome.given is crystal


def test_many_crystals_are_refused_with_all_reasons() -> None:
    with pytest.raises(InputError, match=r"TiO: .*\nTiAs: .*"):
        predict_many([with_titanium(make_mgo()), make_mgo(), with_titanium(make_gaas())], model="fast")


def test_tensors_are_in_the_axes_of_the_given_cell(
    crystal: Crystal, disguise: Callable[[Crystal], Crystal], tensor_model: TensorModel
) -> None:
    given = disguise(crystal)
    (prediction,) = predict_many([given], model=tensor_model)
    expected = tensor_model.tensor(given)
    scale = np.abs(expected - np.eye(3)[:, :, None]).max()
    np.testing.assert_allclose(prediction.spectrum.tensor, expected, atol=5e-3 * scale)
    np.testing.assert_allclose(prediction.spectrum.members[1], 1.5 * expected, atol=1e-2 * scale)
    assert tensor_model.tensor(prediction.crystal) == pytest.approx(expected, abs=5e-3 * scale)


def test_wurtzite_turned_in_its_file_has_its_turned_tensor(tensor_model: TensorModel, tmp_path: Path) -> None:
    straight, turned = make_aln(), rotated(make_aln())
    turn = (np.linalg.inv(straight.cell) @ turned.cell).T
    path = tmp_path / "turned.vasp"
    atoms = Atoms(turned.numbers, scaled_positions=turned.frac_coords, cell=turned.cell, pbc=True)
    atoms.write(path, format="vasp", direct=True)
    (first,) = predict_many([straight], model=tensor_model)
    (outcome,) = predict_files([path], tensor_model)
    assert isinstance(outcome, Predicted)
    expected = np.einsum("ia,abw,jb->ijw", turn, first.spectrum.tensor, turn)
    np.testing.assert_allclose(outcome.prediction.spectrum.tensor, expected, atol=1e-6)
    assert np.abs(first.spectrum.component("xz")).max() < 1e-9
    assert np.abs(outcome.prediction.spectrum.component("xz")).max() > 1e-3
    document = describe(outcome.prediction, outcome.name).plain()
    np.testing.assert_allclose(document["eps2"]["xz"], expected[0, 2].imag, rtol=1e-5, atol=1e-8)
    assert outcome.prediction.warnings == ()


def test_what_a_model_says_besides_the_spectrum_arrives(tensor_model: TensorModel) -> None:
    aln, metal = predict_each([make_aln(), with_titanium(make_mgo())], tensor_model)
    assert isinstance(aln, Prediction)
    assert (aln.gap, aln.metal, aln.in_domain, aln.warnings) == (5.0, False, True, ())
    assert set(aln.bands) == {"eps1", "eps2", "n", "k", "absorption", "reflectivity", "loss"}
    assert metal == Refusal("TiO: a metal; the model predicts crystals with a gap")


def test_files_give_predictions_and_refusals_in_their_order(tiny_model: Model, tmp_path: Path) -> None:
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 4.0\n")
    names = [str(EXAMPLES / "MgO.cif"), str(broken), str(EXAMPLES / "SrTiO3.cif"), str(EXAMPLES / "NaCl.cif")]
    outcomes = list(predict_files(names, tiny_model))
    assert [outcome.name for outcome in outcomes] == names
    assert [type(outcome) for outcome in outcomes] == [Predicted, Refused, Refused, Predicted]
    assert "no features for Ti" in outcomes[2].reason
    with pytest.raises(InputError, match="3 crystals; up to 2 are predicted at a time"):
        list(predict_files(names, tiny_model, maximum=2))


@pytest.mark.slow
def test_files_are_predicted_as_they_are_read(tiny_model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(BATCH + 1):
        (folder / f"{index:03d}.cif").write_bytes((EXAMPLES / "MgO.cif").read_bytes())
    outcomes = predict_files([folder], tiny_model)
    next(outcomes)
    (folder / f"{BATCH:03d}.cif").write_text("changed before its turn")
    assert [type(outcome) for outcome in outcomes] == [Predicted] * (BATCH - 1) + [Refused]


@pytest.mark.filterwarnings("ignore:.*trained on:dielectra.PredictionWarning")
def test_weights_are_read_once_per_process(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, mgo: Crystal) -> None:
    reads: list[Path] = []
    read_bytes = store.read_bytes

    def counted(path: Path, largest: int) -> bytes:
        if path.name == WEIGHTS:
            reads.append(path)
        return read_bytes(path, largest)

    monkeypatch.setattr(store, "read_bytes", counted)
    for _ in range(3):
        predict(mgo, model=str(tiny_folder))
    assert len(reads) == 1
    os.utime(tiny_folder / CARD)
    predict(mgo, model=str(tiny_folder))
    assert len(reads) == 2


@pytest.mark.filterwarnings("ignore:.*trained on:dielectra.PredictionWarning")
def test_a_model_on_request_replaces_the_default(tiny_model: Model) -> None:
    assert predict(make_mgo(), model="ladder-ipa").level == "ipa"
    assert predict(make_mgo(), model=load_model("ladder-ipa")).provenance["model"] == "ladder-ipa"
    assert predict(make_mgo(), model=tiny_model).energies.shape == (81,)


def test_the_fundamental_gap_is_never_above_the_direct_one() -> None:
    paths = sorted(Path("examples").glob("*.cif"))
    found = predict_many([read_structure(path) for path in paths])
    assert all(one.gap is not None and one.gap <= (one.gap_direct or 0.0) for one in found)
