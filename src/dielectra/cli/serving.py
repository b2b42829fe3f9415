"""The verb that serves the page."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.terminal import print_json, stdout


def serve(
    *,
    port: Annotated[int, Parameter(help="Port; 0 takes a free one.")] = 8000,
    host: Annotated[str, Parameter(help="Address to listen on; the default can be reached from this machine only.")] = (
        "127.0.0.1"
    ),
    level: Level = "rpa",
    model: Annotated[
        str | None, Parameter(help="Shipped model or folder of your own, in place of the model of its level.")
    ] = None,
    workers: Annotated[int | None, Parameter(help="Processes that predict; one per core by default.")] = None,
    as_json: Json = False,
) -> None:
    """Serve the page and its JSON API until interrupted; all that it loads comes from this machine."""
    try:
        from dielectra.web.server import serve as serve_forever
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing; install it with: pip install 'dielectra[web]'") from error

    def announce(address: str) -> None:
        if as_json:
            print_json({"url": address})
        else:
            stdout.print(f"Dielectra is at {address}  (stop with Ctrl-C)", highlight=False, soft_wrap=True)

    serve_forever(announce, host, port, level, model, workers)
