"""A server of the Model Context Protocol: assistants predict, derive, compare and choose with this package.

It speaks over standard input and output with the program that started it. Structures are given as text, or as files
inside one folder; servers of structures are asked only where the user allowed it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dielectra import __version__
from dielectra.comparison import compare, find_sources
from dielectra.documents.crystal import describe
from dielectra.documents.row import row_of
from dielectra.errors import InputError
from dielectra.prediction import Predicted, loaded_model, predict_files
from dielectra.properties import PropertyOptions, check_properties, derive
from dielectra.structures import Refused
from dielectra.structures.remote import is_remote
from dielectra.units import AxisOptions

if TYPE_CHECKING:
    from mcp.server import MCPServer

MOST_CRYSTALS = 200
"""Crystals of one call."""

INSTRUCTIONS = (
    "Predicts the frequency-dependent dielectric tensor of crystals from their structure. A structure is the text of a "
    "CIF, POSCAR or JSON file, or the path of such a file or of a folder. Numbers are predictions: report confidence, "
    "warnings and the level of theory with them. PBE-based levels give gaps that are too small."
)


@dataclass(frozen=True)
class Tools:
    """What an assistant can call; every answer is plain data.

    Attributes
    ----------
    folder
        Files outside it are not read.
    network
        Whether ``optimade:URL`` and ``mp-149`` may be asked for.
    """

    folder: Path
    network: bool = False

    def predict(
        self,
        structures: list[str],
        level: str = "rpa",
        model: str | None = None,
        curves: bool = False,
        unit: str = "ev",
        limits: str | None = None,
        step: float | None = None,
    ) -> dict[str, Any]:
        """Predict crystals: formula, gap, eps_infinity, n at 589 nm, Abbe number, onset, colour, confidence, warnings.

        With curves=true each crystal comes with eps, n, k, absorption, reflectivity and loss instead; choose unit (ev,
        nm, um, cm-1, thz), limits such as 400:800 and a step to keep them short.
        """
        points = AxisOptions(unit, limits, step)
        found, refused = self._predicted(structures, level, model)
        documents = [
            describe(prediction, name, points=points) if curves else row_of(prediction, name)
            for name, prediction in found
        ]
        return {"crystals": [document.plain() for document in documents], "refused": refused}

    def derive(
        self,
        structures: list[str],
        properties: list[str],
        level: str = "rpa",
        model: str | None = None,
        thickness_nm: float = 500.0,
        gap: float | None = None,
    ) -> dict[str, Any]:
        """Derive properties of predicted crystals: colour, body-colour, film-colour, slme, gap, index, plasmon, ...

        thickness_nm is that of films (film-colour, slme); gap, in eV, is a known direct gap for slme.
        """
        check_properties(properties)
        options = PropertyOptions(thickness_nm=thickness_nm, gap=gap)
        found, refused = self._predicted(structures, level, model)
        crystals = [
            {
                "file": name,
                "formula": prediction.formula,
                "properties": {key: one.plain() for key, one in derive(prediction, properties, options).items()},
                "warnings": list(prediction.warnings),
            }
            for name, prediction in found
        ]
        return {"crystals": crystals, "refused": refused}

    def compare(
        self, structures: list[str], sources: list[str], level: str = "rpa", model: str | None = None
    ) -> dict[str, Any]:
        """Compare predictions with other levels (ipa), models, or the measured spectra that ship (measured).

        Gives, for each source, eps_infinity, n at 589 nm, gap, the similarity of Im eps and the differences of n and k.
        """
        for name in sources:
            if name.lower().endswith((".csv", ".yml", ".yaml")):
                self._check_path(name)
        others = find_sources(sources)
        found, refused = self._predicted(structures, level, model)
        crystals = []
        for name, prediction in found:
            curves = [curve for source in others for curve in source.curves(prediction)]
            compared = [one.plain() for one in compare(prediction, curves)]
            crystals.append({"crystal": row_of(prediction, name).plain(), "compared": compared})
        return {"crystals": crystals, "refused": refused}

    def suggest(
        self, pool: list[str], n: int, data: str | None = None, model: str | None = None, seed: int = 0
    ) -> dict[str, Any]:
        """Say which n crystals of a pool to compute or measure next: diverse ones, then those that promise most.

        data is a data set that is labelled already; model an ensemble whose disagreement counts (ladder-ensemble).
        """
        from dielectra.models.ensemble import load_predictor
        from dielectra.training.suggestion import suggest

        for source in pool if data is None or Path(data).name == data else [*pool, data]:
            self._check_path(source)
        found: dict[str, Any] = suggest(
            list(pool), n, data, None if model is None else load_predictor(model), seed
        ).model_dump()
        return found

    def _predicted(
        self, structures: Sequence[str], level: str, model: str | None
    ) -> tuple[list[Predicted], list[dict[str, str]]]:
        for structure in structures:
            self._check_path(structure)
        outcomes = list(predict_files(structures, loaded_model(level, model), MOST_CRYSTALS))
        refused = [{"file": one.name, "reason": one.reason} for one in outcomes if isinstance(one, Refused)]
        return [one for one in outcomes if isinstance(one, Predicted)], refused

    def _check_path(self, source: str) -> None:
        if "\n" in source:  # the text of a file
            return
        if is_remote(source):
            if not self.network:
                raise InputError(f"{source}: servers are not asked; start 'dielectra mcp --network' to allow it")
            return
        if source == "-":
            raise InputError("standard input is taken by the protocol; give a file, or the text of one")
        if not Path(source).resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{source}: lies outside {self.folder}, the folder that this server reads")


def make_server(tools: Tools) -> MCPServer:
    """Return a server with the tools.

    Raises
    ------
    InputError
        If the SDK is not installed.
    """
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise InputError("'dielectra mcp' needs the protocol's SDK: pip install 'dielectra[mcp]'") from error
    server = MCPServer("dielectra", instructions=INSTRUCTIONS, version=__version__)
    for tool in (tools.predict, tools.derive, tools.compare, tools.suggest):
        server.tool()(_telling(tool))
    return server


def _telling(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Return a tool whose refusals reach the assistant as they are."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def called(*arguments: Any, **options: Any) -> Any:
        try:
            return tool(*arguments, **options)
        except InputError as error:
            raise ToolError(str(error)) from error

    return called
