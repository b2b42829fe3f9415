"""Figures of the paper's experiments, each drawn from an experiment's report alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from dielectra.arrays import FloatArray
from dielectra.plots.style import BLACK, BLUE, COLOUR_MAP, GREEN, GREY, LEVEL_COLOURS, ORANGE, RED, SKY, style

VERSION_COLOURS = {"as published": ORANGE, "honest": RED, "climb": BLUE}
SC_BINS = 25


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
            draw_panel(axes, energies, panel)
        for axes in axes_list[len(panels) :]:
            axes.set_visible(False)
        lines = {line.get_label(): line for axes in axes_list for line in axes.get_lines()}
        fills = [
            Patch(color=LEVEL_COLOURS[level], alpha=0.3, label=f"{level.upper()}, computed") for level in ("ipa", "rpa")
        ]
        handles = [*fills, *lines.values()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8)
        figure.supxlabel("photon energy (eV)", fontsize=9)
        figure.supylabel(r"$\varepsilon_2$", fontsize=9)
        return figure


def draw_panel(axes: Axes, energies: Sequence[float], panel: Mapping[str, Any]) -> None:
    """Draw one material of :func:`plot_panels`."""
    most = {name[:2]: name for name in panel["eps2"] if name.startswith(("DL", "TL"))}  # the last of each
    for name, values in panel["eps2"].items():
        if name in LEVEL_COLOURS:
            axes.fill_between(energies, values, color=LEVEL_COLOURS[name], alpha=0.3, linewidth=0)
        elif name in most.values():
            axes.plot(energies, values, linewidth=1.3, color=model_colour(name), label=name)
        elif name[:2] in most:
            axes.plot(energies, values, "--", linewidth=0.9, color=model_colour(name), label=name)
        else:
            axes.plot(energies, values, ":", linewidth=1, color=BLACK, label=name)
    scores = ", ".join(f"{name} {panel['sc'][name]:.2f}" for name in ("ipa", *most.values()))
    axes.set_title(f"{panel['formula']} ({panel['quantile']:.0%})\nSC: {scores}", loc="left", fontsize=8)
    axes.set_xlim(energies[0], energies[-1])
    axes.set_ylim(bottom=0)


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
    ours, paper = box["by_atoms"], published["by_atoms"]
    sizes = sorted({*ours, *paper}, key=int)
    boxes = {
        version: {size: boxplot_stats(groups[version])[0] for size, groups in ours.items()}
        for version in VERSION_COLOURS
    }
    boxes["the paper"] = {
        size: {"q1": q["q1"], "med": q["median"], "q3": q["q3"], "whislo": q["low"], "whishi": q["high"]}
        for size, q in paper.items()
    }
    colours = VERSION_COLOURS | {"the paper": BLACK}
    width = 0.8 / len(boxes)
    for place, (name, entries) in enumerate(boxes.items()):
        look = {"color": colours[name]}
        axes.bxp(
            list(entries.values()),
            positions=[sizes.index(size) + (place - (len(boxes) - 1) / 2) * width for size in entries],
            widths=width * 0.8,
            showfliers=False,
            manage_ticks=False,
            boxprops=look,
            medianprops=look,
            whiskerprops=look,
            capprops=look,
        )
    counts = {size: len(next(iter(groups.values()))) for size, groups in ours.items()}
    axes.set_xticks(range(len(sizes)), [f"{size}\n({counts[size]})" if size in counts else size for size in sizes])
    axes.axvline(sum(int(size) <= box["max_atoms"] for size in sizes) - 0.5, color=GREY, linestyle=":")
    axes.set_xlabel("atoms per cell (our spectra, all seeds)")
    axes.set_ylabel("SC")
    title = f"trained on at most {box['max_atoms']} atoms (paper: {published['max_atoms']})"
    axes.set_title(title, loc="left", fontsize=9)
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    axes.legend(handles=handles, fontsize=7, loc="lower left", ncols=2)


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
    models = [name for name in series if name not in against]
    n_points = sum(len(seed) for seed in series[models[0]])
    edges = np.linspace(0, 1, int(np.clip(np.sqrt(n_points), 8, 40)) + 1)
    counts = {(key, name): _count_pairs(series[key], series[name], edges) for key in against for name in models}
    scale = Normalize(1, max(2.0, *(count.max() for count in counts.values())))
    with style():
        figure = Figure(figsize=(2.4 * len(models) + 0.8, 2.7 * len(against)))
        grid = figure.subplots(len(against), len(models), squeeze=False, sharex=True, sharey=True)
        for row, (key, title) in zip(grid, against.items(), strict=True):
            for axes, name in zip(row, models, strict=True):
                shown = np.ma.masked_equal(counts[key, name].T, 0)
                image = axes.pcolormesh(edges, edges, shown, cmap=COLOUR_MAP, norm=scale)
                axes.plot([0, 1], [0, 1], ":", color=BLACK, linewidth=0.8)
                axes.set_xlabel(title, fontsize=8)
                axes.set_title(f"SC[RPA_{name}; RPA]", loc="left", fontsize=8)
                axes.set_box_aspect(1)
                axes.set_xticks([0, 0.5, 1])
                axes.set_yticks([0, 0.5, 1])
        figure.colorbar(image, ax=grid, label="materials x seeds", shrink=0.6)
        return figure


def _count_pairs(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], edges: FloatArray) -> FloatArray:
    """Return the 2-D histogram of two series, each seed of the second with its own of the first, clipped to [0, 1]."""
    horizontal = np.concatenate([np.asarray(first[index % len(first)]) for index in range(len(second))])
    vertical = np.concatenate([np.asarray(seed) for seed in second])
    counts, _, _ = np.histogram2d(np.clip(horizontal, 0, 1), np.clip(vertical, 0, 1), bins=[edges, edges])
    return np.asarray(counts, float)


def plot_parity(computed: Sequence[float], predicted: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw predicted against computed quantum weights (eV), one panel per model, all seeds."""
    with style():
        figure = Figure(figsize=(2.5 * len(predicted), 3.1))
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
        figure.legend(loc="outside upper center", ncols=4, fontsize=8)
        return figure
