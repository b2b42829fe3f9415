"""Named, versioned settings that fix how an ab initio spectrum is computed."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import spglib
from pydantic import BaseModel, ConfigDict

from dielectra.arrays import IntArray
from dielectra.crystal import Crystal
from dielectra.symmetry import lattice_rotations, spglib_cell
from dielectra.units import BOHR, HARTREE

ATOMIC_VOLUME = BOHR**3


class NamedProtocol(BaseModel):
    """What the protocols of all engines have; ``broadening`` in eV."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = 1
    functional: str = "PBE"
    broadening: float = 0.3


class Protocol(NamedProtocol):
    """Every setting of a GPAW dielectric-function computation; energies in eV.

    With `sampled_volume` (cubic angstrom) the response's grid is chosen by what it samples
    (:mod:`dielectra.abinitio.kgrid`): the number of points sampled times the cell volume reaches it, in cells of fewer
    than four atoms ``(4 / n_atoms)^3`` times it. None takes the grid of `response_kpoints` as it is.
    """

    cutoffs: dict[str, float] = {"O": 400.0, "F": 400.0, "N": 400.0, "C": 350.0, "B": 300.0}
    default_cutoff: float = 250.0
    extra_cutoff: float = 0.0
    smearing: float = 0.01
    ground_state_kpoints: int = 250
    response_kpoints: int = 1000
    sampled_volume: float | None = None
    shift_cost_limit: float = 1.6
    band_energy: float = 26.0
    response_cutoff: float = 50.0
    frequency_step: float = 0.1
    frequency_doubling: float = 1000.0
    frequency_max: float = 30.0
    minimum_gap: float = 0.1


class LrcProtocol(Protocol):
    """Settings of a response with a long-range kernel on quasiparticle energies.

    `functional` gives bands and their derivative discontinuity; `kernel` names the rule by which the static dielectric
    constant gives the kernel's strength (:mod:`dielectra.optics.kernel`).
    """

    functional: str = "GLLBSC"
    kernel: str = "bootstrap-three-quarters"


class BseProtocol(Protocol):
    """Settings of a Bethe-Salpeter computation on quasiparticle energies; energies in eV.

    Attributes
    ----------
    functional
        Gives bands and their derivative discontinuity, by which empty bands are raised.
    pair_window
        Electron-hole pairs are of the occupied bands that reach within it of the highest one's top and of the empty
        bands that reach within it of the lowest one's bottom. All other transitions are treated without attraction of
        electron and hole.
    largest_matrix
        Number of pairs (k-points x occupied x empty bands) above which a crystal is refused: memory and time grow with
        its square and cube.
    """

    functional: str = "GLLBSC"
    response_kpoints: int = 128
    pair_window: float = 6.0
    largest_matrix: int = 3000


class YamboProtocol(NamedProtocol):
    """Every setting of a Quantum ESPRESSO + Yambo computation as published with the paper.

    Plane-wave cutoffs and response blocks are in Ry, all other energies in eV. The cutoff grows from `first_cutoff` in
    steps until the total energy per atom changes by less than `energy_tolerance`, the response block from one step up
    until the spectrum has SC `block_similarity` with the one before. Source: github.com/magr4826/HT_RPA.
    """

    pseudopotentials: str = "SG15"
    kpoints_per_reciprocal_atom: int = 1500
    kpoint_offset: tuple[float, float, float] = (1 / 64, 2 / 64, 3 / 64)
    first_cutoff: int = 60
    cutoff_step: int = 5
    maximum_cutoff: int = 160
    energy_tolerance: float = 0.04
    smearing: float = 0.00625  # the published inputs hold a quarter of the 25 meV that their comment names
    band_energy: float = 20.0
    energy_max: float = 20.0
    n_energies: int = 2001
    block_step: float = 2.0
    maximum_block: float = 10.0
    block_similarity: float = 0.9


D_AND_F_METALS = (
    "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag",
    "Cd", "La", "Ce", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg",
)  # fmt: skip
FIRST_LADDER_2_CUTOFFS = {
    **dict.fromkeys(("O", "F", "N"), 400.0),
    **dict.fromkeys(("C", "Tl", *D_AND_F_METALS), 350.0),
    **dict.fromkeys(("B", "Pb", "Bi"), 300.0),
}
LADDER_2_CUTOFFS = FIRST_LADDER_2_CUTOFFS | {"N": 550.0, "O": 500.0, "F": 450.0, "C": 400.0, "B": 350.0, "H": 350.0}
"""Plane-wave cutoffs in eV by element; all others have the default. Decision 27 has what was tested."""

LADDER_1 = Protocol(name="ladder-1")
LADDER_1_FINE = Protocol(name="ladder-1-fine", extra_cutoff=100.0, response_kpoints=4000, response_cutoff=80.0)
LADDER_1_COARSE = Protocol(name="ladder-1-coarse", band_energy=24.0, response_cutoff=40.0)
LADDER_2 = Protocol(name="ladder-2", version=2, cutoffs=LADDER_2_CUTOFFS, sampled_volume=2.5e4)
LADDER_2_V1 = Protocol(name="ladder-2-v1", cutoffs=FIRST_LADDER_2_CUTOFFS, sampled_volume=2.5e4)
LADDER_2_COARSE = LADDER_2.model_copy(
    update={
        "name": "ladder-2-coarse",
        "version": 1,
        "ground_state_kpoints": 100,
        "response_kpoints": 300,
        "sampled_volume": 8e3,
        "response_cutoff": 40.0,
        "frequency_step": 0.15,
        "frequency_max": 28.0,
    }
)
"""A third of the cost of ladder-2, for labels of training alone (decision 31)."""
LADDER_2_FINE = LADDER_2.model_copy(
    update={"name": "ladder-2-fine", "extra_cutoff": 100.0, "sampled_volume": 2e5, "response_cutoff": 80.0}
)
GLLB_LRC_1 = LrcProtocol(name="gllb-lrc-1", version=2, cutoffs=LADDER_2_CUTOFFS, sampled_volume=2.5e4)
BSE_1 = BseProtocol(name="bse-1", version=2, cutoffs=LADDER_2_CUTOFFS)
GRUNERT_2025 = YamboProtocol(name="grunert-2025")
PROTOCOLS: dict[str, NamedProtocol] = {
    p.name: p
    for p in (
        LADDER_2,
        LADDER_2_V1,
        LADDER_2_COARSE,
        LADDER_2_FINE,
        LADDER_1,
        LADDER_1_COARSE,
        LADDER_1_FINE,
        GLLB_LRC_1,
        BSE_1,
        GRUNERT_2025,
    )
}


def plane_wave_cutoff(protocol: Protocol, symbols: list[str]) -> float:
    """Return the plane-wave cutoff in eV: the largest that one of the elements asks for."""
    return max(protocol.cutoffs.get(symbol, protocol.default_cutoff) for symbol in symbols) + protocol.extra_cutoff


def even_grid(crystal: Crystal, kpoints_times_atoms: float) -> tuple[int, int, int]:
    """Return even k-point counts in proportion to the reciprocal lattice lengths.

    Parameters
    ----------
    kpoints_times_atoms
        Wanted product of the number of k-points and the number of atoms.
    """
    lengths = np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    factor = (kpoints_times_atoms / crystal.n_atoms / np.prod(lengths)) ** (1 / 3)
    counts = np.maximum(2, 2 * np.round(factor * lengths / 2)).astype(int)
    return int(counts[0]), int(counts[1]), int(counts[2])


def response_bands(protocol: Protocol, volume: float, n_electrons: int) -> int:
    """Return the number of bands up to the protocol's energy, from the free-electron density of states.

    Parameters
    ----------
    volume
        Cell volume in cubic angstrom.
    """
    free_electron = volume / ATOMIC_VOLUME * (2 * protocol.band_energy / HARTREE) ** 1.5 / (6 * np.pi**2)
    return int(n_electrons / 2 + free_electron + 2)


def half_shift(crystal: Crystal, grid: tuple[int, int, int], cost_limit: float) -> tuple[int, int, int]:
    """Return the shift of a grid, in half steps, along the most directions that the crystal's symmetry allows cheaply.

    A half-step shift keeps the sampling away from the high-symmetry points and converges spectra faster. Of the shifts
    that every rotation of the crystal maps onto the grid itself the one along most directions is taken, unless it needs
    more than `cost_limit` times the irreducible points of the unshifted grid.
    """
    rotations = lattice_rotations(crystal, symprec=1e-4)
    shifts: list[tuple[int, int, int]] = [(i, j, k) for i, j, k in product((0, 1), repeat=3)]
    shift = max((shift for shift in shifts if shift_allowed(shift, rotations)), key=sum)
    if _irreducible_count(crystal, grid, shift) > cost_limit * _irreducible_count(crystal, grid, (0, 0, 0)):
        return (0, 0, 0)
    return shift


def shift_allowed(shift: tuple[int, ...], rotations: IntArray) -> bool:
    """Say whether every rotation maps the shift, in half steps of each axis, onto itself up to whole steps."""
    return not np.any((np.einsum("nji,j->ni", rotations, np.array(shift)) - shift) % 2)


def _irreducible_count(crystal: Crystal, grid: tuple[int, int, int], shift: tuple[int, ...]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # spglib's error handling in transition
        mapping, _ = spglib.get_ir_reciprocal_mesh(grid, spglib_cell(crystal), is_shift=shift, symprec=1e-4)
    return len(np.unique(mapping))
