"""The verbs that screen pools of crystals and ask the results."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from dielectra.cli.options import Json, Level
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_note, print_table, progress_bar, short

if TYPE_CHECKING:
    from dielectra.screening.query import Answer

SELECTED = "selected.parquet"
FIRST = 20
BRIEF = ("id", "formula", "gap_ev", "eps_infinity", "slme", "birefringence")
ROWS_OF_A_TABLE = 200


def screen(
    pool: Annotated[
        list[str],
        Parameter(
            help="Parquet, JSON lines, ASE databases, zip or tar, structure files, folders, or optimade:URL?filter=...",
            negative=(),
        ),
    ],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder of the result.")],
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own; overrides --level.")] = None,
    where: Annotated[
        str | None, Parameter(help="SQL condition; crystals that fulfil it are shown, and kept in selected.parquet.")
    ] = None,
    wavelengths: Annotated[
        str, Parameter(help="Wavelengths in nm of the refractive index, separated by commas.")
    ] = "589.3,1550",
    thickness_nm: Annotated[float, Parameter(help="Film of the SLME, nm.")] = 500.0,
    spectra: Annotated[bool, Parameter(negative=(), help="Keep every spectrum, about 1 kB each.")] = False,
    workers: Annotated[int, Parameter(help="Processes of this machine, one core each.")] = 1,
    parsl: Annotated[
        Path | None, Parameter(help="Python file that defines 'config', a parsl.Config, for a cluster.")
    ] = None,
    crystals_per_job: Annotated[int, Parameter(help="Crystals of one job; a kill costs at most so many.")] = 2000,
    memory_limit: Annotated[float, Parameter(help="GiB of memory that one job on the CPU may take.")] = 8.0,
    device: Annotated[str, Parameter(help="cpu, or cuda: the GPU of each machine that works.")] = "cpu",
    as_json: Json = False,
) -> None:
    """Predict properties of any number of crystals, resumably.

    An interrupted run goes on where it stopped.
    """
    from dielectra.jobs.worker import UNLIMITED, Limits
    from dielectra.screening import run
    from dielectra.screening.columns import Wanted
    from dielectra.screening.report import summary, write_report

    if workers < 1 or crystals_per_job < 1:
        raise InputError(f"--workers {workers}, --crystals-per-job {crystals_per_job}: both are 1 or more")
    wanted = Wanted(_numbers(wavelengths), thickness_nm, spectra)
    _check_device(device, here=parsl is None)
    table = run.prepare(output, pool, model, level, wanted, crystals_per_job, device)
    table.retry(["failed", "refused"])
    limits = Limits(memory=round(memory_limit * 2**30) if device == "cpu" else UNLIMITED)
    with progress_bar() as progress:
        bar = progress.add_task(f"{output}: jobs done", total=None)

        def show(counts: dict[str, int]) -> None:
            progress.update(bar, completed=counts["done"], total=sum(counts.values()))

        show(table.counts())
        counts = run.screen(output, workers, parsl, limits, show)
    failed = [job for state in ("failed", "refused") for job in table.jobs(state)]
    if failed:
        reasons = "\n".join(f"{job.id}: {job.error}" for job in failed[:FIRST])
        raise InputError(
            f"{len(failed)} of {sum(counts.values())} jobs failed; the same command tries again\n{reasons}"
        )
    run.remove_copies(output)
    report = write_report(output, where)
    found: dict[str, Any] = {"result": str(output), **summary(output), "report": str(report)}
    if where is not None:
        from dielectra.screening.query import select

        n_selected, first = select(output, where, output / SELECTED, FIRST)
        found |= {"selected": n_selected, "first": first.documents()}
    if as_json:
        return print_json(found)
    print_table(f"screening {output}", ("quantity", "value"), [(k, short(v)) for k, v in found.items() if k != "first"])
    if where is not None:
        _print_answer(f"the first {len(first.rows)} where {where}", _brief(first))
    return None


def query(
    result: Annotated[Path, Parameter(help="Folder of a screening.")],
    statement: Annotated[str, Parameter(help="SELECT over the view crystals.")],
    /,
    *,
    as_json: Json = False,
) -> None:
    """Ask the result of a screening by SQL.

    The SQL is DuckDB's; it reads the result and nothing else.
    """
    from dielectra.screening.query import query as ask

    if as_json:
        rows = ask(result, statement).documents()
        return print_json([{name: _plain(value) for name, value in row.items()} for row in rows])
    answer = ask(result, statement, ROWS_OF_A_TABLE + 1)
    _print_answer(str(result), answer)
    if len(answer.rows) > ROWS_OF_A_TABLE:
        print_note(f"the first {ROWS_OF_A_TABLE} rows; --json prints all")
    return None


def _check_device(device: str, *, here: bool) -> None:
    if device not in ("cpu", "cuda"):
        raise InputError(f"--device {device}: give cpu or cuda")
    if here and device == "cuda":
        from dielectra.models.device import choose_device

        choose_device(device)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        raise InputError(
            f"--wavelengths {text!r}: give numbers in nm separated by commas, such as 589.3,1550"
        ) from None


def _brief(answer: Answer) -> Answer:
    """Return the columns that a terminal has room for, without empty ones."""
    places = [answer.columns.index(name) for name in BRIEF if name in answer.columns]
    places = [place for place in places if any(row[place] is not None for row in answer.rows)]
    rows = [tuple(row[place] for place in places) for row in answer.rows]
    return answer._replace(columns=[answer.columns[place] for place in places], rows=rows)


def _print_answer(title: str, answer: Answer) -> None:
    rows = [tuple(_shown(value) for value in row) for row in answer.rows[:ROWS_OF_A_TABLE]]
    print_table(title, tuple(answer.columns), rows)


def _shown(value: Any) -> str:
    value = _plain(value)
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else short(value)


def _plain(value: Any) -> Any:
    """Return a value of a database as JSON has it: bytes as base64, dates and the like as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return None
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
