"""The routes of the JSON API: each checks its request and calls the Python API in a worker."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from dielectra.documents.crystal import PredictedCrystal, ReadCrystal
from dielectra.documents.properties import SolarDocument
from dielectra.documents.stack import StackSpectra
from dielectra.errors import InputError
from dielectra.models.card import ModelCard
from dielectra.models.store import model_of
from dielectra.units import AxisOptions
from dielectra.version import __version__
from dielectra.web import derived, workers
from dielectra.web.answers import Example, ListedModel, Problem, Service
from dielectra.web.limits import MEBIBYTE, Limits
from dielectra.web.pool import BusyError, Workers
from dielectra.web.uploads import Upload, store, unpack
from dielectra.web.workers import Chosen

EXAMPLES = {
    "MgF2": "magnesium fluoride, rutile",
    "GaN": "gallium nitride, wurtzite",
    "CdTe": "cadmium telluride",
    "CsI": "caesium iodide",
    "ZnS": "zinc sulphide, zincblende",
    "ZnO": "zinc oxide, wurtzite",
    "Si": "silicon",
    "BN": "boron nitride, hexagonal",
    "GaAs": "gallium arsenide",
    "MgO": "magnesium oxide",
    "NaCl": "rock salt",
    "SnO2": "tin dioxide, rutile",
    "SrTiO3": "strontium titanate",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "A body that is no form"},
    413: {"model": Problem, "description": "A body that is too large"},
    422: {"model": Problem, "description": "Input that cannot be used"},
    408: {"model": Problem, "description": "A body that does not arrive in time"},
    401: {"model": Problem, "description": "A token is asked for"},
    403: {"model": Problem, "description": "A page of another origin asks"},
    503: {"model": Problem, "description": "Too many requests at a time; try again after some seconds"},
}


@dataclass(frozen=True)
class Served:
    """What the routes of one application share."""

    models: Mapping[str, str]
    cards: Mapping[str, ModelCard]
    level: str
    workers: Workers
    limits: Limits
    folder: Path

    def model(self, level: str) -> Chosen:
        """Return a level and its model; raises InputError where there is none."""
        return Chosen(level, str(self.models.get(level) or model_of(level)))


def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


Shared = Annotated[Served, Depends(_served)]
Files = Annotated[list[UploadFile], File(alias="file", description="Structure files: CIF, POSCAR, extxyz, JSON lines.")]
Level = Annotated[str, Query(description="Level of theory: ipa or rpa.", max_length=20)]


def _points(
    unit: Annotated[str, Query(max_length=20, description="Unit of the axis: ev, nm, um, cm-1 or thz.")] = "ev",
    limits: Annotated[
        str | None, Query(alias="range", max_length=60, description="Ends of the axis in that unit: 400:800.")
    ] = None,
    step: Annotated[float | None, Query(gt=0, description="Distance of points in that unit.")] = None,
) -> AxisOptions:
    """Return the points that spectra are wanted on."""
    return AxisOptions(unit, limits, step)


def _chosen(
    served: Shared,
    level: Level = "rpa",
    broadening: Annotated[
        float | None,
        Query(ge=0, le=20, description="Half width of the Lorentzian (eV), 0 for none; by default that of the data."),
    ] = None,
    allow_metals: Annotated[bool, Query(description="Predict crystals that are taken for metals too.")] = False,
    members: Annotated[bool, Query(description="With the members of an ensemble, for intervals.")] = False,
) -> Chosen:
    """Return the level that is asked for and its model."""
    return served.model(level)._replace(broadening=broadening, allow_metals=allow_metals, members=members)


Points = Annotated[AxisOptions, Depends(_points)]
Model = Annotated[Chosen, Depends(_chosen)]
router = APIRouter(prefix="/api", responses=PROBLEMS)


@router.get("/models")
async def list_models(served: Shared) -> list[ListedModel]:
    """List the models that the server predicts with, in the form of ``dielectra models list --json``."""
    cards = {card.name: card for card in served.cards.values()}
    return [ListedModel.model_validate(card.summary()) for card in cards.values()]


@router.get("/service")
async def describe_service(served: Shared) -> Service:
    """Return the version, the level shown first, the limits of uploads, and the crystals that ship as examples."""
    limits = served.limits
    return Service(
        version=__version__,
        level=served.level,
        broadening_ev={level: card.broadening for level, card in served.cards.items()},
        body_limit=limits.body,
        file_limit=limits.file,
        files_limit=limits.files,
        examples=[
            Example(file=f"{name}.cif", title=title, url=f"static/examples/{name}.cif")
            for name, title in EXAMPLES.items()
        ],
    )


@router.post("/predict", response_model=list[PredictedCrystal])
async def predict(file: Files, served: Shared, points: Points, model: Model) -> Response:
    """Predict all crystals of structure files, and of zips of them: the list of ``dielectra predict --json``.

    Where a file cannot be used nothing is predicted, and the response names every such file.
    """
    with TemporaryDirectory(dir=served.folder) as folder:
        stored = store(await _contents(file), Path(folder), served.limits, zips=True)
        unpacked = await _unpack_all(stored, served)
        if problems := [refusal for _, refusal in unpacked if refusal]:
            raise InputError("\n".join(problems))
        uploads = [upload for upload, _ in unpacked]
        body = await served.workers.call(workers.predict, uploads, model, served.limits, points)
    return Response(body, media_type="application/json")


@router.post("/structure")
async def read_structure(file: Files, served: Shared) -> list[ReadCrystal]:
    """Read structure files: cells, atoms, formulas and space groups."""
    with TemporaryDirectory(dir=served.folder) as folder:
        uploads = store(await _contents(file), Path(folder), served.limits)
        return await served.workers.call(workers.structures, uploads, served.limits)


@router.post("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def tabulate(file: Annotated[UploadFile, File()], served: Shared, points: Points, model: Model) -> Response:
    """Predict one crystal: the table of ``dielectra predict --csv``."""
    with TemporaryDirectory(dir=served.folder) as folder:
        (upload,) = store(await _contents([file]), Path(folder), served.limits)
        body = await served.workers.call(workers.tabulate, upload, model, served.limits, points)
    return Response(body, media_type="text/csv")


@router.post("/batch", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
async def predict_batch(
    file: Files,
    served: Shared,
    model: Model,
    curves: Annotated[bool, Query(description="Spectra; without, a row of numbers of each crystal.")] = True,
) -> StreamingResponse:
    """Predict zip archives of structure files, and single files, one by one.

    Each line of the response is a JSON object: ``{"files": 12}`` first, then for every file, in their order,
    ``{"file": ..., "structures": [...], "predictions": [...]}``, as the other routes return them, or
    ``{"file": ..., "problem": ...}``. Without curves ``rows`` of numbers stand in place of ``predictions``.
    """
    folder = TemporaryDirectory(dir=served.folder)
    try:
        uploads = store(await _contents(file), Path(folder.name), served.limits, zips=True)
        unpacked = await _unpack_all(uploads, served)
    except BaseException:
        folder.cleanup()
        raise
    lines = _batch_lines(unpacked, partial(_batch_line, model=model, served=served, curves=curves), served, folder)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.post("/colour")
async def find_colours(request: derived.ColourRequest, served: Shared) -> derived.ColoursAnswer:
    """Return the colours of a polished crystal and of light that passes its film."""
    return await served.workers.call(derived.colours, request)


@router.post("/solar")
async def find_solar_efficiency(request: derived.SolarRequest, served: Shared) -> SolarDocument:
    """Return the efficiency of a crystal as solar absorber (SLME) under AM1.5G."""
    return await served.workers.call(derived.solar, request)


@router.post("/stack")
async def find_stack_optics(request: derived.StackRequest, served: Shared) -> StackSpectra:
    """Return what a stack of layers reflects, transmits and absorbs."""
    return await served.workers.call(derived.stack, request)


@router.get("/measured")
async def find_measured(
    served: Shared,
    formula: Annotated[str, Query(max_length=100, description="Chemical formula, in any order.")],
    space_group: Annotated[int | None, Query(ge=1, le=230, description="To take one polymorph only.")] = None,
) -> list[derived.MeasuredCurves]:
    """Return the measured spectra of a compound that ship with the package."""
    return await served.workers.call(derived.measured, formula, space_group)


async def _unpack_all(uploads: Sequence[Upload], served: Served) -> list[tuple[Upload, str]]:
    """Unpack one archive after the other, and stop where all together hold too much."""
    limits = served.limits
    entries: list[tuple[Upload, str]] = []
    size = 0
    for upload in uploads:
        is_zip = upload.path.suffix == ".zip"
        found = await served.workers.call(unpack, upload, limits) if is_zip else [(upload, "")]
        entries += found
        size += sum(file.path.stat().st_size for file, refusal in found if not refusal)
        if len(entries) > limits.files or size > limits.unpacked:
            raise InputError(
                f"{len(entries)} files of {size / MEBIBYTE:.3g} MiB, and more; up to {limits.files} files of "
                f"{limits.unpacked / MEBIBYTE:.3g} MiB are taken, all archives together"
            )
    return entries


async def _batch_lines(
    entries: Sequence[tuple[Upload, str]],
    answer: Callable[[Upload, str], Coroutine[Any, Any, bytes]],
    served: Served,
    folder: TemporaryDirectory[str],
) -> AsyncIterator[bytes]:
    """Yield the lines of a batch in order; as many files are under way as there are processes."""
    under_way: deque[asyncio.Task[bytes]] = deque()
    with folder:
        try:
            yield json.dumps({"files": len(entries)}).encode() + b"\n"
            for upload, refusal in entries:
                under_way.append(asyncio.create_task(answer(upload, refusal)))
                if len(under_way) >= served.workers.n_processes:
                    yield await under_way.popleft() + b"\n"
            while under_way:
                yield await under_way.popleft() + b"\n"
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def _batch_line(upload: Upload, refusal: str, model: Chosen, served: Served, curves: bool) -> bytes:
    try:
        if refusal:
            raise InputError(refusal)
        return await served.workers.call(workers.read_and_predict, upload, model, served.limits, curves)
    except (InputError, BusyError) as error:
        return json.dumps({"file": upload.name, "problem": str(error)}).encode()


async def _contents(files: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    return [(file.filename or "unnamed", await file.read()) for file in files]
