from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.crystal import make_crystal
from dielectra.data.store import read_records
from dielectra.spectrum import similarity

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

ROCK_SALT = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.slow
def test_recomputing_the_cheapest_ladder_record_gives_its_spectra(tmp_path: Path) -> None:
    from dielectra.abinitio.gpaw import ENERGIES, compute

    records = list(read_records("datasets/ladder/part-0000.parquet"))
    cheapest = min(records, key=lambda record: record.properties["cpu_s"])
    computed = compute(cheapest.crystal, log=tmp_path / "gpaw.txt")
    for record in (record for record in records if record.id == cheapest.id):
        tensor = computed.tensors[record.spectrum.level]
        for axis in range(3):
            sc = similarity(tensor[axis, axis].imag, record.spectrum.tensor[axis, axis].imag, ENERGIES)
            assert sc > 0.99
        assert computed.gap_direct == pytest.approx(record.properties["gap_direct"], abs=1e-3)
        assert computed.n_bands == record.properties["nbands"]
    assert set(computed.cpu_seconds) == {"ground_state", "bands", "response"}


@pytest.mark.parametrize(
    ("species", "moment", "reason"),
    [(["Na", "O"], 0.0, "odd number"), (["Mg", "O"], 2.0, "magnetic"), (["Mg", "At"], 0.0, "no data set for At")],
)
def test_unsuitable_crystals_are_refused_before_any_computation(species: list[str], moment: float, reason: str) -> None:
    from dielectra.abinitio.gpaw import RefusedError, compute

    crystal = make_crystal(ROCK_SALT * 2.3, species, [0, 0, 0, 0.5, 0.5, 0.5])
    with pytest.raises(RefusedError, match=reason):
        compute(crystal, magnetic_moment=moment)


@pytest.mark.slow
def test_a_crystal_below_the_smallest_gap_is_refused() -> None:
    from dielectra.abinitio.gpaw import RefusedError, compute
    from dielectra.abinitio.protocol import LADDER_1

    lithium_hydride = make_crystal(ROCK_SALT * 2.04, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])
    wide = LADDER_1.model_copy(update={"ground_state_kpoints": 16, "response_kpoints": 16, "minimum_gap": 20.0})
    with pytest.raises(RefusedError, match="is below 20"):
        compute(lithium_hydride, wide)


@pytest.mark.slow
def test_estimated_cost_tells_cheap_from_dear_crystals() -> None:
    from dielectra.abinitio.gpaw import estimate_cpu_seconds

    records = [record for record in read_records("datasets/ladder/part-0000.parquet") if record.spectrum.level == "ipa"]
    spent = np.log([record.properties["cpu_s"] for record in records])
    estimated = np.log([estimate_cpu_seconds(record.crystal) for record in records])
    assert np.corrcoef(spent, estimated)[0, 1] > 0.85
