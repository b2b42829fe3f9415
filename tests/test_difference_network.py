from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_aln, make_gaas, make_mgo, make_triclinic, permuted, repeated, rotated
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.integrals import real_from_imaginary
from dielectra.models.difference_network import (
    DifferenceNetwork,
    DifferenceOptions,
    isotropic,
    restored,
    transformed,
    volume_per_atom,
)
from dielectra.models.encoder_network import EncoderNetwork
from dielectra.models.store import load_model
from dielectra.target import Target
from dielectra.training.config import load_config
from dielectra.training.recipes import train_model

TARGET = Target(levels=("ipa", "rpa"), rank=2, energies=np.linspace(0.0, 20.0, 201).tolist(), broadening=0.3)
CRYSTALS = [make_mgo(), make_gaas(), make_aln(), make_triclinic()]
TINY = ("epochs=2", "network.width=8", "network.tensor_channels=4")


def concluded(share: float = 1.0) -> tuple[DifferenceNetwork, torch.Tensor]:
    """Return a network that has regressed known differences of four crystals, and their labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = DifferenceNetwork(DifferenceOptions(width=16, tensor_channels=8, share=share), TARGET)
    prepared = network.prepare(CRYSTALS)
    grid = torch.linspace(0.0, 20.0, 201)
    mean = (grid * torch.exp(-((grid - 8.0) ** 2) / 20))[None, None, None].expand(TARGET.shape)
    network.start_at(mean, network.collate(prepared))
    network.eval()
    with torch.no_grad():
        values = EncoderNetwork.forward(network, network.collate(prepared)).clone()
        values[:, 1] = values[:, 0] * torch.linspace(0.8, 1.2, 201)
    network.conclude(prepared, values, torch.ones(4, 2, 1, 201))
    return network, values


def outputs(network: DifferenceNetwork, *crystals: Crystal) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = network(network.collate(network.prepare(crystals)))
    return result


def test_known_differences_are_given_back_and_the_level_below_is_left_alone() -> None:
    network, values = concluded()
    found = outputs(network, *CRYSTALS)
    assert torch.equal(found[:, 0], outputs(network, *CRYSTALS)[:, 0])
    expected = isotropic(values[:, 1])
    errors = (isotropic(found[:, 1]) - expected).abs().sum(dim=1) / expected.sum(dim=1)
    assert float(errors.max()) < 0.02
    assert network.options.n_centres == 4


def test_levels_that_one_curve_parts_are_climbed_by_the_curve_alone() -> None:
    network, values = concluded()
    grid = np.linspace(0.0, 20.0, 201)
    lower = values[:, 0, 0, :3].mean(dim=1).double().numpy()
    susceptibility = real_from_imaginary(grid, lower) - 1 + 1j * lower
    raised = (1 / (1 / np.where(susceptibility == 0, 1e-9, susceptibility) + 0.1)).imag
    values[:, 1, 0, :3] = torch.from_numpy(raised).float()[:, None]
    network.conclude(network.prepare(CRYSTALS), values, torch.ones(4, 2, 1, 201))
    inside = slice(20, -20)
    np.testing.assert_allclose(network.curve[0, inside].numpy(), 0.1, atol=0.02)
    assert float(network.curve[1, inside].abs().max()) < 0.02
    assert float(network.difference.coefficients.abs().max()) < 0.1


def test_share_zero_is_the_head_alone() -> None:
    network, _ = concluded(share=0.0)
    batch = network.collate(network.prepare(CRYSTALS))
    with torch.no_grad():
        torch.testing.assert_close(network(batch), EncoderNetwork.forward(network, batch), rtol=1e-3, atol=1e-5)


def test_what_a_crystal_lacks_of_the_lower_level_is_predicted() -> None:
    network, values = concluded()
    before = outputs(network, *CRYSTALS)
    weights = torch.ones(4, 2, 1, 201)
    weights[1, 0] = 0.0  # the head's own prediction is what was given as known
    network.conclude(network.prepare(CRYSTALS), values * weights[:, :, :, None], weights)
    torch.testing.assert_close(outputs(network, *CRYSTALS), before, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("change", [repeated, permuted], ids=["supercell", "permuted"])
def test_the_same_crystal_written_differently_has_the_same_prediction(change: object) -> None:
    network, _ = concluded()
    for crystal in (make_aln(), make_triclinic()):
        first, second = outputs(network, crystal), outputs(network, change(crystal))  # type: ignore[operator]
        torch.testing.assert_close(second, first, rtol=0, atol=2e-4 * float(first.abs().max()))


def test_a_turned_crystal_has_the_turned_tensor_without_negative_eigenvalues() -> None:
    network, _ = concluded()
    crystal = make_triclinic()
    turned = rotated(crystal)
    rotation = np.linalg.solve(crystal.cell, turned.cell).T
    first, second = (
        TARGET.spectra(outputs(network, one)[0].double().numpy())["rpa"].tensor.imag for one in (crystal, turned)
    )
    expected = np.einsum("ia,abw,jb->ijw", rotation, first, rotation)
    np.testing.assert_allclose(second, expected, atol=2e-4 * np.abs(first).max())
    assert np.linalg.eigvalsh(second.transpose(2, 0, 1)).min() > -1e-5


def test_transformed_spectra_are_restored() -> None:
    network, values = concluded()
    volumes = volume_per_atom(network.collate(network.prepare(CRYSTALS)))
    spectra = isotropic(values[:, 0])
    torch.testing.assert_close(restored(transformed(spectra, volumes), volumes), spectra, rtol=1e-4, atol=1e-6)


def test_training_regresses_the_labels_that_were_drawn_and_loads_again(small_data: Path, tmp_path: Path) -> None:
    config = load_config("joint", overrides=TINY, n=5).model_copy(update={"members": ()})
    model = train_model(open_dataset(small_data), ("ipa", "rpa"), config, tmp_path / "run")
    assert model.card.options["n_centres"] == 5
    loaded = load_model(tmp_path / "run")
    first, second = (outputs(one.network, make_aln()) for one in (model, loaded))  # type: ignore[arg-type]
    assert torch.equal(first, second)
    assert float(loaded.network.difference.coefficients.abs().max()) > 0  # type: ignore[union-attr]
