"""The table of ``dielectra predict``: lines that fit the terminal, tab-separated values for other programs."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from dielectra.cli.outputs import Answer, Output
from dielectra.terminal import stdout

if TYPE_CHECKING:
    from dielectra.documents.row import CrystalRow

LONGEST_FORMULA = 14
SHORTEST_NAME = 8
UNKNOWN = "-"
HEADS = ("sg", "gap", "eps_inf", "n 589", "Abbe", "onset", "colour", "trust")


class PipedTable(Output):
    """Tab-separated rows, written as they come; the first line names the columns."""

    def __init__(self) -> None:
        self._begun = False

    def add(self, answer: Answer) -> None:
        """Write the row of a crystal."""
        from dielectra.documents.row import row_of

        row = row_of(answer.prediction, answer.name).plain()
        if not self._begun:
            sys.stdout.write("\t".join(row) + "\n")
            self._begun = True
        sys.stdout.write("\t".join("" if value is None else _plain(value) for value in row.values()) + "\n")

    def finish(self) -> list[str]:
        """Do nothing more."""
        return []


@dataclass
class TerminalTable(Output):
    """Rows that fit the width of the terminal, printed together at the end.

    ``unit`` is that of the column of onsets.
    """

    unit: str = "ev"
    rows: list[CrystalRow] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Keep the row of a crystal."""
        from dielectra.documents.row import row_of

        self.rows.append(row_of(answer.prediction, answer.name))

    def finish(self) -> list[str]:
        """Print the table."""
        if self.rows:
            for line in table_lines(self.rows, stdout.width, self.unit):
                stdout.print(line, no_wrap=True, crop=False, soft_wrap=True, highlight=False)
        return []


def table_lines(rows: list[CrystalRow], width: int, unit: str = "ev") -> list[Text]:
    """Return a title, a head and a line per crystal, none longer than `width` where that leaves room for names."""
    from dielectra.units import parse_unit

    folder, names = split_folder([row.file for row in rows])
    formula_width = min(LONGEST_FORMULA, max(len("formula"), *(len(row.formula or "") for row in rows)))
    cells = [_cells(row, unit) for row in rows]
    widths = [max(len(head), *(len(line[place]) for line in cells)) for place, head in enumerate(HEADS)]
    room = max(SHORTEST_NAME, width - formula_width - 1 - sum(widths) - len(widths))
    name_width = min(room, max(len("file"), *map(len, names)))
    title = f"level {rows[0].level}, model {rows[0].model}{f', files in {folder}' if folder else ''}"
    head = [f"{'file':<{name_width}}", f"{'formula':<{formula_width}}"]
    head += [f"{word:>{size}}" for word, size in zip(HEADS, widths, strict=True)]
    lines = [Text(shortened(title, width)), Text(" ".join(head), "bold")]
    for row, name, values in zip(rows, names, cells, strict=True):
        line = Text(f"{shortened(name, name_width):<{name_width}} ")
        line.append(f"{shortened(row.formula or '', formula_width):<{formula_width}}")
        for value, size, word in zip(values, widths, HEADS, strict=True):
            line.append(" ").append(f"{value:>{size}}", _swatch(row.colour) if word == "colour" else "")
        lines.append(line)
    symbol = parse_unit(unit).symbol
    lines.append(Text(shortened(f"gap in eV, onset in {symbol}; colour after 1 µm inside the crystal", width), "dim"))
    if any(row.n_589nm_upper is not None for row in rows):
        lines.append(Text(shortened("in brackets: half of the 90 % interval, in the last digit", width), "dim"))
    return lines


def split_folder(names: list[str]) -> tuple[str, list[str]]:
    """Return the folder that all files share, and their names within it."""
    try:
        folder = os.path.commonpath([Path(name).parent for name in names])
    except ValueError:
        folder = ""
    if not folder or len(names) < 2:
        return "", names
    return str(folder), [os.path.relpath(name, folder) for name in names]


def shortened(text: str, width: int) -> str:
    """Return a text of at most `width` letters; its middle is left out where it is longer."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def _cells(row: CrystalRow, unit: str) -> list[str]:
    from dielectra.units import format_energy

    onset = UNKNOWN if row.onset_ev is None else _number(row.onset_ev, 2)
    if row.onset_ev is not None and unit != "ev":
        onset = format_energy(row.onset_ev, unit).split()[0]
    gap = "metal" if row.metal else _uncertain(row, "gap_ev", 2)
    return [
        str(row.space_group),
        gap,
        _uncertain(row, "eps_infinity", 2),
        _uncertain(row, "n_589nm", 3),
        _uncertain(row, "abbe_number", 1),
        onset,
        row.colour or UNKNOWN,
        row.confidence or UNKNOWN,
    ]


def _uncertain(row: CrystalRow, key: str, digits: int) -> str:
    """Return a number with the half-width of its interval in its last digit, as crystallographers write it: 1.42(2)."""
    value, lower, upper = (getattr(row, name) for name in (key, f"{key}_lower", f"{key}_upper"))
    if value is None or lower is None or not upper > lower:
        return _number(value, digits)
    half = (upper - lower) / 2
    places = min(max(-math.floor(math.log10(half)), 0), digits)
    return f"{value:.{places}f}({max(round(half * 10**places), 1)})"


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:.0e}"


def _swatch(colour: str | None) -> str:
    """Return a style that shows a colour below its own code."""
    if colour is None:
        return ""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"{'black' if 2 * red + 5 * green + blue > 1000 else 'white'} on {colour}"


def _plain(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())
