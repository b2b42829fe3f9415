"""Write the census of the shipped data sets: python benchmarks/census.py > docs/census.md.

The figure goes to docs/figures/census.png. Floors are compared with the one of the data sets of ladder-2 and beyond
that has most of what they count; ladder-1 does not count.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.data.dataset import open_dataset
from dielectra.data.store import find_parts, list_datasets
from dielectra.data.summary import summarise
from dielectra.plots import plot_summary, save_figure

ROOT = Path(__file__).parents[1]
MAIN = "ladder-2"
SETS = (MAIN, "ladder-2-coarse", "ladder", "lrc", "bse", "experiment")
COUNTED = (MAIN, "lrc", "bse")
"""Those that count for the floors."""

HEADER = """# Census of the data sets

```console
$ python benchmarks/census.py > docs/census.md  # takes seconds
```

![Periodic table of training materials and chemistry classes of ladder-2](figures/census.png)
"""


def table(heads: list[str], rows: list[list[Any]]) -> str:
    """Return a Markdown table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def cost_rows(name: str) -> list[list[Any]]:
    """Return a row for each part: materials, metals, median CPU seconds of a material, CPU hours."""
    rows = []
    for part in find_parts(name):
        data = open_dataset(part)
        by_id = {key: float(value or 0.0) for key, value in data.properties("cpu_s").items()}
        seconds = [by_id[key] for key in data.ids if by_id.get(key)]
        n_metals = sum(1 for _ in data.metals())
        cost = [f"{np.median(seconds):.1f}", f"{sum(seconds) / 3600:.2f}"] if seconds else ["-", "-"]
        rows.append([f"{name}/{part.name}", len(data.ids) - n_metals, n_metals, *cost])
    return rows


def main() -> None:
    """Print the page and save the figure."""
    names = [name for name in SETS if name in list_datasets()]
    summaries = {name: summarise(name, floors=True) for name in names}
    census = summaries[MAIN]["census"]
    save_figure(plot_summary(summaries[MAIN]), ROOT / "docs" / "figures" / "census.png")
    print(HEADER)
    print("## Floors\n")
    most: Counter[str] = Counter()
    for name in COUNTED:
        if name in summaries:
            most |= Counter({floor["name"]: floor["found"] for floor in summaries[name]["census"]["floors"]})
    rows = [[floor["name"], most[floor["name"]], floor["floor"]] for floor in census["floors"]]
    print(table(["what", "found", "floor"], rows))
    print("## Materials by level and split\n")
    splits = ["train", "validation", "test", "experiment-test"]
    rows = []
    for name in names:
        of_set = summaries[name]["census"]
        for level, counts in (of_set["splits"] | {"metals": of_set["metals"]}).items():
            if counts:
                rows.append([f"{name}, {level}", sum(counts.values()), *(counts.get(split, 0) for split in splits)])
    print(table(["data set, level", "all", *splits], rows))
    print(f"## Chemistry of {MAIN}\n")
    rows = [[name, counts["materials"], counts["training"]] for name, counts in census["classes"].items()]
    print(table(["class", "materials", "for training"], rows))
    elements = ", ".join(f"{symbol} {count}" for symbol, count in census["training_elements"].items())
    print(f"Training materials by element: {elements}.\n")
    print("## Cost by part\n")
    heads = ["part", "materials with a spectrum", "metals", "median CPU s", "CPU h"]
    print(table(heads, [row for name in names if name != "experiment" for row in cost_rows(name)]), end="")


if __name__ == "__main__":
    main()
