"""Periodic tables coloured by a quantity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ase.data import atomic_numbers
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dielectra.plots.style import BLACK, COLOUR_MAP, GREY, style

NOBLE_GASES = (0, 2, 10, 18, 36, 54, 86, 118)
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
            _draw_periodic_table(axes, values, scale, text)
            axes.set_title(title, loc="left", fontsize=9)
        return figure


def _draw_periodic_table(axes: Axes, values: Mapping[str, float], scale: Normalize, text: str) -> None:
    """Draw the elements up to the heaviest row that has a value; those without one are white."""
    rows = max(FEWEST_ROWS, *(table_position(atomic_numbers[element])[0] for element in values))
    for element, number in atomic_numbers.items():
        row, column = table_position(number) if number else (99, 0)
        if row > rows or column == 0:
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
    axes.set_ylim(rows + 1.05, 0.9)
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
