"""The FastAPI application: routes, limits, and how a problem is reported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from dielectra.errors import InputError
from dielectra.levels import check_level
from dielectra.models.card import read_card
from dielectra.models.store import FAST, FAST_MODELS, default_models, model_folder
from dielectra.version import __version__
from dielectra.web.access import Access, Rules
from dielectra.web.api import Served, router
from dielectra.web.catalogue_routes import router as catalogue_router
from dielectra.web.guard import Guard
from dielectra.web.limits import Limits
from dielectra.web.monitoring import Monitor, add_monitoring
from dielectra.web.pool import BusyError, Workers
from dielectra.web.scratch import scratch_folder
from dielectra.web.uploads import TooLargeError
from dielectra.web.workers import initialise

STATIC = Path(__file__).parent / "static"


def served_models(model: str | None = None) -> dict[str, str]:
    """Return the models of a server by level: those that ship, and one of your own for the levels it has.

    Raises
    ------
    InputError
        If there is no such model.
    """
    if model is None:
        return default_models()
    if model == FAST:
        return default_models() | FAST_MODELS
    return default_models() | dict.fromkeys(read_card(model_folder(model)).target.levels, model)


def create_app(
    models: Mapping[str, str],
    level: str = "rpa",
    n_workers: int = 2,
    limits: Limits | None = None,
    rules: Rules | None = None,
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
    rules
        Who may ask; programs and pages of this machine by default.

    Raises
    ------
    InputError
        If the level is unknown or a model cannot be found.
    """
    check_level(level)
    limits = limits or Limits()
    cards = {level: read_card(model_folder(name)) for level, name in models.items()}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        start = partial(initialise, tuple(models.values()), limits.memory)
        with scratch_folder() as folder:
            async with Workers(start, n_workers, limits) as workers:
                app.state.served = Served(models, cards, level, workers, limits, folder)
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
    app.include_router(catalogue_router)
    app.add_api_route("/", lambda: FileResponse(STATIC / "index.html"), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Access, rules=rules or Rules())
    app.add_middleware(Guard, maximum=limits.body, seconds=limits.body_seconds)
    app.add_middleware(Monitor, registry=add_monitoring(app))
    app.add_exception_handler(InputError, _tell_input_error)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(BusyError, _tell_busy)
    return app


async def _tell_input_error(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 413 if isinstance(error, TooLargeError) else 422)


async def _tell_busy(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503, {"retry-after": "5"})


async def _tell_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors()]
    return JSONResponse({"detail": "; ".join(problems[:5])}, 422)
