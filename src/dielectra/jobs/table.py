"""The job table of a folder: one SQLite row per job, changed in transactions only.

A folder may come from elsewhere, so that nothing in its table is trusted: names are checked when they are read, and
what SQLite cannot read is bad input.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from pydantic import TypeAdapter

from dielectra.errors import InputError
from dielectra.files import whole_file
from dielectra.jobs.version_1 import PAYLOAD as PAYLOAD_1
from dielectra.jobs.version_1 import upgrade

TABLE = "jobs.sqlite"
VERSION = 2
State = Literal["waiting", "running", "done", "refused", "failed"]
STATES: tuple[State, ...] = get_args(State)
LOCK_TIMEOUT = 60.0
ROWS_PER_TRANSACTION = 1000
LONGEST_NAME = 150
SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, position INTEGER NOT NULL, priority REAL NOT NULL DEFAULT 0, payload TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0, host TEXT,
  started REAL, finished REAL, cpu_seconds TEXT, error TEXT
);
CREATE INDEX order_of_work ON jobs (state, priority DESC, position);
"""
COLUMNS = "id, state, attempts, host, started, finished, cpu_seconds, error"


class NewJob(NamedTuple):
    """Name a piece of work; `payload` is JSON data, a higher `priority` is done earlier."""

    id: str
    payload: Any
    priority: float = 0.0


class Job(NamedTuple):
    """Say how far a job is, and what it cost in CPU seconds by part."""

    id: str
    state: State
    attempts: int
    host: str | None
    started: float | None
    finished: float | None
    cpu_seconds: dict[str, float]
    error: str | None


JOB = TypeAdapter(Job)
Item = TypeVar("Item")


def check_name(name: str) -> str:
    """Return the name of a job, which also names its files, where it is a plain one.

    Raises
    ------
    InputError
        If it is too long or holds anything but letters, digits and ``_ . + -``, or begins with a dot.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[\w+-][\w.+-]*", name) or len(name.encode()) > LONGEST_NAME:
        raise InputError(
            f"{str(name)[:LONGEST_NAME]!r} cannot name a job: use letters, digits and _ . + -, no dot in front, and at "
            f"most {LONGEST_NAME} bytes"
        )
    return name


class JobTable:
    """Keep the jobs of a folder; every method is one transaction.

    Raises
    ------
    InputError
        If the folder holds no table, or one that cannot be read; so do all methods.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / TABLE
        if not self.path.is_file():
            raise InputError(
                f"{folder}: holds no job table ({TABLE}); 'dielectra compute FILE... -o {folder}' makes one"
            )
        version = self._read_settings().get("version")
        if version not in (1, VERSION):
            raise InputError(f"{folder}: its job table is of version {version!r}; this dielectra knows 1 and {VERSION}")

    @classmethod
    def create(cls, folder: str | Path, kind: str, settings: Mapping[str, Any]) -> JobTable:
        """Make an empty table for a task in a folder; the file appears whole or not at all."""
        entries = {**settings, "version": VERSION, "task": kind}
        with whole_file(Path(folder) / TABLE) as temporary, closing(sqlite3.connect(temporary)) as connection:
            connection.executescript(SCHEMA)
            rows = [(key, json.dumps(value)) for key, value in entries.items()]
            connection.executemany("INSERT INTO settings VALUES (?, ?)", rows)
            connection.commit()
        return cls(folder)

    @classmethod
    def begin(cls, folder: str | Path, kind: str, settings: Mapping[str, Any]) -> JobTable:
        """Return the table of a folder, of any kind; an empty one is made where the folder is new or empty."""
        try:
            return cls(folder)
        except InputError:
            if Path(folder).exists() and any(Path(folder).iterdir()):
                raise
        return cls.create(folder, kind, settings)

    @property
    def kind(self) -> str:
        """Return the kind of task."""
        return str(self._read_settings().get("task", "campaign"))  # tables of version 1 are campaigns

    def settings(self) -> dict[str, Any]:
        """Return the settings of the task."""
        return {key: value for key, value in self._read_settings().items() if key not in ("version", "task")}

    def add(self, jobs: Iterable[NewJob]) -> int:
        """Add jobs that the table does not hold yet, in their order; return how many are new.

        Jobs are taken one by one, so that there may be more than memory holds.

        Raises
        ------
        InputError
            If a name is not plain, or a table of version 1 would have to be upgraded while its jobs run.
        """
        insert = "INSERT OR IGNORE INTO jobs (id, position, priority, payload) VALUES (?, ?, ?, ?)"
        n_new = 0
        for chunk in chunks(jobs, ROWS_PER_TRANSACTION):
            texts = [(check_name(job.id), job.priority, json.dumps(job.payload)) for job in chunk]
            with self._writing() as connection:
                if self._version(connection) == 1:
                    upgrade(connection, SCHEMA, VERSION)
                (last,) = connection.execute("SELECT coalesce(max(position), -1) FROM jobs").fetchone()
                rows = [(name, last + 1 + index, priority, text) for index, (name, priority, text) in enumerate(texts)]
                n_new += connection.executemany(insert, rows).rowcount
        return n_new

    def waiting(self, n: int) -> list[str]:
        """Return the names of the first `n` waiting jobs: highest priority first, then as added."""
        query = "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY priority DESC, position LIMIT ?"
        with self._reading() as connection:
            return [check_name(name) for (name,) in connection.execute(query, (n,))]

    def claim(self, name: str, host: str) -> bool:
        """Set a waiting job running; return False where it does not wait any more."""
        update = "UPDATE jobs SET state = 'running', attempts = attempts + 1, host = ?, started = ?, error = NULL"
        with self._writing() as connection:
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
        with self._writing() as connection:
            connection.execute(f"{update} WHERE id = ? AND state = 'running'", values)

    def put_back(self, name: str, forgive: bool) -> None:
        """Let a running job wait again; `forgive` does not count the attempt."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'waiting', attempts = attempts - ? WHERE id = ? AND state = 'running'",
                (int(forgive), name),
            )

    def retry(self, states: Sequence[str]) -> int:
        """Let refused or failed jobs wait again with a fresh count of attempts; return how many."""
        marks = ", ".join("?" * len(states))
        with self._writing() as connection:
            query = f"UPDATE jobs SET state = 'waiting', attempts = 0, error = NULL WHERE state IN ({marks})"  # noqa: S608
            return connection.execute(query, tuple(states)).rowcount

    def job(self, name: str) -> Job:
        """Return one job.

        Raises
        ------
        InputError
            If the table has no job of that name.
        """
        with self._reading() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (name,)).fetchone()  # noqa: S608
            if row is None:
                raise InputError(f"{self.folder}: no job {name!r} in this table")
            return _job_from_row(row)

    def jobs(self, state: str | None = None) -> list[Job]:
        """Return all jobs, or those in a state, in the order they finished or stand."""
        where, values = ("WHERE state = ?", (state,)) if state else ("", ())
        order = "ORDER BY finished IS NULL, finished, priority DESC, position"
        with self._reading() as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM jobs {where} {order}", values)  # noqa: S608
            jobs = [_job_from_row(row) for row in rows]
        if len({job.id for job in jobs}) < len(jobs):
            raise InputError(f"{self.path}: damaged, it lists a job more than once; restore it from a copy")
        return jobs

    def payload(self, name: str) -> Any:
        """Return what one job is given."""
        self.job(name)
        return next(iter(self.payloads([name]).values()))

    def payloads(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what jobs are given, by name; names that the table does not hold are left out."""
        found: dict[str, Any] = {}
        with self._reading() as connection:
            column = PAYLOAD_1 if self._version(connection) == 1 else "payload"
            for chunk in chunks(names, ROWS_PER_TRANSACTION // 2):
                marks = ", ".join("?" * len(chunk))
                query = f"SELECT id, {column} FROM jobs WHERE id IN ({marks})"  # noqa: S608
                found |= {name: json.loads(text) for name, text in connection.execute(query, chunk)}
        return found

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each state."""
        with self._reading() as connection:
            found = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    def _read_settings(self) -> dict[str, Any]:
        with self._reading() as connection:
            return {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM settings")}

    def _version(self, connection: sqlite3.Connection) -> int:
        (text,) = connection.execute("SELECT value FROM settings WHERE key = 'version'").fetchone()
        return int(json.loads(text))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=LOCK_TIMEOUT, isolation_level=None)) as connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except InputError:
            raise
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:  # all but the first from what rows hold
            raise InputError(f"{self.path}: the job table cannot be used ({error}); {_advice(error)}") from error


def _advice(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        return "free some space; nothing is lost, and the same command goes on"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another process holds it; try again"
    if code == sqlite3.SQLITE_READONLY:
        return "it is read-only; give yourself the right to write, or copy the folder"
    return "where it is damaged, restore it from a copy, or make a new folder from the same files"


def _job_from_row(row: tuple[Any, ...]) -> Job:
    """Return a job after a check of its types, which SQLite does not make."""
    name, *others, cpu_seconds, error = row
    return JOB.validate_python((check_name(name), *others, json.loads(cpu_seconds or "{}"), error))


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
