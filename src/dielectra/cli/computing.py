"""The verbs that compute spectra ab initio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dielectra.cli.options import CampaignFolder, Json, MemoryLimit, TimeLimit, Workers
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_note, print_table, progress_bar, short, stdout

EXECUTORS = ("local", "parsl")
FINE = "-fine"
"""What the name of a protocol ends with that is finer than the one named without it."""

campaign_app = App(name="campaign", help="Run, watch and export many ab initio computations.")


def compute(
    files: Annotated[list[Path], Parameter(help="Structure files, or folders of them.", negative=())],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder of the campaign.")],
    engine: Annotated[
        str,
        Parameter(
            help="Code that computes: gpaw, gpaw-lrc and gpaw-bse (beyond RPA), yambo with Quantum ESPRESSO, or a "
            "module of yours."
        ),
    ] = "gpaw",
    protocol: Annotated[str | None, Parameter(help="Named settings of the engine; its default where none.")] = None,
    shuffle: Annotated[int | None, Parameter(help="Seed of a random order; that of the files by default.")] = None,
    skip: Annotated[str | None, Parameter(help="Data set whose materials are left out.")] = None,
    create_only: Annotated[bool, Parameter(negative=(), help="Make the campaign and do not run it.")] = False,
    check_convergence: Annotated[
        bool,
        Parameter(
            negative=(), help="Compute by the finer protocol (ladder-2-fine) too, and print the SC between both."
        ),
    ] = False,
    workers: Workers = 1,
    time_limit: TimeLimit = 4.0,
    memory_limit: MemoryLimit = 8.0,
    as_json: Json = False,
) -> None:
    """Compute dielectric tensors of crystals ab initio.

    At IPA and RPA, or what the engine computes. An interrupted run goes on where it stopped.
    """
    from dielectra.abinitio.campaign import create_campaign
    from dielectra.abinitio.convergence import compare_protocols
    from dielectra.abinitio.materials import read_materials
    from dielectra.data.dataset import open_dataset
    from dielectra.structures import summarise

    present = open_dataset(skip).ids if skip else set()
    found, refused = read_materials(files, shuffle)
    if not found:
        raise InputError("\n".join([entry.reason for entry in refused] or ["no crystal to compute"]))
    materials = [material for material in found if material.id not in present]
    folders = [output, output / "convergence"] if check_convergence else [output]
    for folder in folders:
        table, n_new = create_campaign(folder, materials, engine, protocol)
        followed = table.settings()["protocol"]["name"]
        note = f"{folder}: {n_new} new of {len(materials)} materials, {followed}"
        print_note(note)
        if not create_only:
            _run_campaign(folder, workers, time_limit, memory_limit, engine=engine)
        protocol = f"{followed}{FINE}"
    reasons = [entry.reason for entry in refused]
    if create_only:
        _show_status(output, as_json)
    else:
        reasons += _show_computed(output, compare_protocols(*folders) if check_convergence else {}, as_json)
    summary = summarise(len(found), refused) if len(found) + len(refused) > 1 else ""
    if reasons:
        raise InputError("\n".join([*reasons, summary]).rstrip())
    if summary:
        print_note(summary)


@campaign_app.command(name="run")
def run_campaign(
    campaign: CampaignFolder,
    /,
    *,
    workers: Workers = 1,
    time_limit: TimeLimit = 4.0,
    memory_limit: MemoryLimit = 8.0,
    attempts: Annotated[int, Parameter(help="How often a computation whose process dies is tried.")] = 3,
    executor: Annotated[
        str, Parameter(help="local: processes of this machine; parsl: what its configuration says.")
    ] = "local",
    parsl_config: Annotated[Path | None, Parameter(help="Python file that defines 'config', a parsl.Config.")] = None,
    retry: Annotated[bool, Parameter(negative=(), help="Try failed computations again.")] = False,
    engine: Annotated[
        str | None, Parameter(help="The module of yours that the campaign was made for; registered engines need none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute what waits; may be killed and started again at any time, and run several times at once."""
    from dielectra.abinitio.campaign import open_table

    if executor not in EXECUTORS or (parsl_config and executor != "parsl"):
        raise InputError(f"executor {executor!r}: allowed are {', '.join(EXECUTORS)}; only parsl has a configuration")
    if retry:
        open_table(campaign).retry(["failed"])
    _run_campaign(campaign, workers, time_limit, memory_limit, attempts, executor, parsl_config, engine)
    _show_status(campaign, as_json)


@campaign_app.command(name="status")
def campaign_status(
    campaign: CampaignFolder,
    /,
    *,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for the cost against cell and k-points.")] = None,
    as_json: Json = False,
) -> None:
    """Print counts, cost, rate, time left, and why a material was not computed."""
    if plot is not None:
        from dielectra.abinitio.cost import PAPER_CPU_HOURS, campaign_costs
        from dielectra.plots import plot_costs, save_figure

        costs = campaign_costs(campaign)
        if not costs:
            raise InputError(f"{campaign}: nothing is computed yet, so there is no cost to draw")
        save_figure(plot_costs(costs, PAPER_CPU_HOURS), plot)
    _show_status(campaign, as_json)


@campaign_app.command(name="export")
def export_campaign(
    campaign: CampaignFolder,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder of the data set; parts are added.")],
    as_json: Json = False,
) -> None:
    """Write finished records as further Parquet parts of a data set; existing parts stay as they are."""
    from dielectra.abinitio.campaign import export_campaign as export

    parts = [str(part) for part in export(campaign, output)]
    print_json(parts) if as_json else stdout.print("\n".join(parts) or "nothing new", markup=False, highlight=False)


def _run_campaign(
    folder: Path,
    workers: int,
    hours: float,
    gigabytes: float,
    attempts: int = 3,
    executor: str = "local",
    parsl_config: Path | None = None,
    engine: str | None = None,
) -> None:
    from dielectra.abinitio.campaign import open_table
    from dielectra.jobs.local import run_jobs
    from dielectra.jobs.parsl import local_config, read_config, run_on_cluster
    from dielectra.jobs.worker import Limits

    table, trusted = open_table(folder), [engine] if engine else []
    limits = Limits(max(1, round(3600 * hours)), round(gigabytes * 2**30))
    with progress_bar() as progress:
        task = progress.add_task(str(folder), total=None)

        def show(counts: dict[str, int]) -> None:
            ended = sum(counts[state] for state in ("done", "refused", "failed"))
            progress.update(task, completed=ended, total=sum(counts.values()), description=f"{folder}: computed")

        show(table.counts())
        if executor == "parsl":
            config = read_config(parsl_config) if parsl_config else local_config(workers, folder / "parsl")
            run_on_cluster(folder, config, limits, attempts, show, trusted)
        else:
            run_jobs(folder, workers, limits, attempts, show, trusted)


def _show_status(folder: Path, as_json: bool) -> None:
    from dielectra.abinitio.campaign import status

    report = status(folder)
    if as_json:
        return print_json(report)
    rows = [(key, short(value)) for key, value in report.items() if key != "not_computed"]
    print_table(f"campaign {folder}", ("quantity", "value"), rows)
    missing = [(entry["id"], entry["formula"], entry["state"], entry["reason"]) for entry in report["not_computed"]]
    if missing:
        print_table("not computed", ("material", "formula", "state", "reason"), missing)
    return None


def _show_computed(folder: Path, convergence: dict[str, dict[str, float]], as_json: bool) -> list[str]:
    """Print one line per computed material; return why others could not be computed."""
    from dielectra.abinitio.campaign import computed, status

    materials = computed(folder)
    for entry in materials:
        entry["convergence_sc"] = convergence.get(entry["id"])
    if as_json:
        print_json(materials)
    else:
        levels = tuple(dict.fromkeys(level for entry in materials for level in entry["static_eps"]))
        static = tuple(f"static eps {level.upper()}" for level in levels)
        heads = ("material", "formula", "gap (eV)", *static, "CPU s", "SC to the finer protocol")
        print_table("computed", heads, [_computed_row(entry, levels) for entry in materials])
    return [f"{entry['id']}: {entry['reason']}" for entry in status(folder)["not_computed"]]


def _computed_row(entry: dict[str, Any], levels: Sequence[str]) -> tuple[str, ...]:
    static = [f"{entry['static_eps'][level]:.2f}" if level in entry["static_eps"] else "-" for level in levels]
    scores = ", ".join(f"{level} {score:.3f}" for level, score in (entry["convergence_sc"] or {}).items())
    gap = "metal" if entry["metal"] else f"{entry['gap_direct_ev']:.2f}"
    return entry["id"], entry["formula"], gap, *static, f"{entry['cpu_seconds']:.0f}", scores or "-"
