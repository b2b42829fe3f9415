"""An import form of somebody else, in a file, through the public interface."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.importing.dataset import import_dataset
from dielectra.importing.importer import IMPORTERS, ImportOptions, energies_from, load_importer
from dielectra.spectrum import Spectrum

GAUSSIANS = '''
"""Spectra given as a list of peaks, one JSON line a crystal."""

import json

import numpy as np

from dielectra.crystal import make_crystal
from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.importing.importer import ImportOptions
from dielectra.importing.outcomes import Outcome
from dielectra.spectrum import Spectrum

form = "peaks"


class Options(ImportOptions):
    level: str


def describe(source, options):
    return f"Peaks of {source.name}."


def read(source, options):
    energies = np.linspace(0.0, 20.0, 201)
    for number, line in enumerate(source.read_text().splitlines()):
        name = f"{source.name}, line {number + 1}"
        try:
            entry = json.loads(line)
            crystal = make_crystal(entry["lattice"], entry["species"], entry["frac_coords"], name)
            eps = 1 + sum(40 / (peak**2 - (energies + 0.1j) ** 2) for peak in entry["peaks"])
            spectrum = options.on_grid(Spectrum(energies, np.einsum("ij,w->ijw", np.eye(3), eps), options.level))
        except (InputError, ValueError, KeyError) as error:
            yield Outcome(name, problems=(str(error),))
            continue
        split = split_of(crystal.formula, options.seed)
        yield Outcome(name, (Record(entry["id"], crystal.formula, split, crystal, spectrum),))
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on the path with a package that registers the form."""
    info = tmp_path / "package" / "peaks-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "peaks_form.py").write_text(GAUSSIANS)
    (info.parent / "half_form.py").write_text("form = 'half'\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: peaks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dielectra.importers]\npeaks = peaks_form\nhalf = half_form\n")
    monkeypatch.syspath_prepend(info.parent)
    return info.parent


def write_peaks(path: Path) -> Path:
    cell = {"lattice": (np.eye(3) * 4).tolist(), "species": ["Na", "Cl"], "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
    lines = [json.dumps(cell | {"id": name, "peaks": [peak]}) for name, peak in (("a", 5.0), ("b", 6.0))]
    path.write_text(os.linesep.join([lines[0], "{", lines[1]]))
    return path


def test_a_form_in_a_file_is_imported_by_its_name(package: Path, tmp_path: Path, run: Run) -> None:
    assert IMPORTERS.names()[-2:] == ["peaks", "half"]
    source = write_peaks(tmp_path / "two.peaks")
    arguments = ("data", "import", source, "--form", "peaks", "--level", "bse", "--energies", "0,10,51")
    code, out, err = run(*arguments, "-o", tmp_path / "set", "--json")
    report = json.loads(out)
    assert (code, report["read"], report["materials"], report["records"]) == (2, 3, 2, {"bse": 2})
    assert "two.peaks, line 2: Expecting property name" in " ".join(err.split())
    records = {record.id: record for record in open_dataset(tmp_path / "set").records()}
    assert records["b"].spectrum.mean[0].real == pytest.approx(1 + 40 / 36, abs=1e-3)
    assert (tmp_path / "set" / "README.md").read_text().count("Peaks of two.peaks.") == 1


def test_options_are_those_of_the_form(package: Path, tmp_path: Path) -> None:
    source = write_peaks(tmp_path / "two.peaks")
    with pytest.raises(InputError, match=r"takes no broadening; leave it out \(its options: energies, seed"):
        import_dataset(source, tmp_path / "set", "peaks", level="bse", broadening=0.1)
    with pytest.raises(InputError, match="options of the form peaks: level: Field required"):
        import_dataset(source, tmp_path / "set", "peaks")
    with pytest.raises(InputError, match="the form 'half' lacks Options, read, describe of an importer"):
        load_importer("half")
    with pytest.raises(InputError, match="unknown form 'csv'; known are published, pairs, measured"):
        load_importer("csv")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("form", IMPORTERS.rows)
def test_every_form_of_ours_is_an_importer(form: str) -> None:
    importer = load_importer(form)
    assert importer.Options.model_config["extra"] == "forbid"
    assert importer.form in (form, "measured")


def test_spectra_are_put_on_the_wanted_energies() -> None:
    spectrum = Spectrum(np.linspace(1.0, 9.0, 9), np.einsum("ij,w->ijw", np.eye(3), np.arange(9) + 1j), "rpa")
    assert ImportOptions(energies="file").on_grid(spectrum) is spectrum
    assert ImportOptions(energies="2,8,13").on_grid(spectrum).mean[1] == pytest.approx(1.5 + 1j)
    with pytest.raises(InputError, match="covers 1 to 9 eV, not 0 to 20"):
        ImportOptions().on_grid(spectrum)
    with pytest.raises(InputError, match="give START,STOP,N in eV, such as 0,20,401"):
        energies_from("all")
