"""What the command line prints: tables, JSON, warnings and progress; data on stdout, all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.progress import Progress

    from dielectra.documents.document import Document
    from dielectra.stack_file import StackResult

NOTHING = 1e-9
"""Size below which a derived number is printed as zero."""

LEFT_TO_JSON = ("xyz", "xyy", "srgb")
"""Coordinates of a colour that its Lab and its code tell already."""

stdout = Console()
stderr = Console(stderr=True)


def print_error(message: str) -> None:
    """Print an error on stderr."""
    stderr.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def print_note(message: str) -> None:
    """Print a note on stderr."""
    stderr.print(message, markup=False, highlight=False, soft_wrap=True)


def print_warning(message: str) -> None:
    """Print a warning on stderr."""
    stderr.print(f"[yellow]warning:[/] {escape(message)}", highlight=False, soft_wrap=True)


def print_properties(names: Sequence[str], derived: Sequence[Mapping[str, Document]]) -> None:
    """Print the single values of derived properties, a table for each crystal; lists are left to ``--json``."""
    for name, properties in zip(names, derived, strict=True):
        rows = [
            (key, quantity, text, ends)
            for key, document in properties.items()
            for quantity, text, ends in _told(document.plain())
        ]
        if rows:
            print_table(name, ("property", "quantity", "value", "interval"), rows, n_whole=2)


def _told(plain: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give the keys of a derived property, their values as text, and their intervals, empty where there is none."""
    intervals = plain.get("interval") or {}
    for key, value in plain.items():
        if key in ("error", "interval", *LEFT_TO_JSON):
            continue
        ends = intervals.get(key)
        words = "" if ends is None else " to ".join("; ".join(_lines(ends[end], 3)) for end in ("lower", "upper"))
        yield from ((key, text, words) for text in _lines(value))


def _mean_fraction(result: StackResult, name: str, place: int) -> str:
    """Return the mean of a fraction of the light at an angle, and those of its interval where it has one."""
    mean, around = f"{getattr(result.optics, name)[place].mean():.4f}", (result.bands or {}).get(name)
    if around is None:
        return mean
    ends = (sum(curves[place]) / len(curves[place]) for curves in (around.lower, around.upper))
    return f"{mean} ({' to '.join(f'{end:.3f}' for end in ends)})"


def print_stack(result: StackResult) -> None:
    """Print averages of reflectance, transmittance and absorptance over photon energies, one line per angle."""
    from dielectra.documents.stack import FRACTIONS

    optics, points = result.optics, result.axis.values
    rows = [
        (f"{angle:g}", *(_mean_fraction(result, name, place) for name in FRACTIONS))
        for place, angle in enumerate(optics.angles)
    ]
    title = f"{result.description.polarisation} light, mean over {points[0]:g}-{points[-1]:g} {result.axis.unit.symbol}"
    print_table(title, ("angle (degrees)", *FRACTIONS), rows)
    for name, colour in (("reflected", result.reflected), ("transmitted", result.transmitted)):
        if colour is not None:
            stdout.print(f"{name} colour at {optics.angles[0]:g} degrees, {colour.illuminant}: {colour.hex}")
    for note in result.warnings:
        print_warning(note)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], n_whole: int = 0) -> None:
    """Print a table on stdout; the cells of its first `n_whole` columns are not broken."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for place, head in enumerate(heads):
        words = [head, *(row[place] for row in rows)] if place < n_whole else head.split()
        table.add_column(head, overflow="fold", min_width=max(map(len, words)))
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    stdout.print(table)


def print_periodic_table(title: str, counts: Mapping[str, int]) -> None:
    """Print counts by element on stdout, in the places of the periodic table; the lanthanides stand below."""
    from dielectra.elements import NUMBERS, table_position

    rows: dict[int, list[str]] = {}
    for symbol, count in counts.items():
        row, column = table_position(NUMBERS[symbol])
        if column == 0:
            row, column = 8, NUMBERS[symbol] - 54
        symbols, numbers = (rows.setdefault(2 * row + part, [""] * 18) for part in (0, 1))
        symbols[column - 1], numbers[column - 1] = symbol, str(count)
    lines = ["".join(f"{cell:<5}" for cell in rows[row]).rstrip() for row in sorted(rows)]
    stdout.print("\n".join([title, *lines]), markup=False, highlight=False, no_wrap=True, crop=False)


def print_documents(documents: Document | Sequence[Document]) -> None:
    """Print a document, or a list of documents, on stdout: the JSON that the API returns."""
    from dielectra.documents.document import dump_json

    sys.stdout.write(dump_json(documents).decode() + "\n")


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")


def progress_bar() -> Progress:
    """Return a progress bar on stderr; it shows nothing where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=stderr, disable=not stderr.is_terminal)


def _lines(value: Any, digits: int = 4) -> list[str]:
    """Return a value as lines of text: one for a number, a word or a few numbers, one per pole, none for a table."""
    if value is None:
        return []
    if isinstance(value, float):
        return [_number(value, digits)]
    if isinstance(value, Mapping):
        return [", ".join(f"{key} {' '.join(_lines(part))}" for key, part in value.items())]
    if isinstance(value, list | tuple):
        if all(isinstance(part, Mapping) for part in value):
            return [line for part in value for line in _lines(part)]
        numbers = [_number(part, digits) for part in value if isinstance(part, float)]
        return [", ".join(numbers)] if len(numbers) == len(value) else []
    return [short(value)]


def _number(value: float, digits: int) -> str:
    """Return a number with some digits; what is zero but for rounding is zero."""
    return "0" if abs(value) < NOTHING else f"{value:.{digits}g}"


def short(value: Any) -> str:
    """Return a value as text of at most 300 characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 300 else text[:297] + "..."
