"""The verb that serves assistants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def mcp(
    *,
    folder: Annotated[Path, Parameter(help="Folder whose structure files may be read.")] = Path(),
    network: Annotated[bool, Parameter(negative=(), help="Allow optimade:URL and mp-149.")] = False,
) -> None:
    """Serve the tools to an assistant (Model Context Protocol).

    They are predict, derive, compare and suggest, over stdin and stdout.

    Assistants start it themselves: give them this command.
    """
    from dielectra.mcp_server import Tools, make_server

    make_server(Tools(folder, network)).run("stdio")
