"""Readers answer or refuse, whatever a file holds; and the harness would notice if they did not."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

import fuzzing
from fuzz_mutations import mutate
from fuzz_readers import READERS, Reader
from fuzzing import fuzz, report, seed_of_today, try_input

N_INPUTS = int(os.environ.get("DIELECTRA_FUZZ_INPUTS", "2000"))


@pytest.mark.slow
def test_no_changed_file_does_more_than_be_read_or_refused() -> None:
    counts, failures = fuzz(N_INPUTS, seed_of_today())
    figures = report(counts, failures)
    print(figures)  # noqa: T201  (figures of a CI run)
    assert not failures, figures


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_files_that_are_not_changed_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "mutate", lambda content, *_: content)
    outcomes = [try_input(name, 0, number) for number in range(12)]
    assert "answer" in {outcome.kind for outcome in outcomes}
    assert {outcome.kind for outcome in outcomes} <= {"answer", "refused"}, outcomes


def test_an_input_is_made_again_from_its_numbers(tmp_path: Path) -> None:
    contents = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        contents.add(fuzzing.make_input("cif", 3, 14, folder).read_bytes())
    assert len(contents) == 1


def test_changes_differ() -> None:
    content = b"data_x\n_cell_length_a 4.2\n"
    assert len({mutate(content, random.Random(seed)) for seed in range(200)}) > 100


def misspelt(path: Path) -> None:
    raise KeyError(path.name)


def slow(_: Path) -> None:
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass


def large(_: Path) -> None:
    bytearray(b"x") * 80_000_000


@pytest.mark.parametrize(("read", "kind"), [(misspelt, "KeyError"), (slow, "slow"), (large, "large")])
def test_what_goes_wrong_is_noticed(read: object, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "CPU_SECONDS", 0.1)
    monkeypatch.setattr(fuzzing, "MEMORY", -1 if kind == "large" else 1000)
    monkeypatch.setitem(READERS, "cif", Reader(READERS["cif"].samples, read))  # type: ignore[arg-type]
    assert try_input("cif", 0, 0).kind == kind
