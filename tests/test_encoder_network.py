from __future__ import annotations

import numpy as np
import pytest
import torch

from conftest import make_aln, make_gaas, make_mgo, make_triclinic
from dielectra.errors import InputError
from dielectra.models.encoder.features import load_encoder
from dielectra.models.encoder_network import EncoderNetwork, EncoderOptions
from dielectra.models.spectral_network import roughness
from dielectra.target import Target

TARGET = Target(levels=("ipa", "rpa"), rank=2, energies=np.linspace(0.0, 20.0, 401).tolist(), broadening=0.3)
OPTIONS = EncoderOptions(width=16, tensor_channels=8)
CRYSTALS = [make_mgo(), make_gaas(), make_aln(), make_triclinic()]


def fresh(target: Target = TARGET, options: EncoderOptions = OPTIONS) -> EncoderNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EncoderNetwork(options, target)


@pytest.mark.parametrize("encoder", ["sevennet-0", "sevennet-l3i5"])
@pytest.mark.parametrize("rank", [0, 2])
def test_output_has_the_shape_of_the_target_and_is_passive(encoder: str, rank: int) -> None:
    target = TARGET.model_copy(update={"rank": rank})
    network = fresh(target, OPTIONS.model_copy(update={"encoder": encoder})).eval()
    with torch.inference_mode():
        rows = network(network.collate(network.prepare(CRYSTALS))).numpy()
    assert rows.shape == (4, *target.shape)
    for row in rows:
        for spectrum in target.spectra(row).values():
            assert np.linalg.eigvalsh(spectrum.tensor.imag.transpose(2, 0, 1)).min() > -1e-5


def test_elements_are_those_of_the_encoders() -> None:
    for name in ("sevennet-0", "sevennet-l3i5"):
        assert load_encoder(name).elements == EncoderNetwork.elements


def test_loss_adds_gaps_where_they_are_known_and_roughness() -> None:
    network = fresh().eval()
    batch = network.collate(network.prepare(CRYSTALS))
    predicted = network.gaps(batch).detach()
    unknown = torch.full((4, 2), torch.nan)
    known = unknown.clone()
    known[1] = predicted[1] + 2.0

    def zero(rows: torch.Tensor) -> torch.Tensor:
        return 0.0 * rows.sum()

    with torch.inference_mode():
        smooth, both = network.loss(batch, zero, unknown), network.loss(batch, zero, known)
    assert smooth > 0
    assert float(both) == pytest.approx(float(smooth) + 0.1 * 2.0, abs=1e-5)


def test_spectra_and_gaps_come_from_one_pass() -> None:
    network = fresh().eval()
    batch = network.collate(network.prepare(CRYSTALS))
    with torch.inference_mode():
        spectra, gaps = network.outputs(batch)
        assert torch.equal(spectra, network(batch))
        assert gaps is not None
        assert torch.equal(gaps, network.gaps(batch))


def test_trained_head_does_not_start_again() -> None:
    network = fresh()
    batch = network.collate(network.prepare(CRYSTALS))
    mean = torch.rand(TARGET.shape, generator=torch.Generator().manual_seed(0)) + 1.0
    network.start_at(mean, batch)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.start_at(2 * mean, batch, predicted=mean)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.start_at(2 * mean, batch)
    assert not torch.equal(network.head.scale, before["head.scale"])


def test_target_without_broadening_is_refused() -> None:
    with pytest.raises(InputError, match="broadening_eV"):
        fresh(TARGET.model_copy(update={"broadening": None}))


def test_roughness_of_a_line_is_zero_and_of_a_ripple_is_not() -> None:
    ramp = torch.linspace(0.0, 1.0, 50)
    assert float(roughness(ramp)) < 1e-4
    assert float(roughness(1 + 0.1 * torch.cos(torch.pi * torch.arange(50)))) > 0.3
