"""The standard form of a crystal knows how it lies to the cell that was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from conftest import CRYSTALS, bond_tensor, conventional, repeated
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.symmetry import point_group_rotations, standard_form, standardise


def test_tensors_return_to_the_axes_of_the_given_cell(crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
    given = disguise(crystal)
    form = standard_form(given)
    expected = bond_tensor(given)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(form.to_given_axes(bond_tensor(form.crystal)), expected, atol=5e-3 * scale)
    np.testing.assert_allclose(form.to_standard_axes(expected), bond_tensor(form.crystal), atol=5e-3 * scale)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(CRYSTALS)),
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    mirrored=st.booleans(),
    change=st.sampled_from([conventional, repeated, lambda crystal: crystal]),
)
def test_a_turned_or_mirrored_cell_gives_the_turned_tensor(
    name: str, quaternion: tuple[float, ...], mirrored: bool, change: Callable[[Crystal], Crystal]
) -> None:
    crystal = change(CRYSTALS[name]())
    turn = Rotation.from_quat(quaternion).as_matrix() * (-1 if mirrored else 1)
    turned = Crystal(crystal.cell @ turn.T, crystal.numbers, crystal.frac_coords)
    form = standard_form(turned)
    found = form.to_given_axes(bond_tensor(form.crystal))
    expected = turn @ bond_tensor(crystal) @ turn.T
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_spectra_of_tensors_are_turned_at_every_energy(aln: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
    form = standard_form(disguise(aln))
    spectra = np.random.default_rng(0).normal(size=(3, 3, 5)) + 1j
    found = form.to_standard_axes(form.to_given_axes(spectra))
    np.testing.assert_allclose(found, spectra, atol=1e-12)
    for energy in range(5):
        np.testing.assert_allclose(
            form.to_given_axes(spectra)[:, :, energy], form.rotation.T @ spectra[:, :, energy] @ form.rotation
        )


def test_the_rotation_is_proper(crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
    rotation = standard_form(disguise(crystal)).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_the_standard_cell_in_place_spans_the_given_lattice(
    crystal: Crystal, disguise: Callable[[Crystal], Crystal]
) -> None:
    given = disguise(crystal)
    placed = standard_form(given).in_place
    multiples = given.cell @ np.linalg.inv(placed.cell)
    np.testing.assert_allclose(multiples, multiples.round(), atol=5e-3)
    standard = standardise(given)
    np.testing.assert_allclose(placed.cell @ placed.cell.T, standard.cell @ standard.cell.T, atol=1e-9)
    np.testing.assert_array_equal(placed.frac_coords, standard.frac_coords)


def test_the_point_group_is_that_of_the_standard_cell(ladder_part: Path) -> None:
    for record in list(open_dataset(ladder_part).records("ipa"))[:40]:
        form = standard_form(record.crystal)
        expected = point_group_rotations(form.crystal)
        assert form.point_group.shape == expected.shape
        distances = np.abs(form.point_group[:, None] - expected[None]).max(axis=(2, 3))
        assert distances.min(axis=1).max() < 1e-6
        assert form.cubic == (form.space_group >= 195)


def test_the_point_group_does_not_depend_on_the_cell(crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
    stretched = np.diag([1, 1, 2])
    frac_coords = np.concatenate([crystal.frac_coords, crystal.frac_coords + np.array([0, 0, 1])]) / [1, 1, 2]
    given = Crystal(stretched @ crystal.cell, np.tile(crystal.numbers, 2), frac_coords)
    assert len(standard_form(disguise(given)).point_group) == len(point_group_rotations(crystal))
