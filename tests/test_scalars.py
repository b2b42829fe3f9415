"""Gaps and static dielectric constants of crystals without spectra, as labels."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import make_gaas, make_mgo, tiny_config
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.data.scalars import read_scalars
from dielectra.data.splits import split_of_new
from dielectra.errors import InputError
from dielectra.integrals import real_from_imaginary
from dielectra.models.encoder_network import EncoderNetwork, EncoderOptions
from dielectra.training.config import load_config
from dielectra.training.loop import train
from dielectra.training.scalars import prepare_scalars, scalar_batches

SMALL = {"network": {"width": 16, "tensor_channels": 8}, "epochs": 2, "validations": 2, "scalar_batch_size": 2}


def line(crystal: Crystal, **known: float) -> str:
    structure = {
        "lattice": crystal.cell.tolist(),
        "species": crystal.numbers.tolist(),
        "frac_coords": crystal.frac_coords.tolist(),
    }
    return json.dumps({"id": crystal.formula} | structure | known)


@pytest.fixture
def scalars(tmp_path: Path) -> Path:
    """Return a file with MgO, GaAs and a strained MgO."""
    strained = replace(make_mgo(), cell=make_mgo().cell * 1.02)
    path = tmp_path / "known.jsonl"
    lines = [
        line(make_mgo(), gap_direct=4.4, gap_indirect=4.4, eps_infinity=3.2),
        line(make_gaas(), gap_direct=0.5, gap_indirect=0.5),
        line(strained, eps_infinity=3.1),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_what_is_not_known_is_nan(scalars: Path) -> None:
    read = read_scalars(scalars)
    assert [crystal.formula for crystal in read.crystals] == ["MgO", "GaAs", "MgO"]
    np.testing.assert_array_equal(read.gaps[:2], np.array([[4.4, 4.4], [0.5, 0.5]], np.float32))
    assert np.isnan(read.gaps[2]).all()
    np.testing.assert_array_equal(np.isnan(read.eps_infinity), [False, True, False])


@pytest.mark.parametrize(
    "broken",
    [
        *("{", "[]", "{}", '{"lattice": 1}', line(make_mgo(), eps_infinity=0.7), line(make_mgo(), gap_direct=-0.1)),
        *(line(make_mgo(), gap_direct=float("nan")), line(make_mgo(), eps_infinity=True)),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "known.jsonl"
    path.write_text(line(make_mgo()) + "\n" + broken + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_scalars(path)


def test_an_unknown_set_is_an_error() -> None:
    with pytest.raises(InputError, match="not found"):
        read_scalars("no-such-set")


@pytest.mark.slow
def test_shipped_scalars_are_of_training_formulas_alone() -> None:
    shipped = read_scalars("scalars")
    assert len(shipped) > 4000
    paper = {one for data in ("ladder", "ladder-2") for one in held_formulas(data)}
    left = shipped.without(paper)
    naccarato = left.crystals[-1000:]
    assert all(split_of_new(crystal.formula) == "train" for crystal in naccarato)


def held_formulas(name: str) -> set[str]:
    labels = open_dataset(name).labels("rpa")
    return {formula for formula, split in zip(labels.formulas, labels.splits, strict=True) if split != "train"}


def test_a_constant_is_the_kramers_kronig_integral_up_to_a_common_factor(small_data: Path, scalars: Path) -> None:
    data = open_dataset(small_data)
    network = EncoderNetwork(EncoderOptions(width=16, tensor_channels=8), data.target("ipa", "rpa", rank=2)).eval()
    read = read_scalars(scalars)
    batch = network.collate(network.prepare(read.crystals))
    with torch.inference_mode():
        strengths = network.head.strengths(batch).tensors[:, 1, :3].mean(dim=1).numpy()
        own = [real_from_imaginary(network.head.oscillators.numpy().astype(float), row)[0] for row in strengths]
        unknown = torch.full((3, 2), torch.nan)
        scaled = torch.tensor([1 + 1.2 * (value - 1) for value in own], dtype=torch.float32)
        assert float(network.scalar_loss(batch, unknown, scaled)) == pytest.approx(0.0, abs=2e-3)
        scaled[0] = 1 + 2 * (scaled[0] - 1)
        off = float(network.scalar_loss(batch, unknown, scaled))
        assert off == pytest.approx(0.2 * np.log(2) / 3, rel=0.05)


def test_they_change_what_is_learned_and_a_killed_run_goes_on(small_data: Path, scalars: Path, tmp_path: Path) -> None:
    labels = open_dataset(small_data).labels(open_dataset(small_data).target("ipa", "rpa", rank=2))
    config = load_config("encoder", **SMALL, scalars=str(scalars))

    def stop(done: int, *_: object) -> None:
        if done == 1:
            raise KeyboardInterrupt

    whole, _ = train(config, labels, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(config, labels, tmp_path / "run", progress=stop)
    again, _ = train(config, labels, tmp_path / "run")
    without, _ = train(load_config("encoder", **SMALL), labels, tmp_path / "without")
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    assert not torch.equal(without.head.gap[0].weight, whole.head.gap[0].weight)


def test_other_scalars_are_another_run(small_data: Path, scalars: Path, tmp_path: Path) -> None:
    labels = open_dataset(small_data).labels(open_dataset(small_data).target("ipa", "rpa", rank=2))
    config = load_config("encoder", **SMALL, scalars=str(scalars))

    def stop(done: int, *_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, labels, tmp_path / "run", progress=stop)
    scalars.write_text(line(make_mgo(), gap_direct=4.0, gap_indirect=4.0), encoding="utf-8")
    with pytest.raises(InputError, match="other settings"):
        train(config, labels, tmp_path / "run")


def test_held_out_formulas_are_left_out_and_batches_go_round(small_data: Path, scalars: Path) -> None:
    data = open_dataset(small_data)
    labels = data.labels(data.target("ipa", "rpa", rank=2))
    network = EncoderNetwork(EncoderOptions(width=16, tensor_channels=8), labels.target)
    config = load_config("encoder", **SMALL, scalars=str(scalars))
    gallium = labels.select(range(2))
    gallium.formulas[0] = "AsGa"
    found = prepare_scalars(config, labels, gallium, network, "cpu")
    assert found is not None
    assert len(found.prepared) == 2
    assert [sorted(batch) for batch in islice(scalar_batches(found, config, 0), 3)] == [[0, 1]] * 3


def test_a_network_of_spectra_alone_refuses_them(small_data: Path, scalars: Path, tmp_path: Path) -> None:
    labels = open_dataset(small_data).labels("rpa")
    with pytest.raises(InputError, match="spectra alone"):
        train(tiny_config("direct", scalars=str(scalars)), labels, tmp_path / "run")
