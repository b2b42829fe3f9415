"""The verb that serves the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.files import read_text
from dielectra.terminal import print_json, stdout

SHORTEST_TOKEN = 16


def serve(
    *,
    port: Annotated[int, Parameter(help="Port; 0 takes a free one.")] = 8000,
    host: Annotated[str, Parameter(help="Address to listen on; the default can be reached from this machine only.")] = (
        "127.0.0.1"
    ),
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own, for the levels it has.")] = None,
    workers: Annotated[int | None, Parameter(help="Processes that predict; one per core by default.")] = None,
    allow_host: Annotated[
        tuple[str, ...], Parameter(help="Further name under which the server may be asked, such as a proxy's.")
    ] = (),
    token_file: Annotated[
        Path | None, Parameter(help="File with a token that requests to the API must bring (Authorization: Bearer).")
    ] = None,
    base_path: Annotated[str, Parameter(help="Path under which a proxy shows the server, such as /dielectra.")] = "",
    log_json: Annotated[bool, Parameter(help="Write a line of JSON per request to stderr.", negative="")] = False,
    as_json: Json = False,
) -> None:
    """Serve the page and its JSON API, until Ctrl-C.

    All that the page loads comes from this machine.
    """
    try:
        from dielectra.web.server import serve as serve_forever
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing; install it with: pip install 'dielectra[web]'") from error

    def announce(address: str) -> None:
        if as_json:
            print_json({"url": address})
        else:
            stdout.print(f"Dielectra is at {address}  (stop with Ctrl-C)", highlight=False, soft_wrap=True)

    token = None if token_file is None else _read_token(token_file)
    serve_forever(announce, host, port, level, model, workers, allow_host, token, base_path, log_json)


def _read_token(path: Path) -> str:
    token = read_text(path, largest=4096).strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise InputError(f"{path}: a token is one line of at least {SHORTEST_TOKEN} printable ASCII characters")
    return token
