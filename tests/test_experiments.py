from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from conftest import tiny_config
from dielectra.errors import InputError
from dielectra.experiments import learning_curve, run_experiment
from dielectra.experiments.learning_curve import Job, run_job


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every training and run all in this process."""

    def config(recipe: str, n: int | None = None, seed: int = 0, network: object = None) -> object:
        return tiny_config(recipe, n=n, seed=seed)

    def in_turn(jobs: list[Job], source: object, models: Path) -> Iterable[tuple[Job, dict[str, Any]]]:
        for job in jobs:
            yield job, run_job(job, str(source), models)

    monkeypatch.setattr(learning_curve, "load_config", config)
    monkeypatch.setattr(learning_curve, "_run_jobs", in_turn)
    monkeypatch.setattr(learning_curve, "SIZES", (6, 10, 50))


@pytest.mark.usefixtures("quickly")
def test_the_learning_curve_trains_every_strategy_on_the_same_labels(small_data: Path, tmp_path: Path) -> None:
    with Progress(disable=True) as progress:
        report = run_experiment("learning-curve", small_data, tmp_path, False, 2, progress)
    assert report == json.loads((tmp_path / "report.json").read_text()) | {"splits": report["splits"]}
    curves = report["splits"]["test"]["sc_median"]
    assert set(curves) == {"paper-direct", "direct", "paper-climb", "climb"}
    for points in curves.values():
        assert list(points) == [6, 10, 16]
        assert {len(values) for values in points.values()} == {2}
    assert len(report["runs"]) == 2 * 2 + 4 * 3 * 2
    table = (tmp_path / "table.md").read_text()
    assert f"{np.mean(curves['climb'][10]):.3f} ({min(curves['climb'][10]):.3f} to" in table
    assert (tmp_path / "figure.png").is_file()
    assert (tmp_path / "figure-validation.png").is_file()
    cards = [json.loads((tmp_path / "models" / f"{name}-rpa-10-1" / "card.json").read_text()) for name in curves]
    assert {card["training"]["config"]["seed"] for card in cards} == {1}
    starts = [card["level_history"] for card in cards]
    assert starts == [["rpa"], ["rpa"], ["ipa", "rpa"], ["ipa", "rpa"]]


def test_a_quick_run_climbs_from_the_shipped_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jobs: list[Job] = []

    def collect(stage: list[Job], source: object, models: Path) -> Iterable[tuple[Job, dict[str, Any]]]:
        jobs.extend(stage)
        scores = {"n": 1, "sc_median": 0.5, "baseline": {"lower_level_sc_median": 0.4, "mean_spectrum_sc_median": 0.3}}
        return [(job, {"validation": scores, "test": scores}) for job in stage]

    monkeypatch.setattr(learning_curve, "_run_jobs", collect)
    with Progress(disable=True) as progress:
        run_experiment("learning-curve", "ladder", tmp_path, True, None, progress)
    assert {job.start for job in jobs} == {None, "ladder-ipa"}
    assert {job.level for job in jobs} == {"rpa"}
    assert {job.seed for job in jobs} == {0}


def test_jobs_run_in_processes_of_their_own(small_data: Path, tmp_path: Path) -> None:
    job = Job("nonsense", "rpa", 6, 0, None)
    with pytest.raises(InputError, match="unknown recipe 'nonsense'"):
        list(learning_curve._run_jobs([job], small_data, tmp_path))
    assert list(learning_curve._run_jobs([], small_data, tmp_path)) == []


def test_a_data_set_without_a_split_is_refused(small_data: Path, tmp_path: Path) -> None:
    from dielectra.data.store import read_records, write_part

    records = [record for record in read_records(small_data) if record.split != "test"]
    part = write_part(records, tmp_path / "part-0000.parquet")
    for name in ("learning-curve", "spectra"):
        with Progress(disable=True) as progress, pytest.raises(InputError, match="split"):
            run_experiment(name, part, tmp_path / "out", True, None, progress)
    assert not (tmp_path / "out").exists()
