"""The FastAPI application: who answers, within which limits, and how a problem is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dielectra import __version__
from dielectra.errors import InputError
from dielectra.levels import check_level
from dielectra.models.store import DEFAULT_MODELS, model_folder, read_card
from dielectra.web.api import Served, router
from dielectra.web.guard import Guard
from dielectra.web.limits import Limits
from dielectra.web.workers import BusyError, Workers

STATIC = Path(__file__).parent / "static"


def served_models(model: str | None = None) -> dict[str, str]:
    """Return the models of a server by level: those that ship, and one of your own in place of that of its level.

    Raises
    ------
    InputError
        If there is no such model.
    """
    if model is None:
        return dict(DEFAULT_MODELS)
    return DEFAULT_MODELS | {read_card(model_folder(model)).level: model}


def create_app(
    models: Mapping[str, str],
    level: str = "rpa",
    n_workers: int = 2,
    limits: Limits | None = None,
    hosts: Sequence[str] = ("127.0.0.1", "localhost", "[::1]"),
) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    models
        Name or folder of the model of each level.
    level
        Level that the page shows first.
    n_workers
        Processes that predict.
    hosts
        Names of the server in requests; others are refused, so that no foreign page can reach it by its own name.
        ``["*"]`` allows all.

    Raises
    ------
    InputError
        If the level is unknown or a model cannot be found.
    """
    check_level(level)
    limits = limits or Limits()
    cards = [read_card(model_folder(name)) for name in models.values()]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Workers(list(models.values()), n_workers, limits) as workers:
            app.state.served = Served(models, cards, level, workers, limits)
            yield

    app = FastAPI(
        title="Dielectra",
        version=__version__,
        summary="Dielectric functions of crystals, predicted at a chosen level of theory.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(router)
    app.add_api_route("/", lambda: FileResponse(STATIC / "index.html"), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Guard, maximum=limits.body)
    app.add_exception_handler(InputError, _tell_input_error)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(BusyError, _tell_busy)
    return app


async def _tell_input_error(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 422)


async def _tell_busy(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 429, {"retry-after": "5"})


async def _tell_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors()]
    return JSONResponse({"detail": "; ".join(problems[:5])}, 422)
