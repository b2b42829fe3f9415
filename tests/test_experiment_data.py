"""The data set of measured n and k, against the pages that it is made of."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from dielectra.abinitio.gpaw_steps import atoms_of
from dielectra.data.checks import check_record, measure
from dielectra.data.dataset import open_dataset
from dielectra.data.schema import Record
from dielectra.data.splits import split_of_new
from dielectra.optics.measured import load_measured, measured_formulas, measured_page

FOLDER = Path("datasets/experiment")


@pytest.fixture(scope="module")
def build() -> Iterator[ModuleType]:
    """Return the script that builds the data set, as a module."""
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("build_experiment", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before
    for name in ("pool", "textbook"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    return {record.id: record for record in open_dataset(FOLDER).records()}


@pytest.mark.slow
def test_the_script_gives_what_is_shipped(build: ModuleType, records: dict[str, Record]) -> None:
    crystals = build.measured_crystals()
    structures = {name: build.standard_form(build.read_structure(atoms)) for name, atoms in crystals}
    built = set()
    for formula in measured_formulas():
        try:
            record = build.record_of(formula, structures)
        except build.NoRecordError:
            continue
        built.add(record.id)
        np.testing.assert_allclose(record.spectrum.tensor, records[record.id].spectrum.tensor, atol=1e-4)
        assert record.spectrum.provenance == records[record.id].spectrum.provenance
    assert built == set(records)


def test_values_are_those_of_the_pages_and_missing_outside(records: dict[str, Record]) -> None:
    silicon = records["exp-Si-diamond"].spectrum
    page = measured_page("main/Si/nk/Franta-300K.yml")
    assert page is not None
    inner = silicon.energies[10:-10]
    np.testing.assert_allclose(silicon.resample(inner).mean, page.spectrum.resample(inner).mean, atol=1e-4)
    assert silicon.provenance["iso"]["page"] == page.source
    data = open_dataset(FOLDER)
    labels = data.labels(data.target("experiment", parts=("re", "im"), rank=2))
    row = labels.ids.index("exp-GaSb-zincblende")
    covered = data.grid[labels.weights[row, 0, 0] == 1]
    np.testing.assert_allclose(covered[[0, -1]], [1.5, 6.0])


def test_the_extraordinary_ray_is_along_the_optic_axis(records: dict[str, Record]) -> None:
    nitride = records["exp-BN-hexagonal"].spectrum
    ordinary, extraordinary = (measured_page(f"main/BN/nk/Choi-{axis}.yml") for axis in "oe")
    assert ordinary is not None
    assert extraordinary is not None
    for axis, page in ((0, ordinary), (1, ordinary), (2, extraordinary)):
        expected = page.spectrum.resample(nitride.energies).mean
        np.testing.assert_allclose(nitride.tensor[axis, axis], expected, atol=1e-4)
    assert nitride.tensor[0, 0, 0].real > nitride.tensor[2, 2, 0].real + 1  # layers are easier to polarise in the plane


@pytest.mark.slow
def test_records_are_sound_crystals_with_sound_spectra(records: dict[str, Record]) -> None:
    for record in records.values():
        assert check_record(record) == []
        assert record.spectrum.energies[0] >= 0.5
        distances = neighbor_list("d", atoms_of(record.crystal), 4.0)
        assert 1.4 < distances.min() < 4.0, record.id
        numbers = {page.space_group for page in load_measured(record.formula)}
        assert record.properties["spacegroup"] in numbers | {136, 225}
    assert measure(records["exp-Si-diamond"])["kramers-kronig"] < 0.01


def test_a_third_is_kept_from_all_models(records: dict[str, Record]) -> None:
    kept = {record.formula for record in records.values() if record.split == "experiment-test"}
    assert kept == {
        r.formula for r in records.values() if split_of_new(r.formula, is_measured=True) == "experiment-test"
    }
    assert 0 < len(kept) < len(records)


def test_k_that_is_zero_throughout_was_not_measured(build: ModuleType) -> None:
    pages = {page.axis: page for page in load_measured("WS2") if "Vyshnevyy" in page.source}
    assert not build.has_k(pages["e"])
    assert build.has_k(pages["o"])
    edge = build.end_of_transparency(list(pages.values()))
    assert 1.3 < edge < 1.9  # the gap of WS2
    with pytest.raises(build.NoRecordError, match="k was not measured along any axis"):
        build.end_of_transparency(load_measured("GaS"))
