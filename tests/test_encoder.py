from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.spatial.transform import Rotation

from conftest import permuted, repeated, rotated, shifted
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.models.encoder.features import AtomFeatures, encode, list_encoders, load_encoder
from dielectra.models.encoder.harmonics import spherical_harmonics, symmetric_tensors
from dielectra.models.encoder.neighbours import find_neighbours
from dielectra.models.encoder.sevennet import SevenNet

GOLDEN = load_file(Path(__file__).parent / "data" / "encoder.safetensors")
NAMES = sorted({name.split(".")[0] for name in GOLDEN})
ENCODERS = ("sevennet-0", "sevennet-l3i5")
TURN = Rotation.from_euler("zyx", [0.4, 1.1, -0.7]).as_matrix()


def golden_crystal(name: str) -> Crystal:
    return Crystal(GOLDEN[f"{name}.cell"], GOLDEN[f"{name}.numbers"], GOLDEN[f"{name}.frac_coords"])


def flat_layers(crystal: Crystal, encoder: SevenNet) -> list[np.ndarray]:
    """Return our features in the order of e3nn: degree by degree, channel by channel."""
    with torch.inference_mode():
        layers = encoder(find_neighbours(crystal, encoder.card.cutoff))
    return [torch.cat([part[:, :, 0].transpose(1, 2).flatten(1) for part in parts], dim=1).numpy() for parts in layers]


def difference(features: AtomFeatures, others: AtomFeatures) -> float:
    """Return the largest difference of two sets of features, relative to the largest invariant."""
    pairs = zip(features, others, strict=True)
    return max(float((a - b).abs().max() / features.invariants.abs().max()) for a, b in pairs)


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> SevenNet:
    return load_encoder(request.param)


@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_the_original_package(name: str, encoder: SevenNet) -> None:
    ours = np.concatenate([layer[0] for layer in flat_layers(golden_crystal(name), encoder)])
    original = GOLDEN[f"{name}.{encoder.card.name}"]
    assert np.abs(ours - original).max() < 1e-4 * np.abs(original).max()


def test_live_features_of_the_original_package(encoder: SevenNet, triclinic: Crystal) -> None:
    pytest.importorskip("sevenn")
    from ase import Atoms

    path = Path(__file__).parents[1] / "scripts" / "golden_features.py"
    spec = importlib.util.spec_from_file_location("golden_features", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(script)
        calculator = script.SevenNetCalculator(script.ENCODERS[encoder.card.name], device="cpu")
        atoms = Atoms(triclinic.numbers, cell=triclinic.cell, scaled_positions=triclinic.frac_coords, pbc=True)
        originals = script.original_features(atoms, calculator)
    for ours, original in zip(flat_layers(triclinic, encoder), originals, strict=True):
        assert np.abs(ours - original).max() < 1e-4 * np.abs(original).max()


def test_encoders_know_the_elements_of_inorganic_crystals() -> None:
    assert list_encoders() == sorted(ENCODERS)
    for name in ENCODERS:
        elements = load_encoder(name).elements
        assert len(elements) == 89
        assert set(range(1, 84)) <= elements


def test_unknown_element_and_encoder_are_refused(encoder: SevenNet) -> None:
    polonium = make_crystal(np.eye(3) * 3.35, ["Po"], [[0.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="does not know Po"):
        encode([polonium], encoder)
    with pytest.raises(InputError, match="sevennet-0, sevennet-l3i5"):
        load_encoder("sevennet-1")


@pytest.mark.parametrize("change", [shifted, permuted, repeated])
def test_features_do_not_depend_on_how_the_crystal_is_written(
    change: Callable[[Crystal], Crystal], crystal: Crystal, encoder: SevenNet
) -> None:
    features, changed = encode([crystal, change(crystal)], encoder)
    order = {
        permuted: torch.arange(crystal.n_atoms).flip(0),
        repeated: torch.arange(crystal.n_atoms).repeat_interleave(8),
    }
    rows = order.get(change, torch.arange(crystal.n_atoms))
    assert difference(AtomFeatures(*(part[rows] for part in features)), changed) < 2e-4


def test_tensors_turn_with_the_crystal(crystal: Crystal, encoder: SevenNet) -> None:
    features, turned = encode([crystal, rotated(crystal)], encoder)
    assert difference(features._replace(tensors=torch.ones(1)), turned._replace(tensors=torch.ones(1))) < 2e-4
    before, after = (matrices(part.tensors) for part in (features, turned))
    expected = np.einsum("ik,ackl,jl->acij", TURN, before, TURN)
    assert np.abs(after - expected).max() < 2e-4 * float(features.invariants.abs().max())


def test_mirror_image_has_the_same_features(encoder: SevenNet) -> None:
    right = golden_crystal("SiO2")
    left = Crystal(-right.cell, right.numbers, right.frac_coords)
    assert difference(*encode([right, left], encoder)) < 2e-4


@pytest.mark.parametrize("name", ["CuInSe2", "SiO2", "TiO2", "ZnO", "Se"])
def test_sum_of_tensors_is_uniaxial_in_uniaxial_crystals(name: str, encoder: SevenNet) -> None:
    (features,) = encode([golden_crystal(name)], encoder)
    largest = float(features.tensors.abs().max())
    total = matrices(features.tensors).sum(axis=0)
    axes = total[:, [0, 1, 2], [0, 1, 2]]
    assert np.abs(axes[:, 0] - axes[:, 1]).max() < 2e-4 * largest
    assert np.abs(total[:, [1, 0, 0], [2, 2, 1]]).max() < 2e-4 * largest
    assert np.abs(axes[:, 2]).max() > 1e-3 * largest


def test_batch_equals_single(encoder: SevenNet) -> None:
    crystals = [golden_crystal(name) for name in NAMES]
    for together, (alone,) in zip(encode(crystals, encoder), (encode([one], encoder) for one in crystals), strict=True):
        assert difference(together, alone) < 2e-4


def test_atom_without_neighbours_has_finite_features(encoder: SevenNet) -> None:
    lonely = make_crystal(np.eye(3) * 9.0, ["Ar"], [[0.0, 0.0, 0.0]])
    (features,) = encode([lonely], encoder)
    assert features.invariants.isfinite().all()
    assert features.tensors.abs().max() == 0


def test_harmonics_are_orthonormal_and_degree_one_is_the_vector() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angles = np.arange(16) * 2 * np.pi / 16
    polar, azimuth = np.repeat(nodes, 16), np.tile(angles, 8)
    planar = np.sqrt(1 - polar**2)
    points = torch.tensor(np.stack([planar * np.cos(azimuth), polar, planar * np.sin(azimuth)], axis=1))
    values = spherical_harmonics(points, 3)
    weight = torch.tensor(np.repeat(weights, 16) / 32)
    assert torch.allclose(values.T @ (weight[:, None] * values), torch.eye(16, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(values[:, 1:4], 3**0.5 * points)


def test_symmetric_tensors_of_harmonics_are_dyads_without_trace() -> None:
    directions = torch.nn.functional.normalize(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    tensors = symmetric_tensors(spherical_harmonics(directions, 2)[:, 4:, None])[:, 0]
    dyads = (directions[:, :, None] * directions[:, None, :] - torch.eye(3) / 3) * 1.5 * 5**0.5
    for index, (row, column) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        assert torch.allclose(tensors[:, index], dyads[:, row, column], atol=1e-5)


def matrices(tensors: torch.Tensor) -> np.ndarray:
    """Return parts of degree 2 as matrices, shape ``(n_atoms, n_tensors, 3, 3)``."""
    values = symmetric_tensors(tensors).numpy()
    return values[..., [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
