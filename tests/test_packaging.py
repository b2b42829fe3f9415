"""What installers need: the package alone predicts; conda recipe and Docker file say what the package says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from dielectra import __version__

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "packaging" / "conda" / "recipe.yaml"
DOCKERFILE = ROOT / "examples" / "compose" / "Dockerfile"
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}

ALONE = """
import re, sys
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, requires

def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()

allowed, waiting = set(), ["dielectra"]
while waiting:
    name = plain(waiting.pop())
    if name not in allowed:
        allowed.add(name)
        try:
            wanted = requires(name) or []
        except ModuleNotFoundError:
            wanted = []
        waiting += [re.match(r"[\\w.-]+", one)[0] for one in wanted if "extra ==" not in one]
forbidden = {
    module for module, owners in packages_distributions().items() if not any(plain(one) in allowed for one in owners)
}

class Allowed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in forbidden else super().find_spec(name, path, target)

assert {"fastapi", "mcp", "pymatgen", "pandas"} & forbidden, sorted(forbidden)
sys.meta_path[sys.meta_path.index(PathFinder)] = Allowed
from dielectra.cli import main
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_the_package_alone_predicts(tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    command = ["predict", str(ROOT / "examples" / "MgO.cif"), "--json", "--brief", "--plot", str(figure)]
    command += ["-o", str(tmp_path / "table.parquet"), "--model", "ladder-ensemble"]
    done = subprocess.run([sys.executable, "-c", ALONE, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["formula"] == "MgO"
    assert figure.is_file()


def test_the_recipe_has_the_dependencies_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    expected = set()
    for dependency in project["dependencies"]:
        name, bounds = re.fullmatch(r"([\w-]+)(.*)", dependency).groups()
        expected.add(f"{CONDA_NAMES.get(name, name)} {bounds}".strip())
    recipe = yaml.safe_load(RECIPE.read_text())
    python, *found = recipe["requirements"]["run"]
    assert set(found) == expected
    assert python == f"python {project['requires-python']}"
    assert f'default="{__version__}"' in recipe["context"]["version"]
    entry_points = [f"{name} = {target}" for name, target in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == entry_points


@pytest.mark.slow
def test_the_recipe_builds(tmp_path: Path) -> None:
    if shutil.which("rattler-build") is None:
        pytest.skip("needs rattler-build")
    command = ["rattler-build", "build", "--recipe", RECIPE, "--channel", "conda-forge", "--output-dir", tmp_path]
    subprocess.run(command, check=True)
    assert list(tmp_path.rglob("dielectra-*.conda"))


@pytest.mark.slow
def test_the_image_builds_and_predicts() -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("needs a Docker daemon")
    subprocess.run(["docker", "build", "--file", DOCKERFILE, "--tag", "dielectra-test", ROOT], check=True)
    mounted = f"{ROOT / 'examples'}:/examples:ro"
    command = [
        "docker",
        "run",
        "--rm",
        "--volume",
        mounted,
        "dielectra-test",
        "dielectra",
        "predict",
        "/examples/MgO.cif",
    ]
    done = subprocess.run([*command, "--json", "--brief"], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)[0]["formula"] == "MgO"
