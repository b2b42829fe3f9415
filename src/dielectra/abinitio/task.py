"""The task of a campaign: compute the spectra of one crystal."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from dielectra.abinitio.computation import Computation
from dielectra.abinitio.engine import Engine, load_engine, read_protocol
from dielectra.abinitio.materials import Material
from dielectra.abinitio.protocol import NamedProtocol
from dielectra.crystal import make_crystal
from dielectra.data.schema import FIELDS, Record
from dielectra.data.store import write_part
from dielectra.errors import InputError
from dielectra.files import whole_file
from dielectra.grids import describe_energies
from dielectra.jobs.table import NewJob, check_name
from dielectra.spectrum import Spectrum
from dielectra.symmetry import space_group

KIND, RESULTS, SUFFIX = "campaign", "records", ".parquet"
SECONDS = TypeAdapter(dict[str, float])


class Settings(BaseModel):
    """What fixes a campaign; the keys of its job table."""

    model_config = ConfigDict(frozen=True)

    engine: str
    engine_version: str
    protocol: dict[str, Any]

    @property
    def provenance(self) -> dict[str, str]:
        """Return the metadata that every part of a campaign carries."""
        entries = {
            "engine": self.engine_version,
            "protocol": str(self.protocol.get("name")),
            "protocol_settings": json.dumps(self.protocol),
        }
        broadening = self.protocol.get("broadening")
        return entries if broadening is None else {"broadening_eV": f"{broadening:g}"} | entries


class Verdict(BaseModel):
    """What a computation says about a crystal besides spectra; stands in the result's metadata.

    Attributes
    ----------
    metal
        Whether it is a metal, whose spectra are not computed.
    gap_direct, gap_indirect
        Gaps in eV of the protocol's functional.
    properties
        Further values by name.
    crystal
        The computed cell: ``cell``, ``numbers``, ``frac_coords``.
    """

    metal: bool = False
    gap_direct: float | None = None
    gap_indirect: float | None = None
    properties: dict[str, Any] = {}
    crystal: dict[str, Any] | None = None


class CampaignTask(NamedTuple):
    """Compute crystals by one engine and protocol; a :class:`dielectra.jobs.task.Task`."""

    engine: Engine
    protocol: NamedProtocol
    fixed: Settings
    kind: str = KIND
    results: str = RESULTS
    suffix: str = SUFFIX

    def settings(self) -> dict[str, Any]:
        """Return engine, version and protocol."""
        return self.fixed.model_dump()

    def run(self, payload: Any, result: Path, log: Path) -> None:
        """Compute the crystal of a payload and write its records."""
        material = material_of(result.name.removesuffix(self.suffix), payload)
        computation = self.engine.compute(material.crystal, self.protocol, material.magnetic_moment, log)
        write_result(computation, material, result, self.fixed.provenance)
        log.unlink(missing_ok=True)

    def cost(self, result: Path) -> dict[str, float]:
        """Return the CPU seconds by part that a result notes."""
        return cost_of(result)


def open_campaign(settings: Mapping[str, Any], trusted: Sequence[str] = ()) -> CampaignTask:
    """Return the task of a campaign from its settings.

    Raises
    ------
    InputError
        If they are not those of a campaign, or the engine is unknown, missing, or not trusted.
    """
    fixed = campaign_settings(settings)
    engine = load_engine(fixed.engine, trusted)
    return CampaignTask(engine, read_protocol(engine, fixed.protocol), fixed)


def campaign_settings(settings: Mapping[str, Any]) -> Settings:
    """Return the settings of a campaign after a check of their form.

    Raises
    ------
    InputError
        If a key is missing or of another type.
    """
    try:
        return Settings.model_validate(dict(settings))
    except ValidationError as error:
        raise InputError(f"the job table does not hold the settings of a campaign: {error}") from error


def job_of(material: Material) -> NewJob:
    """Return the job that computes a material."""
    crystal = material.crystal
    columns = {"cell": crystal.cell, "numbers": crystal.numbers, "frac_coords": crystal.frac_coords}
    payload = {
        "formula": material.formula,
        "split": material.split,
        "magnetic_moment": material.magnetic_moment,
        "crystal": {name: values.tolist() for name, values in columns.items()},
    }
    return NewJob(material.id, payload, material.priority)


def material_of(name: str, payload: Any) -> Material:
    """Return the material of a job.

    Raises
    ------
    InputError
        If the payload is not one of a campaign, or its crystal none.
    """
    try:
        entry = payload["crystal"]
        crystal = make_crystal(entry["cell"], entry["numbers"], entry["frac_coords"], name)
        split = None if payload.get("split") is None else str(payload["split"])
        return Material(name, str(payload["formula"]), crystal, split, float(payload.get("magnetic_moment") or 0.0))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"job {name}: its payload is not that of a crystal to compute ({error!r})") from error


def record_path(folder: str | Path, name: str) -> Path:
    """Return the file that holds the spectra of a material once it is computed."""
    return Path(folder) / RESULTS / f"{check_name(name)}{SUFFIX}"


def write_result(computation: Computation, material: Material, path: Path, provenance: Mapping[str, str]) -> None:
    """Write the records and the verdict of a computation; the file appears whole or not at all."""
    properties = {
        "spacegroup": space_group(computation.crystal),
        "gap_direct": computation.gap_direct,
        "gap_indirect": computation.gap_indirect,
        "cpu_s": round(sum(computation.cpu_seconds.values()), 1),
        "kgrid": list(computation.kgrid),
        "nbands": computation.n_bands,
        **computation.properties,
    }
    cell = computation.crystal
    verdict = Verdict(
        metal=computation.metal,
        gap_direct=computation.gap_direct,
        gap_indirect=computation.gap_indirect,
        properties=computation.properties,
        crystal={
            "cell": cell.cell.tolist(),
            "numbers": cell.numbers.tolist(),
            "frac_coords": cell.frac_coords.tolist(),
        },
    )
    metadata = {
        **provenance,
        "cpu_seconds": json.dumps(computation.cpu_seconds),
        "host": platform.node(),
        "verdict": verdict.model_dump_json(),
    }
    broadening = computation.protocol.broadening
    records = [
        Record(
            material.id,
            material.formula,
            material.split,
            cell,
            Spectrum(computation.energies, tensor, level, broadening),
            properties,
        )
        for level, tensor in computation.tensors.items()
    ]
    if records:
        write_part(records, path, metadata)
        return
    schema = pa.schema(FIELDS, metadata={"energies_eV": describe_energies(computation.energies), **metadata})
    with whole_file(path) as temporary:
        pq.write_table(schema.empty_table(), temporary)


def cost_of(record: Path) -> dict[str, float]:
    """Return the CPU seconds by part that a result notes; empty where it notes none.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    return SECONDS.validate_json(_metadata(record).get(b"cpu_seconds", b"{}"))


def verdict_of(record: Path) -> Verdict:
    """Return the verdict that a result notes.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    return Verdict.model_validate_json(_metadata(record).get(b"verdict", b"{}"))


def _metadata(record: Path) -> Mapping[bytes, bytes]:
    try:
        return pq.read_schema(record).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{record}: damaged ({error}); remove it and retry its job") from error
