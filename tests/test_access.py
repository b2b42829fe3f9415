"""Foreign names, foreign pages and requests without the token are refused."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from dielectra.web.access import Access, Rules, hosts_of


class Client:
    """Ask an application without a network."""

    def __init__(self, app: Starlette) -> None:
        self._transport = httpx.ASGITransport(app)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost:8000") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(answer())


def client(rules: Rules) -> Client:
    async def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse("done")

    app = Starlette()
    for path in ("/", "/api/predict", "/healthz", "/metrics"):
        app.add_route(path, answer, methods=["GET", "POST"])
    app.add_middleware(Access, rules=rules)
    return Client(app)


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:8000", 200), ("evil.example", 400), ("192.168.0.7", 400)],
)
def test_a_server_of_this_machine_has_its_names_only(host: str, status: int) -> None:
    assert client(Rules(hosts_of("127.0.0.1"))).ask("GET", "/", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.0.7:8000", 200), ("[fe80::1]", 200), ("evil.example", 400), ("proxy.example", 200), ("", 400)],
)
def test_a_server_for_others_is_asked_by_address_or_a_known_name(host: str, status: int) -> None:
    rules = Rules(hosts_of("0.0.0.0", ["Proxy.example"]))
    assert client(rules).ask("GET", "/", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost:8000"}, 200),
        ({"origin": "http://localhost:9000"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"}, 200),
    ],
)
def test_pages_of_other_origins_do_nothing(headers: dict[str, str], status: int) -> None:
    found = client(Rules()).ask("POST", "/api/predict", headers=headers)
    assert found.status_code == status
    assert "access-control-allow-origin" not in found.headers


def test_the_api_asks_for_its_token() -> None:
    guarded = client(Rules(token="a-token-of-some-length"))
    for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic a-token-of-some-length"}):
        for path in ("/api/predict", "/metrics"):
            answer = guarded.ask("GET", path, headers=given)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    right = {"authorization": "Bearer a-token-of-some-length"}
    assert guarded.ask("GET", "/api/predict", headers=right).text == "done"
    assert guarded.ask("GET", "/").text == guarded.ask("GET", "/healthz").text == "done"
