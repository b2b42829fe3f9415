"""Campaigns: many ab initio computations in a folder, resumable, and their results as a data set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dielectra.abinitio.cost import median_by_part
from dielectra.abinitio.engine import choose_protocol, load_engine, read_protocol
from dielectra.abinitio.materials import Material
from dielectra.abinitio.protocol import NamedProtocol
from dielectra.abinitio.task import KIND, Settings, Verdict, campaign_settings, job_of, record_path, verdict_of
from dielectra.data.dataset import open_dataset
from dielectra.data.store import next_part, write_part
from dielectra.elements import SYMBOLS
from dielectra.errors import InputError
from dielectra.files import read_text, write_whole
from dielectra.jobs.progress import jobs_per_hour
from dielectra.jobs.table import JobTable
from dielectra.parsing import parse_json

MATERIALS_PER_PART = 120
METALS = "metals.jsonl"


def create_campaign(
    folder: str | Path, materials: Sequence[Material], engine: str, protocol: str | NamedProtocol | None = None
) -> tuple[JobTable, int]:
    """Make a campaign, or add materials to one; return its job table and how many materials are new.

    Parameters
    ----------
    engine
        Registered name, or an importable module of yours, which every run then has to be given as well.
    protocol
        Settings of the computations, or their name; the engine's default where None.

    Raises
    ------
    InputError
        If the engine is unknown or missing, the protocol is not one of its, or the folder holds a campaign of
        another engine or protocol.
    """
    folder = Path(folder)
    loaded = load_engine(engine, trusted=[engine])
    chosen = choose_protocol(loaded, engine, protocol)
    settings = Settings(engine=engine, engine_version=loaded.version(), protocol=chosen.model_dump(mode="json"))
    JobTable.begin(folder, KIND, settings.model_dump())
    table = open_table(folder)
    present = campaign_settings(table.settings())
    if present.engine != engine or read_protocol(loaded, present.protocol) != chosen:
        raise InputError(
            f"{folder}: holds a campaign of {present.engine} by {present.protocol.get('name')}; choose another folder"
        )
    return table, table.add(job_of(material) for material in materials)


def open_table(folder: str | Path) -> JobTable:
    """Return the job table of a campaign.

    Raises
    ------
    InputError
        If the folder holds none, or one of another kind of work.
    """
    table = JobTable(folder)
    if table.kind != KIND:
        raise InputError(f"{folder}: holds a {table.kind}, not a campaign")
    return table


def status(folder: str | Path) -> dict[str, Any]:
    """Return the state of a campaign as plain data.

    The keys are counts by state, CPU seconds per material (median, and the median of each part), materials per hour,
    hours left, and the reason for every material that was refused or failed.
    """
    table = open_table(folder)
    settings, jobs, counts = campaign_settings(table.settings()), table.jobs(), table.counts()
    done = [job for job in jobs if job.state == "done"]
    missing = [job for job in jobs if job.state in ("refused", "failed")]
    payloads = table.payloads([job.id for job in missing])
    rate = jobs_per_hour(done)
    cpu_seconds = [{"total": sum(job.cpu_seconds.values()), **job.cpu_seconds} for job in done]
    left = counts["waiting"] + counts["running"]
    return {
        "engine": settings.engine_version,
        "protocol": settings.protocol.get("name"),
        "jobs": counts,
        "cpu_seconds_median": median_by_part(cpu_seconds),
        "cpu_hours": round(sum(seconds["total"] for seconds in cpu_seconds) / 3600, 3),
        "materials_per_hour": rate,
        "hours_left": round(left / rate, 2) if rate else None,
        "not_computed": [
            {"id": job.id, "formula": payloads[job.id]["formula"], "state": job.state, "reason": job.error}
            for job in missing
        ],
    }


def computed(folder: str | Path) -> list[dict[str, Any]]:
    """Return gaps, static dielectric constants and cost of what a campaign has computed, as plain data."""
    table = open_table(folder)
    jobs = table.jobs("done")
    payloads = table.payloads([job.id for job in jobs])
    found = []
    for job in jobs:
        path = record_path(folder, job.id)
        records, verdict = list(open_dataset(path).records()), verdict_of(path)
        gaps = records[0].properties if records else verdict.model_dump()
        found.append(
            {
                "id": job.id,
                "formula": payloads[job.id]["formula"],
                "cpu_seconds": round(sum(job.cpu_seconds.values()), 1),
                "metal": verdict.metal,
                "gap_direct_ev": gaps["gap_direct"],
                "gap_indirect_ev": gaps["gap_indirect"],
                "properties": verdict.properties,
                "static_eps": {record.spectrum.level: float(record.spectrum.mean[0].real) for record in records},
            }
        )
    return found


def export_campaign(folder: str | Path, output: str | Path) -> list[Path]:
    """Write what is done and not yet in the output folder as further Parquet parts; return the new files.

    Existing parts are never rewritten; materials they hold are left out. Metals, which have no spectrum, go to
    ``metals.jsonl``: one JSON line each with structure and gap.

    Raises
    ------
    InputError
        If the folder holds no campaign or a part of the output is damaged.
    """
    output, table = Path(output), open_table(folder)
    provenance = campaign_settings(table.settings()).provenance
    present = {name for part in sorted(output.glob("part-*.parquet")) for name in open_dataset(part).ids}
    done = [job.id for job in table.jobs("done") if job.id not in present]
    verdicts = {name: verdict_of(record_path(folder, name)) for name in done}
    names = [name for name in done if not verdicts[name].metal]
    parts: list[Path] = []
    for index in range(0, len(names), MATERIALS_PER_PART):
        chosen = names[index : index + MATERIALS_PER_PART]
        records = [record for name in chosen for record in open_dataset(record_path(folder, name)).records()]
        parts.append(write_part(records, next_part(output), provenance))
    metals = {name: verdict for name, verdict in verdicts.items() if verdict.metal}
    if metals:
        _write_metals(table, metals, output / METALS)
    return parts


def _write_metals(table: JobTable, metals: dict[str, Verdict], path: Path) -> None:
    """Add lines of metals to a file; those it holds already stay as they are."""
    lines = read_text(path).splitlines() if path.is_file() else []
    present = {parse_json(line, path)["id"] for line in lines}
    payloads = table.payloads([name for name in metals if name not in present])
    for name, payload in payloads.items():
        verdict = metals[name]
        crystal = verdict.crystal or payload["crystal"]
        entry = {
            "id": name,
            "formula": payload["formula"],
            "split": payload.get("split"),
            "metal": True,
            "gap_indirect": verdict.gap_indirect,
            **verdict.properties,
            "lattice": crystal["cell"],
            "species": [SYMBOLS[number] for number in crystal["numbers"]],
            "frac_coords": crystal["frac_coords"],
        }
        lines.append(json.dumps(entry))
    write_whole(path, "".join(f"{line}\n" for line in lines))
