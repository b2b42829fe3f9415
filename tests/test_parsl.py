"""Campaigns through Parsl: the local provider for real, the SLURM configuration up to its script."""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.abinitio.campaign import create_campaign
from dielectra.abinitio.materials import Material
from dielectra.abinitio.protocol import LADDER_1
from dielectra.abinitio.task import record_path
from dielectra.crystal import make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.jobs.local import run_next
from dielectra.jobs.table import JobTable
from dielectra.jobs.worker import Limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("parsl") is None, reason="needs the extra [hpc]"),
    pytest.mark.filterwarnings("default"),  # the warnings are Parsl's own
]
TRUSTED = ("oscillator_engine",)
TESTS = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _engine_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


def campaign(folder: Path, *symbols: str) -> JobTable:
    found = [
        Material(f"m-{s}", f"{s}H", make_crystal(np.eye(3) * 4, [s, "H"], [[0, 0, 0], [0.5, 0.5, 0.5]]), "train")
        for s in symbols
    ]
    return create_campaign(folder, found, "oscillator_engine", LADDER_1)[0]


def test_the_unit_of_work_computes_one_waiting_job(tmp_path: Path, run: Run) -> None:
    table = campaign(tmp_path / "c", "Li", "He")
    assert run_next(tmp_path / "c", trusted=TRUSTED) == "m-Li"
    assert table.counts()["done"] == 1
    assert run_next(tmp_path / "c", trusted=TRUSTED) == "m-He"
    assert table.job("m-He").error == "ValueError: did not converge"
    assert run_next(tmp_path / "c", trusted=TRUSTED) is None
    code, _, err = run("campaign", "status", tmp_path / "c", "--plot", tmp_path / "cost.png", "--json")
    assert (code, (tmp_path / "cost.png").is_file()) == (0, True), err


def test_a_campaign_runs_through_parsl(tmp_path: Path) -> None:
    from dielectra.jobs.parsl import local_config, run_on_cluster

    symbols = ("Li", "Be", "B", "Ne", "Xe")
    table = campaign(tmp_path / "c", *symbols)
    seen: list[dict[str, int]] = []
    config = local_config(2, tmp_path / "parsl")
    counts = run_on_cluster(
        tmp_path / "c", config, Limits(cpu_seconds=60), maximum_attempts=2, progress=seen.append, trusted=TRUSTED
    )
    assert counts == {"waiting": 0, "running": 0, "done": 3, "refused": 1, "failed": 1}
    assert table.job("m-Xe").attempts == 2
    assert seen[-1] == counts
    for symbol in symbols[:3]:
        records = open_dataset(record_path(tmp_path / "c", f"m-{symbol}")).records()
        assert Counter(record.spectrum.level for record in records) == {"ipa": 1, "rpa": 1}


def test_slurm_configuration_gives_sbatch_a_sound_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dielectra.jobs.parsl import read_config

    config = read_config("examples/hpc/slurm.py")
    (executor,) = config.executors
    (tmp_path / "sbatch").write_text(f"#!/bin/sh\ncp $1 {tmp_path}/submitted\necho Submitted batch job 42\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    executor.provider.script_dir = str(tmp_path)
    assert executor.provider.submit("process_worker_pool.py", tasks_per_node=1) == "42"
    script = (tmp_path / "submitted").read_text()
    for line in ("--nodes=1", "--time=720", "--partition=standard", "--account=my-project", "--cpus-per-task=32"):
        assert f"#SBATCH {line}" in script
    assert "process_worker_pool.py" in script
    assert "activate; export OMP_NUM_THREADS=1" in script
    assert executor.max_workers_per_node == 32


def test_executors_are_named(tmp_path: Path, run: Run) -> None:
    campaign(tmp_path / "c", "Li")
    for options in (("--executor", "slurm"), ("--parsl-config", "slurm.py")):
        code, _, err = run("campaign", "run", tmp_path / "c", *options)
        assert code == 2
        assert "allowed are local, parsl; only parsl has a configuration" in err
    code, _, err = run("campaign", "status", tmp_path / "c", "--plot", tmp_path / "cost.png")
    assert code == 2
    assert "nothing is computed yet" in err


def test_configuration_files_are_checked(tmp_path: Path) -> None:
    from dielectra.jobs.parsl import read_config

    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "none.py")
    (tmp_path / "other.py").write_text("config = 3")
    with pytest.raises(InputError, match=r"must define 'config', a parsl\.Config; found int"):
        read_config(tmp_path / "other.py")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    with pytest.raises(InputError, match="ModuleNotFoundError: No module named 'nothing_of_that_name'"):
        read_config(tmp_path / "broken.py")
