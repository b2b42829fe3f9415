"""Periodic tables coloured by a quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dielectra.elements import FIRST_F_ROW, NUMBERS, table_place, table_position
from dielectra.plots.style import BLACK, COLOUR_MAP, GREY, style

FEWEST_ROWS = 5


def plot_elements(report: Mapping[str, Any]) -> Figure:
    """Draw periodic tables: materials with each element in training and test split, and the mean of 1 - SC."""
    errors = {element: entry["mean"] for element, entry in report["error"].items()}
    tables = {
        "training materials": (report["train"], LogNorm, "{:.0f}"),
        "test materials": (report["test"], LogNorm, "{:.0f}"),
        f"mean 1 - SC of {report['model']}, test materials with the element": (errors, Normalize, "{:.2f}"),
    }
    with style():
        figure = Figure(figsize=(7.2, 6.6))
        for axes, (title, (values, norm, text)) in zip(figure.subplots(3, 1), tables.items(), strict=True):
            scale = norm(vmin=min(values.values()), vmax=max(*values.values(), 1.001 * min(values.values())))
            draw_periodic_table(axes, values, scale, text)
            axes.set_title(title, loc="left", fontsize=9)
        return figure


def plot_support(supported: Sequence[str], training: Mapping[str, int], errors: Mapping[str, float]) -> Figure:
    """Draw the training crystals with each element, and the median 1 - SC of others, as far as they are known."""
    tables: list[tuple[str, Mapping[str, float], type[Normalize], str]] = []
    if training:
        tables.append(("training crystals with each element", training, LogNorm, "{:.0f}"))
    if errors:
        tables.append(("median 1 - SC of crystals outside the training", errors, Normalize, "{:.2f}"))
    if not tables:
        tables.append(("elements that are supported", dict.fromkeys(supported, 1.0), Normalize, ""))
    with style():
        figure = Figure(figsize=(7.2, 3.3 * len(tables)))
        for axes, (title, values, norm, text) in zip(
            np.atleast_1d(figure.subplots(len(tables), 1)), tables, strict=True
        ):
            scale = norm(vmin=min(values.values()), vmax=1.001 * max(values.values()))
            draw_periodic_table(axes, values, scale, text)
            axes.set_title(title, loc="left", fontsize=9)
        return figure


def draw_periodic_table(axes: Axes, values: Mapping[str, float], scale: Normalize, text: str) -> None:
    """Draw the elements up to the heaviest row that has a value; those without one are white.

    The lanthanides stand in a row of their own below, which is there where one of them has a value.
    """
    rows = max(FEWEST_ROWS, *(table_position(NUMBERS[element])[0] for element in values))
    has_lanthanides = any(table_place(NUMBERS[element])[0] == FIRST_F_ROW for element in values)
    for element, number in NUMBERS.items():
        row, column = table_place(number)
        if has_lanthanides and row == FIRST_F_ROW:
            _draw_element(axes, element, (rows + 1.3, column), values, scale, text)
        elif row <= min(rows, FIRST_F_ROW - 1):
            _draw_element(axes, element, (row, column), values, scale, text)
    axes.set_xlim(0.9, 19.05)
    axes.set_ylim(rows + (2.35 if has_lanthanides else 1.05), 0.9)
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_element(
    axes: Axes, element: str, place: tuple[float, float], values: Mapping[str, float], scale: Normalize, text: str
) -> None:
    row, column = place
    colour: Any = "white"
    if element in values:
        colour = colormaps[COLOUR_MAP](scale(values[element]))
    axes.add_patch(Rectangle((column, row), 0.95, 0.95, facecolor=colour, edgecolor=GREY, linewidth=0.6))
    dark = element in values and scale(values[element]) < 0.6
    look: dict[str, Any] = {"ha": "center", "va": "center", "color": "white" if dark else BLACK}
    axes.text(column + 0.475, row + 0.33, element, fontsize=8, **look)
    if element in values:
        axes.text(column + 0.475, row + 0.72, text.format(values[element]), fontsize=5.5, **look)
