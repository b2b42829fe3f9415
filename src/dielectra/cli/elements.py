"""The verb that prints the periodic table of what is supported, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from dielectra.cli.options import Json, Level
from dielectra.elements import table_place
from dielectra.errors import InputError
from dielectra.terminal import print_documents, stdout

if TYPE_CHECKING:
    from dielectra.documents.elements import ElementSupport

CELL = 4
"""Columns of an element; 18 of them fit into 80 columns."""

FEW = 10
"""Training crystals below which an element counts as rare."""


def elements(
    *,
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own.")] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the table.")] = None,
    as_json: Json = False,
) -> None:
    """Show which elements a model takes, and how well.

    For each the number of training crystals, and how well others with it are predicted.
    """
    from dielectra.documents.elements import element_support
    from dielectra.models.model import ModelLike
    from dielectra.prediction import loaded_model

    predictor = loaded_model(level, model)
    if not isinstance(predictor, ModelLike):
        raise InputError(f"{predictor.card.name} does not say which elements it takes")
    found = element_support(predictor, level)
    if plot is not None:
        from dielectra.plots import save_figure
        from dielectra.plots.periodic_table import plot_support

        training = {one.symbol: one.training for one in found if one.training}
        errors = {one.symbol: 1 - one.sc_median for one in found if one.sc_median is not None}
        save_figure(plot_support([one.symbol for one in found if one.supported], training, errors), plot)
    if as_json:
        print_documents(found)
        return
    for line in table_lines(found):
        stdout.print(line, no_wrap=True, crop=False, soft_wrap=True, highlight=False)
    n_supported = sum(one.supported for one in found)
    lines = [f"{predictor.card.name}, level {level}: {n_supported} elements; below each its training crystals"]
    lines += ["and the median SC of others with it, in hundredths"] if any(one.n_scored for one in found) else []
    lines += [f"dim: not supported; red: not in the training; yellow: fewer than {FEW} training crystals"]
    stdout.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def table_lines(found: Sequence[ElementSupport]) -> list[Text]:
    """Return lines for each row of the periodic table: symbols, training crystals, and scores where there are some."""
    rows: dict[int, dict[int, ElementSupport]] = {}
    for one in found:
        row, column = table_place(one.number)
        rows.setdefault(row, {})[column] = one
    lines = []
    for row in sorted(rows):
        parts = [Text(), Text(), Text()]
        for column in range(1, 19):
            placed = rows[row].get(column)
            for part, word in zip(parts, ("", "", "") if placed is None else _words(placed), strict=True):
                part.append(f"{word:<{CELL}}", "" if placed is None else _style(placed))
        lines += [part for position, part in enumerate(parts) if position < 2 or part.plain.strip()]
    return lines


def _words(one: ElementSupport) -> tuple[str, str, str]:
    count = "" if one.training is None else str(one.training)
    return one.symbol, count, "" if one.sc_median is None else f".{100 * one.sc_median:02.0f}"


def _style(one: ElementSupport) -> str:
    if not one.supported:
        return "dim"
    if not one.trained:
        return "red"
    return "yellow" if one.training is not None and one.training < FEW else "green"
