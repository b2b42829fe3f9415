"""All experiments, run once on a small data set with tiny networks; every number is checked against other means."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import tiny_config
from dielectra.cli import main
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.experiments import EXPERIMENTS, frame, learning_curve, run_experiment, similarity, strategies, trainings
from dielectra.experiments.published import published_numbers, published_spectra
from dielectra.experiments.setup import Setup
from dielectra.experiments.tables import spread
from dielectra.experiments.trainings import Shipped, Training, train_all
from dielectra.models.store import load_model
from dielectra.training import recipes
from dielectra.training.evaluation import evaluate

pytestmark = pytest.mark.slow

SEEDS = 2


class InTurn:
    """Stand in for the pool of processes: every call is done at once, in this process."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> InTurn:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None: ...


def make_quick(patch: pytest.MonkeyPatch) -> None:
    """Shorten every training and run all in this process."""

    def config(recipe: str, network: object = None, overrides: Sequence[str] = (), **settings: Any) -> object:
        return tiny_config(recipe, *overrides, **settings)

    for module in (strategies, similarity):
        patch.setattr(module, "load_config", config)
    patch.setattr(trainings, "ProcessPoolExecutor", InTurn)
    patch.setattr(strategies, "SIZES", (10, 50))


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    make_quick(monkeypatch)


@pytest.fixture(scope="session")
def reproduced(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Return the folder and the reports of ``reproduce all``."""
    output = tmp_path_factory.mktemp("reproduced")
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        yield output, run_experiment("all", small_data, output, n_seeds=SEEDS)


def test_all_experiments_leave_an_overview(reproduced: tuple[Path, dict[str, Any]]) -> None:
    assert (reproduced[0] / "overview.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_leaves_report_table_and_figures(reproduced: tuple[Path, dict[str, Any]], name: str) -> None:
    output, reports = reproduced
    report = reports[name]
    assert report == json.loads((output / name / "report.json").read_text())
    assert report["experiment"] == name
    assert report["seeds"] == list(range(SEEDS))
    assert report["n"] == {"train": 16, "validation": 4, "test": 4}
    assert f"reproduce {name} " in report["command"]
    table = (output / name / "table.md").read_text()
    assert f"`{report['command']}`" in table
    assert "(published 0.690)" in table
    assert report["figures"][0] == "figure"
    for figure in report["figures"]:
        assert (output / name / f"{figure}.png").read_bytes().startswith(b"\x89PNG")


def evaluated(folder: Path, data: Path, level: str, split: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what ``dielectra evaluate`` says of a saved model."""
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(folder), str(data), "--level", level, "--split", split, "--json"])
    assert stop.value.code == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_learning_curve_says_what_evaluate_says(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path, split: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output, reports = reproduced
    part = reports["learning-curve"]["splits"][split]
    assert set(part["sc_median"]) == set(strategies.STRATEGIES)
    for strategy in ("direct", "climb", "joint"):
        assert list(part["sc_median"][strategy]) == ["10", "16"]
        for seed in range(SEEDS):
            (folder,) = (output / "models").glob(f"{strategy}-rpa-10-seed{seed}-*")
            found = evaluated(folder, small_data, "rpa", split, capsys)
            assert part["sc_median"][strategy]["10"][seed] == found["sc_median"]
            assert part["mse_median"][strategy]["10"][seed] == found["mse_median"]
            assert part["baseline"] == found["baseline"]
    assert reports["cost"]["ipa_as_rpa"]["sc_median"] == pytest.approx(
        reports["learning-curve"]["splits"]["test"]["baseline"]["lower_level_sc_median"]
    )


def test_the_other_experiments_say_what_evaluate_says(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, reports = reproduced
    per_material: dict[str, list[dict[str, float]]] = {}
    for name, pattern, level in (
        ("TL 16", "climb-rpa-all-seed{}-*", "rpa"),
        ("DL 10", "direct-rpa-10-seed{}-*", "rpa"),
        ("sc_lower_network", "pretrain-ipa-all-seed{}-*", "ipa"),
    ):
        for seed in range(SEEDS):
            (folder,) = (output / "models").glob(pattern.format(seed))
            found = evaluated(folder, small_data, level, "test", capsys)
            per_material.setdefault(name, []).append({entry["id"]: entry["sc"] for entry in found["per_material"]})
    ids = reports["correlations"]["ids"]
    for name, seeds in per_material.items():
        expected = [[seed[material] for material in ids] for seed in seeds]
        assert reports["correlations"]["sc"][name] == expected
        medians = [float(np.median(seed)) for seed in expected]
        assert reports["correlations"]["statistics"][name]["median"] == medians
    for panel in reports["spectra"]["panels"]:
        assert panel["sc"]["TL 16"] == pytest.approx(per_material["TL 16"][0][panel["id"]], abs=1e-6)
    test = open_dataset(small_data).labels("rpa").of_split("test")
    for element, entry in reports["elements"]["error"].items():
        holds = [
            i for i, formula in zip(test.ids, test.formulas, strict=True) if re.search(f"{element}(?![a-z])", formula)
        ]
        assert reports["elements"]["test"][element] == len(holds)
        assert entry["mean"] == pytest.approx(1 - np.mean([[seed[i] for seed in per_material["TL 16"]] for i in holds]))


def test_quantum_weights_are_integrals_of_the_spectra(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path
) -> None:
    _, reports = reproduced
    report = reports["quantum-weight"]
    test = open_dataset(small_data).labels("rpa").of_split("test")
    step = test.energies[1] - test.energies[0]
    weights = step * (test.eps2.sum(axis=1) - (test.eps2[:, 0] + test.eps2[:, -1]) / 2)
    np.testing.assert_allclose(report["computed_ev"], weights, rtol=1e-6)
    panels = {panel["id"]: panel["eps2"] for panel in reports["spectra"]["panels"]}
    for material, weight in zip(report["ids"], report["predicted_ev"]["DL 16"][0], strict=True):
        eps2 = np.array(panels[material]["DL 16"])
        assert weight == pytest.approx(step * (eps2.sum() - (eps2[0] + eps2[-1]) / 2), rel=1e-3)
    difference = np.array(report["predicted_ev"]["DL 16"][1]) - weights
    assert report["scores"]["DL 16"]["bias"][1] == pytest.approx(difference.mean(), rel=1e-5)
    assert report["scores"]["DL 16"]["r2"][1] == pytest.approx(
        1 - (difference**2).sum() / ((weights - weights.mean()) ** 2).sum(), rel=1e-5
    )


def test_the_similarity_network_learns_the_similarity_taken_relative_to_ipa(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path
) -> None:
    output, reports = reproduced
    report = reports["similarity"]
    lower, upper = (open_dataset(small_data).labels(level) for level in ("ipa", "rpa"))
    truth = {
        name: 1
        - np.trapezoid(np.abs(lower.eps2[lower.ids.index(name)] - eps2))
        / np.trapezoid(lower.eps2[lower.ids.index(name)])
        for name, eps2 in zip(upper.ids, upper.eps2, strict=True)
    }
    by_split: dict[str, list[tuple[float, float]]] = {}
    for entry in report["materials"]:
        assert entry["sc"] == pytest.approx(truth[entry["id"]], abs=1e-5)
        by_split.setdefault(entry["split"], []).append((entry["sc"], entry["predicted"]))
    computed, predicted = np.array(by_split["test"]).T
    assert report["scores"]["mae"][0] == pytest.approx(np.abs(computed - predicted).mean())
    constant = np.median([computed for computed, _ in by_split["train"]])
    assert report["constant_mae"] == pytest.approx(np.abs(computed - constant).mean(), abs=1e-6)
    (folder,) = (output / "models").glob("similarity-all-seed0-*")
    assert load_model(folder).target.shape == (1, 1, 1, 1)
    assert np.shape(report["map"]) == (24, 2)
    page = (output / "similarity" / "map.html").read_text()
    data = json.loads(re.search(r'application/json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert len(data["points"]) == 24
    assert data["points"][0]["lines"][0].startswith(report["materials"][0]["formula"])


@pytest.mark.usefixtures("quickly")
def test_the_verb_prints_the_table_or_the_report(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, reports = reproduced
    words = ["reproduce", "elements", "--data", str(small_data), "--seeds", str(SEEDS), "-o", str(tmp_path)]
    words += ["--models", str(output / "models")]
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as stop:
            main([*words, *more])
        assert stop.value.code == 0
        printed = capsys.readouterr().out
        if more:
            assert without_times(json.loads(printed)) == without_times(reports["elements"])
        else:
            assert printed.startswith("Materials that hold each element")
    assert {path.name for path in tmp_path.iterdir()} == {"figure.png", "table.md", "report.json"}
    with pytest.raises(SystemExit):
        main(["reproduce", "--help"])
    usage = capsys.readouterr().out
    assert all(name in usage for name in EXPERIMENTS)


def test_small_cells_see_no_larger_ones(small_data: Path) -> None:
    labels = open_dataset(small_data).labels("rpa")
    config = tiny_config("climb")

    def most_atoms(training: Training) -> dict[str, int]:
        chosen = training.choose(labels)
        sizes = {
            split: [c.n_atoms for c in chosen.of_split(split).crystals] for split in ("train", "validation", "test")
        }
        return {split: max(found) for split, found in sizes.items()}

    everything = most_atoms(Training("rpa", config))
    assert most_atoms(Training("rpa", config, None, 4)) == everything | {"train": 4}
    assert most_atoms(Training("rpa", config, None, 4, 4)) == everything | {"train": 4, "validation": 4}


def test_small_cells_are_scored_on_larger_ones(reproduced: tuple[Path, dict[str, Any]], small_data: Path) -> None:
    output, reports = reproduced
    series = reports["small-cells"]["series"]
    assert series
    labels = open_dataset(small_data).labels("rpa")
    for limit, entry in series.items():
        small = [c.n_atoms <= int(limit) for c in labels.of_split("train").crystals]
        assert entry["n_train"] == sum(small)
        for version, pattern in (
            ("as published", "paper-climb-rpa-all-atoms{}-seed1-*"),
            ("honest", "paper-climb-rpa-all-atoms{}-honest-seed1-*"),
        ):
            (folder,) = (output / "models").glob(pattern.format(limit))
            scores = evaluate(load_model(folder), small_data, "rpa", "test").per_material
            larger = [score.sc for score in scores if score.n_atoms > int(limit)]
            assert entry["n_larger"] == len(larger)
            assert entry["versions"][version]["larger"]["sc"][1] == np.median(larger)
    by_atoms = reports["small-cells"]["box"]["by_atoms"]
    assert sum(len(group["climb"]) for group in by_atoms.values()) == SEEDS * 4


def test_the_cost_is_that_of_the_data_set(reproduced: tuple[Path, dict[str, Any]], small_data: Path) -> None:
    _, reports = reproduced
    recorded = [record.properties["cpu_s"] for record in open_dataset(small_data).records("rpa")]
    assert sorted(reports["cost"]["ab_initio_cpu_s"]) == sorted(recorded)
    assert 0 < np.median(reports["cost"]["prediction_cpu_s"]["one at a time"]) < np.median(recorded)
    assert reports["cost"]["training_cpu_s"].keys() == {"climb", "pre-training"}


def test_the_page_holds_everything_and_loads_nothing(reproduced: tuple[Path, dict[str, Any]]) -> None:
    output, reports = reproduced
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attributes)))
            inner = dict(attributes).get("srcdoc")
            if inner:
                Reader().feed(inner)

    page = (output / "report.html").read_text()
    Reader().feed(page)
    linked = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href", "data")]
    assert all(str(link).startswith(("data:image/png;base64,", "#")) for link in linked)
    assert not any(tag == "link" for tag, _ in tags)
    assert sum(tag == "img" for tag, _ in tags) == sum(len(report["figures"]) for report in reports.values())
    assert [attributes["id"] for tag, attributes in tags if tag == "section"] == list(EXPERIMENTS)
    assert sum(tag == "iframe" for tag, _ in tags) == 1
    for report in reports.values():
        assert report["command"] in page
    words = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)  # pictures spell anything now and then
    assert "GPAW" not in words  # this data set does not say what computed it


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key not in ("minutes", "command")}


@pytest.mark.usefixtures("quickly")
def test_nothing_is_trained_twice(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, reports = reproduced

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(recipes, "train", refuse)
    monkeypatch.setattr("dielectra.training.loop.train", refuse)
    models = output / "models"
    for name in ("learning-curve", "small-cells", "correlations", "similarity"):
        again = run_experiment(name, small_data, tmp_path / name, n_seeds=SEEDS, models=models)
        assert without_times(again) == without_times(reports[name])
        assert f"--models {models}" in again["command"]


@pytest.mark.usefixtures("quickly")
def test_an_interrupted_experiment_goes_on(small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(str(small_data), tmp_path / "models", seeds=(0,))
    wanted = learning_curve.needs(setup)[:4]  # every strategy once, on few labels
    real, trained = recipes.train, []

    def interrupted(config: Any, *arguments: Any) -> Any:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(config)
        return real(config, *arguments)

    monkeypatch.setattr(recipes, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_all(wanted, setup)
    finished = {path.parent: path.read_bytes() for path in (tmp_path / "models").glob("*/scores.json")}
    assert len(finished) == 3
    trained.clear()
    monkeypatch.setattr(recipes, "train", lambda config, *rest: (trained.append(config), real(config, *rest))[1])
    models = train_all(wanted, setup)
    assert len(models) == len(wanted) + 2
    assert len(trained) == len(models) - 3
    for folder, scores in finished.items():
        assert (folder / "scores.json").read_bytes() == scores


@pytest.mark.usefixtures("quickly")
def test_another_data_set_gets_models_of_its_own(small_data: Path, tmp_path: Path) -> None:
    records = list(open_dataset(small_data).records())
    shutil.copytree(small_data, tmp_path / "grown")
    extra = dataclasses.replace(records[0], id="new")
    training = Training("rpa", tiny_config("direct"))
    setup = Setup(str(tmp_path / "grown"), tmp_path / "models", seeds=(0,))
    (first,) = train_all([training], setup).values()
    write_part([extra], tmp_path / "grown" / "part-0001.parquet", {"broadening_eV": "0.3"})
    (second,) = train_all([training], dataclasses.replace(setup)).values()
    assert first.folder != second.folder
    assert load_model(first.folder).card.data_hashes.keys() == {"part-0000.parquet"}
    assert load_model(second.folder).card.data_hashes.keys() == {"part-0000.parquet", "part-0001.parquet"}
    (third,) = train_all([Training("rpa", tiny_config("direct", "learning_rate=1e-3"))], setup).values()
    assert third.folder not in (first.folder, second.folder)


def test_scores_of_other_weights_are_not_believed(
    reproduced: tuple[Path, dict[str, Any]], small_data: Path, tmp_path: Path
) -> None:
    output, _ = reproduced
    (folder,) = (output / "models").glob("direct-rpa-10-seed0-*")
    training = Training("rpa", tiny_config("direct", n=10, seed=0))
    setup = Setup(str(small_data), tmp_path)
    copied = tmp_path / training.folder_name(setup.data_digest)
    assert copied.name == folder.name
    shutil.copytree(folder, copied)
    assert trainings._found(training, setup) is not None
    kept = json.loads((copied / "scores.json").read_text())
    (copied / "scores.json").write_text(json.dumps(kept | {"weights_sha256": "0"}))
    assert trainings._found(training, setup) is None


def test_a_quick_run_climbs_from_the_shipped_model_only_where_that_has_seen_no_test_material(small_data: Path) -> None:
    ladder = Setup("ladder", Path("unused"), quick=True, seeds=(0,))
    assert {training.start for training in learning_curve.needs(ladder)} == {None, Shipped("ladder-ipa", "ipa")}
    assert all(training.config.n is not None for training in learning_curve.needs(ladder))
    other = Setup(str(small_data), Path("unused"), quick=True, seeds=(0,))
    starts = {training.start for training in learning_curve.needs(other)} - {None}
    assert {type(start) for start in starts} == {Training}


def test_trainings_run_in_processes_of_their_own(small_data: Path, tmp_path: Path) -> None:
    setup = Setup(str(small_data), tmp_path)
    with pytest.raises(InputError, match="asked for n = 600 labels; the training split holds 16"):
        train_all([Training("rpa", tiny_config("direct", n=600))], setup)


@pytest.mark.usefixtures("quickly")
def test_the_published_grid_of_2001_points_is_taken_as_it_is(small_data: Path, tmp_path: Path) -> None:
    grid = np.linspace(0, 20, 2001)
    records = [
        Record(r.id, r.formula, r.split, r.crystal, r.spectrum.resample(grid))
        for r in open_dataset(small_data).records()
    ]
    write_part(records, tmp_path / "fine" / "part-0000.parquet", {"broadening_eV": "0.1"})
    reports = {
        name: run_experiment(name, tmp_path / "fine", tmp_path / name, quick=True, models=tmp_path / "models")
        for name in ("spectra", "cost")
    }
    assert len(reports["spectra"]["energies_ev"]) == 2001
    assert {panel["formula"] for panel in reports["spectra"]["panels"]} <= {record.formula for record in records}
    assert reports["cost"]["models"] == [name for name in reports["spectra"]["models"] if "direct" not in name]
    assert reports["cost"]["ab_initio_cpu_s"] == []
    assert "does not record the cost" in (tmp_path / "cost" / "table.md").read_text()


def test_a_data_set_without_a_split_is_refused(small_data: Path, tmp_path: Path) -> None:
    records = [record for record in open_dataset(small_data).records() if record.split != "test"]
    part = write_part(records, tmp_path / "part-0000.parquet")
    for name in ("learning-curve", "all"):
        with pytest.raises(InputError, match="split 'test' holds no ipa spectrum"):
            run_experiment(name, part, tmp_path / "out", quick=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="0 seeds"):
        run_experiment("cost", part, tmp_path / "out", n_seeds=0)


def test_a_new_experiment_needs_no_more_than_its_declaration(small_data: Path, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    count = frame.Experiment(
        "count",
        "How many materials there are.",
        lambda setup, _: {"materials": len(setup.upper)},
        lambda report: [f"{report['materials']} materials", ""],
        lambda _: {"figure": Figure()},
    )
    report = frame.perform(count, Setup(str(small_data), tmp_path / "models"), tmp_path / "out")
    assert report["materials"] == 24
    assert report["models"] == []
    assert (tmp_path / "out" / "table.md").read_text().startswith("24 materials\n")


def test_the_gain_of_climbing_is_judged_by_every_seed() -> None:
    seeds = {"25": {"per_seed": [0.1, 0.2]}, "50": {"per_seed": [0.1, -0.1]}}
    assert learning_curve._verdict(seeds) == "above zero in every seed at 25 spectra, and not at the others."
    seeds["50"]["per_seed"][1] = 0.05
    assert learning_curve._verdict(seeds) == "above zero at every number of spectra, in every seed."
    assert spread([0.5]) == "0.500"
    assert spread([0.5, 0.6, 0.7], 1) == "0.6 (0.5 to 0.7)"


def test_the_published_numbers_hang_together() -> None:
    numbers, spectra = published_numbers(), published_spectra()
    curve = numbers["learning_curve"]
    assert curve["n"][-1] == numbers["n_train"]
    assert [t > d for t, d in zip(curve["sc_median"]["TL"], curve["sc_median"]["DL"], strict=True)] == [True] * 4 + [
        False
    ]
    energies = np.linspace(0, 10, 101)
    alike = [
        1
        - np.trapezoid(np.abs(np.subtract(m["eps2"]["ipa"], m["eps2"]["rpa"])), energies)
        / np.trapezoid(m["eps2"]["rpa"], energies)
        for m in spectra["materials"]
    ]
    # 0-10 eV as read from the figure, against the values noted when it was read
    np.testing.assert_allclose(alike, [0.466, 0.494, 0.590, 0.599, 0.710, 0.740, 0.730, 0.789, 0.915], atol=1e-3)
