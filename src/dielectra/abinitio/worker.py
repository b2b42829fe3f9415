"""Compute one material of a campaign in a process of its own: ``python -m dielectra.abinitio.worker CAMPAIGN ID``."""

from __future__ import annotations

import json
import platform
import resource
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from dielectra.abinitio.jobs import JobTable
from dielectra.abinitio.materials import Material
from dielectra.abinitio.protocol import LADDER_1, NamedProtocol
from dielectra.data.schema import Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum
from dielectra.symmetry import space_group

ENGINES = {"gpaw": "dielectra.abinitio.gpaw", "yambo": "dielectra.abinitio.yambo"}
DONE, FAILED, REFUSED = 0, 1, 3


class Limits(NamedTuple):
    """Hold the CPU seconds and bytes of address space that one computation may use."""

    cpu_seconds: int = 4 * 3600
    memory: int = 8 * 2**30


def load_engine(name: str) -> ModuleType:
    """Return the module of an engine: a known name, or an importable module of your own.

    An engine has three functions: ``require()`` raises InputError where it cannot run, ``version()`` names what
    computes, and ``compute(crystal, protocol, magnetic_moment, log)`` returns a
    :class:`~dielectra.abinitio.computation.Computation`. Its ``DEFAULT_PROTOCOL``, ladder-1 where it has none, says
    which type of protocol it takes.

    Raises
    ------
    InputError
        If there is no such engine or it is not installed.
    """
    try:
        engine = import_module(ENGINES.get(name, name))
    except ModuleNotFoundError:
        engine = None
    if engine is None or not all(hasattr(engine, part) for part in ("require", "version", "compute")):
        raise InputError(f"unknown engine {name!r}; known are {', '.join(ENGINES)}, or a Python module of your own")
    engine.require()
    return engine


def default_protocol(engine: ModuleType) -> NamedProtocol:
    """Return the protocol an engine follows unless told otherwise; all its protocols are of that type."""
    protocol: NamedProtocol = getattr(engine, "DEFAULT_PROTOCOL", LADDER_1)
    return protocol


def record_path(folder: Path, name: str) -> Path:
    """Return the file that holds both spectra of a material once it is computed."""
    return folder / "records" / f"{name}.parquet"


def log_path(folder: Path, name: str) -> Path:
    """Return the file that holds what the engine and its process printed about a material."""
    return folder / "logs" / f"{name}.txt"


def cpu_seconds_of(record: Path) -> dict[str, float]:
    """Return the CPU seconds by part that a record's file notes."""
    metadata = pq.read_schema(record).metadata
    seconds: dict[str, float] = json.loads(metadata[b"cpu_seconds"])
    return seconds


def compute_material(folder: Path, material: Material, settings: dict[str, Any]) -> None:
    """Compute a material and write its record; the file appears whole or not at all."""
    engine = load_engine(settings["engine"])
    protocol = type(default_protocol(engine)).model_validate(settings["protocol"])
    log = log_path(folder, material.id).with_suffix(".engine.txt")
    result = engine.compute(material.crystal, protocol, material.magnetic_moment, log)
    properties = {
        "spacegroup": space_group(result.crystal),
        "gap_direct": result.gap_direct,
        "gap_indirect": result.gap_indirect,
        "cpu_s": round(sum(result.cpu_seconds.values()), 1),
        "kgrid": list(result.kgrid),
        "nbands": result.n_bands,
    }
    records = [
        Record(
            material.id,
            material.formula,
            material.split,
            result.crystal,
            Spectrum(result.energies, tensor, level, protocol.broadening),
            properties,
        )
        for level, tensor in result.tensors.items()
    ]
    metadata = provenance(settings) | {"cpu_seconds": json.dumps(result.cpu_seconds), "host": platform.node()}
    write_part(records, record_path(folder, material.id), metadata)
    log.unlink(missing_ok=True)


def provenance(settings: dict[str, Any]) -> dict[str, str]:
    """Return the metadata that every part of a campaign carries."""
    protocol = settings["protocol"]
    return {
        "broadening_eV": f"{protocol['broadening']:g}",
        "engine": settings["engine_version"],
        "protocol": protocol["name"],
        "protocol_settings": json.dumps(protocol),
    }


def main(arguments: list[str]) -> int:
    """Compute one material under its limits; the exit code says how it ended, the last line printed says why."""
    folder, name, limits = Path(arguments[0]), arguments[1], Limits(int(arguments[2]), int(arguments[3]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    table = JobTable(folder)
    try:
        compute_material(folder, table.job(name).material, table.settings())
    except InputError as error:
        print(" ".join(str(error).split()), flush=True)  # noqa: T201
        return REFUSED
    except MemoryError:
        print("memory limit reached", flush=True)  # noqa: T201
        return FAILED
    except Exception as error:  # whatever an engine trips over ends its job, not the campaign
        traceback.print_exc()
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", flush=True)  # noqa: T201
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
