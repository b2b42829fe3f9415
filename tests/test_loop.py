from __future__ import annotations

import csv
import json
import math
import random
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import tiny_config
from dielectra.data.dataset import open_dataset
from dielectra.data.labels import Labels
from dielectra.errors import InputError
from dielectra.models.model import Model, predict_prepared
from dielectra.models.optimate import OptiMate, OptiMateOptions
from dielectra.target import Target
from dielectra.training import loop
from dielectra.training.config import TrainingConfig, load_config
from dielectra.training.loop import (
    EpochReport,
    learning_rate,
    prepare,
    start_at_mean,
    train,
    update_average,
)
from dielectra.training.losses import loss_function
from dielectra.training.sampling import choose_labels
from dielectra.training.state import STATE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def labels(small_data: Path) -> Labels:
    return open_dataset(small_data).labels("rpa")


def weights(network: OptiMate) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


class KilledError(Exception):
    pass


def kill_after(epoch: int) -> object:
    def progress(done: int, epochs: int, report: EpochReport | None) -> None:
        if done == epoch:
            raise KilledError

    return progress


@pytest.mark.parametrize("recipe", ["paper-direct", "direct"])
@pytest.mark.parametrize("killed_after", [1, 2, 5])
def test_a_killed_run_goes_on_to_the_same_result(
    labels: Labels, tmp_path: Path, recipe: str, killed_after: int
) -> None:
    config = tiny_config(recipe)
    whole, log = train(config, labels, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(config, labels, tmp_path / "run", progress=kill_after(killed_after))  # type: ignore[arg-type]
    resumed, resumed_log = train(config, labels, tmp_path / "run")
    for name, value in weights(whole).items():
        np.testing.assert_array_equal(value, weights(resumed)[name])
    assert [report[:-1] for report in resumed_log] == [report[:-1] for report in log]


def test_the_seed_fixes_the_result(labels: Labels, tmp_path: Path) -> None:
    torch.rand(3)  # the state of the global generator must not matter
    runs = [train(tiny_config("direct", seed=s), labels, tmp_path / str(i))[0] for i, s in enumerate((0, 0, 1))]
    first, again, other = (weights(network)["mlp1.lins.0.weight"] for network in runs)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_training_learns(labels: Labels, tmp_path: Path) -> None:
    _, log = train(tiny_config("direct", "epochs=60", "validations=6"), labels, tmp_path)
    assert log[-1].train_loss < 0.8 * log[0].train_loss
    assert max(report.validation_sc for report in log) > log[0].validation_sc


def test_the_log_holds_one_line_per_validation(labels: Labels, tmp_path: Path) -> None:
    _, log = train(tiny_config("paper-direct"), labels, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [2, 4, 6] == [report.epoch for report in log]
    assert [int(row["step"]) for row in rows] == [4, 8, 12]


def test_the_weights_of_the_best_validation_are_returned(labels: Labels, tmp_path: Path) -> None:
    config = tiny_config("direct", "hold_out=0", "learning_rate=0.3", "schedule=constant", "epochs=8", "validations=8")
    network, log = train(config, labels, tmp_path)
    _, validation = choose_labels(labels, config)
    loss, _ = loop.validate(network, loop.prepare(validation, network), config.loss)
    assert loss == pytest.approx(min(report.validation_loss for report in log), rel=1e-5)


def test_the_subset_is_drawn_as_in_the_paper(labels: Labels) -> None:
    chosen, validation = choose_labels(labels, load_config("paper-climb", n=5, seed=4))
    random.seed(4)
    assert chosen.ids == random.sample(labels.of_split("train").ids, 5)
    assert validation.ids == labels.of_split("validation").ids


def test_held_out_labels_come_out_of_the_n_and_share_no_formula(labels: Labels) -> None:
    for seed in range(5):
        training, validation = choose_labels(labels, load_config("climb", n=10, seed=seed))
        assert len(training) + len(validation) == 10
        assert not set(training.formulas) & set(validation.formulas)
        assert set(training.splits) | set(validation.splits) == {"train"}


def test_the_test_split_is_never_seen(labels: Labels) -> None:
    for recipe in ("paper-direct", "paper-climb", "pretrain", "direct", "climb"):
        for part in choose_labels(labels, load_config(recipe)):
            assert "test" not in part.splits


def test_more_labels_than_there_are_is_refused(labels: Labels) -> None:
    with pytest.raises(InputError, match="asked for n = 17 labels; the training split holds 16"):
        choose_labels(labels, load_config("climb", n=17))


def test_too_few_labels_are_refused(labels: Labels) -> None:
    with pytest.raises(InputError, match="0 validation labels are too few"):
        choose_labels(labels.of_split("train"), load_config("paper-climb"))


def test_few_labels_get_enough_optimiser_steps(labels: Labels, tmp_path: Path) -> None:
    _, log = train(tiny_config("direct", "minimum_steps=33", n=4), labels, tmp_path)
    assert log[-1].step == 33


def test_patience_ends_a_run_that_no_longer_improves(labels: Labels, tmp_path: Path) -> None:
    settings = ("learning_rate=1e-12", "epochs=50", "validations=50", "patience=3", "ema_decay=0")
    _, log = train(tiny_config("paper-direct", *settings, "normalise_targets=true"), labels, tmp_path)
    assert len(log) < 50


def test_a_batch_of_one_crystal_is_left_out(labels: Labels, tmp_path: Path) -> None:
    _, log = train(tiny_config("paper-direct", "batch_size=5", "drop_last=false"), labels, tmp_path)
    assert log[-1].step == 6 * 3


def test_reduced_precision_trains_close_to_full(labels: Labels, tmp_path: Path) -> None:
    _, full = train(tiny_config("direct"), labels, tmp_path / "fp32")
    _, reduced = train(tiny_config("direct", "precision=bf16"), labels, tmp_path / "bf16")
    assert reduced[-1].train_loss == pytest.approx(full[-1].train_loss, rel=0.05)
    assert reduced[-1].train_loss != full[-1].train_loss


def test_a_climb_starts_from_the_given_weights(labels: Labels, tiny_model: Model, tmp_path: Path) -> None:
    config = tiny_config("climb", "learning_rate=1e-12", "ema_decay=0", "normalise_targets=false")
    network, _ = train(config, labels, tmp_path, tiny_model)
    start = weights(tiny_model.network)
    for name, value in weights(network).items():
        if "running" not in name and "num_batches" not in name:
            np.testing.assert_allclose(value, start[name], atol=1e-8)


@pytest.mark.parametrize("fresh", [True, False])
def test_training_starts_at_the_mean_spectrum_of_the_labels(labels: Labels, tiny_model: Model, fresh: bool) -> None:
    network = deepcopy(tiny_model.network)
    data = prepare(labels, network)
    before = predict_prepared(network, data.prepared)[0]
    start_at_mean(network, data, fresh)
    if fresh:
        torch.nn.init.zeros_(network.mlp1.last.weight)
    after = predict_prepared(network, data.prepared)[0]
    mean = data.values.mean(dim=0)
    errors = [float((spectra.mean(dim=0) - mean).abs().sum() / mean.sum()) for spectra in (before, after)]
    assert errors[1] < 0.1 < errors[0]


def test_a_climb_leaves_the_starting_model_as_it_was(labels: Labels, tiny_model: Model, tmp_path: Path) -> None:
    before = {name: value.copy() for name, value in weights(tiny_model.network).items()}
    train(tiny_config("climb"), labels, tmp_path, tiny_model)
    for name, value in before.items():
        np.testing.assert_array_equal(value, weights(tiny_model.network)[name])


def test_a_climb_on_another_grid_or_with_another_network_is_refused(
    labels: Labels, tiny_model: Model, tmp_path: Path
) -> None:
    fine = open_dataset("datasets/ladder/part-0000.parquet").labels("rpa")
    with pytest.raises(
        InputError,
        match=r"81 points on 0-20 eV; the labels are .*401 points on 0-20 eV; use one target",
    ):
        train(tiny_config("climb"), fine, tmp_path, tiny_model)
    with pytest.raises(InputError, match=r"leave architecture and network\.\* options out"):
        train(tiny_config("climb", "network.cutoff=4"), labels, tmp_path, tiny_model)


def test_broadening_needs_data_that_declare_it(labels: Labels, tmp_path: Path) -> None:
    silent = replace(labels, target=labels.target.model_copy(update={"broadening": None}))
    with pytest.raises(InputError, match="broaden_output needs spectra that start at 0 eV and declare"):
        train(tiny_config("direct"), silent, tmp_path)
    train(tiny_config("direct", "network.broaden_output=false", "epochs=1"), silent, tmp_path)


def test_a_run_folder_is_not_taken_over_by_other_settings(labels: Labels, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tiny_config("direct"), labels, tmp_path, progress=kill_after(3))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"other settings \(labels, learning_rate, seed\)"):
        train(tiny_config("direct", "learning_rate=1", seed=1), labels, tmp_path)
    with pytest.raises(InputError, match=r"other settings \(labels\)"):
        train(tiny_config("direct"), labels.select(range(1, len(labels))), tmp_path)


def test_a_damaged_state_is_refused(labels: Labels, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tiny_config("direct"), labels, tmp_path, progress=kill_after(3))  # type: ignore[arg-type]
    payload = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(payload[: len(payload) // 2])
    with pytest.raises(InputError, match=r"damaged .*delete it to start the run anew"):
        train(tiny_config("direct"), labels, tmp_path)


def as_values(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows)[:, None, None, None]


def test_losses_are_mean_absolute_error_and_one_minus_sc() -> None:
    prediction, values = as_values([[1.0, 2.0], [0.0, 4.0]]), as_values([[1.0, 3.0], [1.0, 1.0]])
    weights = torch.ones(2, 1, 1, 2)
    assert float(loss_function(prediction, values, weights, "l1")) == pytest.approx(5 / 4)
    assert float(loss_function(prediction, values, weights, "relative_l1")) == pytest.approx((1 / 4 + 4 / 2) / 2)


@pytest.mark.parametrize("kind", ["l1", "relative_l1"])
def test_what_labels_lack_does_not_count_in_the_loss(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, values = torch.rand(2, 4, 2, 1, 6, 5, generator=generator)
    weights = torch.ones(4, 2, 1, 5)
    weights[1, 1] = 0.0
    weights[2, 0, 0, 3:] = 0.0
    before = loss_function(prediction, values, weights, kind)
    changed = values.clone()
    changed[1, 1] = 1e3
    changed[2, 0, 0, :, 3:] = -1e3
    torch.testing.assert_close(loss_function(prediction, changed, weights, kind), before)
    changed[2, 0, 0, :, 2] += 1.0
    assert float(loss_function(prediction, changed, weights, kind)) != pytest.approx(float(before))


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    config = TrainingConfig(learning_rate=1.0, schedule="cosine", warmup=0.1)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert all(np.diff(rates[10:]) < 0)
    assert rates[-1] == pytest.approx(0.01, abs=1e-3)
    assert learning_rate(TrainingConfig(), 77, 100) == 1e-5
    assert math.isclose(learning_rate(TrainingConfig(warmup=0.1, learning_rate=1.0), 50, 100), 1.0)


def test_the_average_follows_the_weights() -> None:
    options = OptiMateOptions(node_widths=(4,), convolutions=((4, 1),), output_widths=(4,))
    target = Target(levels=("ipa",), energies=(0.0, 1.0, 2.0))
    averaged, network = OptiMate(options, target), OptiMate(options, target)
    before = weights(averaged)["mlp1.lins.0.weight"].copy()
    update_average(averaged, network, 0.5, step=1000)
    expected = (before + weights(network)["mlp1.lins.0.weight"]) / 2
    np.testing.assert_allclose(weights(averaged)["mlp1.lins.0.weight"], expected, rtol=1e-6)


def test_two_processes_train_one_model(small_data: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, torch\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from conftest import tiny_config\n"
        "from dielectra.training.recipes import train_model\n"
        "torch.set_num_threads(1)\n"
        f"train_model({str(small_data)!r}, 'rpa', tiny_config('direct'), {str(tmp_path / 'run')!r})\n"
        "torch.distributed.destroy_process_group()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["training"]["epochs_run"] == 6
    _, alone = train(tiny_config("direct"), open_dataset(small_data).labels("rpa"), tmp_path / "alone")
    assert card["metrics"]["validation"]["sc_median"] == pytest.approx(alone[-1].validation_sc, abs=0.1)


def test_elements_that_a_network_has_no_features_for_are_refused(labels: Labels, tmp_path: Path) -> None:
    known = labels.crystals[3]
    titanium = replace(known, numbers=np.full_like(known.numbers, 22))
    changed = replace(labels, crystals=[*labels.crystals[:3], titanium, *labels.crystals[4:]])
    with pytest.raises(InputError, match=r"1 of \d+ crystals .* OptiMate .*\(Ti\)"):
        train(tiny_config("direct", hold_out=0.2), changed, tmp_path / "run")
