"""Files appear whole or not at all, and what a system or library says becomes our own error."""

from __future__ import annotations

import csv
import errno
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Run
from dielectra.errors import InputError
from dielectra.files import read_bytes, read_text, reading, shown, whole_file, write_whole, writing

is_root = hasattr(os, "geteuid") and os.geteuid() == 0


def fail_half_way(path: Path, error: Exception) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    assert write_whole(path, "naïve").read_bytes() == "naïve".encode()
    with pytest.raises(ZeroDivisionError):
        fail_half_way(path, ZeroDivisionError())
    assert read_text(path) == "naïve"
    assert list(path.parent.iterdir()) == [path]


def test_temporary_names_cannot_be_foreseen_and_links_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    target = tmp_path / "file.txt"
    (tmp_path / ".file.txt.tmp").symlink_to(victim)  # the name that the first edition always took
    names = set()
    for _ in range(5):
        with whole_file(target) as temporary:
            assert not temporary.is_symlink()
            names.add(temporary.name)
            temporary.write_text("x")
    assert len(names) == 5
    target.unlink()
    target.symlink_to(victim)
    write_whole(target, "replaces the link")
    assert victim.read_text() == "precious"


def test_new_files_have_the_mode_of_new_files(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(write_whole(tmp_path / "whole", b"").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_content_and_name_are_flushed_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write_whole(tmp_path / "a", b"b")
    assert done == ["file", "rename", "folder"]


def make_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def make_folder(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return folder / "folder"


def make_below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "below"


TARGETS = {
    "a folder": (make_folder, "is a folder; give the name of a file"),
    "a pipe": (make_pipe, "is not a regular file"),
    "below a file": (make_below_a_file, "give another path"),
    "a long name": (lambda folder: folder / ("x" * 300), "the name is too long"),
    "an empty byte": (lambda folder: folder / "a\0b", "embedded null"),
    "a device": (lambda _: Path("/dev/null"), "is not a regular file"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets_that_cannot_be_written_are_named(case: str, tmp_path: Path) -> None:
    make, sentence = TARGETS[case]
    target = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=sentence):
        write_whole(target, b"")
    assert sorted(tmp_path.iterdir()) == before
    if case != "an empty byte":
        with pytest.raises(InputError, match="cannot be read"):
            read_bytes(target)


@pytest.mark.skipif(is_root, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission is denied"):
        write_whole(tmp_path / "file", b"")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_leaves_the_old_file(number: int, tmp_path: Path) -> None:
    path = write_whole(tmp_path / "file", b"old")
    with pytest.raises(InputError, match="file: cannot be written: "):
        fail_half_way(path, OSError(number, os.strerror(number)))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_on_a_full_disk_says_so(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "x.sqlite") as temporary, closing(sqlite3.connect(temporary)) as connection:
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("CREATE TABLE jobs (id TEXT PRIMARY KEY)")

    with pytest.raises(InputError, match=r"x.sqlite: cannot be written: the disk is full; free some space"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_command_line_with_2() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "dielectra", "data", "list", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [EOFError("end"), csv.Error("field larger than field limit"), sqlite3.DatabaseError("malformed"), RecursionError()],
)
def test_what_libraries_raise_becomes_our_own_error(error: Exception) -> None:
    with pytest.raises(InputError, match="x: cannot be read: "), reading("x"):
        raise error
    with pytest.raises(InputError, match="x: cannot be written: "), writing("x"):
        raise error


def test_mistakes_of_our_own_code_are_not_hidden() -> None:
    with pytest.raises(KeyError), reading("x"):
        raise KeyError("misspelt")
    with pytest.raises(InputError, match=r"^said already$"), reading("x"):
        raise InputError("said already")


def test_reading_stops_at_a_limit(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "file", bytes(1000))
    assert len(read_bytes(path, 1000)) == 1000
    with pytest.raises(InputError, match="more than"):
        read_bytes(path, 999)
    with pytest.raises(InputError, match="no such file"):
        read_bytes(tmp_path / "none")


def test_text_is_read_with_byte_order_marks_or_refused(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert read_text(write_whole(tmp_path / "file", "ångström".encode(encoding))) == "ångström"
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 2\)"):
        read_text(write_whole(tmp_path / "file", b"ab\xff"))


def test_odd_names_are_shown_on_one_line() -> None:
    assert shown("a\nb\udcff\x1b[31m.cif") == "a\\nb\\udcff\\x1b[31m.cif"
    assert shown("Größe µ.cif") == "Größe µ.cif"


def test_odd_names_reach_the_command_line(tmp_path: Path, run: Run) -> None:
    bad = tmp_path / "new\nline\udcff.cif"
    code, out, err = run("predict", bad, "--json")
    assert (code, out) == (2, "[]\n")
    assert "no such file" in err
    assert "Traceback" not in err
