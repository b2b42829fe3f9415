"""Uploads lie in a folder that does not outlive its server."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dielectra.web.scratch import PREFIX, SECONDS_TO_LOCK, scratch_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def make_old(folder: Path) -> None:
    past = folder.stat().st_mtime - 2 * SECONDS_TO_LOCK
    os.utime(folder, (past, past))


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        (folder / "upload").write_text("x")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    code = "import os; from dielectra.web.scratch import scratch_folder\nwith scratch_folder() as f: os._exit(9)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    (left,) = tmp_path.iterdir()
    with scratch_folder():
        assert left.is_dir()  # too young: its server may be about to lock it
    make_old(left)
    with scratch_folder():
        assert not left.exists()


def test_other_servers_and_other_folders_stay(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(target)
    (tmp_path / f"{PREFIX}file").write_text("x")
    with scratch_folder() as other:
        make_old(other)
        with scratch_folder():
            assert other.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{PREFIX}file", f"{PREFIX}link", "precious"]
