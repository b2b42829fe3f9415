"""What the command line prints: tables, JSON, warnings and progress; data on stdout, all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.progress import Progress

    from dielectra.documents.document import Document
    from dielectra.stack_file import StackResult

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
    """Print the single values of derived properties; lists are left to ``--json``."""
    rows = [
        (name, key, quantity, text)
        for name, properties in zip(names, derived, strict=True)
        for key, document in properties.items()
        for quantity, value in document.plain().items()
        if quantity != "error"
        for text in _lines(value)
    ]
    if rows:
        print_table("properties", ("file", "property", "quantity", "value"), rows)


def print_stack(result: StackResult) -> None:
    """Print averages of reflectance, transmittance and absorptance over photon energies, one line per angle."""
    optics, points = result.optics, result.axis.values
    rows = [
        (f"{angle:g}", *(f"{values.mean():.4f}" for values in spectra))
        for angle, *spectra in zip(
            optics.angles, optics.reflectance, optics.transmittance, optics.absorptance, strict=True
        )
    ]
    title = f"{result.description.polarisation} light, mean over {points[0]:g}-{points[-1]:g} {result.axis.unit.symbol}"
    print_table(title, ("angle (degrees)", "reflectance", "transmittance", "absorptance"), rows)
    for name, colour in (("reflected", result.reflected), ("transmitted", result.transmitted)):
        if colour is not None:
            stdout.print(f"{name} colour at {optics.angles[0]:g} degrees, {colour.illuminant}: {colour.hex}")
    for note in result.warnings:
        print_warning(note)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold", min_width=max(map(len, head.split())))
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


def _lines(value: Any) -> list[str]:
    """Return a value as lines of text: one for a number, a word or a few numbers, one per pole, none for a table."""
    if value is None:
        return []
    if isinstance(value, float):
        return [f"{value:.4g}"]
    if isinstance(value, Mapping):
        return [", ".join(f"{key} {' '.join(_lines(part))}" for key, part in value.items())]
    if isinstance(value, list | tuple):
        if all(isinstance(part, Mapping) for part in value):
            return [line for part in value for line in _lines(part)]
        return [", ".join(f"{part:.4g}" for part in value)] if all(isinstance(part, float) for part in value) else []
    return [short(value)]


def short(value: Any) -> str:
    """Return a value as text of at most 300 characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 300 else text[:297] + "..."
