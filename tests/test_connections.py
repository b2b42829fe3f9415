"""Slow, half-sent and too many requests are cut; the server goes on for the others."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import httpx
import pytest
from fastapi import FastAPI, Request

from conftest import served
from dielectra.web.guard import Guard
from dielectra.web.limits import Limits

pytestmark = pytest.mark.slow

LIMITS = Limits(head_seconds=0.5, body_seconds=0.5, stall_seconds=0.5, connections=6, body=10_000)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a small application behind the limits."""
    app = FastAPI()

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.get("/large")
    async def large() -> str:
        return "x" * 30_000_000

    app.add_middleware(Guard, maximum=LIMITS.body, seconds=LIMITS.body_seconds)
    with served(app, LIMITS) as found:
        yield found


def connect(address: str) -> socket.socket:
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


HEAD = b"POST /length HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST /len", HEAD, HEAD + b"\r\n", HEAD + b"\r\nhalf"])
def test_what_does_not_arrive_in_time_is_cut(address: str, sent: bytes) -> None:
    with closing(connect(address)) as connection:
        connection.sendall(sent)
        begin = time.monotonic()
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"in time" in answer or b"within 0.5 s" in answer
    assert time.monotonic() - begin < 5


def test_a_head_of_single_bytes_is_cut(address: str) -> None:
    with closing(connect(address)) as connection:
        begin = time.monotonic()
        with suppress(OSError):
            for byte in HEAD * 10:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - begin < 5


def test_a_second_request_on_a_connection_has_its_own_time(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        assert client.post("/length", content=b"abc").json() == 3
        time.sleep(0.8)
        assert client.post("/length", content=b"abcd").json() == 4


def test_a_client_that_does_not_read_is_cut(address: str) -> None:
    with closing(connect(address)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n")
        time.sleep(1.5)
        received = 0
        with suppress(ConnectionResetError):
            while part := connection.recv(1 << 20):
                received += len(part)
        assert received < 30_000_000


def test_too_many_connections_are_turned_away(address: str) -> None:
    open_ones = [connect(address) for _ in range(LIMITS.connections)]
    time.sleep(0.1)
    try:
        with closing(connect(address)) as connection:
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in answer
    finally:
        for connection in open_ones:
            connection.close()
    time.sleep(0.2)
    assert httpx.post(f"{address}/length", content=b"abc").json() == 3


def test_large_bodies_are_refused(address: str) -> None:
    assert httpx.post(f"{address}/length", content=bytes(10_001)).status_code == 413
    assert httpx.post(f"{address}/length", content=bytes(10_000)).json() == 10_000
