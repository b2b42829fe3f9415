"""The commands and code that README and tutorial print are run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dielectra.cli import app
from dielectra.data.store import read_labels

TEXTS = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{path.name}-{index}", text)
        for path in TEXTS
        for index, text in enumerate(re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S))
    ]


@pytest.mark.parametrize(
    "name_and_code", [b for b in blocks("python") if b[0].startswith("README")], ids=lambda b: b[0]
)
def test_python_examples_run(name_and_code: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(name_and_code[1], name_and_code[0], "exec"), {})
    assert float(capsys.readouterr().out) > 1


def test_the_guide_to_own_spectra_makes_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ((_, text),) = [block for block in blocks("bash") if block[0].startswith("own-spectra")]
    examples = [path.resolve() for path in Path("examples").glob("*.cif")]
    monkeypatch.chdir(tmp_path)
    Path("my-spectra").mkdir()
    energies = np.linspace(0, 25, 101)
    for path in examples:
        (Path("my-spectra") / path.name).write_bytes(path.read_bytes())
        table = np.column_stack([energies, np.ones(101), np.exp(-((energies - 8) ** 2))])
        target = Path("my-spectra") / f"{path.stem}.csv"
        np.savetxt(target, table, delimiter=",", header="energy_ev,eps1,eps2", comments="")
    for line in text.splitlines():
        app(shlex.split(line)[1:], exit_on_error=False, print_error=False, result_action="return_value")
    labels = read_labels("my-set", "bse")
    assert len(labels) == len(examples)
    assert labels.broadening == 0.3
    assert labels.eps2.max() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name_and_text", blocks("bash"), ids=lambda b: b[0])
def test_shell_examples_parse(name_and_text: tuple[str, str]) -> None:
    for line in name_and_text[1].replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "dielectra":
            app.parse_args(words[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_to_files_are_whole(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", path.read_text())
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert missing == []
