"""Import of dielectric functions that Elk wrote: numbers to the last digit, levels by the kernel."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.importing.elk import Options, read, read_geometry
from dielectra.importing.outcomes import Outcome, write_dataset

DATA = Path(__file__).parent / "data" / "elk"
HARTREE = 27.211386245988


@pytest.fixture
def silicon(tmp_path: Path) -> Path:
    """Return a copy of the computation of silicon, free to be changed."""
    return Path(shutil.copytree(DATA / "Si", tmp_path / "Si"))


def only(folder: Path, **options: object) -> Outcome:
    (outcome,) = read(folder, Options(energies="file", **options))  # type: ignore[arg-type]
    return outcome


def columns(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return energies (hartree) and complex function of a file: its real part stands above the imaginary one."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    table = np.array([line.split() for line in lines if line.strip()], float)
    half = len(table) // 2
    return table[:half, 0], table[:half, 1] + 1j * table[half:, 1]


def test_numbers_are_those_of_the_files(tmp_path: Path) -> None:
    outcome = only(DATA / "Si")
    assert outcome.problems == ()
    write_dataset([outcome], tmp_path / "set", "Elk")
    files = {"ipa": "EPSILON_11.OUT.gz", "rpa": "EPSILON_TDDFT_11.OUT.gz"}
    for record in outcome.records:
        energies, values = columns(DATA / "Si" / files.pop(record.spectrum.level))
        assert np.array_equal(record.spectrum.energies, energies * HARTREE)
        for axis in ("xx", "yy", "zz"):
            assert np.array_equal(record.spectrum.component(axis).real.round(8), values.real.round(8))
            assert np.array_equal(record.spectrum.component(axis).imag.round(8), values.imag.round(8))
        assert record.spectrum.broadening == pytest.approx(0.005 * HARTREE)
        assert record.spectrum.provenance["engine"] == "Elk 8.4.30"
        (part,) = [part for part in (tmp_path / "set").glob("*.parquet") if record.spectrum.level in set(levels(part))]
        (stored,) = open_dataset(part).records()
        assert np.array_equal(stored.spectrum.tensor, record.spectrum.tensor)
    assert files == {}


def levels(part: Path) -> tuple[str, ...]:
    return open_dataset(part).levels


def test_the_crystal_is_that_of_the_computation() -> None:
    crystal = only(DATA / "Si").records[0].crystal
    assert crystal.formula == "Si"
    assert crystal.n_atoms == 2
    assert crystal.volume == pytest.approx(270.0113940 * 0.529177210903**3, rel=1e-8)


def test_a_uniaxial_crystal_needs_two_components(tmp_path: Path) -> None:
    (record,) = only(DATA / "AlN").records
    for axis, file in (("xx", "11"), ("yy", "11"), ("zz", "33")):
        _, values = columns(DATA / "AlN" / f"EPSILON_{file}.OUT.gz")
        assert np.allclose(record.spectrum.component(axis), values, atol=1e-9)
    shutil.copytree(DATA / "AlN", tmp_path / "AlN")
    (tmp_path / "AlN" / "EPSILON_33.OUT.gz").unlink()
    outcome = only(tmp_path / "AlN")
    assert outcome.records == ()
    assert "no response along 0 0 1" in outcome.problems[0]


def test_off_diagonal_components_are_taken_as_they_are(silicon: Path) -> None:
    text = gzip.decompress((silicon / "EPSILON_11.OUT.gz").read_bytes()).decode()
    (silicon / "GEOMETRY.OUT").write_text(
        "avec\n 8.0 0.0 0.0\n 0.5 9.0 0.0\n 0.3 0.2 10.0\natoms\n 1\n'Si.in'\n 2\n 0 0 0\n 0.3 0.21 0.13\n"
    )
    with_scale = (silicon / "GEOMETRY.OUT").read_text()
    (silicon / "GEOMETRY.OUT").write_text(f"scale\n 1.0\n\n{with_scale}")
    for name, factor in (("11", 1.0), ("22", 1.1), ("33", 1.2), ("12", 0.1), ("23", -0.2), ("13", 0.3)):
        (silicon / f"EPSILON_{name}.OUT").write_text(scaled(text, factor))
    (silicon / "EPSILON_11.OUT.gz").unlink()
    found = {record.spectrum.level: record.spectrum for record in only(silicon).records}["ipa"]
    for component, factor in (("xx", 1.0), ("yy", 1.1), ("zz", 1.2), ("xy", 0.1), ("yz", -0.2), ("xz", 0.3)):
        _, values = columns(DATA / "Si" / "EPSILON_11.OUT.gz")
        assert np.allclose(found.component(component), factor * values, atol=1e-6)


def scaled(text: str, factor: float) -> str:
    rows = [line.split() for line in text.splitlines()]
    return "\n".join(f"{row[0]} {float(row[1]) * factor:.9f}" if row else "" for row in rows)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("fxctype\n  200", "lrc"), ("fxctype\n 210 : bootstrap", "fxctype 210 is no level"), ("", "stands in elk.in")],
)
def test_the_kernel_decides_on_the_level(kernel: str, expected: str, silicon: Path) -> None:
    text = (silicon / "elk.in").read_text()
    (silicon / "elk.in").write_text(text.replace("fxctype\n  0", kernel))
    outcome = only(silicon)
    assert expected in [record.spectrum.level for record in outcome.records] or expected in outcome.problems[0]
    assert "ipa" in [record.spectrum.level for record in outcome.records]


def test_spectra_of_the_bethe_salpeter_equation_are_their_own_level(silicon: Path) -> None:
    (silicon / "EPSILON_TDDFT_11.OUT.gz").rename(silicon / "EPSILON_BSE_11.OUT.gz")
    assert [record.spectrum.level for record in only(silicon).records] == ["ipa", "bse"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1\n1 2\n", "two blocks"),
        ("0 a\n\n0 1\n", "'a' is not a number"),
        ("0 1\n1 2\n\n0 1\n2 2\n", "different energies"),
    ],
)
def test_a_damaged_function_is_named_and_the_others_count(text: str, words: str, silicon: Path) -> None:
    (silicon / "EPSILON_TDDFT_11.OUT.gz").unlink()
    (silicon / "EPSILON_TDDFT_11.OUT").write_text(text)
    outcome = only(silicon)
    assert words in outcome.problems[0]
    assert [record.spectrum.level for record in outcome.records] == ["ipa"]


@pytest.mark.parametrize("n_vectors", [0, 2])
def test_a_damaged_geometry_is_an_error_of_ours(n_vectors: int, silicon: Path) -> None:
    lines = (silicon / "GEOMETRY.OUT").read_text().split("\n")
    start = next(index for index, line in enumerate(lines) if line.strip() == "avec") + 1
    (silicon / "GEOMETRY.OUT").write_text("\n".join([*lines[: start + n_vectors], *lines[start + 3 :]]))
    assert "GEOMETRY.OUT: " in only(silicon).problems[0]
    with pytest.raises(InputError, match="cannot be read as a geometry"):
        read_geometry("", "x")


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_exponents_of_three_digits_have_no_letter(silicon: Path) -> None:
    """Fortran writes 1E-102 as ``0.1000000000-101``."""
    lines = unpacked(silicon / "EPSILON_11.OUT.gz").splitlines()
    energy, _ = lines[-1].split()
    (silicon / "EPSILON_11.OUT.gz").unlink()
    (silicon / "EPSILON_11.OUT").write_text("\n".join([*lines[:-1], f" {energy} 0.1000000000-101"]))
    (ipa,) = (record for record in only(silicon).records if record.spectrum.level == "ipa")
    assert ipa.spectrum.mean.imag[-1] == 1e-102


def test_components_that_contradict_the_symmetry_are_refused(tmp_path: Path) -> None:
    """The 13 component of wurtzite vanishes; a copy of the 11 one is no response of it."""
    folder = Path(shutil.copytree(DATA / "AlN", tmp_path / "AlN"))
    shutil.copy(folder / "EPSILON_11.OUT.gz", folder / "EPSILON_13.OUT.gz")
    outcome = only(folder)
    assert outcome.records == ()
    assert "off what the crystal's symmetry makes of all directions" in outcome.problems[0]


def test_two_files_of_one_component_must_be_equal(silicon: Path) -> None:
    text = unpacked(silicon / "EPSILON_11.OUT.gz")
    (silicon / "EPSILON_11.OUT").write_text(text)
    assert only(silicon).problems == ()
    (silicon / "EPSILON_11.OUT").write_text(text.replace(text.split()[1], "7.0", 1))
    assert "EPSILON_11.OUT.gz: differs from EPSILON_11.OUT; keep one" in only(silicon).problems


@pytest.mark.parametrize(
    ("block", "doubt"),
    [
        ("scissor\n  0.05", "scissors shift of 0.05 hartree"),
        ("hybrid\n  .true.", "hybrid functional"),
        ("xctype\n  100 208 12", "Tran-Blaha"),
        ("scissor\n  0.0\n\nhybrid\n  .false.\n\nxctype\n  20 0 0", ""),
    ],
)
def test_energies_of_another_kind_are_said(block: str, doubt: str, silicon: Path) -> None:
    (silicon / "elk.in").write_text(f"{(silicon / 'elk.in').read_text()}\n\n{block}\n")
    outcome = only(silicon)
    assert doubt in " ".join(outcome.warnings)
    assert bool(outcome.warnings) == bool(doubt)
