"""Who may ask: the names of the server, pages of its own origin only, and, where one is set, who knows its token."""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY_ADDRESS = "<address>"
"""Stands for every IP address in a list of hosts: no name has to be looked up, so no other site can pose as it."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
GUARDED = ("/api/", "/metrics", "/openapi.json")


@dataclass(frozen=True)
class Rules:
    """Who may ask.

    Attributes
    ----------
    hosts
        Names of the server in requests. Others are refused, so that no foreign page can reach it by a name of its own
        (DNS rebinding).
    token
        Where set, the API is open only to ``Authorization: Bearer TOKEN``.
    """

    hosts: Sequence[str] = LOOPBACK
    token: str | None = None


def hosts_of(host: str, further: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names under which a server that listens on `host` may be asked, with `further` ones."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if is_loopback:
        return (*LOOPBACK, *further)
    return (*LOOPBACK, ANY_ADDRESS, host, socket.gethostname(), socket.getfqdn(), *further)


class Access:
    """ASGI middleware: refuse foreign names, cross-origin requests that do something, and what lacks the token."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._token = app, rules.token
        self._hosts = {name.lower().strip("[]") for name in rules.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope, Headers(scope=scope))
        if problem is None:
            await self._app(scope, receive, send)
            return
        status, sentence = problem
        body = json.dumps({"detail": sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _problem(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._is_ours(_name(host)):
            return 400, "this server is not asked under that name; start it with --allow-host NAME"
        if scope.get("method", "GET") not in SAFE_METHODS and not _is_same_origin(headers, host):
            return 403, "pages of other origins may not use this server"
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self._token is not None and path.startswith(GUARDED) and not self._has_token(headers):
            return 401, "this server asks for a token: Authorization: Bearer TOKEN"
        return None

    def _is_ours(self, name: str) -> bool:
        if name in self._hosts or "*" in self._hosts:
            return True
        if ANY_ADDRESS not in self._hosts:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _has_token(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        expected = (self._token or "").encode()
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected)


def _name(host: str) -> str:
    """Return the name in a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Return whether a request comes from a page of this server, or from no page at all."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == host.lower()
