from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import TINY, Run
from dielectra import __version__
from dielectra.cli import catalogue, main
from dielectra.terminal import short

SHORT = ("--set", "epochs=3", "--set", "minimum_steps=0", "--set", "batch_size=8")


def set_options(entries: tuple[str, ...]) -> list[str]:
    return [word for entry in entries for word in ("--set", entry)]


def test_help_and_version_answer_without_torch() -> None:
    code = "import sys; from dielectra.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    for argument in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True)
        assert "dielectra" in done.stdout
    assert __version__ in done.stdout


def test_predict_prints_one_line_per_crystal(run: Run) -> None:
    code, out, _ = run("predict", "examples/MgO.cif", "examples/GaAs.cif")
    assert code == 0
    assert "MgO" in out
    assert "GaAs" in out


def test_predict_prints_one_json_document(run: Run) -> None:
    code, out, err = run("predict", "examples/MgO.cif", "--level", "ipa", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert err == ""
    assert (entry["file"], entry["formula"], entry["level"], entry["model"]) == (
        "examples/MgO.cif",
        "MgO",
        "ipa",
        "ladder-ensemble",
    )


@pytest.mark.slow
def test_predict_writes_csv_and_figure(run: Run, tmp_path: Path) -> None:
    code, _, _ = run("predict", "examples/MgO.cif", "--csv", tmp_path / "csv", "--plot", tmp_path / "figure.png")
    assert code == 0
    table = np.loadtxt(tmp_path / "csv" / "MgO.csv", delimiter=",", skiprows=2)
    assert table.shape == (401, 8)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_predict_answers_good_files_and_reports_bad_ones(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 4.0\n")
    names = ["examples/MgO.cif", broken, tmp_path / "none.cif", "examples/SrTiO3.cif", "examples/GaAs.cif"]
    code, out, err = run("predict", *names, "--model", "fast", "--json")
    assert code == 2
    assert [entry["formula"] for entry in json.loads(out)] == ["MgO", "GaAs"]
    assert "broken.cif" in err
    assert "none.cif: no such file" in err
    assert "SrTiO3.cif" in err
    assert "no features for Ti" in err


def test_every_crystal_of_a_file_is_answered(run: Run, tmp_path: Path) -> None:
    lines = [
        {"cell": (np.eye(3) * a).tolist(), "species": ["Rb", "Cl"], "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
        for a in (4.0, 4.2)
    ]
    file = tmp_path / "two.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, out, _ = run("predict", file, "--json", "--csv", tmp_path)
    assert code == 0
    assert [entry["file"] for entry in json.loads(out)] == [f"{file}#0", f"{file}#1"]
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["two-0.csv", "two-1.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["predict", "examples/MgO.cif", "--level", "gw"],
            "level 'gw'; allowed are ipa, rpa, alda, lrc, bse, experiment",
        ),
        (["predict", "examples/MgO.cif", "--level", "bse"], "no model ships for level 'bse'"),
        (["predict", "examples/MgO.cif", "--model", "nothing"], "model 'nothing' not found"),
        (["predict", "examples/MgO.cif", "--plot", "figure.txt"], "figures are written as .png, .pdf, .svg"),
        (["predict", "--colour", "blue"], "--colour"),
        (["predicted"], "predicted"),
        (["train", "ladder", "--level", "rpa", "--recipe", "best", "-o", "x"], "unknown recipe 'best'"),
        (["train", "ladder", "--level", "rpa", "--n", "99999", "-o", "x"], "asked for n = 99999 labels"),
        (["train", "ladder", "--level", "rpa", "--set", "epoch=3", "-o", "x"], "did you mean epochs?"),
        (["train", "nowhere", "--level", "rpa", "-o", "x"], "'nowhere' not found"),
        (["climb", "ladder", "--to", "gw", "--from", "ladder-ipa", "-o", "x"], "unknown level 'gw'"),
        (["climb", "ladder", "--to", "ipa", "--from", "ladder-rpa", "-o", "x"], "cannot climb from rpa to ipa"),
        (["evaluate", "ladder-rpa", "ladder", "--level", "bse"], "holds no bse spectrum"),
        (["evaluate", "ladder-rpa", "ladder", "--level", "rpa", "--split", "dev"], "the split 'dev' holds no rpa"),
        (
            ["reproduce", "everything", "-o", "x"],
            "unknown experiment 'everything'; known are learning-curve, small-cells",
        ),
        (["data", "info", "nowhere"], "not found"),
        (
            ["compute", "examples/MgO.cif", "-o", "x", "--engine", "vasp"],
            "engine 'vasp': known are gpaw, gpaw-lrc, gpaw-bse, yambo",
        ),
        pytest.param(
            ["compute", "examples/MgO.cif", "-o", "x", "--protocol", "best"],
            "no protocol 'best'; its protocols are",
            marks=pytest.mark.skipif(find_spec("gpaw") is None, reason="the engine needs the extra [abinitio]"),
        ),
        (["campaign", "status", "x"], "holds no job table"),
        (["campaign", "export", "x", "-o", "y"], "holds no job table"),
        (["models", "info", "nothing"], "not found"),
    ],
)
def test_bad_input_exits_with_2_and_says_how_to_mend_it(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert not Path("x").exists()


@pytest.mark.slow
def test_train_climb_and_evaluate_from_the_shell(run: Run, small_data: Path, tmp_path: Path) -> None:
    ipa, rpa = tmp_path / "ipa", tmp_path / "rpa"
    code, out, _ = run("train", small_data, "--level", "ipa", "-o", ipa, *set_options(TINY), *SHORT, "--device", "cpu")
    assert code == 0
    assert "validation SC median" in out
    assert (ipa / "log.png").is_file()
    code, out, _ = run("climb", small_data, "--to", "rpa", "--from", ipa, "--n", "10", "-o", rpa, *SHORT, "--json")
    assert code == 0
    assert json.loads(out)["level_history"] == ["ipa", "rpa"]
    code, out, _ = run("evaluate", rpa, small_data, "--level", "rpa", "--json", "--plot", tmp_path / "scores.svg")
    result = json.loads(out)
    keys = {"model", "level", "split", "n", "sc_median", "sc_mean", "mae_median", "mse_median", "baseline"}
    assert code == 0
    assert keys <= set(result)
    assert set(result["per_material"][0]) >= {"id", "sc", "mae", "mse"}
    assert "lower_level_sc_median" in result["baseline"]
    assert (tmp_path / "scores.svg").is_file()
    code, out, _ = run("evaluate", rpa, small_data, "--level", "rpa", "--split", "validation")
    assert code == 0
    assert "baseline lower_level_sc_median" in out
    code, out, _ = run("predict", "examples/MgO.cif", "--model", rpa, "--json")
    assert code == 0
    assert len(json.loads(out)[0]["energy_ev"]) == 81


@pytest.mark.parametrize("device", ["tpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(tmp_path: Path, small_data: Path, run: Run, device: str) -> None:
    code, _, err = run("train", small_data, "--level", "ipa", "-o", tmp_path / "run", "--device", device)
    assert (code, f"device '{device}' cannot be used here" in " ".join(err.split())) == (2, True), err


@pytest.mark.slow
def test_an_interrupted_training_goes_on_with_the_same_command(
    run: Run, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", small_data, "--level", "ipa", "-o", tmp_path / "run", *set_options(TINY), *SHORT]
    from dielectra.training import loop

    original, calls = loop.loss_function, iter(range(100))

    def interrupted(*arguments: Any, **settings: Any) -> Any:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments, **settings)

    monkeypatch.setattr(loop, "loss_function", interrupted)
    code, _, err = run(*command)
    assert code == 130
    assert "the same command goes on" in err
    monkeypatch.undo()
    assert run(*command)[0] == 0


@pytest.mark.slow
def test_compute_status_and_export_from_the_shell(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    lines = tmp_path / "two.jsonl"
    structures = [("one", "Li"), ("bad", "Ne")]
    entries = [
        {"id": name, "lattice": (np.eye(3) * 4).tolist(), "species": [first, "H"], "frac_coords": [[0] * 3, [0.5] * 3]}
        for name, first in structures
    ]
    lines.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    folder = tmp_path / "campaign"
    engine = ("--engine", "oscillator_engine")
    code, out, _ = run("compute", lines, "-o", folder, *engine, "--create-only", "--json")
    assert code == 0
    assert json.loads(out)["jobs"]["waiting"] == 2
    code, out, err = run("compute", lines, "-o", folder, *engine, "--check-convergence", "--json")
    (entry,) = json.loads(out)
    assert code == 2
    assert entry["id"] == "one"
    assert entry["convergence_sc"] == {"ipa": 1.0, "rpa": 1.0}
    assert "bad: HNe: refused" in err
    code, out, _ = run("campaign", "run", folder, "--retry", *engine)
    assert code == 0
    assert "HNe: refused" in " ".join(out.split())
    lines.write_text(lines.read_text() + '{"id": "worse", "species": ["Li"]}\n')
    code, _, err = run("compute", lines, "-o", folder, *engine, "--create-only")
    assert code == 2
    assert "2 crystals read, 1 refused:\n  1 x " in err
    assert json.loads(run("campaign", "status", folder, "--json")[1])["jobs"]["done"] == 1
    data = tmp_path / "set"
    assert json.loads(run("campaign", "export", folder, "-o", data, "--json")[1]) == [str(data / "part-0000.parquet")]
    assert "nothing new" in run("campaign", "export", folder, "-o", data)[1]
    code, out, err = run("compute", lines, "-o", tmp_path / "rest", *engine, "--skip", data)
    assert code == 2
    assert "1 new of 1 materials" in err


@pytest.mark.slow
def test_data_verbs(run: Run, small_data: Path, tmp_path: Path) -> None:
    assert "ladder" in run("data", "list")[1]
    assert "ladder" in json.loads(run("data", "list", "--json")[1])
    code, out, _ = run("data", "info", small_data, "--plot", tmp_path / "data.pdf")
    assert code == 0
    assert "atoms per cell" in out
    assert (tmp_path / "data.pdf").is_file()
    assert json.loads(run("data", "info", small_data, "--json")[1])["materials"] == 24


def test_models_verbs(run: Run) -> None:
    listed = json.loads(run("models", "list", "--json")[1])
    assert [set(entry) for entry in listed] == [
        {"name", "level", "levels", "architecture", "trained_on", "metrics"}
    ] * 3
    assert "ladder-rpa" in run("models", "list")[1]
    assert json.loads(run("models", "info", "ladder-ipa", "--json")[1])["target"]["levels"] == ["ipa"]
    assert "options" in run("models", "info", "ladder-ipa")[1]
    assert "8142" in run("models", "cite")[1]
    assert len(json.loads(run("models", "cite", "ladder-ipa", "--json")[1])) == 4


def test_a_closed_pipe_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(catalogue, "print_json", closed)
    monkeypatch.setattr(sys, "stderr", open(torch.os.devnull, "w"))  # noqa: PTH123, SIM115
    with pytest.raises(SystemExit) as exit_:
        main(["data", "list", "--json"])
    assert exit_.value.code == 141


def test_long_values_are_shortened() -> None:
    assert short("a" * 400) == "a" * 297 + "..."
    assert short({"b": 1}) == '{"b": 1}'


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "dielectra", "--version"], capture_output=True, text=True, check=True)
    assert __version__ in done.stdout


@pytest.mark.parametrize("arguments", [["predict", "-"], ["predict", "-", "examples/MgO.cif"], ["predict", "--", "-"]])
def test_standard_input_is_a_dash(arguments: list[str], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path("examples/GaAs.cif").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    code, out, err = run(*arguments[:1], "--model", "fast", "--json", "--brief", *arguments[1:])
    assert (code, err.count("error")) == (0, 0)
    found = {row["file"]: row["formula"] for row in json.loads(out)}
    assert found["stdin"] == "GaAs"
    assert len(found) == len([one for one in arguments[1:] if one != "--"])
