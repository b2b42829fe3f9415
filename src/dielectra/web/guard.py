"""What surrounds every request: a bound on its size, and headers that keep the page to itself."""

from __future__ import annotations

import json
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dielectra.web.limits import MEBIBYTE

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}


class _TooLargeError(Exception):
    pass


class Guard:
    """ASGI middleware: refuse a body above the limit before it is read whole, and set security headers."""

    def __init__(self, app: ASGIApp, maximum: int) -> None:
        self._app, self._maximum = app, maximum

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        received, too_large = 0, declared.isdigit() and int(declared) > self._maximum

        async def bounded_receive() -> Message:
            nonlocal received, too_large
            message = await receive()
            received += len(message.get("body", b""))
            too_large = received > self._maximum
            if too_large:
                raise _TooLargeError
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        async def send_unless_too_large(message: Message) -> None:
            if not too_large:
                await send_with_headers(message)

        if not too_large:
            with suppress(_TooLargeError):
                await self._app(scope, bounded_receive, send_unless_too_large)
        if too_large:
            await _refuse(send_with_headers, self._maximum)


async def _refuse(send: Send, maximum: int) -> None:
    sentence = f"the request is larger than {maximum / MEBIBYTE:.3g} MiB; send fewer or smaller files"
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
