"""Cost of ab initio spectra: python benchmarks/cost.py SOURCE --plot FILE prints JSON and draws."""

import argparse
import json
from pathlib import Path

from dielectra.abinitio.cost import PAPER_CPU_HOURS, campaign_costs, dataset_costs, summarise_costs
from dielectra.jobs.table import TABLE
from dielectra.plots import plot_costs, save_figure

parser = argparse.ArgumentParser()
parser.add_argument("source", help="data set or campaign")
parser.add_argument("--plot")
arguments = parser.parse_args()

is_campaign = (Path(arguments.source) / TABLE).is_file()
costs = (campaign_costs if is_campaign else dataset_costs)(arguments.source)
print(json.dumps(summarise_costs(costs), indent=2))
if arguments.plot:
    save_figure(plot_costs(costs, PAPER_CPU_HOURS), arguments.plot)
