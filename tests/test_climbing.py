from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Run
from dielectra.data.dataset import open_dataset
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.models.model import Model
from dielectra.training.climbing import choose_strategy, plan_climb
from dielectra.training.config import load_config

TINY = tuple(f"--set={entry}" for entry in ("epochs=2", "network.width=8", "network.tensor_channels=4"))


def test_the_strategy_follows_from_the_start() -> None:
    assert choose_strategy(None, None) == "joint"
    assert choose_strategy(None, "ladder-ipa") == "finetune"
    with pytest.raises(InputError, match="give one with --from"):
        choose_strategy("finetune", None)
    with pytest.raises(InputError, match="strategy joint starts afresh"):
        choose_strategy("joint", "ladder-ipa")


def test_the_plan_counts_labels_and_what_lacks_them(small_data: Path, tmp_path: Path) -> None:
    records = list(open_dataset(small_data).records())
    lacking = {record.id for record in records if record.split == "train"}
    lacking = set(sorted(lacking)[:3])
    kept = [record for record in records if record.spectrum.level == "ipa" or record.id not in lacking]
    write_part(kept, tmp_path / "part-0000.parquet", {"broadening_eV": "0.3"})
    plan = plan_climb(tmp_path, "rpa", "joint", load_config("joint", n=6))
    assert plan.labels == {"train": 13, "validation": 4, "test": 4}
    assert (plan.used, plan.missing, plan.lower, plan.held_out) == (6, 3, {"ipa": 16}, 4)
    assert plan.shared_formulas == 0
    assert plan.baseline["lower_level"] is not None
    assert plan.baseline["mean_spectrum"] is not None
    assert plan.baseline["lower_level"] > plan.baseline["mean_spectrum"]


def test_held_out_formulas_that_the_start_has_seen_are_counted(
    small_data: Path, tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dielectra.models.store import save_model

    folder = str(save_model(tiny_model.network, tiny_model.card, tmp_path / "start"))
    config = load_config("climb", n=10)
    assert plan_climb(small_data, "rpa", "finetune", config, folder).shared_formulas is None
    monkeypatch.setenv("DIELECTRA_DATASETS", str(small_data.parent))
    assert plan_climb(small_data, "rpa", "finetune", config, folder).shared_formulas == 0
    records = [
        replace(record, split={"train": "validation", "validation": "train"}.get(str(record.split), record.split))
        for record in open_dataset(small_data).records()
    ]
    write_part(records, tmp_path / "swapped" / "part-0000.parquet", {"broadening_eV": "0.3"})
    swapped = plan_climb(tmp_path / "swapped", "rpa", "finetune", load_config("climb", n=3), folder)
    assert swapped.shared_formulas is not None
    assert swapped.shared_formulas > 5


def test_joint_learning_needs_a_lower_level(small_data: Path, tmp_path: Path) -> None:
    records = list(open_dataset(small_data).records("rpa"))
    write_part(records, tmp_path / "part-0000.parquet", {"broadening_eV": "0.3"})
    with pytest.raises(InputError, match="needs spectra of a level below rpa"):
        plan_climb(tmp_path, "rpa", "joint", load_config("joint"))


@pytest.mark.slow
def test_the_command_says_what_it_has_and_whether_it_helped(run: Run, small_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    code, out, err = run("climb", small_data, "--to", "rpa", "--n", "5", "-o", folder, "--json", *TINY)
    assert code == 0, err
    card = json.loads(out)
    assert card["architecture"] == "difference"
    assert "5 used" in err
    assert card["climb"]["plan"]["strategy"] == "joint"
    verdict = card["climb"]["verdict"]
    assert (verdict["n"], verdict["helped"]) == (4, None)  # four labels say nothing
    kept = json.loads((folder / "climb.json").read_text())
    assert kept == card["climb"]
