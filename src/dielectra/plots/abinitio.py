"""Figures of ab initio computations: their cost, and their agreement with others and with experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dielectra.plots.style import BLACK, BLUE, GREEN, LEVEL_COLOURS, ORANGE, style

if TYPE_CHECKING:
    from dielectra.abinitio.cost import Cost

ROUND_NUMBERS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
PART_COLOURS = {"ground_state": ORANGE, "bands": BLUE, "response": GREEN}


def plot_costs(costs: Sequence[Cost], paper_hours: Mapping[str, float]) -> Figure:
    """Draw CPU seconds against cell volume and k-points, and their parts where known; dashed, the paper's cost."""
    with style():
        by_part = any(len(cost.cpu_seconds) > 1 for cost in costs)
        figure = Figure(figsize=(9.0 if by_part else 7.0, 3.0))
        panels = figure.subplots(1, 3 if by_part else 2)
        totals = [cost.total for cost in costs]
        quantities: dict[str, list[float]] = {
            "cell volume (Å$^3$)": [cost.volume for cost in costs],
            "k-points of the full grid": [cost.kpoints for cost in costs],
        }
        for axes, (label, values) in zip(panels, quantities.items(), strict=False):
            axes.loglog(values, totals, "o", color=BLUE, markersize=3, alpha=0.5, markeredgewidth=0)
            for name, hours in paper_hours.items():
                axes.axhline(3600 * hours, color=BLACK, linestyle="--", linewidth=1)
                axes.text(max(values), 3600 * hours, f"paper, {name}", ha="right", va="bottom", fontsize=7)
            axes.axhline(float(np.median(totals)), color=ORANGE, linewidth=1)
            axes.text(min(values), float(np.median(totals)), "median", ha="left", va="bottom", fontsize=7)
            axes.set_xlabel(label)
            ticks = [tick for tick in ROUND_NUMBERS if min(values) <= tick <= max(values)]
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_ylim(top=6 * 3600 * max(paper_hours.values()))
        panels[0].set_ylabel("CPU seconds of a material")
        if by_part:
            _draw_parts(panels[2], costs)
        return figure


def plot_validation(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw eps2 of crystals at both levels by two protocols and, where at hand, as measured or by another code.

    Parameters
    ----------
    rows
        One a crystal: ``title``, ``energies`` ``(n,)``, ``coarse`` and ``fine`` by level, each ``(n,)``, ``sc`` by
        level, and ``others``: name, energies and eps2 of what it is compared with, as (level or None, name, x, y).
    """
    with style():
        n_columns = 3
        n_rows = -(-len(rows) // n_columns)
        figure = Figure(figsize=(3.2 * n_columns, 2.4 * n_rows))
        panels = np.atleast_1d(figure.subplots(n_rows, n_columns)).ravel()
        for axes, row in zip(panels, rows, strict=False):
            for level, colour in (("ipa", LEVEL_COLOURS["ipa"]), ("rpa", LEVEL_COLOURS["rpa"])):
                if level in row["fine"]:
                    axes.plot(row["energies"], row["fine"][level], color=colour, linestyle=":", linewidth=1.1)
                score = f", SC {row['sc'][level]:.3f}" if level in row["sc"] else ""
                axes.plot(row["energies"], row["coarse"][level], color=colour, label=f"{level.upper()}{score}")
            for level, name, energies, values in row["others"]:
                colour = LEVEL_COLOURS.get(level, BLACK)
                axes.plot(energies, values, color=colour, linestyle="--" if level else "-", linewidth=1, label=name)
            axes.set_title(row["title"], loc="left", fontsize=9)
            axes.legend(fontsize=6.5)
            axes.set_xlim(0, 20)
            axes.set_ylim(bottom=0)
        for axes in panels[len(rows) :]:
            axes.set_visible(False)
        figure.supxlabel("photon energy (eV)", fontsize=9)
        figure.supylabel(r"$\varepsilon_2$ (dotted: finer protocol; dashed: another code)", fontsize=9)
        return figure


def plot_static_parity(points: Sequence[tuple[float, float]], labelled: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw static dielectric constants of RPA against those of DFPT, and their ratio; outliers are named.

    Parameters
    ----------
    points
        DFPT and RPA value of each crystal.
    labelled
        The same of crystals to be named.
    """
    reference, values = np.array(points, float).T
    with style():
        figure = Figure(figsize=(8.4, 3.8))
        parity, ratio = figure.subplots(1, 2)
        ends = (0.9 * min(reference.min(), values.min()), 1.1 * max(reference.max(), values.max()))
        parity.loglog(ends, ends, color=BLACK, linewidth=1)
        parity.set_ylabel("static dielectric constant, RPA")
        ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 30, 50, 100) if ends[0] <= tick <= ends[1]]
        parity.set_yticks(ticks, [str(tick) for tick in ticks])
        median = float(np.median(values / reference))
        ratio.set_xscale("log")
        ratio.axhline(1, color=BLACK, linewidth=1)
        ratio.axhline(median, color=ORANGE, linewidth=1, label=f"median {median:.3f}")
        ratio.set_ylabel("RPA / DFPT")
        for axes, heights in ((parity, values), (ratio, values / reference)):
            axes.plot(reference, heights, "o", color=BLUE, markersize=3.5, alpha=0.5, markeredgewidth=0)
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_minor_locator(NullLocator())
            axes.set_xlabel("static dielectric constant, DFPT")
        for name, (x, y) in labelled.items():
            ratio.annotate(name, (x, y / x), textcoords="offset points", xytext=(3, 3), fontsize=6.5)
        ratio.legend(fontsize=8)
        return figure


def _draw_parts(axes: Any, costs: Sequence[Cost]) -> None:
    """Draw, over the materials in order of cost, the share of each part."""
    ordered = sorted(costs, key=lambda cost: cost.total)
    position = np.arange(len(ordered)) / max(1, len(ordered) - 1)
    below = np.zeros(len(ordered))
    for part, colour in PART_COLOURS.items():
        share = np.array([cost.cpu_seconds.get(part, 0.0) / cost.total for cost in ordered])
        axes.fill_between(position, below, below + share, color=colour, alpha=0.8, linewidth=0, label=part)
        below = below + share
    axes.set_ylim(0, 1)
    axes.set_xlim(0, 1)
    axes.set_xlabel("materials, cheap to costly")
    axes.set_ylabel("share of the cost")
    axes.legend(fontsize=7, labels=[part.replace("_", " ") for part in PART_COLOURS], frameon=True)
