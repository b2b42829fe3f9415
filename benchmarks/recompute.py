"""Recompute records of a data set and print their SC: python benchmarks/recompute.py DATASET [-n 5] [--seed S].

The cheapest by default; with a seed, random ones.
"""

import argparse
import random

from dielectra.abinitio.gpaw import compute
from dielectra.abinitio.protocol import PROTOCOLS, Protocol
from dielectra.data.dataset import open_dataset
from dielectra.spectrum import COMPONENTS, similarity

parser = argparse.ArgumentParser()
parser.add_argument("dataset")
parser.add_argument("-n", type=int, default=5)
parser.add_argument("--protocol", default="ladder-2")
parser.add_argument("--cpu-seconds", type=float, default=60.0, help="most that a record may have cost")
parser.add_argument("--seed", type=int, help="choose at random")
arguments = parser.parse_args()

protocol = PROTOCOLS[arguments.protocol]
if not isinstance(protocol, Protocol):
    raise SystemExit(f"{arguments.protocol} is no protocol of GPAW")
records = list(open_dataset(arguments.dataset).records())
stored = {(record.id, record.spectrum.level): record for record in records}
records.sort(key=lambda record: record.properties["cpu_s"])
cheap = dict.fromkeys(one.id for one in records if one.properties["cpu_s"] <= arguments.cpu_seconds)
chosen = list(cheap)[: arguments.n]
if arguments.seed is not None:
    chosen = random.Random(arguments.seed).sample(sorted(cheap), arguments.n)
print("| material | formula | level | SC | largest change of eps | change of gap, eV | CPU s | before |")
print("|---|---|---|---:|---:|---:|---:|---:|")
for name in chosen:
    new = compute(stored[name, "rpa"].crystal, protocol)
    for level, tensor in new.tensors.items():
        old = stored[name, level]
        axes = [COMPONENTS[axis] for axis in ("xx", "yy", "zz")]
        pairs = [(tensor[i, j].imag, old.spectrum.tensor[i, j].imag) for i, j in axes]
        worst = min(float(similarity(*pair, old.spectrum.energies)) for pair in pairs)
        change = float(abs(tensor - old.spectrum.tensor).max())
        gap = new.gap_direct - old.properties["gap_direct"]
        cost = f"{sum(new.cpu_seconds.values()):.1f} | {old.properties['cpu_s']:.1f}"
        print(f"| {name} | {old.formula} | {level} | {worst:.5f} | {change:.4f} | {gap:.4f} | {cost} |", flush=True)
