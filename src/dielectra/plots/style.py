"""The one style of all figures; colours are those of Okabe and Ito, distinct to colour-blind readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dielectra.errors import InputError
from dielectra.files import whole_file

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#222222",
)
CYCLE = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)
GREY = "#bbbbbb"
COLOUR_MAP = "viridis"
LEVEL_COLOURS = {
    "ipa": ORANGE,
    "rpa": BLUE,
    "alda": SKY,
    "lrc": PURPLE,
    "bse": GREEN,
    "experiment": BLACK,
}
FORMATS = (".png", ".pdf", ".svg")
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
}


class Drawing(Figure):
    """A figure that a notebook shows as the value of a cell, with or without pyplot."""

    def _repr_png_(self) -> bytes:
        return figure_bytes(self)


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style inside the ``with`` block."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        yield


def figure_bytes(figure: Figure, form: str = "png") -> bytes:
    """Return a figure as the bytes of a PNG, PDF or SVG file."""
    buffer = BytesIO()
    figure.savefig(buffer, format=form)
    return buffer.getvalue()


def check_figure_path(path: str | Path) -> Path:
    """Return where a figure can be written.

    Raises
    ------
    InputError
        If the name has another ending than .png, .pdf or .svg, or is that of a folder.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: figures are written as {', '.join(FORMATS)}; choose one of these endings")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    return path


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, PDF or SVG; the file appears whole or not at all.

    Raises
    ------
    InputError
        As :func:`check_figure_path`.
    """
    path = check_figure_path(path)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."))
    return path
