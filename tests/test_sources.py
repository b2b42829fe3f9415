from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from dielectra.errors import InputError
from dielectra.importing import sources
from dielectra.importing.sources import read_documents

CONTENTS = {"b.json": b'{"b": 1}', "a/c.json": b'{"c": 2}', "notes.txt": b"no", "__MACOSX/._b.json": b"fork"}


def make_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, contents: dict[str, bytes]) -> Path:
    mode = {".gz": "w:gz", ".xz": "w:xz", ".tar": "w"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["s.zip", "s.tar.gz", "s.tar.xz", "s.tar", "folder"])
def test_documents_come_from_archives_and_folders_alike(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name == "folder":
        for inside, content in CONTENTS.items():
            (source / inside).parent.mkdir(parents=True, exist_ok=True)
            if not inside.startswith("__"):
                (source / inside).write_bytes(content)
    else:
        (make_zip if name == "s.zip" else make_tar)(source, CONTENTS)
    found = list(read_documents(source))
    assert {document.content for document in found} == {CONTENTS["b.json"], CONTENTS["a/c.json"]}
    assert all(document.name.startswith(str(source)) for document in found)


def test_a_folder_may_hold_archives_and_its_record_is_no_document(tmp_path: Path) -> None:
    make_zip(tmp_path / "s.zip", CONTENTS)
    (tmp_path / "z.json").write_text("{}")
    (tmp_path / "fetched.json").write_text("{}")
    assert len(list(read_documents(tmp_path))) == 3


@pytest.mark.parametrize("name", ["../evil.json", "/evil.json", "a/../../evil.json", "a\\..\\..\\evil.json"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_leaves_the_archive_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    make = make_zip if kind == "zip" else make_tar
    archive = make(tmp_path / f"s.{kind}", {"a.json": b"{}", name: b"{}"})
    with pytest.raises(InputError, match="leaves the archive"):
        list(read_documents(archive))
    assert not (tmp_path.parent / "evil.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        member = tarfile.TarInfo("a.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(InputError, match=r"'a.json' is a link"):
        list(read_documents(tmp_path / "s.tar"))


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_before_it_fills_memory(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST_DOCUMENT", 2**20)
    make = make_zip if kind == "zip" else make_tar
    one = make(tmp_path / f"one.{kind}", {"a.json": b" " * (2**20 + 1)})
    with pytest.raises(InputError, match=r"a.json unpacks to more than is allowed \(1 MiB a document"):
        list(read_documents(one))
    many = make(tmp_path / f"many.{kind}", {f"{index}.json": b" " * 2**20 for index in range(20)})
    with pytest.raises(InputError, match="200 times the archive"):
        list(read_documents(many))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    for archive in (make_zip(tmp_path / "s.zip", CONTENTS), make_tar(tmp_path / "s.tar.gz", CONTENTS)):
        content = archive.read_bytes()
        archive.write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match="damaged or not an archive"):
            list(read_documents(archive))


def test_a_wrong_checksum_inside_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.json", b'{"aaaa": 1}')
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"bbbb"))
    with pytest.raises(InputError, match="damaged or not an archive"):
        list(read_documents(path))


def test_what_cannot_be_imported_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for source, message in (
        (tmp_path / "nowhere", "no such file or folder"),
        (tmp_path / "a.txt", "cannot be imported; allowed are"),
        (tmp_path, "holds no file to import"),
    ):
        with pytest.raises(InputError, match=message):
            list(read_documents(source))
