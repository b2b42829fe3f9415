from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from conftest import make_aln, make_gaas, make_mgo, make_triclinic, permuted, repeated, rotated
from dielectra.crystal import Crystal
from dielectra.models.atom_batch import AtomBatch, collate
from dielectra.models.encoder.features import encode, load_encoder
from dielectra.models.optimate import lorentzian_broadening
from dielectra.models.spectral_head import HeadOptions, SpectralHead, broadening_matrix
from test_encoder import TURN

ENERGIES = np.linspace(0.0, 20.0, 401)
GRID = ENERGIES.tolist()
FULL = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]


def batch_of(*crystals: Crystal) -> AtomBatch:
    return collate(encode(crystals, load_encoder("sevennet-0")), [crystal.volume for crystal in crystals])


@pytest.fixture(scope="module")
def head() -> SpectralHead:
    """Return a head of random weights that are large enough for strong anisotropy."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        head = SpectralHead(HeadOptions(width=32, tensor_channels=16), ("ipa", "rpa"), GRID, 0.3, 1024, 128)
        torch.nn.init.normal_(head.anisotropy.weight, std=300.0)
    head.standardise(batch_of(make_mgo(), make_gaas(), make_aln(), make_triclinic()))
    return head.eval()


def tensors(head: SpectralHead, crystal: Crystal) -> np.ndarray:
    """Return unbroadened strengths as matrices, shape ``(n_levels, n_oscillators, 3, 3)``."""
    with torch.inference_mode():
        strengths = head.strengths(batch_of(crystal)).tensors[0]
    return np.moveaxis(strengths.numpy()[:, FULL], -1, 1)


def test_no_eigenvalue_is_negative_and_anisotropy_is_strong(head: SpectralHead, triclinic: Crystal) -> None:
    eigenvalues = np.linalg.eigvalsh(tensors(head, triclinic))
    assert eigenvalues.min() > -1e-5 * eigenvalues.max()
    assert (eigenvalues[..., 0] < 0.1 * eigenvalues[..., 2])[:, -100:].any()


@pytest.mark.parametrize("change", [permuted, repeated])
def test_strengths_do_not_depend_on_how_the_crystal_is_written(
    change: Callable[[Crystal], Crystal], head: SpectralHead, crystal: Crystal
) -> None:
    before, after = tensors(head, crystal), tensors(head, change(crystal))
    assert np.abs(after - before).max() < 1e-3 * np.abs(before).max()


def test_strengths_turn_with_the_crystal(head: SpectralHead, triclinic: Crystal) -> None:
    before, after = tensors(head, triclinic), tensors(head, rotated(triclinic))
    assert np.abs(after - TURN @ before @ TURN.T).max() < 1e-3 * np.abs(before).max()


@pytest.mark.parametrize("make", [make_mgo, make_gaas])
def test_cubic_crystal_is_isotropic(make: Callable[[], Crystal], head: SpectralHead) -> None:
    values = tensors(head, make())
    mean = np.trace(values, axis1=2, axis2=3)[..., None, None] / 3
    assert np.abs(values - mean * np.eye(3)).max() < 1e-3 * np.abs(values).max()


def test_nothing_absorbs_below_the_direct_gap(head: SpectralHead, crystal: Crystal) -> None:
    with torch.inference_mode():
        strengths = head.strengths(batch_of(crystal))
    below = head.oscillators < strengths.gaps[0, 0]
    assert below.sum() > 3
    assert strengths.tensors[0][..., below].abs().max() == 0
    assert strengths.tensors[0][:, :3, ~below].min() >= 0


def test_strength_grows_with_the_number_of_atoms_per_volume(head: SpectralHead, mgo: Crystal) -> None:
    batch = batch_of(mgo)
    densities = [head.atom_density(batch._replace(volumes=volume * batch.volumes)) for volume in (1.0, 2.0)]
    assert densities[0] == pytest.approx(2 * densities[1])


def test_broadening_is_that_of_the_data_set_and_conserves_strength() -> None:
    grid = torch.tensor(ENERGIES)
    assert torch.allclose(broadening_matrix(grid, grid, 0.3), lorentzian_broadening(401, 6.0), atol=1e-7)
    oscillators = torch.linspace(0.0, 20.0, 201)
    strengths = torch.exp(-(((oscillators - 6.0) / 1.5) ** 2))
    areas = [
        np.trapezoid(ENERGIES * (strengths @ broadening_matrix(oscillators, grid, width)).numpy(), ENERGIES)
        for width in (0.1, 0.3)
    ]
    expected = np.trapezoid((oscillators * strengths).numpy(), oscillators.numpy())
    assert areas[0] == pytest.approx(expected, rel=0.02)
    assert areas[1] == pytest.approx(expected, rel=0.06)


def test_start_is_near_the_mean_spectrum(head: SpectralHead) -> None:
    fresh = SpectralHead(HeadOptions(width=32, tensor_channels=16), ("ipa", "rpa"), GRID, 0.3, 1024, 128).eval()
    batch = batch_of(make_mgo(), make_gaas(), make_aln())
    fresh.standardise(batch)
    mean = torch.exp(-(((torch.tensor(ENERGIES) - 8.0) / 3.0) ** 2)).float().expand(2, -1)
    fresh.start_at(mean, batch)
    with torch.inference_mode():
        predicted = fresh(batch)[:, :, :3].mean(dim=2) / fresh.atom_density(batch)[:, None, None]
    assert float((predicted.mean(dim=0) - mean).abs().sum() / mean.sum()) < 0.25


def test_levels_of_quasiparticles_begin_to_absorb_at_their_own_gap(crystal: Crystal) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        head = SpectralHead(HeadOptions(width=32, tensor_channels=16), ("rpa", "lrc"), GRID, 0.3, 1024, 128).eval()
    head.standardise(batch_of(crystal))
    with torch.inference_mode():
        strengths = head.strengths(batch_of(crystal))
    of_pbe, of_quasiparticles = strengths.gaps[0, 0], strengths.gaps[0, 2]
    assert strengths.gaps.shape == (1, 4)
    assert of_quasiparticles > of_pbe + 0.2
    for level, gap in enumerate((of_pbe, of_quasiparticles)):
        assert strengths.tensors[0, level, :, head.oscillators < gap].abs().max() == 0
        assert strengths.tensors[0, level, 0, head.oscillators > gap + 0.05].min() > 0


@pytest.mark.parametrize("levels", [("ipa", "bse"), ("ipa", "lrc", "bse"), ("bse",)])
def test_excitons_absorb_below_the_gap_of_quasiparticles(levels: tuple[str, ...]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        head = SpectralHead(HeadOptions(width=32, tensor_channels=16), levels, GRID, 0.3, 1024, 128).eval()
    head.standardise(batch_of(make_mgo()))
    strengths = head.strengths(batch_of(make_mgo()))
    gaps, bse = strengths.gaps[0], strengths.tensors[0, -1]
    binding = (gaps[2:4] - gaps[4:]).detach()
    assert binding[0].item() == pytest.approx(binding[1].item(), abs=1e-5)
    assert 0.2 < binding[0] < 0.5 * gaps[2]
    assert bse[:, head.oscillators < gaps[4]].abs().max() == 0
    assert bse[0, head.oscillators > gaps[4] + 0.1].min() > 0
    if len(levels) > 1:
        bse.sum().backward()
        assert head.binding is not None
        assert head.binding.coefficients.grad is not None
        assert head.binding.coefficients.grad.abs().min() > 0


def test_untrained_levels_of_quasiparticles_are_what_those_of_pbe_make_expect(triclinic: Crystal) -> None:
    head = SpectralHead(HeadOptions(width=32, tensor_channels=16), ("ipa", "rpa", "lrc", "bse"), GRID, 0.3, 1024, 128)
    head.standardise(batch_of(triclinic, make_mgo()))
    assert head.correction is not None
    torch.nn.init.zeros_(head.correction[-1].weight)
    torch.nn.init.zeros_(head.correction[-1].bias)
    with torch.inference_mode():
        (_, rpa, lrc, bse), gaps = (part[0] for part in head.eval().strengths(batch_of(triclinic)))
        expected = head.quasiparticle_start(rpa[None], gaps[None, 2] - gaps[None, 0])[0] * (head.oscillators >= gaps[2])
        bound = head.quasiparticle_start.moved(lrc[None], gaps[None, 4] - gaps[None, 2])[0]
    torch.testing.assert_close(lrc, expected)
    torch.testing.assert_close(bse, bound * (head.oscillators >= gaps[4]))
    assert not torch.allclose(lrc, rpa, rtol=0.1)
