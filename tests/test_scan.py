"""Scans of folders, archives and pipes: every crystal once, every fault named, whatever sizes a file claims."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import struct
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from dielectra.errors import InputError
from dielectra.structures import Entry, Refused, scan, sources, summarise

CASES = Path(__file__).parent / "data" / "structures"
POSCAR = (CASES / "names" / "a" / "POSCAR").read_text()


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    """Write a zip archive of files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def found_in(*sources: str | Path) -> tuple[list[Entry], list[Refused]]:
    """Return the crystals and the refusals of a scan, after checking that every name is unique."""
    found = list(scan(sources))
    assert max(Counter(item.name for item in found).values(), default=1) == 1
    return [i for i in found if isinstance(i, Entry)], [i for i in found if isinstance(i, Refused)]


class TestSources:
    """Where structures lie does not matter."""

    def test_folder_in_depth(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "b").mkdir(parents=True)
        for name in ("POSCAR", "a/POSCAR", "a/b/x.vasp", "a/notes.txt", "a/INCAR", "a/b/unnamed"):
            (tmp_path / name).write_text("prose" if name.endswith(("txt", "INCAR")) else POSCAR)
        entries, refused = found_in(tmp_path)
        assert [Path(entry.name).relative_to(tmp_path).as_posix() for entry in entries] == [
            "POSCAR",
            "a/POSCAR",
            "a/b/unnamed",
            "a/b/x.vasp",
        ]
        assert refused == []

    @pytest.mark.parametrize("kind", [str, Path])
    def test_one_path_by_itself_is_one_source(self, kind: type[str] | type[Path], tmp_path: Path) -> None:
        (tmp_path / "POSCAR").write_text(POSCAR)
        (found,) = scan(kind(tmp_path / "POSCAR"))
        assert found.name == str(tmp_path / "POSCAR")

    def test_one_text_by_itself_is_one_source(self) -> None:
        (found,) = scan((CASES / "cif" / "nacl_bom.cif").read_text())
        assert isinstance(found, Entry)

    @pytest.mark.parametrize("sources", [None, 7, [b"POSCAR"], [{"cell": []}]], ids=str)
    def test_what_is_no_path_is_said(self, sources: Any) -> None:
        with pytest.raises(InputError, match="is no path of a file"):
            list(scan(sources))

    def test_nothing_in_json_is_skipped(self, tmp_path: Path) -> None:
        crystal = '{"lattice": [4, 0, 0, 0, 4, 0, 0, 0, 4], "species": ["Po"], "frac_coords": [0, 0, 0]}'
        (tmp_path / "x.jsonl").write_text("\n".join([crystal, "[]", "{}", "", f"[[], {crystal}]"]))
        entries, refused = found_in(tmp_path / "x.jsonl")
        assert [entry.place for entry in entries] == ["line 1", "line 5, item 1"]
        assert [one.place for one in refused] == ["line 2", "line 3", "line 5, item 0"]
        assert all("an empty" in one.reason for one in refused)

    def test_a_file_that_is_given_twice_is_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "POSCAR").write_text(POSCAR)
        assert len(found_in(tmp_path, tmp_path / "POSCAR", tmp_path / ".." / tmp_path.name)[0]) == 1

    def test_links_that_lead_in_a_circle_end(self, tmp_path: Path) -> None:
        (tmp_path / "POSCAR").write_text(POSCAR)
        (tmp_path / "loop").symlink_to(tmp_path)
        (tmp_path / "self.cif").symlink_to(tmp_path / "self.cif")
        assert len(found_in(tmp_path)[0]) == 1

    @pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.txz"])
    def test_tar(self, name: str, tmp_path: Path) -> None:
        kind = next((kind for kind in ("gz", "bz2", "xz") if name.endswith(kind)), "")
        with tarfile.open(tmp_path / name, f"w:{kind}") as archive:
            archive.add(CASES / "names", "names")
        entries, refused = found_in(tmp_path / name)
        assert [entry.crystal.formula for entry in entries] == ["MgO", "NaCl"]
        assert entries[0].name == f"{tmp_path / name}/names/a/POSCAR"
        assert refused == []

    def test_zip_with_members_of_one_name_and_compressed_ones(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "x.zip", {"a/POSCAR.gz": gzip.compress(POSCAR.encode()), "__MACOSX/POSCAR": "x"})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("b.vasp", POSCAR)
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr("b.vasp", POSCAR)
        entries, refused = found_in(path)
        assert [entry.name.removeprefix(f"{path}/") for entry in entries] == ["a/POSCAR.gz", "b.vasp", "b.vasp (2)"]
        assert refused == []

    def test_an_archive_in_an_archive_is_missed_aloud(self, tmp_path: Path) -> None:
        inner = zipped(tmp_path / "inner.zip", {"POSCAR": POSCAR})
        path = zipped(tmp_path / "x.zip", {"POSCAR": POSCAR, "a/inner.zip": inner.read_bytes()})
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            archive.add(inner, "inner.zip")
        for archive_of, n_good in ((path, 1), (tmp_path / "x.tar", 0)):
            entries, (refused,) = found_in(archive_of)
            assert len(entries) == n_good
            assert "inner.zip: is an archive inside of an archive" in refused.reason

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = (CASES / "cif" / "nacl_bom.cif").read_bytes()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        entries, _ = found_in("-")
        assert (entries[0].name, entries[0].crystal.formula) == ("stdin", "NaCl")

    def test_several_structures_have_stable_indices(self, tmp_path: Path) -> None:
        good = json.dumps(json.loads((CASES / "forms" / "own_array.json").read_text())[0])
        (tmp_path / "x.jsonl").write_text(f"{good}\n{{broken\n\n{good}\n")
        entries, refused = found_in(tmp_path / "x.jsonl")
        assert [entry.name[-1] for entry in entries] == ["0", "2"]
        assert [entry.place for entry in entries] == ["line 1", "line 4"]
        assert refused[0].name.endswith("#1")
        assert "x.jsonl, line 2: not valid JSON" in refused[0].reason


class TestHostile:
    """Nothing is believed that an archive or a name says of itself."""

    @pytest.mark.parametrize(
        ("name", "message"),
        [("absent.cif", "no such file"), ("", "holds no structure file"), ("x" * 5000, "no such file|too long")],
    )
    def test_what_is_not_there(self, name: str, message: str, tmp_path: Path) -> None:
        import re

        entries, (refused,) = found_in(tmp_path / name)
        assert entries == []
        assert re.search(message, refused.reason)

    def test_pipes_are_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x.cif")
        _, (refused,) = found_in(tmp_path / "x.cif")
        assert "not a regular file" in refused.reason
        assert "holds no structure file" in found_in(tmp_path)[1][0].reason

    def test_the_archive_that_lies_about_its_sizes(self) -> None:
        tracemalloc.start()
        _, (refused,) = found_in(CASES / "hostile" / "lie_bz2.zip")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "a.cif" in refused.reason
        assert peak < 2**23

    @pytest.mark.parametrize("name", ["x.cif.gz", "x.cif.bz2", "x.cif.xz"])
    def test_bombs(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sources, "LARGEST_FILE", 2**23)
        zeros = bytes(10 * 2**20)
        (tmp_path / name).write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[name[6:]].compress(zeros))
        _, (refused,) = found_in(tmp_path / name)
        assert "more than 8 MiB once unpacked" in refused.reason

    def test_a_zip_that_declares_less_than_it_holds(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "x.zip", {"POSCAR": POSCAR * 1000})
        data = bytearray(path.read_bytes())
        for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            start = data.index(mark) + at
            data[start : start + 4] = struct.pack("<I", 20)
        path.write_bytes(data)
        _, (refused,) = found_in(path)
        assert "POSCAR: cannot be read" in refused.reason

    def test_a_tar_with_a_name_of_gigabytes(self, tmp_path: Path) -> None:
        header = tarfile.TarInfo("x")
        header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**31
        (tmp_path / "x.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
        _, (refused,) = found_in(tmp_path / "x.tar")
        assert "x.tar" in refused.reason

    @pytest.mark.parametrize(
        "name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.cif.gz", "x.traj", "x.db", "x.json.bz2"]
    )
    def test_rubbish(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(bytes(range(256)) * 20)
        entries, refused = found_in(tmp_path / name)
        assert entries == []
        assert all(name in one.reason for one in refused)
        assert refused

    def test_names_are_shown_on_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "a\x1b[31m\tb.cif"
        path.write_text("x")
        _, (refused,) = found_in(path)
        assert refused.reason.isprintable()


def test_summary_counts_each_kind_of_reason() -> None:
    refused = [
        Refused("a.cif", "a.cif", "block x", "a.cif: has partially occupied sites (Mg1 with occupancy 0.5); give"),
        Refused(
            "b.cif#3", "b.cif", "block y", "b.cif, block y: has partially occupied sites (O2 with occupancy 0.1); g"
        ),
        Refused("c.cif", "c.cif", "", "c.cif: no such file"),
    ]
    assert summarise(1, refused).split("\n") == [
        "1 crystal read, 3 refused:",
        "  2 x has partially occupied sites, first in a.cif",
        "  1 x no such file, first in c.cif",
    ]
    assert summarise(2, []) == "2 crystals read, 0 refused"


def mixed_folder(folder: Path) -> tuple[int, list[str]]:
    """Make a folder of 300 files, good and bad, with two archives; return the number of crystals and the bad names."""
    good = {
        "POSCAR": POSCAR,
        "MgO.cif": Path("examples/MgO.cif").read_text(),
        "salt.cif": (CASES / "cif" / "nacl_hall_only.cif").read_text(),
        "entry.json": (CASES / "forms" / "optimade_entry.json").read_text(),
        "titanate.cif": Path("examples/SrTiO3.cif").read_text(),
    }
    bad = {
        "disorder.cif": (CASES / "cif" / "pauling_mix_labelonly.cif").read_text(),
        "broken.cif": (CASES / "hostile" / "hang_comma_decimal.cif").read_text(),
        "long.jsonl": (CASES / "hostile" / "sigfpe_long_cell.jsonl").read_text(),
        "nothing.cif": "",
    }
    names, n_good = [], 0
    for index in range(298):
        place = folder / f"level{index % 7}" / f"run{index // 10}"
        place.mkdir(parents=True, exist_ok=True)
        kinds = bad if index % 3 == 2 else good
        name = list(kinds)[index // 3 % len(kinds)]
        path = place / name if not (place / name).exists() else place / f"{index}-{name}"
        path.write_text(kinds[name])
        n_good += kinds is good
        names += [str(path)] if kinds is bad else []
    for name in ("one.zip", "two.zip"):
        path = zipped(folder / name, {**good, "deep/POSCAR": POSCAR, "broken.cif": bad["broken.cif"]})
        n_good += len(good) + 1
        names.append(f"{path}/broken.cif")
    return n_good, names


@pytest.mark.slow
def test_a_folder_of_300_mixed_files(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "mixed", tmp_path / "out"
    n_good, bad = mixed_folder(folder)
    assert sum(path.is_file() for path in folder.rglob("*")) == 300
    code, stdout, stderr = run("predict", folder, "--json", "--csv", out)
    entries = json.loads(stdout)
    assert code == 2
    assert len(entries) == len({entry["file"] for entry in entries}) == n_good
    assert not {entry["file"] for entry in entries} & set(bad)
    assert len(list(out.glob("*.csv"))) == n_good
    assert all(name in stderr for name in bad)
    assert f"{n_good} crystals read, {len(bad)} refused:" in stderr
    assert f"wrote {n_good} files to {out}" in stderr
    first = sorted(out.glob("*.csv"))[0]
    first.write_text("mine")
    code, _, stderr = run("predict", folder / "one.zip", "--csv", out)
    assert (code, first.read_text()) == (2, "mine")
    assert "--force" in stderr


def test_doubts_travel_to_the_prediction(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.cif"
    shutil.copy(CASES / "cif" / "nacl_hall_only.cif", path)
    path.write_text(path.read_text() + "_exptl_crystal_density_diffrn 4.3\n")
    code, out, _ = run("predict", path, "--json")
    assert code == 0
    assert any("the file says 4.3" in note for note in json.loads(out)[0]["warnings"])


def test_structures_of_one_name_in_two_folders(run: Run, tmp_path: Path) -> None:
    files = [CASES / "names" / name / "POSCAR" for name in "ab"]
    code, _, _ = run("predict", *files, "--csv", tmp_path)
    assert code == 0
    heads = sorted(path.read_text().split("\n")[0] for path in tmp_path.glob("*.csv"))
    assert ["MgO" in heads[0], "NaCl" in heads[1]] == [True, True]
