"""The notebooks of the documentation are run as they stand, and hold what they show."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
SECONDS = 60.0


@pytest.fixture(scope="module")
def runner() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "docs" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_within_a_minute(path: Path, runner: types.ModuleType, tmp_path: Path) -> None:
    start = cpu_seconds()
    notebook = runner.run_notebook(path, tmp_path)
    assert cpu_seconds() - start < SECONDS
    shown = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) or "text/html" in output.get("data", {}) for output in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell["outputs"]) for cell in cells) >= len(cells) / 2
    assert "/tmp/" not in path.read_text()


def test_a_cell_shows_what_was_printed_warned_and_its_value(runner: types.ModuleType) -> None:
    source = "import warnings\nprint('a')\nwarnings.warn('b')\n!echo c\n40 + 2"
    first, second, third = runner.run_cell(source, 1, {"_shell": runner._shell})
    assert (first["name"], first["text"]) == ("stdout", ["a\n", "c\n"])
    assert (second["name"], second["text"]) == ("stderr", ["UserWarning: b\n"])
    assert third["data"] == {"text/plain": ["42"]}
    with pytest.raises(ZeroDivisionError):
        runner.run_cell("1 / 0", 1, {})


@pytest.mark.slow
def test_a_cold_first_prediction_takes_little_more_than_its_libraries() -> None:
    import subprocess

    def cost(code: str) -> float:
        subprocess.run([sys.executable, "-c", code], check=True)  # compiled files and the font cache are there
        start = cpu_seconds()
        subprocess.run([sys.executable, "-c", code], check=True)
        return cpu_seconds() - start

    libraries = cost("import torch, matplotlib.figure")
    first = cost("import dielectra; assert dielectra.predict('examples/MgO.cif')._repr_html_()")
    assert first < 2.5 * libraries  # 1.6 times on an idle machine
