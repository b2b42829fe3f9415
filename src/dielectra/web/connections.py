"""Connections of clients: capped in number, and cut where a head does not arrive or a response is not read."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from dielectra.web.limits import Limits

LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n"
LATE_BODY = b'{"detail": "the request did not arrive in time"}'
FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 5\r\nconnection: close\r\n"
FULL_BODY = b'{"detail": "too many connections; try again in a few seconds"}'


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return the protocol of a server with limits, for uvicorn's option ``http``."""

    class Limited(LimitedProtocol):
        limits_of_server = limits

    return Limited


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with time limits for what clients do."""

    limits_of_server = Limits()

    def __init__(self, config: Config, *arguments: Any, **options: Any) -> None:
        super().__init__(config, *arguments, **options)
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection up, or turn it away where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits_of_server.connections:
            self._say_and_close(FULL, FULL_BODY)
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes up; the clock of a head starts with its first byte and stops when it is whole."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self._head is None:
            self._await_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop(self._head)
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop(self._head)
        self._stop(self._stalled)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read, for a while."""
        super().pause_writing()
        seconds = self.limits_of_server.stall_seconds
        self._stalled = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._stop(self._stalled)
        super().resume_writing()

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.limits_of_server.head_seconds, self._say_and_close, LATE, LATE_BODY)

    def _say_and_close(self, head: bytes, body: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            self.transport.close()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
