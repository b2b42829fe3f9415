"""What surrounds every request: bounds on its size and time, and headers that keep the page to itself."""

from __future__ import annotations

import asyncio
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


class _RefusedError(Exception):
    pass


class Guard:
    """ASGI middleware: refuse a body above the limit or too slow before it is read whole, and set security headers."""

    def __init__(self, app: ASGIApp, maximum: int, seconds: float) -> None:
        self._app, self._maximum, self._seconds = app, maximum, seconds
        self._too_large = f"the request is larger than {maximum / MEBIBYTE:.3g} MiB; send fewer or smaller files"
        self._too_slow = f"the request did not arrive within {seconds:g} s"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        refusal = (413, self._too_large) if declared.isdigit() and int(declared) > self._maximum else None
        received, is_whole = 0, False
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def bounded_receive() -> Message:
            nonlocal received, refusal, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else deadline):
                    message = await receive()
            except TimeoutError:
                refusal = 408, self._too_slow
                raise _RefusedError from None
            received += len(message.get("body", b""))
            is_whole = is_whole or not message.get("more_body", False)
            if received > self._maximum:
                refusal = 413, self._too_large
                raise _RefusedError
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        async def send_unless_refused(message: Message) -> None:
            if refusal is None:
                await send_with_headers(message)

        if refusal is None:
            with suppress(_RefusedError):
                await self._app(scope, bounded_receive, send_unless_refused)
        if refusal is not None:
            await _refuse(send_with_headers, *refusal)


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
