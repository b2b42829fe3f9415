"""Figures of the paper's experiments, each drawn from an experiment's report alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from dielectra.plots.style import BLACK, BLUE, GREEN, LEVEL_COLOURS, ORANGE, RED, SKY, style

VERSION_COLOURS = {"as published": ORANGE, "honest": RED, "climb": BLUE}
COLOUR_MAP = "viridis"
GREY = "#bbbbbb"
SC_BINS = 25
NOBLE_GASES = (0, 2, 10, 18, 36, 54, 86, 118)


def model_colour(name: str) -> str:
    """Return the colour of a model: red for direct, blue for transfer learning."""
    return RED if name.startswith("DL") else BLUE


def plot_panels(energies: Sequence[float], panels: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw eps2 of materials at both levels (filled) and as predicted (lines), one panel each.

    Parameters
    ----------
    panels
        Each with ``formula``, ``quantile``, and by curve ``eps2`` ``(n_energies,)`` and its ``sc`` with ``rpa``.
    """
    with style():
        n_columns = min(3, len(panels))
        n_rows = -(-len(panels) // n_columns)
        figure = Figure(figsize=(3.2 * n_columns, 2.3 * n_rows + 0.5))
        axes_list = np.atleast_1d(figure.subplots(n_rows, n_columns, sharex=True)).ravel()
        for axes, panel in zip(axes_list, panels, strict=False):
            for name, values in panel["eps2"].items():
                if name in LEVEL_COLOURS:
                    axes.fill_between(energies, values, color=LEVEL_COLOURS[name], alpha=0.3, linewidth=0)
            predictions = [name for name in panel["eps2"] if name.startswith(("DL", "TL"))]
            for name in predictions:
                most = name == [other for other in predictions if other[:2] == name[:2]][-1]
                look = ("-", 1.3) if most else ("--", 0.9)
                axes.plot(
                    energies, panel["eps2"][name], look[0], linewidth=look[1], color=model_colour(name), label=name
                )
            if "computed here" in panel["eps2"]:
                axes.plot(
                    energies, panel["eps2"]["computed here"], ":", color=BLACK, linewidth=1, label="computed here"
                )
            scores = "  ".join(f"{n} {panel['sc'][n]:.2f}" for n in (predictions[:1] + predictions[-1:]))
            axes.set_title(
                f"{panel['formula']}, {panel['quantile']:.0%}: SC IPA {panel['sc']['ipa']:.2f}\n{scores}",
                loc="left",
                fontsize=8,
            )
            axes.set_xlim(energies[0], energies[-1])
            axes.set_ylim(bottom=0)
        for axes in axes_list[len(panels) :]:
            axes.set_visible(False)
        lines, names = axes_list[0].get_legend_handles_labels()
        fills = [
            Patch(color=LEVEL_COLOURS[level], alpha=0.3, label=f"{level.upper()}, computed") for level in ("ipa", "rpa")
        ]
        figure.legend(handles=[*fills, *lines], loc="outside upper center", ncols=len(names) + 2, fontsize=8)
        figure.supxlabel("photon energy (eV)", fontsize=9)
        figure.supylabel(r"$\varepsilon_2$", fontsize=9)
        return figure


def plot_small_cells(report: Mapping[str, Any]) -> Figure:
    """Draw the error on larger cells against the largest training cell, and SC by atoms per cell as box plots."""
    with style():
        figure = Figure(figsize=(9.6, 3.9))
        curve, boxes = figure.subplots(1, 2, width_ratios=(1, 1.5))
        numbers = [int(n) for n in report["series"]]
        for version, colour in VERSION_COLOURS.items():
            errors = [1 - np.array(entry["versions"][version]["larger"]["sc"]) for entry in report["series"].values()]
            curve.fill_between(numbers, [e.min() for e in errors], [e.max() for e in errors], color=colour, alpha=0.15)
            curve.plot(numbers, [e.mean() for e in errors], "-o", markersize=4, color=colour, label=version)
        lower = [1 - entry["ipa_as_rpa"]["larger"] for entry in report["series"].values()]
        curve.plot(numbers, lower, "-.", color=GREEN, label="IPA taken as RPA")
        paper = report["published"]
        curve.plot(
            paper["max_atoms"], 1 - np.array(paper["sc_median"]), "--*", color=BLACK, label="the paper (all cells)"
        )
        curve.set_xticks(sorted({*numbers, *paper["max_atoms"]}))
        curve.set_xlabel("largest training cell (atoms)")
        curve.set_ylabel("1 - median SC, larger test cells")
        curve.set_ylim(bottom=0)
        curve.legend(fontsize=7)
        _draw_boxes(boxes, report["box"], report["published_box"])
        return figure


def _draw_boxes(axes: Axes, box: Mapping[str, Any], published: Mapping[str, Any]) -> None:
    sizes = sorted({*box["by_atoms"], *published["by_atoms"]}, key=int)
    series = [*((colour, version) for version, colour in VERSION_COLOURS.items()), (BLACK, "the paper")]
    width = 0.8 / len(series)
    for place, (colour, name) in enumerate(series):
        offset = (place - (len(series) - 1) / 2) * width
        entries, positions = [], []
        for index, size in enumerate(sizes):
            if name == "the paper" and size in published["by_atoms"]:
                q = published["by_atoms"][size]
                entries.append(
                    {"q1": q["q1"], "q3": q["q3"], "med": q["median"], "whislo": q["low"], "whishi": q["high"]}
                )
            elif name != "the paper" and size in box["by_atoms"]:
                values = box["by_atoms"][size][name]
                q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75))
                entries.append({"q1": q1, "q3": q3, "med": median, "whislo": min(values), "whishi": max(values)})
            else:
                continue
            positions.append(index + offset)
        look = {"color": colour}
        axes.bxp(
            entries,
            positions=positions,
            widths=width * 0.8,
            showfliers=False,
            manage_ticks=False,
            boxprops=look,
            medianprops=look,
            whiskerprops=look,
            capprops=look,
        )
    counts = [
        f"{size}\n({len(next(iter(box['by_atoms'][size].values())))})" if size in box["by_atoms"] else size
        for size in sizes
    ]
    axes.set_xticks(range(len(sizes)), counts)
    boundary = sum(int(size) <= box["max_atoms"] for size in sizes) - 0.5
    axes.axvline(boundary, color=GREY, linestyle=":")
    axes.set_xlabel("atoms per cell (our spectra, all seeds)")
    axes.set_ylabel("SC")
    axes.set_title(
        f"trained on cells of at most {box['max_atoms']} atoms (paper: {published['max_atoms']})",
        loc="left",
        fontsize=9,
    )
    axes.legend(handles=[Patch(color=colour, label=name) for colour, name in series], fontsize=7, loc="lower left")


def plot_histograms(series: Mapping[str, Sequence[Sequence[float]]], names: Mapping[str, str]) -> Figure:
    """Draw the distribution over materials (and seeds) of every series of SC.

    Parameters
    ----------
    series
        By name, for each seed one SC per material.
    names
        Labels of those series that are not models.
    """
    with style():
        n_columns = min(3, len(series))
        n_rows = -(-len(series) // n_columns)
        figure = Figure(figsize=(3.0 * n_columns, 2.2 * n_rows))
        panels = np.atleast_1d(figure.subplots(n_rows, n_columns, sharex=True)).ravel()
        for axes, (name, seeds) in zip(panels, series.items(), strict=False):
            values = np.clip(np.concatenate([np.array(seed) for seed in seeds]), 0, 1)
            weights = np.full(len(values), 1 / len(seeds))
            colour = ORANGE if name in names else model_colour(name)
            axes.hist(values, bins=list(np.linspace(0, 1, SC_BINS + 1)), weights=weights, color=colour, alpha=0.85)
            axes.axvline(float(np.mean([np.median(seed) for seed in seeds])), color=BLACK)
            title = names.get(name, f"SC[RPA_{name}; RPA]")
            axes.set_title(
                f"{title}\nmedian {np.mean([np.median(seed) for seed in seeds]):.3f}", loc="left", fontsize=8
            )
        for axes in panels[len(series) :]:
            axes.set_visible(False)
        figure.supxlabel("SC, test split", fontsize=9)
        figure.supylabel("materials (mean over seeds)", fontsize=9)
        return figure


def plot_correlations(series: Mapping[str, Sequence[Sequence[float]]], against: Mapping[str, str]) -> Figure:
    """Draw 2-D histograms of every model's SC against the named series, all seeds together."""
    with style():
        models = [name for name in series if name not in against]
        figure = Figure(figsize=(2.6 * len(models), 2.5 * len(against)))
        grid = figure.subplots(len(against), len(models), squeeze=False, sharey=True)
        for row, (key, title) in zip(grid, against.items(), strict=True):
            for axes, name in zip(row, models, strict=True):
                seeds = series[name]
                vertical = np.clip(np.concatenate([np.array(seed) for seed in seeds]), 0, 1)
                horizontal = np.clip(
                    np.concatenate([series[key][i % len(series[key])] for i in range(len(seeds))]), 0, 1
                )
                n_bins = int(np.clip(np.sqrt(len(vertical)), 8, 40))
                _, _, _, image = axes.hist2d(
                    horizontal, vertical, bins=n_bins, range=((0, 1), (0, 1)), cmap=COLOUR_MAP, cmin=1
                )
                axes.plot([0, 1], [0, 1], ":", color=BLACK, linewidth=0.8)
                axes.set_xlabel(title, fontsize=8)
                axes.set_title(f"SC[RPA_{name}; RPA]", loc="left", fontsize=8)
                axes.set_aspect("equal")
            figure.colorbar(image, ax=row.tolist(), label="materials x seeds", shrink=0.8)
        return figure


def plot_parity(computed: Sequence[float], predicted: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw predicted against computed quantum weights (eV), one panel per model, all seeds."""
    with style():
        figure = Figure(figsize=(2.5 * len(predicted), 2.8))
        panels = np.atleast_1d(figure.subplots(1, len(predicted), sharex=True, sharey=True)).ravel()
        highest = 1.05 * max(max(computed), *(max(seed) for seeds in predicted.values() for seed in seeds))
        for axes, (name, seeds) in zip(panels, predicted.items(), strict=True):
            for seed in seeds:
                axes.plot(computed, seed, "o", markersize=3, alpha=0.6, color=model_colour(name), markeredgewidth=0)
            axes.plot([0, highest], [0, highest], ":", color=BLACK, linewidth=0.8)
            axes.set_xlim(0, highest)
            axes.set_ylim(0, highest)
            axes.set_aspect("equal")
            axes.set_title(name, loc="left", fontsize=9)
        panels[0].set_ylabel("predicted (eV)")
        figure.supxlabel(r"computed $\int \varepsilon_2\, dE$ (eV)", fontsize=9)
        return figure


def plot_similarity(report: Mapping[str, Any]) -> Figure:
    """Draw predicted against computed SC[RPA; IPA], and the map of the latent space coloured by it."""
    with style():
        n_panels = 1 if report["map"] is None else 2
        figure = Figure(figsize=(4.0 * n_panels, 3.6))
        panels = np.atleast_1d(figure.subplots(1, n_panels)).ravel()
        truth, guess = (np.array([entry[key] for entry in report["materials"]]) for key in ("sc", "predicted"))
        splits = np.array([entry["split"] for entry in report["materials"]])
        for split, colour in (("train", GREY), ("validation", SKY), ("test", BLUE)):
            chosen = splits == split
            label = f"{split} ({chosen.sum()})"
            panels[0].plot(
                truth[chosen], guess[chosen], "o", markersize=3, color=colour, markeredgewidth=0, label=label
            )
        ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
        panels[0].plot(ends, ends, ":", color=BLACK, linewidth=0.8)
        panels[0].axhline(report["constant"], color=ORANGE, linestyle="--", label="constant")
        panels[0].set_xlabel("computed SC[RPA; IPA]")
        panels[0].set_ylabel("predicted, first seed")
        panels[0].legend(fontsize=7)
        if report["map"] is not None:
            x, y = np.array(report["map"]).T
            is_test = splits == "test"
            points = panels[1].scatter(x, y, c=truth, s=np.where(is_test, 26, 9), cmap=COLOUR_MAP, linewidths=0)
            panels[1].scatter(x[is_test], y[is_test], s=26, facecolors="none", edgecolors=BLACK, linewidths=0.7)
            panels[1].set_xticks([])
            panels[1].set_yticks([])
            panels[1].set_title("latent space (UMAP), test circled", loc="left", fontsize=9)
            figure.colorbar(points, ax=panels[1], label="SC[RPA; IPA]")
        return figure


def plot_elements(report: Mapping[str, Any]) -> Figure:
    """Draw periodic tables: materials with each element in training and test split, and the mean of 1 - SC."""
    errors = {element: entry["mean"] for element, entry in report["error"].items()}
    tables = {
        "training materials": (report["train"], LogNorm, "{:.0f}"),
        "test materials": (report["test"], LogNorm, "{:.0f}"),
        f"mean 1 - SC of {report['model']}, test materials with the element": (errors, Normalize, "{:.2f}"),
    }
    with style():
        figure = Figure(figsize=(7.2, 8.4))
        for axes, (title, (values, norm, text)) in zip(figure.subplots(3, 1), tables.items(), strict=True):
            scale = norm(vmin=min(values.values()), vmax=max(*values.values(), 1.001 * min(values.values())))
            _draw_periodic_table(axes, values, scale, text)
            axes.set_title(title, loc="left", fontsize=9)
        return figure


def _draw_periodic_table(axes: Axes, values: Mapping[str, float], scale: Normalize, text: str) -> None:
    """Draw the elements up to the heaviest row that has a value; those without one are white."""
    from matplotlib import colormaps

    rows = max(table_position(atomic_numbers[element])[0] for element in values)
    for element, number in atomic_numbers.items():
        row, column = table_position(number) if number else (99, 0)
        if row > max(rows, 5) or column == 0:
            continue
        colour: Any = "white"
        if element in values:
            colour = colormaps[COLOUR_MAP](scale(values[element]))
        axes.add_patch(Rectangle((column, row), 0.95, 0.95, facecolor=colour, edgecolor=GREY, linewidth=0.6))
        dark = element in values and scale(values[element]) < 0.6
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": "white" if dark else BLACK}
        axes.text(column + 0.475, row + 0.33, element, fontsize=8, **look)
        if element in values:
            axes.text(column + 0.475, row + 0.72, text.format(values[element]), fontsize=5.5, **look)
    axes.set_xlim(0.9, 19.05)
    axes.set_ylim(max(rows, 5) + 1.05, 0.9)
    axes.set_aspect("equal")
    axes.axis("off")


def table_position(number: int) -> tuple[int, int]:
    """Return row and column of an element in the table of 18 columns, each from 1; column 0 in the f block."""
    row = next(index for index, end in enumerate(NOBLE_GASES) if number <= end)
    position = number - NOBLE_GASES[row - 1]
    length = NOBLE_GASES[row] - NOBLE_GASES[row - 1]
    if position <= 2 and number != 2:
        return row, position
    from_end = length - position
    return (row, 18 - from_end) if from_end < min(16, length - 2) or number == 2 else (row, 0)


def plot_cost(report: Mapping[str, Any]) -> Figure:
    """Draw the distributions of CPU seconds per material, on a log axis."""
    with style():
        figure = Figure(figsize=(6.4, 3.2))
        axes: Axes = figure.subplots()
        single = report["prediction_cpu_s"]["one at a time"]
        series = {"prediction": (single, BLUE), "ab initio, this data set": (report["ab_initio_cpu_s"], GREEN)}
        paper = {f"paper, {key}": 3600 * report["published"][f"{key}_cpu_h"] for key in ("median", "mean")}
        everything = [value for values, _ in series.values() for value in values] + list(paper.values())
        bins = list(np.geomspace(min(everything) / 1.5, max(everything) * 1.5, 60))
        for label, (values, colour) in series.items():
            if values:
                weights = np.full(len(values), 1 / len(values))
                axes.hist(values, bins=bins, weights=weights, color=colour, alpha=0.8, label=label)
                axes.axvline(float(np.median(values)), color=colour, linestyle="--", linewidth=1)
        for (label, seconds), line in zip(paper.items(), ("-", "-."), strict=True):
            axes.axvline(seconds, color=RED, linestyle=line, label=label)
        axes.set_xscale("log")
        axes.set_xlabel("CPU seconds per material (dashed: median)")
        axes.set_ylabel("fraction of materials")
        axes.legend(fontsize=8)
        return figure
