"""The job table of a campaign: one SQLite row per material, changed in transactions only."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dielectra.abinitio.materials import Material
from dielectra.crystal import Crystal
from dielectra.errors import InputError

TABLE = "jobs.sqlite"
VERSION = 1
STATES = ("waiting", "running", "done", "refused", "failed")
LOCK_TIMEOUT = 60.0
SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, position INTEGER NOT NULL, priority REAL NOT NULL DEFAULT 0,
  formula TEXT NOT NULL, split TEXT, magnetic_moment REAL NOT NULL, structure TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0, host TEXT,
  started REAL, finished REAL, cpu_seconds TEXT, error TEXT
);
CREATE INDEX order_of_work ON jobs (state, priority DESC, position);
"""


class Job(NamedTuple):
    """Hold one row: a material, how far it is, and what it cost."""

    material: Material
    state: str
    attempts: int
    host: str | None
    started: float | None
    finished: float | None
    cpu_seconds: dict[str, float]
    error: str | None


class JobTable:
    """Keep the jobs of a campaign in its folder; every method is one transaction."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / TABLE
        if not self.path.is_file():
            raise InputError(f"{folder}: not a campaign; 'dielectra compute FILE... -o {folder}' makes one")
        if self.settings().get("version") != VERSION:
            raise InputError(f"{folder}: written by another version of dielectra; export it there")

    @classmethod
    def create(cls, folder: Path, settings: dict[str, Any]) -> JobTable:
        """Make an empty table in a folder; the file appears whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{TABLE}.tmp"
        temporary.unlink(missing_ok=True)
        with closing(sqlite3.connect(temporary)) as connection, connection:
            connection.executescript(SCHEMA)
            rows = [(key, json.dumps(value)) for key, value in (settings | {"version": VERSION}).items()]
            connection.executemany("INSERT INTO settings VALUES (?, ?)", rows)
        temporary.replace(folder / TABLE)
        return cls(folder)

    def settings(self) -> dict[str, Any]:
        """Return what fixes the campaign: engine, protocol, version."""
        with self._transaction() as connection:
            return {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM settings")}

    def add(self, materials: Sequence[Material]) -> int:
        """Add materials that the table does not hold yet, in their order; return how many are new."""
        with self._transaction() as connection:
            (last,) = connection.execute("SELECT coalesce(max(position), -1) FROM jobs").fetchone()
            rows = [
                (m.id, last + 1 + index, m.priority, m.formula, m.split, m.magnetic_moment, _crystal_to_text(m.crystal))
                for index, m in enumerate(materials)
            ]
            insert = (
                "INSERT OR IGNORE INTO jobs (id, position, priority, formula, split, magnetic_moment, structure) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)"
            )
            return connection.executemany(insert, rows).rowcount

    def waiting(self, n: int) -> list[str]:
        """Return the ids of the first `n` waiting jobs: highest priority first, then as added."""
        query = "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY priority DESC, position LIMIT ?"
        with self._transaction() as connection:
            return [name for (name,) in connection.execute(query, (n,))]

    def claim(self, name: str, host: str) -> bool:
        """Set a waiting job running; return False where it does not wait any more."""
        update = "UPDATE jobs SET state = 'running', attempts = attempts + 1, host = ?, started = ?, error = NULL"
        with self._transaction() as connection:
            changed = connection.execute(
                f"{update} WHERE id = ? AND state = 'waiting'", (host, time.time(), name)
            ).rowcount
        return changed == 1

    def finish(
        self, name: str, state: str, error: str | None = None, cpu_seconds: Mapping[str, float] | None = None
    ) -> None:
        """Record the end of a running job."""
        update = "UPDATE jobs SET state = ?, error = ?, cpu_seconds = ?, finished = ?"
        values = (state, error, json.dumps(dict(cpu_seconds or {})), time.time(), name)
        with self._transaction() as connection:
            connection.execute(f"{update} WHERE id = ? AND state = 'running'", values)

    def put_back(self, name: str, forgive: bool) -> None:
        """Let a running job wait again; `forgive` does not count the attempt."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'waiting', attempts = attempts - ? WHERE id = ? AND state = 'running'",
                (int(forgive), name),
            )

    def retry(self, states: Sequence[str]) -> int:
        """Let refused or failed jobs wait again with a fresh count of attempts; return how many."""
        marks = ", ".join("?" * len(states))
        with self._transaction() as connection:
            query = f"UPDATE jobs SET state = 'waiting', attempts = 0, error = NULL WHERE state IN ({marks})"  # noqa: S608
            return connection.execute(query, tuple(states)).rowcount

    def job(self, name: str) -> Job:
        """Return one job.

        Raises
        ------
        InputError
            If the campaign has no material of that name.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"{self.path.parent}: no material {name!r} in this campaign")
        return _job_from_row(row)

    def jobs(self, state: str | None = None) -> list[Job]:
        """Return all jobs, or those in a state, in the order they finished or stand."""
        where, values = ("WHERE state = ?", (state,)) if state else ("", ())
        query = f"SELECT * FROM jobs {where} ORDER BY finished IS NULL, finished, priority DESC, position"  # noqa: S608
        with self._transaction() as connection:
            return [_job_from_row(row) for row in connection.execute(query, values)]

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each state."""
        with self._transaction() as connection:
            found = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=LOCK_TIMEOUT, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise


def _crystal_to_text(crystal: Crystal) -> str:
    columns = {"cell": crystal.cell, "numbers": crystal.numbers, "frac_coords": crystal.frac_coords}
    return json.dumps({name: values.tolist() for name, values in columns.items()})


def _job_from_row(row: tuple[Any, ...]) -> Job:
    name, _, priority, formula, split, moment, structure, state, attempts, host, started, finished, cpu, error = row
    entry = {key: np.array(values) for key, values in json.loads(structure).items()}
    crystal = Crystal(entry["cell"], entry["numbers"], entry["frac_coords"])  # checked when it was added
    material = Material(name, formula, crystal, split, moment, priority)
    return Job(material, state, attempts, host, started, finished, json.loads(cpu or "{}"), error)
