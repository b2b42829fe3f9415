"""Begin a screening in a folder, or go on with one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.jobs.local import Progress, run_jobs
from dielectra.jobs.parsl import read_config, run_on_cluster
from dielectra.jobs.table import JobTable, NewJob
from dielectra.jobs.worker import Limits
from dielectra.screening.columns import Wanted
from dielectra.screening.pool import COPIES, Source, pieces_of
from dielectra.screening.task import KIND, Settings, digest_of
from dielectra.units import HC

CRYSTALS_PER_JOB = 2000
"""Crystals of a job: enough that starting a process costs little, few enough that a kill does."""

ATTEMPTS = 30
"""How often a job whose process dies is tried: some crystals may each end several (see ``deaths``)."""

CUT = "pool.json"
"""File that is there once the pool has been cut: the number of pieces."""


def prepare(
    folder: str | Path,
    pool: Sequence[str | Path],
    model: str | None,
    level: str,
    wanted: Wanted,
    crystals_per_job: int = CRYSTALS_PER_JOB,
    device: str = "cpu",
) -> JobTable:
    """Make the job table of a screening, or open the one that is there; cut the pool into jobs.

    Raises
    ------
    InputError
        If a source is missing, the model is, or the folder holds another work.
    """
    from dielectra.models.store import model_of

    folder = Path(folder)
    sources = _sources(pool)
    name = str(model_of(level, model))
    name = str(Path(name).resolve()) if Path(name).is_dir() else name
    settings = Settings(
        model=name,
        digest=digest_of(name),
        level=level,
        wavelengths_nm=wanted.wavelengths,
        thickness_nm=wanted.thickness_nm,
        spectra=wanted.spectra,
        pool={source.name: _stamp(source) for source in sources},
        device=device,
    )
    _check(settings)
    table = _table(folder, settings)
    if not (folder / CUT).is_file():
        pieces = pieces_of(sources, crystals_per_job, folder / COPIES)
        jobs = (NewJob(f"piece-{index:08d}", piece.model_dump(mode="json")) for index, piece in enumerate(pieces))
        table.add(jobs)
        write_whole(folder / CUT, f'{{"pieces": {sum(table.counts().values())}}}\n')
    return table


def screen(
    folder: str | Path,
    n_workers: int = 1,
    parsl: str | Path | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Predict what waits, by processes of this machine or by Parsl; return the number of jobs in each state.

    Parameters
    ----------
    parsl
        Python file that defines ``config``, a ``parsl.Config``.
    """
    if parsl is not None:
        return run_on_cluster(folder, read_config(parsl), limits, ATTEMPTS, progress)
    return run_jobs(folder, n_workers, limits, ATTEMPTS, progress)


def remove_copies(folder: str | Path) -> None:
    """Remove the copies of pieces of the pool, once everything is done."""
    shutil.rmtree(Path(folder) / COPIES, ignore_errors=True)


def _sources(pool: Sequence[str | Path]) -> list[Source]:
    found: dict[Path, Source] = {}
    for given in pool:
        source = Source(str(given), Path(given).resolve())
        if not source.path.exists() and not source.is_query:
            raise InputError(
                f"{given}: no such file or folder; give Parquet, JSON lines, .db, zip, tar, a folder, or optimade:URL"
            )
        found.setdefault(source.path, source)
    return list(found.values())


def _stamp(source: Source) -> tuple[int, int]:
    """Return size in bytes and time of the last change in nanoseconds, of a folder that of its own; none of a query."""
    if source.is_query:
        return 0, 0
    facts = source.path.stat()
    return facts.st_size, facts.st_mtime_ns


def _check(settings: Settings) -> None:
    from dielectra.models.card import read_card
    from dielectra.models.store import model_folder

    target = read_card(model_folder(settings.model)).target
    highest = float(target.grid[-1])
    for wavelength in settings.wavelengths_nm:
        if not wavelength > 0 or HC / wavelength > highest:
            raise InputError(f"wavelength {wavelength:g} nm: the model predicts from {HC / highest:.0f} nm on")
    if not settings.thickness_nm > 0:
        raise InputError(f"film of {settings.thickness_nm:g} nm: the thickness is positive")


def _table(folder: Path, settings: Settings) -> JobTable:
    table = JobTable.begin(folder, KIND, settings.model_dump(mode="json"))
    if table.kind != KIND:
        raise InputError(f"{folder}: holds a {table.kind}, not a screening; choose another folder")
    present = Settings.model_validate(table.settings())
    changed = [name for name in Settings.model_fields if getattr(present, name) != getattr(settings, name)]
    if changed:
        was = "; ".join(f"{name} was {getattr(present, name)}" for name in changed if name != "digest")
        raise InputError(
            f"{folder}: holds a screening with another {', '.join(changed)}{f' ({was})' if was else ''}; give the same "
            "options, or choose another folder"
        )
    return table
