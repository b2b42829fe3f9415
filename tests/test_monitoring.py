"""Health, metrics and log lines of a server."""

from __future__ import annotations

import json
import logging
import sys

import httpx
import pytest

from dielectra.web.monitoring import JsonLines

pytestmark = pytest.mark.slow


def test_health_and_metrics(address: str) -> None:
    with httpx.Client(base_url=address) as client:
        assert client.get("/healthz").json() == {"status": "ok", "workers": 1}
        for _ in range(3):
            client.get("/api/models")
            client.get("/made/up")
        text = client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['dielectra_requests_total{method="GET",route="/api/models",status="200"}']) >= 3
    assert float(lines['dielectra_requests_total{method="GET",route="other",status="404"}']) >= 3
    assert lines["dielectra_workers_alive"] == "1.0"
    assert lines["dielectra_calls"] == "0.0"
    assert "made/up" not in text


def test_every_request_is_a_line_of_json(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dielectra.web"):
        httpx.get(f"{address}/api/models?secret=1")
    (record,) = [entry for entry in caplog.records if entry.name == "dielectra.web"]
    line = json.loads(JsonLines().format(record))
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/models", 200)
    assert "secret" not in json.dumps(line)
    try:
        raise ValueError("wrong\nin two lines")
    except ValueError:
        failure = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    assert "\n" not in JsonLines().format(failure)
    assert "in two lines" in json.loads(JsonLines().format(failure))["traceback"]
