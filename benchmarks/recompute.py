"""Recompute cheap records by ladder-1 and print their SC: python benchmarks/recompute.py DATASET [-n 5]."""

import argparse
import tempfile

from dielectra.abinitio.campaign import create_campaign
from dielectra.abinitio.materials import Material
from dielectra.abinitio.task import record_path
from dielectra.data.dataset import open_dataset
from dielectra.jobs.local import run_jobs
from dielectra.spectrum import COMPONENTS, similarity

parser = argparse.ArgumentParser()
parser.add_argument("dataset")
parser.add_argument("-n", type=int, default=5)
parser.add_argument("--workers", type=int, default=1)
arguments = parser.parse_args()

records = sorted(open_dataset(arguments.dataset).records(), key=lambda record: record.properties["cpu_s"])
stored = {(record.id, record.spectrum.level): record for record in records}
chosen = list(dict.fromkeys(record.id for record in records))[: arguments.n]
with tempfile.TemporaryDirectory() as folder:
    crystals = [stored[name, "rpa"] for name in chosen]
    create_campaign(folder, [Material(r.id, r.formula, r.crystal, r.split) for r in crystals], "gpaw", "ladder-1")
    run_jobs(folder, arguments.workers)
    print("| material | formula | level | SC | largest change of eps |\n|---|---|---|---|---|")
    for name in chosen:
        for new in open_dataset(record_path(folder, name)).records():
            old = stored[name, new.spectrum.level].spectrum
            axes = [COMPONENTS[axis] for axis in ("xx", "yy", "zz")]
            pairs = [(new.spectrum.tensor[i, j].imag, old.tensor[i, j].imag) for i, j in axes]
            worst = min(float(similarity(*pair, old.energies)) for pair in pairs)
            change = float(abs(new.spectrum.tensor - old.tensor).max())
            print(f"| {name} | {new.formula} | {old.level} | {worst:.5f} | {change:.4f} |", flush=True)
