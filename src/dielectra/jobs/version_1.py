"""Job tables of version 1, which held campaigns only: read as they are, upgraded when jobs are added.

Reading changes nothing, since another process may run the table by an older dielectra.
"""

from __future__ import annotations

import json
import sqlite3

from dielectra.errors import InputError

PAYLOAD = (
    "json_object('formula', formula, 'split', split, 'magnetic_moment', magnetic_moment, 'crystal', json(structure))"
)
"""SQL expression of a job's payload."""

SHARED = "id, position, priority, state, attempts, host, started, finished, cpu_seconds, error"


def upgrade(connection: sqlite3.Connection, schema: str, version: int) -> None:
    """Turn a table into one of the present version, within the transaction that is open.

    Raises
    ------
    InputError
        If jobs are running, whose process may be of an older dielectra.
    """
    (running,) = connection.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()
    if running:
        raise InputError("an older dielectra made this job table, and jobs are running; add to it when they have ended")
    connection.execute("DROP INDEX IF EXISTS order_of_work")
    connection.execute("ALTER TABLE jobs RENAME TO jobs_1")
    for statement in schema.split(";"):
        if "settings" not in statement:
            connection.execute(statement)
    connection.execute(f"INSERT INTO jobs ({SHARED}, payload) SELECT {SHARED}, {PAYLOAD} FROM jobs_1")  # noqa: S608
    connection.execute("DROP TABLE jobs_1")
    entries = [("version", json.dumps(version)), ("task", json.dumps("campaign"))]
    connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", entries)
