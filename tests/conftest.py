"""Crystals that the tests share, and the ways to write one crystal differently.

Nothing here imports torch, the web server or an engine before a test asks for it: a small test file starts in a second.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings

from browsing import browser, page, tab  # noqa: F401
from dielectra.crystal import Crystal, make_crystal
from dielectra.web.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dielectra.models.model import Model
    from dielectra.training.config import TrainingConfig

Run = Callable[..., tuple[int, str, str]]

settings.register_profile("dielectra", max_examples=20, deadline=None, derandomize=True, database=None)
settings.load_profile("dielectra")


def make_mgo() -> Crystal:
    """Return rock salt MgO, primitive cell, space group 225."""
    cell = 4.212 / 2 * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    return make_crystal(cell, ["Mg", "O"], [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])


def make_gaas() -> Crystal:
    """Return zinc blende GaAs, primitive cell, space group 216."""
    cell = 5.653 / 2 * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    return make_crystal(cell, ["Ga", "As"], [[0.0, 0.0, 0.0], [0.25, 0.25, 0.25]])


def make_aln() -> Crystal:
    """Return wurtzite AlN, space group 186."""
    a, c, u = 3.112, 4.982, 0.382
    cell = [[a, 0.0, 0.0], [-a / 2, a * np.sqrt(3) / 2, 0.0], [0.0, 0.0, c]]
    frac_coords = [[1 / 3, 2 / 3, 0.0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, u], [2 / 3, 1 / 3, 0.5 + u]]
    return make_crystal(cell, ["Al", "Al", "N", "N"], frac_coords)


def make_triclinic() -> Crystal:
    """Return an invented crystal of four elements without any symmetry, space group 1."""
    cell = [[5.1, 0.0, 0.0], [0.7, 4.6, 0.0], [-0.9, 0.5, 6.2]]
    frac_coords = [[0.02, 0.05, 0.01], [0.53, 0.41, 0.27], [0.11, 0.52, 0.63], [0.64, 0.88, 0.72], [0.37, 0.13, 0.44]]
    return make_crystal(cell, ["Na", "B", "O", "S", "O"], frac_coords)


CRYSTALS = {"mgo": make_mgo, "gaas": make_gaas, "aln": make_aln, "triclinic": make_triclinic}


def repeated(crystal: Crystal) -> Crystal:
    """Return the 2 x 2 x 2 supercell."""
    shifts = np.array(list(np.ndindex(2, 2, 2)), float)
    frac_coords = (crystal.frac_coords[:, None] + shifts).reshape(-1, 3) / 2
    return Crystal(crystal.cell * 2, np.repeat(crystal.numbers, 8), frac_coords)


def conventional(crystal: Crystal) -> Crystal:
    """Return the conventional cell of spglib."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # spglib 2.8 announces its new way to report errors
        cell, frac_coords, numbers = spglib.standardize_cell(
            (crystal.cell, crystal.frac_coords, crystal.numbers), to_primitive=False, symprec=1e-2
        )
    return Crystal(cell, numbers.astype(np.int64), frac_coords)


def rattled(crystal: Crystal) -> Crystal:
    """Return the crystal with every atom displaced by 1e-3 angstrom in a random direction."""
    steps = np.random.default_rng(0).normal(size=(crystal.n_atoms, 3))
    steps *= 1e-3 / np.linalg.norm(steps, axis=1, keepdims=True)
    return Crystal(crystal.cell, crystal.numbers, crystal.frac_coords + steps @ np.linalg.inv(crystal.cell))


def rotated(crystal: Crystal) -> Crystal:
    """Return the crystal turned in space."""
    from scipy.spatial.transform import Rotation

    rotation = Rotation.from_euler("zyx", [0.4, 1.1, -0.7]).as_matrix()
    return Crystal(crystal.cell @ rotation.T, crystal.numbers, crystal.frac_coords)


def shifted(crystal: Crystal) -> Crystal:
    """Return the crystal with another origin and with atoms outside the cell."""
    images = np.arange(3 * crystal.n_atoms).reshape(-1, 3) % 5 - 2
    return Crystal(crystal.cell, crystal.numbers, crystal.frac_coords + np.array([0.31, 0.17, -0.23]) + images)


def permuted(crystal: Crystal) -> Crystal:
    """Return the crystal with its atoms in reverse order."""
    return Crystal(crystal.cell, crystal.numbers[::-1].copy(), crystal.frac_coords[::-1].copy())


def sheared(crystal: Crystal) -> Crystal:
    """Return the crystal on another, left-handed basis of the same lattice."""
    basis = np.array([[0, 1, 0], [1, 1, 0], [1, -1, 1]])
    return Crystal(basis @ crystal.cell, crystal.numbers, crystal.frac_coords @ np.linalg.inv(basis))


def bond_tensor(crystal: Crystal) -> np.ndarray:
    """Return a tensor that any cell of a crystal has in its own axes: second moments of bonds, one atom's mean."""
    from vesin import NeighborList

    first, second, vectors = NeighborList(cutoff=4.0, full_list=True).compute(
        points=crystal.frac_coords @ crystal.cell, box=crystal.cell, periodic=True, quantities="ijD"
    )
    strength = np.sqrt(crystal.numbers[first] * crystal.numbers[second]) * np.exp(-np.linalg.norm(vectors, axis=1))
    smooth = (1 - np.linalg.norm(vectors, axis=1) / 4.0) ** 2  # so that no neighbour enters or leaves by noise
    return np.asarray(np.einsum("b,bi,bj->ij", strength * smooth, vectors, vectors) / crystal.n_atoms)


DISGUISES: dict[str, Callable[[Crystal], Crystal]] = {
    "conventional": conventional,
    "supercell": repeated,
    "rattled": rattled,
    "rotated": rotated,
    "shifted": shifted,
    "permuted": permuted,
    "sheared": sheared,
    "all at once": lambda crystal: rotated(permuted(shifted(sheared(rattled(repeated(crystal)))))),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Let torch, once a test has imported it, compute by one thread: the tests share the cores between processes."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mgo() -> Crystal:
    """Return rock salt MgO."""
    return make_mgo()


@pytest.fixture(scope="session")
def gaas() -> Crystal:
    """Return zinc blende GaAs."""
    return make_gaas()


@pytest.fixture(scope="session")
def aln() -> Crystal:
    """Return wurtzite AlN."""
    return make_aln()


@pytest.fixture(scope="session")
def triclinic() -> Crystal:
    """Return a crystal without symmetry."""
    return make_triclinic()


@pytest.fixture(scope="session", params=CRYSTALS)
def crystal(request: pytest.FixtureRequest) -> Crystal:
    """Return each of the shared crystals in turn."""
    return CRYSTALS[request.param]()


@pytest.fixture(scope="session", params=DISGUISES)
def disguise(request: pytest.FixtureRequest) -> Callable[[Crystal], Crystal]:
    """Return each way in turn to write the same crystal differently; choose with ``indirect`` parametrisation."""
    return DISGUISES[request.param]


@pytest.fixture(scope="session")
def ladder_part() -> Path:
    """Return the ab initio spectra that ship with the repository."""
    return Path(__file__).parents[1] / "datasets" / "ladder" / "part-0000.parquet"


COARSE = np.linspace(0.0, 20.0, 81)
TINY = (
    "network.node_widths=[8]",
    "network.convolutions=[[8,2]]",
    "network.output_widths=[16]",
    "network.n_gaussians=11",
    "network.cutoff=3.5",
)
TINY_HEAD = ("network.width=8", "network.tensor_channels=4")


@pytest.fixture(scope="session")
def small_data(ladder_part: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 24 computed materials at both levels on a coarse grid: 16 train, 4 validation, 4 test."""
    from dielectra.data.dataset import open_dataset
    from dielectra.data.schema import Record
    from dielectra.data.store import write_part

    left = {"train": 32, "validation": 8, "test": 8}
    records = []
    for record in open_dataset(ladder_part).records():
        if left[str(record.split)] == 0:
            continue
        left[str(record.split)] -= 1
        spectrum = record.spectrum.resample(COARSE)
        records.append(Record(record.id, record.formula, record.split, record.crystal, spectrum, record.properties))
    folder = tmp_path_factory.mktemp("data") / "small"
    write_part(records, folder / "part-0000.parquet", {"broadening_eV": "0.3"})
    return folder


def tiny_config(recipe: str, *overrides: str, **settings: Any) -> TrainingConfig:
    """Return a recipe with a network and a length that suit tests."""
    from dielectra.training.config import load_config

    network = () if "climb" in recipe else TINY_HEAD if recipe in ("encoder", "equivariant", "joint") else TINY
    lengths = ("epochs=6", "minimum_steps=0", "validations=3", "batch_size=8")
    return load_config(recipe, None, (*network, *lengths, *overrides), **settings)


@pytest.fixture(scope="session")
def tiny_model(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a small IPA model trained on the small data set."""
    from dielectra.training.recipes import train_model

    run = tmp_path_factory.mktemp("models") / "tiny-ipa"
    return train_model(small_data, "ipa", tiny_config("pretrain", "epochs=20"), run)


@pytest.fixture
def tiny_folder(tiny_model: Model, tmp_path: Path) -> Path:
    """Return a folder with that model, free to be damaged."""
    from dielectra.models.store import save_model

    return save_model(tiny_model.network, tiny_model.card, tmp_path / "tiny-ipa")


WEB_LIMITS = Limits(seconds=60, patience=120, files=30)


@contextmanager
def served(app: FastAPI, limits: Limits = WEB_LIMITS) -> Iterator[str]:
    """Serve an application on a free port of this machine; give its address."""
    import uvicorn

    from dielectra.web.connections import protocol

    server = uvicorn.Server(uvicorn.Config(app, http=protocol(limits), port=0, log_level="error"))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Return the address of a server with both shipped models and one worker."""
    from dielectra.web.app import create_app, served_models

    with served(create_app(served_models(), n_workers=1, limits=WEB_LIMITS)) as found:
        yield found


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line and returns exit code, stdout and stderr."""
    from dielectra.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return call


def command_line(run: Run, *arguments: object) -> Any:
    """Return the JSON document that a command prints, by one thread: so it adds in the order of the page's workers."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return json.loads(run(*arguments, "--json")[1])
    finally:
        torch.set_num_threads(n_threads)


def assert_same(found: Any, expected: Any) -> None:
    """Compare plain data; numbers of two processes may differ in the last digit of single precision."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, list) and expected and isinstance(expected[0], float):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    else:
        assert found == expected


def assert_same_table(found: bytes, expected: bytes) -> None:
    """Compare two tables of ``--csv``: comment, head, numbers."""
    tables = [payload.decode().splitlines() for payload in (found, expected)]
    assert tables[0][:2] == tables[1][:2]
    numbers = [np.loadtxt(lines[2:], delimiter=",") for lines in tables]
    np.testing.assert_allclose(*numbers, rtol=2e-5, atol=1e-5)
