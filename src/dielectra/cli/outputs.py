"""What ``dielectra predict`` makes of each crystal as it comes: JSON, tables, files, a figure."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dielectra.errors import InputError
from dielectra.terminal import print_note, print_properties, print_table

if TYPE_CHECKING:
    from dielectra.comparison import ComparedCurve, Curve
    from dielectra.documents.document import Document
    from dielectra.documents.table import RowWriter
    from dielectra.prediction import Prediction
    from dielectra.spectrum import Spectrum
    from dielectra.structures import Refused
    from dielectra.units import AxisOptions

MOST_COMPARED = 6
"""Crystals in a figure of comparisons."""


class Answer(NamedTuple):
    """A predicted crystal with all that was asked for.

    Attributes
    ----------
    name
        Of the crystal in the scan.
    prediction
        Its prediction.
    properties
        Derived properties by name.
    curves, compared
        Of other sources, and what they say.
    """

    name: str
    prediction: Prediction
    properties: Mapping[str, Document]
    curves: Sequence[Curve] = ()
    compared: Sequence[ComparedCurve] = ()


class Output(ABC):
    """What takes answers one by one."""

    @abstractmethod
    def add(self, answer: Answer) -> None:
        """Take an answer."""

    def refuse(self, refused: Refused) -> None:  # noqa: B027
        """Take a structure that cannot be used; by default it is left to stderr."""

    @abstractmethod
    def finish(self) -> list[str]:
        """Write what is left; return a sentence for each thing that went wrong."""


class JsonOutput(Output):
    """One JSON list on stdout: whole documents, or rows where they are to be brief."""

    def __init__(self, points: AxisOptions, *, brief: bool, with_properties: bool, with_comparison: bool) -> None:
        self._points, self._brief = points, brief
        self._with_properties, self._with_comparison = with_properties, with_comparison
        self._n_written = 0

    def add(self, answer: Answer) -> None:
        """Write a document."""
        from dielectra.documents.crystal import describe
        from dielectra.documents.document import dump_json
        from dielectra.documents.row import row_of

        if self._brief:
            text = dump_json(row_of(answer.prediction, answer.name))
        else:
            properties = answer.properties if self._with_properties else None
            compared = answer.compared if self._with_comparison else None
            text = dump_json(describe(answer.prediction, answer.name, properties, self._points, compared))
        sys.stdout.write(("," if self._n_written else "[") + text.decode())
        self._n_written += 1

    def finish(self) -> list[str]:
        """Close the list."""
        sys.stdout.write("]\n" if self._n_written else "[]\n")
        return []


@dataclass
class FileOutput(Output):
    """Rows of a table in a file."""

    rows: RowWriter
    path: Path
    n_rows: int = 0

    def add(self, answer: Answer) -> None:
        """Write the row of a crystal."""
        from dielectra.documents.row import row_of

        self.rows.add(row_of(answer.prediction, answer.name))
        self.n_rows += 1

    def refuse(self, refused: Refused) -> None:
        """Write the reason why there is none."""
        from dielectra.documents.row import refused_row

        self.rows.add(refused_row(refused))
        self.n_rows += 1

    def finish(self) -> list[str]:
        """Say what was written."""
        print_note(f"wrote {self.n_rows} rows to {self.path}")
        return []


class FolderOutput(Output):
    """One file per crystal in a folder."""

    def __init__(
        self, form: str, folder: Path, points: AxisOptions, fit: Mapping[str, Any], *, overwrite: bool
    ) -> None:
        from dielectra.documents.files import FORMS
        from dielectra.documents.folders import FolderWriter

        more: dict[str, Any] = {"fit": fit} if FORMS[form].is_fitted else {}
        write = partial(FORMS[form].write, points=points, **more)
        self._writer = FolderWriter(folder, FORMS[form].ending, write, overwrite=overwrite)
        self._form = form
        self._problems: list[str] = []

    def add(self, answer: Answer) -> None:
        """Write the file of a crystal; keep the reason where there is none, unless nothing can be written there."""
        try:
            self._writer.add(answer.name, answer.prediction)
        except InputError as error:
            if isinstance(error.__cause__, OSError):
                raise
            self._problems.append(f"{answer.name}: no {self._form} file: {error}")

    def finish(self) -> list[str]:
        """Say what was written; return a sentence for each file that was not."""
        folder, n_files, kept = self._writer.folder, self._writer.n_files, self._writer.kept
        print_note(f"wrote {n_files} files to {folder}")
        if not kept:
            return self._problems
        problem = (
            f"{folder}: {len(kept)} of {n_files + len(kept)} files exist and were left as they are, the first is "
            f"{kept[0].name}; pass --force to overwrite them, or name another folder"
        )
        return [*self._problems, problem]


@dataclass
class FigureOutput(Output):
    """A figure of all spectra, or of each crystal with what it is compared with."""

    path: Path
    points: AxisOptions
    comparing: bool
    shown: list[tuple[str, Spectrum]] = field(default_factory=list)
    panels: list[tuple[str, list[tuple[str, Spectrum]]]] = field(default_factory=list)
    n_left_out: int = 0

    def add(self, answer: Answer) -> None:
        """Keep the curves of a crystal, without the members of an ensemble where there may be many."""
        prediction = answer.prediction
        if not self.comparing:
            spectrum = replace(prediction.spectrum, members=()) if self.shown else prediction.spectrum
            self.shown.append((prediction.formula, spectrum))
        elif len(self.panels) < MOST_COMPARED:
            own = (f"{prediction.spectrum.level.upper()}, {prediction.model}", prediction.spectrum)
            self.panels.append((prediction.formula, [own, *answer.curves]))
        else:
            self.n_left_out += 1

    def finish(self) -> list[str]:
        """Draw the figure."""
        from dielectra.plots import plot_comparison, plot_predictions, save_figure

        if self.n_left_out:
            print_note(f"{self.path} shows the first {MOST_COMPARED} crystals; {self.n_left_out} are left out")
        if self.panels:
            save_figure(plot_comparison(self.panels, self.points.unit, self.points.limits), self.path)
        if self.shown:
            save_figure(plot_predictions(self.shown, self.points.unit, self.points.limits), self.path)
        return []


@dataclass
class PropertyOutput(Output):
    """Tables of derived properties and of comparisons on stdout."""

    names: list[str] = field(default_factory=list)
    derived: list[Mapping[str, Document]] = field(default_factory=list)
    compared: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Keep what was derived."""
        if answer.properties:
            self.names.append(answer.name)
            self.derived.append(answer.properties)
        for other in answer.compared:
            numbers = (other.eps_infinity, other.n_589nm, other.gap_ev, other.sc, other.rmse_n, other.rmse_k)
            shown = ("-" if number is None else f"{number:.2f}" for number in numbers)
            self.compared.append((answer.prediction.formula, other.source, *shown))

    def finish(self) -> list[str]:
        """Print the tables."""
        print_properties(self.names, self.derived)
        if self.compared:
            heads = ("formula", "compared with", "eps_inf", "n 589", "gap", "SC", "rmse n", "rmse k")
            print_table("compared", heads, self.compared)
        return []
