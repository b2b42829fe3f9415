"""The help of the command line: complete, with examples that can be typed."""

from __future__ import annotations

import shlex

import pytest

from conftest import Run
from dielectra.cli import ROOMS, app
from dielectra.cli.examples import EXAMPLES, FIRST_STEPS

VERBS = sorted(EXAMPLES)


def test_every_verb_has_examples() -> None:
    assert {name for name in app if not name.startswith("-")} == set(EXAMPLES)
    assert sum(map(len, ROOMS.values())) == len(EXAMPLES)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_is_whole(run: Run, verb: str) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert EXAMPLES[verb][0] in " ".join(out.split())
    assert "[default: ]" not in out
    assert "[default: False]" not in out
    bare = [line for line in out.splitlines() if line.startswith("│ *") and len(line.strip("│ ").split()) < 4]
    assert bare == [], "an argument without a description"


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines] + list(FIRST_STEPS[:2]))
def test_an_example_parses(line: str) -> None:
    app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)


def test_the_overview_groups_the_verbs(run: Run) -> None:
    _, out, _ = run("--help")
    assert all(title in out for title in ROOMS)
    assert FIRST_STEPS[0] in out
