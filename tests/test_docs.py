"""The code that README and documentation print is run as it stands, page by page, in a folder of its own.

A line, or the rest of a block, is left out where a comment gives the reader the reason: ``# needs GPAW``,
``# takes hours``, ``# runs until Ctrl-C``. Trainings are run for one epoch.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from dielectra.cli import app

ROOT = Path(__file__).parents[1]
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "datasets").glob("*/README.md")),
]
SHELLS = ("bash", "console")
REASON = re.compile(r"# ((?:needs|takes|runs until) .+)$")
ONE_EPOCH = ["--set", "epochs=1", "--set", "minimum_steps=0"]


class Block(NamedTuple):
    """One fenced block of code, or so much of it as is run."""

    page: Path
    line: int
    language: str
    code: str
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, each without the lines that say why they are not run."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in re.finditer(r"^```([\w{}-]+)\n(.*?)^```", text, re.M | re.S):
        kept, left_out = split_off(found[2])
        blocks.append(Block(page, text.count("\n", 0, found.start()) + 1, found[1], kept, left_out))
    return blocks


def split_off(code: str) -> tuple[str, tuple[str, ...]]:
    """Return the lines that are run, and the reasons that the others give."""
    kept: list[str] = []
    reasons: list[str] = []
    for line in code.replace("\\\n", " ").splitlines():
        reason = REASON.search(line)
        if reason:
            reasons.append(reason[1])
            if line.lstrip("$ ").startswith("#"):
                break
        else:
            kept.append(line)
    return "\n".join(kept), tuple(reasons)


def commands(block: Block) -> list[str]:
    """Return the command lines of a shell block; of a console block those behind a prompt."""
    lines = [line.strip() for line in block.code.splitlines()]
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in lines if line and not line.startswith("#")]


def run_command(line: str) -> None:
    """Run one command line: those of Dielectra in this process, others by the shell; raise where it fails."""
    words = shlex.split(line, comments=True)
    if words[0] != "dielectra":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(["bash", "-ec", line], check=True, capture_output=True, env={**os.environ, "PATH": path})
        return
    quick = ONE_EPOCH if words[1] in ("train", "climb") else []
    app(words[1:] + quick, exit_on_error=False, print_error=False, result_action="return_value")


ALL_BLOCKS = [block for page in TEXTS for block in read_blocks(page)]
NEED_ENGINE = {ROOT / "docs" / "campaign.md", ROOT / "datasets" / "lrc" / "README.md"}
"""Pages whose code plans computations: it runs where the engine is installed."""

PAGES = sorted({block.page for block in ALL_BLOCKS if block.language in (*SHELLS, "python")})


def write_my_spectra(folder: Path) -> None:
    """Write pairs of structure and spectrum, one for every example that the shipped networks can express."""
    energies = np.linspace(0, 25, 101)
    folder.mkdir()
    for index, path in enumerate(sorted((ROOT / "examples").glob("*.cif"))):
        if path.stem == "SrTiO3":
            continue
        shutil.copy(path, folder)
        table = np.column_stack([energies, np.ones(101), np.exp(-((energies - 8 - index / 4) ** 2))])
        target = folder / f"{path.stem}.csv"
        np.savetxt(target, table, delimiter=",", header="energy_ev,eps1,eps2", comments="")


def write_finished_computations(folder: Path) -> None:
    """Write a finished run of Yambo, its two directions alike, and one of GPAW along x and z."""
    sample = ROOT / "tests" / "data" / "yambo"
    output = "o-RPA_dir_001_sc_4000.eps_q1_inv_rpa_dyson"
    (folder / "Ca4As2O").mkdir()
    shutil.copy(sample / "pw_agm001074044_nscf_k1500_E65.in", folder / "Ca4As2O")
    along_z = gzip.decompress((sample / f"{output}.gz").read_bytes()).decode()
    for axis, vector in (("100", "1.00000000      0.00000000      0.00000000"), ("001", None)):
        text = along_z if vector is None else along_z.replace("0.00000000      0.00000000      1.00000000", vector)
        (folder / "Ca4As2O" / output.replace("001", axis)).write_text(text)
    (folder / "AlN").mkdir()
    shutil.copy(ROOT / "examples" / "AlN.cif", folder)
    energies = np.linspace(0, 25, 251)
    for axis, centre in (("x", 7.0), ("z", 8.0)):
        eps = 1 + 40 / (centre**2 - (energies + 0.2j) ** 2)
        table = np.column_stack([energies, eps.real, eps.imag, eps.real, eps.imag])
        np.savetxt(folder / "AlN" / f"df_{axis}.csv", table, delimiter=",")


def write_pages(folder: Path) -> None:
    """Write two pages of refractiveindex.info for GaN, and a pool of structures."""
    shutil.copy(ROOT / "examples" / "GaN.cif", folder)
    for axis, n in (("o", 2.3), ("e", 2.4)):
        rows = "\n".join(f"        {wavelength} {n} 0.1" for wavelength in (0.1, 0.5, 1.5))
        text = f"DATA:\n  - type: tabulated nk\n    data: |\n{rows}\n"
        (folder / f"GaN-{axis}.yml").write_text(text)
    cell = {"lattice": (np.eye(3) * 4).tolist(), "species": ["Li", "H"], "frac_coords": [[0] * 3, [0.5] * 3]}
    lines = [json.dumps({"id": f"material-{index}", **cell}) for index in range(3)]
    (folder / "structures.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, now the current one, with what the pages speak of."""
    for name in ("datasets", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples" / "AlN.cif", tmp_path / "crystal.cif")
    write_my_spectra(tmp_path / "my-spectra")
    write_finished_computations(tmp_path)
    write_pages(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, workspace: Path) -> None:
    if page in NEED_ENGINE:
        pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
    names: dict[str, object] = {}
    skipped = []
    for block in read_blocks(page):
        skipped += block.left_out
        if block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.code, block.name, "exec"), names)
        elif block.language in SHELLS:
            for line in commands(block):
                run_command(line)
    if not any(commands(block) for block in read_blocks(page)) and not names:
        pytest.skip("; ".join(skipped))


def test_the_guide_to_own_spectra_makes_a_data_set(workspace: Path) -> None:
    from dielectra.data.dataset import open_dataset

    block, *_ = [block for block in ALL_BLOCKS if block.page.name == "own-spectra.md" and block.language == "bash"]
    for line in commands(block):
        run_command(line)
    labels = open_dataset("my-set").labels("bse")
    assert len(labels) == len(list(Path("my-spectra").glob("*.cif")))
    assert labels.broadening == 0.3
    assert labels.eps2.max() == pytest.approx(1.0, abs=1e-3)


def test_the_readme_prints_a_refractive_index(capsys: pytest.CaptureFixture[str]) -> None:
    block, *_ = [block for block in ALL_BLOCKS if block.page.name == "README.md" and block.language == "python"]
    exec(compile(block.code, block.name, "exec"), {})
    assert float(capsys.readouterr().out) > 1


@pytest.mark.parametrize("block", [b for b in ALL_BLOCKS if b.language in SHELLS], ids=lambda block: block.name)
def test_commands_of_the_pages_parse(block: Block) -> None:
    (whole,) = re.findall(rf"^```{block.language}\n(.*?)^```", source_from(block), re.M | re.S)[:1]
    for line in whole.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words and words[0] == "dielectra":
            app.parse_args(words[1:], exit_on_error=False, print_error=False)


def source_from(block: Block) -> str:
    """Return a page's text from a block on."""
    return "\n".join([*block.page.read_text(encoding="utf-8").split("\n")[block.line - 1 :], ""])


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_are_whole(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize(
    ("code", "kept", "reasons"),
    [
        ("a\nb  # needs GPAW\nc\n", "a\nc", ("needs GPAW",)),
        ("a\n# takes hours\nb\nc\n", "a", ("takes hours",)),
        ("dielectra x \\\n  y\n# a comment\n", "dielectra x    y\n# a comment", ()),
    ],
)
def test_what_is_not_run_says_why(code: str, kept: str, reasons: tuple[str, ...]) -> None:
    assert split_off(code) == (kept, reasons)
