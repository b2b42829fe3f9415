"""A network written in a temporary file, and what every network of the registry has to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import Run, permuted, repeated, rotated
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.models.interface import NETWORKS, Network
from dielectra.models.store import build_network, load_model
from dielectra.prediction import predict_many
from dielectra.target import Target, as_tensor

ENERGIES = tuple(np.linspace(0.0, 20.0, 41).tolist())
TARGETS = {
    0: Target(levels=("ipa", "rpa"), energies=ENERGIES, broadening=0.3),
    2: Target(levels=("ipa", "rpa"), rank=2, energies=ENERGIES, broadening=0.3),
}
TOLERANCE = 2e-4

MINIMAL = '''
import torch
from dielectra.models.interface import GraphNetwork, NetworkOptions


class Options(NetworkOptions):
    width: int = 16


class Composition(GraphNetwork):
    """Predict from the mean of element embeddings."""

    Options = Options
    references = ("A minimal network",)

    def __init__(self, options, target):
        super().__init__(options, target)
        self.embedding = torch.nn.Embedding(119, options.width)
        self.out = torch.nn.Linear(options.width, torch.Size(target.shape).numel())

    def forward(self, batch):
        atoms = self.embedding(batch.numbers)
        sums = atoms.new_zeros(batch.n_crystals, atoms.shape[1]).index_add_(0, batch.crystal, atoms)
        mean = sums / batch.crystal.bincount()[:, None]
        return torch.nn.functional.softplus(self.out(mean)).view(-1, *self.target.shape)
'''


@pytest.fixture
def composition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the minimal network as another package would, and return its name."""
    site = tmp_path / "site"
    facts = site / "minimal-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "minimal_network.py").write_text(MINIMAL)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: minimal\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[dielectra.networks]\ncomposition = minimal_network:Composition\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "minimal_network", raising=False)
    return "composition"


@pytest.mark.slow
def test_a_network_of_another_package_does_all_that_ours_does(
    composition: str, small_data: Path, tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "models" / "mine"
    settings = ("--set", f"architecture={composition}", "--set", "network={width: 8}", "--set", "epochs=12")
    code, out, err = run("train", small_data, "--level", "ipa", "-o", folder, *settings, "--json")
    assert code == 0, err
    card = json.loads(out)
    assert (card["architecture"], card["options"]) == (composition, {"width": 8})
    scores = json.loads(run("evaluate", folder, small_data, "--level", "ipa", "--json")[1])
    assert scores["n"] == 4
    assert scores["sc_median"] > 0.2
    (predicted,) = json.loads(run("predict", "examples/MgO.cif", "--model", folder, "--json")[1])
    assert predicted["model"] == "mine"
    assert max(predicted["eps2"]["mean"]) > 0.1
    listed = json.loads(run("models", "list", tmp_path / "models", "--json")[1])
    assert {"name": "mine", "architecture": composition, "level": "ipa"}.items() <= listed[-1].items()
    cited = run("models", "cite", folder)[1]
    assert "A minimal network" in cited
    code, out, err = run("climb", small_data, "--to", "rpa", "--from", folder, "-o", tmp_path / "up", "--json")
    assert code == 0, err
    assert json.loads(out)["level_history"] == ["ipa", "rpa"]
    code, _, err = run(
        "train", small_data, "--level", "ipa", "-o", tmp_path / "x", *settings[:2], "--set", "network.widht=8"
    )
    assert code == 2
    assert "unknown option network.widht; did you mean width?" in err


def test_a_network_refuses_a_rank_that_it_does_not_know(composition: str) -> None:
    with pytest.raises(InputError, match="composition predicts targets of rank 0; rank 2 was asked for"):
        build_network(composition, {}, TARGETS[2])
    with pytest.raises(InputError, match="unknown architecture 'transformer'"):
        build_network("transformer", {}, TARGETS[0])


every_network = pytest.mark.parametrize(
    ("architecture", "rank"),
    [(name, rank) for name in NETWORKS.rows for rank in sorted(NETWORKS.load(name).ranks)],
)
"""Run a test for each network of the registry and each rank that it predicts."""


def untrained(architecture: str, rank: int, crystals: list[Crystal]) -> Network:
    """Return a network with fixed weights that has seen the mean of some labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(architecture, {}, TARGETS[rank])
        mean = torch.zeros(network.target.shape)
        mean[:, :, :3] = torch.exp(-((torch.from_numpy(network.target.grid) - 8.0) ** 2) / 8) * 5
        network.start_at(mean, network.collate(network.prepare(crystals)))
    return network.eval()


def outputs(network: Network, *crystals: Crystal) -> np.ndarray:
    """Return the output for some crystals, shape ``(n, *target.shape)``."""
    with torch.no_grad():
        return network(network.collate(network.prepare(crystals))).double().numpy()


@every_network
@pytest.mark.parametrize("change", [repeated, permuted], ids=["supercell", "permuted"])
def test_the_same_crystal_written_differently_has_the_same_prediction(
    architecture: str, rank: int, change: Callable[[Crystal], Crystal], aln: Crystal, triclinic: Crystal
) -> None:
    network = untrained(architecture, rank, [aln, triclinic])
    for crystal in (aln, triclinic):
        expected, found = outputs(network, crystal), outputs(network, change(crystal))
        np.testing.assert_allclose(found, expected, atol=TOLERANCE * np.abs(expected).max())


@every_network
def test_a_turned_crystal_has_the_turned_prediction(
    architecture: str, rank: int, aln: Crystal, triclinic: Crystal
) -> None:
    network = untrained(architecture, rank, [aln, triclinic])
    for crystal in (aln, triclinic):
        turned = rotated(crystal)
        rotation = np.linalg.solve(crystal.cell, turned.cell).T
        for before, after in zip(outputs(network, crystal)[0, :, 0], outputs(network, turned)[0, :, 0], strict=True):
            expected = np.einsum("ij,jkw,lk->ilw", rotation, as_tensor(before), rotation)
            np.testing.assert_allclose(as_tensor(after), expected, atol=TOLERANCE * np.abs(expected).max())


@every_network
def test_a_batch_predicts_like_single_calls(
    architecture: str, rank: int, mgo: Crystal, aln: Crystal, triclinic: Crystal
) -> None:
    network = untrained(architecture, rank, [aln, triclinic])
    alone = np.concatenate([outputs(network, crystal) for crystal in (mgo, aln, triclinic)])
    assert alone.shape == (3, *network.target.shape)
    together = outputs(network, mgo, aln, triclinic)
    np.testing.assert_allclose(together, alone, atol=TOLERANCE * np.abs(alone).max())
    assert np.abs(alone[0] - alone[1]).max() > 1e-3 * np.abs(alone).max()


GOLDEN = Path(__file__).parent / "data" / "golden" / "shipped-models.npz"


@pytest.mark.parametrize("level", ["ipa", "rpa"])
def test_the_shipped_models_predict_what_they_did(level: str) -> None:
    """Compare with what the first edition predicted for 50 crystals, at every fifth energy."""
    stored = np.load(GOLDEN)
    ends = np.cumsum(stored["n_atoms"])[:-1]
    numbers, coordinates = np.split(stored["numbers"], ends), np.split(stored["frac_coords"], ends)
    crystals = [
        Crystal(cell, number.astype(np.int64), coords)
        for cell, number, coords in zip(stored["cells"], numbers, coordinates, strict=True)
    ]
    found = np.array([one.spectrum.mean.imag[::5] for one in predict_many(crystals, level, "fast")])
    np.testing.assert_allclose(found, stored[level], atol=1e-6 * float(stored[level].max()), rtol=1e-6)


VERSION_1 = Path(__file__).parent / "data" / "version-1"


def test_a_model_and_a_part_of_the_first_edition_still_load() -> None:
    stored = np.load(VERSION_1 / "predicted.npz")
    labels = open_dataset(VERSION_1 / "part-0000.parquet").labels("ipa")
    np.testing.assert_array_equal(labels.eps2, stored["labels"])
    assert open_dataset(VERSION_1 / "part-0000.parquet", protocol="ladder-1").levels == ("ipa", "rpa")
    model = load_model(VERSION_1 / "model")
    assert (model.card.schema_version, model.card.architecture, model.card.level) == (2, "optimate", "ipa")
    assert model.target == labels.target
    found = np.array([one.spectrum.mean.imag for one in predict_many(labels.crystals, model=model)])
    np.testing.assert_allclose(found, stored["eps2"], atol=1e-6 * float(stored["eps2"].max()))
