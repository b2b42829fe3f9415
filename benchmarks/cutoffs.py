"""SC of plane-wave cutoffs to one 200 eV higher: python benchmarks/cutoffs.py [N O F ...] [--cutoff 400 500].

Of each element the cheapest records of ladder-2 are computed in which no other element asks for a higher cutoff, on
a k-point grid of a quarter of the points: at the protocol's cutoff or those given, and 200 eV above the highest.
"""

import argparse
import time

import numpy as np

from dielectra.abinitio.computation import ENERGIES
from dielectra.abinitio.gpaw import compute
from dielectra.abinitio.protocol import LADDER_2, plane_wave_cutoff
from dielectra.crystal import Crystal
from dielectra.data.dataset import open_dataset
from dielectra.elements import SYMBOLS
from dielectra.spectrum import similarity

COARSE = LADDER_2.model_copy(update={"sampled_volume": 6e3, "ground_state_kpoints": 100})
Result = tuple[dict[str, np.ndarray], float, float]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("elements", nargs="*", help="all by default")
parser.add_argument("-n", type=int, default=2, help="crystals of each element")
parser.add_argument("--cutoff", type=float, nargs="*", default=[], help="eV; by default the protocol's")
arguments = parser.parse_args()

records = sorted(open_dataset("ladder-2").records("rpa"), key=lambda record: record.properties["cpu_s"])
symbols = {record.id: sorted({SYMBOLS[number] for number in record.crystal.elements}) for record in records}
done: dict[tuple[str, float], Result] = {}


def spectra(name: str, crystal: Crystal, cutoff: float) -> Result:
    """Return Im eps by level, the direct gap and the CPU seconds of a crystal, computed once."""
    if (name, cutoff) not in done:
        start = time.process_time()
        found = compute(crystal, COARSE.model_copy(update={"cutoffs": {}, "default_cutoff": cutoff}))
        curves = {level: np.einsum("iie->e", tensor).imag / 3 for level, tensor in found.tensors.items()}
        done[name, cutoff] = curves, found.gap_direct, time.process_time() - start
    return done[name, cutoff]


print("| element | crystal | id | cutoff, eV | SC IPA | SC RPA | gap error, eV | CPU s |")
print("|---|---|---|---:|---:|---:|---:|---:|")
for element in arguments.elements or sorted({symbol for one in symbols.values() for symbol in one}):
    own = plane_wave_cutoff(LADDER_2, [element])
    crystals = [one for one in records if element in symbols[one.id]]
    crystals = [one for one in crystals if plane_wave_cutoff(LADDER_2, symbols[one.id]) == own]
    for record in crystals[: arguments.n]:
        cutoffs = arguments.cutoff or [own]
        reference, gap, _ = spectra(record.id, record.crystal, max(cutoffs) + 200.0)
        for cutoff in cutoffs:
            curves, own_gap, seconds = spectra(record.id, record.crystal, cutoff)
            same = [float(similarity(curves[level], reference[level], ENERGIES)) for level in ("ipa", "rpa")]
            row = f"| {element} | {record.formula} | {record.id} | {cutoff:.0f} | {same[0]:.3f} | {same[1]:.3f}"
            print(f"{row} | {own_gap - gap:+.2f} | {seconds:.1f} |", flush=True)
