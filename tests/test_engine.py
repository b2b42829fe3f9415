from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from conftest import Run
from dielectra.abinitio.engine import ENGINES, choose_protocol, load_engine, read_protocol
from dielectra.abinitio.protocol import GRUNERT_2025, LADDER_1, LADDER_1_FINE, Protocol
from dielectra.errors import InputError

TESTS = Path(__file__).parent
MINE = """
import numpy as np
from dielectra.abinitio.computation import Computation
from dielectra.abinitio.protocol import NamedProtocol
from dielectra.symmetry import standardise


class Sharp(NamedProtocol):
    peak: float = 5.0


default_protocol = Sharp(name="sharp", broadening=0.1)
protocols = {"sharp": default_protocol}
levels = ("lrc", "bse", "ipa")


def require():
    pass


def version():
    return "mine 1"


def compute(crystal, protocol, magnetic_moment, log):
    energies = np.linspace(0.0, 20.0, 41)
    eps = 1 + 40 / (protocol.peak**2 - energies**2 - 1j * protocol.broadening * energies)
    tensors = {level: np.einsum("ij,w->ijw", np.eye(3), eps) for level in levels[1:]}
    return Computation(standardise(crystal), protocol, energies, tensors, 3.0, 2.5, (2, 2, 2), 4, 20, {"all": 0.5})
"""


@pytest.fixture
def my_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on the path that holds an engine in a file."""
    (tmp_path / "my_engine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_engine", raising=False)
    return tmp_path


def register(folder: Path) -> None:
    """Do what installing a package with an entry point does."""
    info = folder / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dielectra.engines]\nmine = my_engine\ngpaw = my_engine\nlost = no_such\n")


@pytest.mark.slow
def test_an_engine_in_a_file_computes(my_engine: Path, run: Run) -> None:
    folder = my_engine / "c"
    code, out, err = run("compute", "examples/MgO.cif", "--engine", "my_engine", "-o", folder, "--json")
    assert code == 0, err
    (entry,) = json.loads(out)
    assert list(entry["static_eps"]) == ["bse", "ipa"]
    assert entry["static_eps"]["bse"] == pytest.approx(1 + 40 / 25, abs=1e-3)
    assert json.loads(run("campaign", "status", folder, "--json")[1])["protocol"] == "sharp"
    code, _, err = run("campaign", "run", folder)
    assert code == 2
    assert (
        "unknown engine 'my_engine'; known are gpaw, gpaw-lrc, gpaw-bse, yambo; "
        "an importable module of your own is given by" in err
    )
    assert run("campaign", "run", folder, "--engine", "my_engine")[0] == 0
    code, _, err = run("compute", "examples/MgO.cif", "--engine", "my_engine", "--protocol", "ladder-1", "-o", folder)
    assert code == 2
    assert "the engine my_engine has no protocol 'ladder-1'; its protocols are sharp" in err


@pytest.mark.slow
def test_a_registered_engine_needs_no_option(my_engine: Path, run: Run) -> None:
    register(my_engine)
    assert ENGINES.names() == ["gpaw", "gpaw-lrc", "gpaw-bse", "yambo", "mine", "lost"]
    folder = my_engine / "c"
    assert run("compute", "examples/MgO.cif", "--engine", "mine", "-o", folder, "--create-only")[0] == 0
    assert run("campaign", "run", folder)[0] == 0
    assert json.loads(run("campaign", "status", folder, "--json")[1])["jobs"]["done"] == 1
    with pytest.raises(InputError, match="engine lost: no_such cannot be loaded"):
        load_engine("lost")


def test_engines_are_named_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TESTS)
    assert load_engine("oscillator_engine", ["oscillator_engine"]).version() == "oscillators 1"
    with pytest.raises(
        InputError, match="unknown engine 'oscillator_engine'; known are gpaw, gpaw-lrc, gpaw-bse, yambo"
    ):
        load_engine("oscillator_engine")
    with pytest.raises(InputError, match="no such module can be imported"):
        load_engine("vasp", ["vasp"])
    with pytest.raises(InputError, match="engine 'json' lacks levels, protocols"):
        load_engine("json", ["json"])


def test_no_engine_gets_anothers_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TESTS)
    engine = load_engine("oscillator_engine", ["oscillator_engine"])
    assert choose_protocol(engine, "oscillators") is LADDER_1
    assert choose_protocol(engine, "oscillators", "ladder-1-fine") is LADDER_1_FINE
    mine = Protocol(name="mine", band_energy=9.0)
    assert choose_protocol(engine, "oscillators", mine) is mine
    for wrong in ("grunert-2025", GRUNERT_2025):
        with pytest.raises(
            InputError, match="the engine oscillators has no protocol 'grunert-2025'; its protocols are"
        ):
            choose_protocol(engine, "oscillators", wrong)
    assert read_protocol(engine, mine.model_dump()) == mine
    with pytest.raises(InputError, match="protocol 'ladder-1'"):
        read_protocol(engine, {"name": "ladder-1", "no_setting": 1})
