"""Serve the page over HTTP until interrupted."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI

from dielectra.errors import InputError
from dielectra.web.access import Rules, hosts_of
from dielectra.web.app import create_app, served_models
from dielectra.web.connections import protocol
from dielectra.web.limits import Limits
from dielectra.web.monitoring import log_as_json

MOST_WORKERS = 8
HIGHEST_PORT = 65535


class _Server(uvicorn.Server):
    """A server that says when it is ready, and raises what prevents its start.

    It enters the application's lifespan itself: uvicorn would log an exception of it with its traceback.
    """

    def __init__(self, app: FastAPI, ready: Callable[[], None], **options: Any) -> None:
        super().__init__(uvicorn.Config(app, lifespan="off", **options))
        self._app, self._ready = app, ready
        self._lifespan = AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and announce."""
        await self._lifespan.enter_async_context(self._app.router.lifespan_context(self._app))
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end, then the application."""
        await super().shutdown(sockets)
        await self._lifespan.aclose()


def serve(
    announce: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 8000,
    level: str = "rpa",
    model: str | None = None,
    n_workers: int | None = None,
    allowed_hosts: Sequence[str] = (),
    token: str | None = None,
    base_path: str = "",
    log_json: bool = False,
    limits: Limits | None = None,
) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    announce
        Called with the address once the server is ready.
    host, port
        Where to listen; port 0 takes a free one.
    level, model
        As in :func:`~dielectra.web.app.create_app`; a model of your own sets the level too.
    n_workers
        Processes that predict; as many as cores, eight at most, by default.
    allowed_hosts
        Further names under which the server may be asked, such as that of a proxy.
    token
        Where given, the API is open only to requests that bring it.
    base_path
        Path under which a proxy shows the server, such as ``/dielectra``.
    log_json
        Whether to write a line of JSON per request to stderr.

    Raises
    ------
    InputError
        If level or model are unknown, the address cannot be listened on, or a worker process cannot start.
    """
    models = served_models(model)
    own = [key for key, name in models.items() if name == model]
    shown = level if model is None or level in own else own[-1]
    limits = limits or Limits()
    rules = Rules(hosts_of(host, allowed_hosts), token)
    app = create_app(models, shown, n_workers or min(MOST_WORKERS, os.cpu_count() or 1), limits, rules)
    listener = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    server = _Server(
        app,
        lambda: announce(address),
        http=protocol(limits),
        log_level="warning",
        access_log=False,
        server_header=False,
        root_path=_base(base_path),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(limits.seconds),
    )
    if log_json:
        log_as_json()
    with listener, suppress(KeyboardInterrupt):  # Ctrl-C is how a server ends
        server.run(sockets=[listener])


def _base(path: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)*/?", path):
        raise InputError(f"base path {path!r} must be a path such as /dielectra")
    return path.rstrip("/")


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= HIGHEST_PORT:
        raise InputError(f"port {port} does not exist; give one from 0, which takes a free one, to {HIGHEST_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InputError(f"cannot listen on {host}, port {port} ({error}); choose another --host or --port") from error
    return listener
