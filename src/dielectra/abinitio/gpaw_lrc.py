"""Engine GPAW with GLLB-SC quasiparticle energies and a static long-range kernel.

The GLLB-SC functional gives Kohn-Sham bands and the derivative discontinuity, whose sum is the quasiparticle gap
(Kuisma, Ojanen, Enkovaara, Rantala, Phys. Rev. B 82, 115106 (2010)). The response of those bands, the empty ones raised
by the discontinuity, is computed without and with local fields. The kernel, which stands for the attraction of electron
and hole, acts on the latter. A correction of the gap alone makes insulators worse than none and is not offered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dielectra.abinitio.computation import ENERGIES, Computation
from dielectra.abinitio.gpaw import accept, refuse_magnetic, require
from dielectra.abinitio.gpaw import version as gpaw_version
from dielectra.abinitio.gpaw_steps import (
    converge_ground_state,
    derivative_discontinuity,
    read_gaps,
    respond,
    solve_bands,
)
from dielectra.abinitio.kgrid import response_sampling
from dielectra.abinitio.protocol import GLLB_LRC_1, PROTOCOLS, LrcProtocol, response_bands
from dielectra.crystal import Crystal
from dielectra.jobs.clock import CpuClock
from dielectra.optics.kernel import kernel_strength, with_long_range_kernel

__all__ = ["compute", "default_protocol", "levels", "protocols", "require", "version"]

levels = ("ipa", "rpa", "lrc")
protocols = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, LrcProtocol)}
default_protocol = GLLB_LRC_1


def version() -> str:
    """Return what computes: GPAW and its data sets with their versions."""
    return gpaw_version().replace("PBE", "GLLB-SC with derivative discontinuity")


def compute(
    structure: Crystal, protocol: LrcProtocol = GLLB_LRC_1, magnetic_moment: float = 0.0, log: Path | None = None
) -> Computation:
    """Compute dielectric tensors of quasiparticle bands: without and with local fields, and with the kernel (``lrc``).

    `gap_direct` and `gap_indirect` of the result are quasiparticle gaps. Its properties are ``gap_ks`` (the Kohn-Sham
    gap) and ``discontinuity``, both in eV, and ``kernel_strength``. A crystal whose Kohn-Sham gap is below the
    protocol's smallest is a metal.

    Parameters
    ----------
    structure
        Any cell of the crystal; its standardised primitive cell is computed.
    magnetic_moment
        Total moment of the cell in Bohr magnetons, where known.
    log
        File for GPAW's own output; discarded when None.

    Raises
    ------
    RefusedError
        If the crystal is magnetic, has an odd electron count, or an unsupported element.
    """
    crystal, n_electrons = accept(structure, magnetic_moment, protocol.functional)
    n_bands = response_bands(protocol, crystal.volume, n_electrons)
    sampling = response_sampling(crystal, protocol)
    clock = CpuClock()
    refuse_magnetic(crystal, protocol, log)
    ground_state = converge_ground_state(crystal, protocol, n_electrons // 2, log)
    gaps = read_gaps([ground_state], n_electrons // 2)
    clock.lap("ground_state")
    tensors: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    if gaps[1] >= protocol.minimum_gap:
        gap, discontinuity = derivative_discontinuity(ground_state)
        bands = solve_bands(ground_state, sampling.kpoints(), n_bands, log)
        gaps = read_gaps([ground_state, bands], n_electrons // 2)
        clock.lap("bands")
        tensors = respond(bands, crystal, protocol, n_bands, scissor=discontinuity)
        strength = kernel_strength(protocol.kernel, float(np.trace(tensors["rpa"][:, :, 0]).real / 3))
        tensors["lrc"] = with_long_range_kernel(tensors["rpa"], strength)
        properties = {"gap_ks": gap, "discontinuity": discontinuity, "kernel_strength": strength}
        gaps = (gaps[0] + discontinuity, gaps[1] + discontinuity)
        clock.lap("response")
    return Computation(
        crystal,
        protocol,
        ENERGIES,
        tensors,
        *gaps,
        sampling.grid,
        sampling.irreducible,
        n_bands,
        clock.seconds,
        properties,
        metal=not tensors,
    )
