"""Order the pool for a campaign: python datasets/ladder/pool.py STRUCTURES.jsonl.gz > pool.jsonl.

Sorted by id, shuffled with seed 0, without the materials at hand and those of no split; training materials alternate
with validation and test materials, so that scores soon rest on more than a handful. Crystals whose estimated cost is
above a limit wait until the others are done: the cheapest third of the pool takes a seventh of its computing time.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from itertools import chain, zip_longest
from pathlib import Path

from dielectra.abinitio.gpaw import estimate_cpu_seconds
from dielectra.data.dataset import open_dataset
from dielectra.structures import read_structure

AFFORDABLE_CPU_SECONDS = 15.0

with gzip.open(sys.argv[1], "rt", encoding="utf-8") as file:
    entries = {entry["mat_id"]: entry for entry in map(json.loads, file)}
names = sorted(entries)
random.Random(0).shuffle(names)
present = open_dataset(Path(__file__).parent).ids
left = [entries[name] for name in names if name not in present and entries[name]["split"]]
training = [entry for entry in left if entry["split"] == "train"]
held_out = [entry for entry in left if entry["split"] != "train"]
order = [entry for entry in chain.from_iterable(zip_longest(training, held_out)) if entry is not None]
order.sort(key=lambda entry: estimate_cpu_seconds(read_structure(entry)) > AFFORDABLE_CPU_SECONDS)  # stable
for position, entry in enumerate(order):
    sys.stdout.write(json.dumps(entry | {"priority": -position}) + "\n")
