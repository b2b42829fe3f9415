"""A cheap engine for the tests of campaigns: one Lorentz oscillator per atom, at an energy set by its number."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from dielectra.abinitio.computation import Computation, RefusedError
from dielectra.abinitio.protocol import Protocol
from dielectra.crystal import Crystal
from dielectra.symmetry import standardise

ENERGIES = np.linspace(0.0, 20.0, 41)
CRASHING, REFUSED, HUNGRY, ENDLESS, DYING = 2, 10, 18, 36, 54  # noble gases stand for what goes wrong


def require() -> None:
    """Run everywhere."""


def version() -> str:
    """Name what computes."""
    return "oscillators 1"


def compute(crystal: Crystal, protocol: Protocol, magnetic_moment: float, log: Path) -> Computation:
    """Return a sum of oscillators after a moment's work; the first atom of a noble gas misbehaves."""
    first = int(crystal.numbers[0])
    if first == REFUSED:
        raise RefusedError(f"{crystal.formula}: refused\nfor a reason of two lines")
    if first == CRASHING:
        raise ValueError("did not converge")
    if first == HUNGRY:
        np.ones(2**40)
    if first == DYING:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
    started = time.process_time()
    while first == ENDLESS or time.process_time() < started + 0.05:
        pass
    centres = 2.0 + crystal.numbers / 4
    eps = 1 + sum(4 / (c**2 - ENERGIES**2 - 1j * protocol.broadening * ENERGIES) for c in centres)
    tensor = np.einsum("ij,w->ijw", np.eye(3), eps)
    seconds = {"ground_state": 0.01, "bands": 0.01, "response": 0.03}
    return Computation(
        standardise(crystal),
        protocol,
        ENERGIES,
        {"ipa": tensor, "rpa": (tensor + 1) / 2},
        1.0,
        0.9,
        (2, 2, 2),
        4,
        20,
        seconds,
    )
