"""What an operator sees of a server: health, metrics for Prometheus, and one line of JSON per request."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER = logging.getLogger("dielectra.web")
BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """ASGI middleware: count, time and log every request."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ("method", "route", "status")
        self._count = Counter("dielectra_requests", "Requests served.", labels, registry=registry)
        self._seconds = Histogram(
            "dielectra_request_seconds", "Time to serve a request.", ("route",), buckets=BUCKETS, registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status, sent = 500, 0

        async def noted_send(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noted_send)
        finally:
            self._note(scope, status, sent, time.perf_counter() - begin)

    def _note(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # never the path itself: anyone could make up thousands
        method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "OPTIONS") else "other"
        self._count.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if LOGGER.isEnabledFor(logging.INFO):
            entry = {"method": method, "path": scope["path"][:200], "status": status, "bytes": sent}
            client = (scope.get("client") or ("",))[0]
            LOGGER.info("request", extra={"entry": entry | {"seconds": round(seconds, 4), "client": client}})


class WorkerMetrics(Collector):
    """The state of an application's workers, read when it is asked for."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """Yield processes alive, processes replaced, and calls that wait or are in progress."""
        served = getattr(self._app.state, "served", None)
        if served is None:
            return
        workers = served.workers
        yield GaugeMetricFamily("dielectra_workers_alive", "Worker processes.", workers.n_alive)
        yield GaugeMetricFamily("dielectra_workers_replaced", "Worker processes replaced.", workers.n_replaced)
        yield GaugeMetricFamily("dielectra_calls", "Calls that wait or are in progress.", workers.waiting)


def add_monitoring(app: Starlette) -> CollectorRegistry:
    """Add ``/healthz`` and ``/metrics`` to an application; return the registry of its metrics."""
    registry = CollectorRegistry()
    registry.register(WorkerMetrics(app))

    async def health(request: Request) -> Response:
        n_alive = request.app.state.served.workers.n_alive
        return JSONResponse({"status": "ok" if n_alive else "no worker", "workers": n_alive}, 200 if n_alive else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=TEXT)

    app.add_route("/healthz", health, include_in_schema=False)
    app.add_route("/metrics", metrics, include_in_schema=False)
    return registry


class JsonLines(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        now = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": now, "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "entry", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_as_json() -> None:
    """Write what happens to stderr as JSON lines: every request, and what uvicorn reports."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in (LOGGER.name, "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    LOGGER.setLevel(logging.INFO)
