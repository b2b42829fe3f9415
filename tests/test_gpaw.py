from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.crystal import make_crystal
from dielectra.data.dataset import open_dataset
from dielectra.spectrum import similarity

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

ROCK_SALT = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.slow
def test_recomputing_the_cheapest_ladder_record_gives_its_spectra(tmp_path: Path) -> None:
    from dielectra.abinitio.gpaw import ENERGIES, compute
    from dielectra.abinitio.protocol import LADDER_1

    records = list(open_dataset("datasets/ladder/part-0000.parquet").records())
    cheapest = min(records, key=lambda record: record.properties["cpu_s"])
    computed = compute(cheapest.crystal, LADDER_1, log=tmp_path / "gpaw.txt")
    for record in (record for record in records if record.id == cheapest.id):
        tensor = computed.tensors[record.spectrum.level]
        for axis in range(3):
            sc = similarity(tensor[axis, axis].imag, record.spectrum.tensor[axis, axis].imag, ENERGIES)
            assert sc > 0.99
        assert (
            computed.gap_direct < record.properties["gap_direct"] + 1e-3
        )  # which does not count the ground state's points
        assert computed.n_bands == record.properties["nbands"]
    assert set(computed.cpu_seconds) == {"ground_state", "bands", "response"}


@pytest.mark.parametrize(
    ("species", "moment", "reason"),
    [(["Na", "O"], 0.0, "odd number"), (["Mg", "O"], 2.0, "magnetic"), (["Mg", "At"], 0.0, "no PBE data set for At")],
)
def test_unsuitable_crystals_are_refused_before_any_computation(species: list[str], moment: float, reason: str) -> None:
    from dielectra.abinitio.gpaw import RefusedError, compute

    crystal = make_crystal(ROCK_SALT * 2.3, species, [0, 0, 0, 0.5, 0.5, 0.5])
    with pytest.raises(RefusedError, match=reason):
        compute(crystal, magnetic_moment=moment)


def test_a_moment_that_smearing_leaves_is_not_magnetic() -> None:
    from dielectra.abinitio.gpaw import accept

    fluoride = make_crystal(ROCK_SALT * 2.67, ["K", "F"], [0, 0, 0, 0.5, 0.5, 0.5])
    crystal, n_electrons = accept(fluoride, magnetic_moment=0.24)
    assert (crystal.formula, n_electrons) == ("KF", 16)


def test_a_noble_gas_has_a_band_above_its_electrons() -> None:
    from dielectra.abinitio.gpaw_steps import converge_ground_state, read_gaps
    from dielectra.abinitio.protocol import LADDER_1

    argon = make_crystal(ROCK_SALT * 2.63, ["Ar"], [0, 0, 0])
    coarse = LADDER_1.model_copy(update={"ground_state_kpoints": 8})
    _, gap = read_gaps([converge_ground_state(argon, coarse, 4, None)], 4)
    assert 8.0 < gap < 10.0


@pytest.mark.slow
def test_a_crystal_below_the_smallest_gap_is_a_metal() -> None:
    from dielectra.abinitio.gpaw import compute
    from dielectra.abinitio.protocol import LADDER_1

    lithium_hydride = make_crystal(ROCK_SALT * 2.04, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])
    wide = LADDER_1.model_copy(update={"ground_state_kpoints": 16, "response_kpoints": 16, "minimum_gap": 20.0})
    found = compute(lithium_hydride, wide)
    assert found.metal
    assert not found.tensors
    assert 1.0 < found.gap_indirect < 20.0


@pytest.mark.slow
def test_moments_of_open_shells_are_found() -> None:
    from dielectra.abinitio.gpaw import RefusedError, refuse_magnetic
    from dielectra.abinitio.protocol import LADDER_2

    coarse = LADDER_2.model_copy(update={"ground_state_kpoints": 128})
    oxide = make_crystal(ROCK_SALT * 2.09, ["Ni", "O"], [0, 0, 0, 0.5, 0.5, 0.5])
    with pytest.raises(RefusedError, match="magnetic"):
        refuse_magnetic(oxide, coarse)
    refuse_magnetic(make_crystal(ROCK_SALT * 2.1, ["Mg", "O"], [0, 0, 0, 0.5, 0.5, 0.5]), coarse)


@pytest.mark.slow
def test_a_small_moment_is_looked_at_again() -> None:
    from dielectra.abinitio.gpaw import refuse_magnetic
    from dielectra.abinitio.protocol import LADDER_2

    half_heusler = make_crystal(ROCK_SALT * 2.848, ["V", "Os", "P"], [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0, 0, 0])
    refuse_magnetic(half_heusler, LADDER_2)  # by the first, loose convergence 0.12 Bohr magnetons are left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "species", "coords", "grid", "shift"),
    [
        (ROCK_SALT * 2.04, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5], (4, 4, 4), (1, 1, 1)),
        (np.eye(3) * 3.5, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5], (4, 4, 4), (1, 1, 1)),
    ],
    ids=["face-centred", "primitive"],
)
def test_a_shifted_grid_gives_what_a_run_without_symmetry_gives(
    cell: np.ndarray, species: list[str], coords: list[float], grid: tuple[int, int, int], shift: tuple[int, int, int]
) -> None:
    from gpaw.response.df import DielectricFunction

    from dielectra.abinitio.gpaw_steps import converge_ground_state
    from dielectra.abinitio.kgrid import Sampling
    from dielectra.abinitio.protocol import LADDER_2

    crystal = make_crystal(cell, species, coords)
    ground_state = converge_ground_state(crystal, LADDER_2.model_copy(update={"ground_state_kpoints": 16}), 1, None)
    curves = []
    for symmetry in ({"tolerance": 1e-4}, "off"):
        bands = ground_state.fixed_density(
            kpts=Sampling(grid, shift, 0, 0.0).kpoints(),
            nbands=8,
            symmetry=symmetry,
            convergence={"bands": 6},
            txt=None,
        )
        response = DielectricFunction(
            bands,
            frequencies=np.linspace(0, 20, 21),
            hilbert=False,
            eta=0.3,
            ecut=20,
            nbands=6,
            intraband=False,
            txt=None,
        )
        curves.append([response.get_dielectric_function(direction=axis, filename=None)[1] for axis in "xyz"])
    with_symmetry, without = (np.mean(found, axis=0).imag for found in curves)
    assert np.abs(with_symmetry - without).max() < 1e-3 * without.max()


@pytest.mark.slow
def test_estimated_cost_tells_cheap_from_dear_crystals() -> None:
    from dielectra.abinitio.gpaw import estimate_cpu_seconds
    from dielectra.abinitio.protocol import LADDER_1

    records = [
        record
        for record in open_dataset("datasets/ladder/part-0000.parquet").records()
        if record.spectrum.level == "ipa"
    ]
    spent = np.log([record.properties["cpu_s"] for record in records])
    estimated = np.log([estimate_cpu_seconds(record.crystal, LADDER_1) for record in records])
    assert np.corrcoef(spent, estimated)[0, 1] > 0.85


@pytest.mark.slow
def test_quasiparticle_gap_and_kernel_of_lithium_hydride() -> None:
    from dielectra.abinitio.gpaw_lrc import compute
    from dielectra.abinitio.protocol import GLLB_LRC_1

    crystal = make_crystal(ROCK_SALT * 2.04, ["Li", "H"], [0, 0, 0, 0.5, 0.5, 0.5])
    coarse = {"ground_state_kpoints": 16, "response_kpoints": 16, "sampled_volume": None}
    found = compute(crystal, GLLB_LRC_1.model_copy(update=coarse))
    assert found.properties["discontinuity"] > 0.5
    assert found.gap_indirect > found.properties["gap_ks"]
    static = {level: tensor[0, 0, 0].real for level, tensor in found.tensors.items()}
    assert static["rpa"] < static["lrc"]  # the kernel's attraction brings absorption down in energy


def test_a_functional_needs_data_sets_of_its_own() -> None:
    from dielectra.abinitio import gpaw_lrc
    from dielectra.abinitio.gpaw import RefusedError, count_electrons

    fluorite = make_crystal(ROCK_SALT * 2.7, ["Ce", "O", "O"], [0, 0, 0, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75])
    assert count_electrons(fluorite) == 24
    with pytest.raises(RefusedError, match="no GLLBSC data set for Ce"):
        gpaw_lrc.compute(fluorite)
