"""A cheap engine for the tests of campaigns: one Lorentz oscillator per atom, at an energy set by its number."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from dielectra.abinitio.computation import Computation, RefusedError
from dielectra.abinitio.protocol import LADDER_1, LADDER_1_FINE, Protocol
from dielectra.crystal import Crystal
from dielectra.symmetry import standardise

ENERGIES = np.linspace(0.0, 20.0, 41)
CRASHING, REFUSED, HUNGRY, ENDLESS, DYING, FULL = 2, 10, 18, 36, 54, 86  # noble gases stand for what goes wrong
METAL, SLEEPY = 79, 105

levels = ("ipa", "rpa")
protocols = {protocol.name: protocol for protocol in (LADDER_1, LADDER_1_FINE)}
default_protocol = LADDER_1


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
    if first == FULL:
        Path("/dev/full").write_bytes(b"a record")
    if first == SLEEPY:
        time.sleep(3600)
    started = time.process_time()
    while first == ENDLESS or time.process_time() < started + 0.05:
        pass
    centres = 2.0 + crystal.numbers / 4
    eps = 1 + sum(4 / (c**2 - ENERGIES**2 - 1j * protocol.broadening * ENERGIES) for c in centres)
    tensor = np.einsum("ij,w->ijw", np.eye(3), eps)
    if first == METAL:
        return Computation(
            standardise(crystal), protocol, ENERGIES, {}, 0.0, 0.0, (2, 2, 2), 4, 20, {"bands": 0.01}, metal=True
        )
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
        {"gap_other": 1.5},
    )
