from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_aln, make_gaas, make_mgo, make_triclinic
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.models.encoder.features import encode, load_encoder
from dielectra.models.equivariant_network import EquivariantNetwork, EquivariantOptions
from dielectra.target import Target
from dielectra.training.config import load_config
from dielectra.training.loop import _optimiser, train

TARGET = Target(levels=("ipa", "rpa"), rank=2, energies=np.linspace(0.0, 20.0, 401).tolist(), broadening=0.3)
OPTIONS = EquivariantOptions(width=16, tensor_channels=8, n_layers=2, channels=(8, 4, 4))
CRYSTALS = [make_mgo(), make_gaas(), make_aln(), make_triclinic()]
SMALL = {
    "architecture": "equivariant",
    "network": {"width": 16, "tensor_channels": 8, "n_layers": 2, "channels": (8, 4, 4)},
    "epochs": 15,
    "validations": 3,
}


def fresh(options: EquivariantOptions = OPTIONS) -> EquivariantNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EquivariantNetwork(options, TARGET)


def predict(network: EquivariantNetwork, crystals: list[Crystal]) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(network.collate(network.prepare(crystals)))


def test_it_starts_with_the_features_of_the_potential() -> None:
    network = fresh(EquivariantOptions(width=16, start="sevennet-0")).eval()
    with torch.no_grad():
        found = network.features(network.collate(network.prepare(CRYSTALS)))
    expected = encode(CRYSTALS, load_encoder("sevennet-0"))
    torch.testing.assert_close(found.invariants, torch.cat([one.invariants for one in expected]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.tensors, torch.cat([one.tensors for one in expected]), atol=1e-4, rtol=1e-4)
    assert (found.crystal.bincount() == torch.tensor([2, 2, 4, CRYSTALS[3].n_atoms])).all()


@pytest.mark.parametrize("start", [None, "sevennet-0"])
def test_every_weight_learns_but_the_clebsch_gordan_tensors(start: str | None) -> None:
    network = fresh(OPTIONS.model_copy(update={"start": start})).train()
    network(network.collate(network.prepare(CRYSTALS))).sum().backward()
    without = {name for name, value in network.named_parameters() if value.grad is None and "layers.layers" in name}
    assert without
    assert all(".terms." in name for name in without)
    assert network.layers.frequencies.grad is not None


def test_the_shipped_encoder_stays_as_it_is_when_a_network_has_started_from_it() -> None:
    network = fresh(EquivariantOptions(width=16, start="sevennet-0"))
    network.requires_grad_(requires_grad=False)
    network.layers.embedding.add_(1.0)
    encoder = load_encoder("sevennet-0")
    torch.testing.assert_close(network.layers.embedding, encoder.embedding + 1.0)


def test_a_crystal_and_its_mirror_image_have_mirrored_tensors() -> None:
    network = fresh()
    crystal = CRYSTALS[3]
    mirrored = Crystal(-crystal.cell, crystal.numbers, crystal.frac_coords)
    torch.testing.assert_close(predict(network, [mirrored]), predict(network, [crystal]), atol=1e-5, rtol=1e-4)


def test_many_crystals_are_featured_in_groups_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    network = fresh()
    together = predict(network, CRYSTALS)
    monkeypatch.setattr("dielectra.models.equivariant_network.PAIRS_AT_ONCE", 1)
    torch.testing.assert_close(predict(network, CRYSTALS), together, atol=1e-5, rtol=1e-4)


def test_fresh_features_keep_their_size_from_layer_to_layer() -> None:
    network = fresh(EquivariantOptions()).eval()
    with torch.no_grad():
        layers = network.layers(network.prepare(CRYSTALS)[2][0])
    sizes = [float(parts[0].square().mean().sqrt()) for parts in layers]
    assert len(sizes) == 3
    assert all(0.2 < size < 5 for size in sizes)


def test_training_lowers_the_error(small_data: Path, tmp_path: Path) -> None:
    labels = open_dataset(small_data).labels(open_dataset(small_data).target("ipa", "rpa", rank=2))
    network, log = train(load_config("encoder", **SMALL), labels, tmp_path / "run")
    assert isinstance(network, EquivariantNetwork)
    assert log[-1].train_loss < log[0].train_loss


def test_layers_learn_at_a_rate_of_their_own() -> None:
    network = fresh(OPTIONS.model_copy(update={"layer_rate": 0.1})).train()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    config = load_config("equivariant", weight_decay=0.0)
    optimiser = _optimiser(network, config)
    assert [group["factor"] for group in optimiser.param_groups] == [1.0, 0.1]
    for group in optimiser.param_groups:
        group["lr"] = group["factor"]
    network(network.collate(network.prepare(CRYSTALS))).sum().backward()
    optimiser.step()
    for name, value in network.named_parameters():
        if value.grad is not None and float(value.grad.abs().max()) > 1e-4:
            moved = float((value.detach() - before[name]).abs().max())  # Adam's first step is as long as its rate
            assert moved == pytest.approx(0.1 if name.startswith("layers.") else 1.0, rel=1e-3)


def test_unknown_starts_and_elements_are_refused() -> None:
    with pytest.raises(InputError, match="unknown encoder 'mace'; allowed are sevennet-0, sevennet-l3i5"):
        fresh(OPTIONS.model_copy(update={"start": "mace"}))
    polonium = Crystal(3.3 * np.eye(3), np.array([84]), np.zeros((1, 3)))
    with pytest.raises(InputError, match="does not know Po"):
        fresh().prepare([polonium])
