"""Networks on a CUDA device give what they give on the CPU. ``make gpu-test`` runs these."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import Run, make_aln, make_gaas, make_mgo, make_triclinic
from dielectra.models.encoder.features import encode, load_encoder
from dielectra.models.encoder.neighbours import find_neighbours
from dielectra.models.ensemble import load_predictor
from dielectra.models.model import predict_prepared
from dielectra.models.store import load_model
from dielectra.screening.query import query

CRYSTALS = [make_mgo(), make_gaas(), make_aln(), make_triclinic()]
TOLERANCE = 1e-4

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="no CUDA device here; run make gpu-test where there is one"
    ),
]


def close(found: torch.Tensor | np.ndarray, expected: torch.Tensor | np.ndarray) -> bool:
    """Return whether values agree to the tolerance, relative to the largest."""
    a, b = (np.asarray(values, float) for values in (found, expected))
    return bool(np.abs(a - b).max() <= TOLERANCE * np.abs(b).max())


@pytest.mark.parametrize("name", ["sevennet-0", "sevennet-l3i5"])
def test_encoder(name: str) -> None:
    for there, here in zip(
        encode(CRYSTALS, load_encoder(name, "cuda")), encode(CRYSTALS, load_encoder(name)), strict=True
    ):
        assert close(there.invariants, here.invariants)
        assert np.abs(np.asarray(there.tensors - here.tensors)).max() <= TOLERANCE * float(here.invariants.abs().max())


@pytest.mark.parametrize("name", ["ladder-rpa", "ladder-ipa"])
def test_optimate(name: str) -> None:
    here = load_model(name).network
    prepared = here.prepare(CRYSTALS)
    there = copy.deepcopy(here).to("cuda")
    assert close(predict_prepared(there, prepared)[0].cpu(), predict_prepared(here, prepared)[0])


def test_head_and_ensemble() -> None:
    outputs = []
    for device in ("cpu", "cuda"):
        model = load_predictor("ladder-ensemble", device)
        outputs.append(model.outputs(model.prepare(CRYSTALS)))
    assert close(outputs[1].values, outputs[0].values)
    assert close(outputs[1].gaps, outputs[0].gaps)  # type: ignore[arg-type]


def test_training_step(tmp_path: Path) -> None:
    """The loss and the gradients of one step agree."""
    here = load_model("ladder-rpa").network
    prepared = here.prepare(CRYSTALS)
    gradients = []
    for device in ("cpu", "cuda"):
        network = copy.deepcopy(here).to(device).eval()
        network(network.collate(prepared).to(torch.device(device))).square().mean().backward()
        gradients.append(torch.cat([p.grad.flatten().cpu() for p in network.parameters() if p.grad is not None]))
    assert close(gradients[1], gradients[0])


def test_neighbours_move() -> None:
    moved = find_neighbours(CRYSTALS[0], 5.0).to(torch.device("cuda"))
    assert {part.device.type for part in moved[:-1]} == {"cuda"}


def test_screening(tmp_path: Path, run: Run) -> None:
    """Rows of a GPU are those of the CPU; the worker's memory limit does not hold for CUDA's address space."""
    rows = []
    for device in ("cpu", "cuda"):
        code, _, err = run("screen", "examples", "-o", tmp_path / device, "--device", device)
        assert code == 0, err
        question = "SELECT eps_infinity, n_589_3nm, gap_ev FROM crystals WHERE reason IS NULL ORDER BY id"
        rows.append(np.array(query(tmp_path / device, question).rows, float))
    assert close(rows[1], rows[0])
