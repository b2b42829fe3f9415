"""What a request may ask for."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Bound what one request costs.

    Attributes
    ----------
    body, file, unpacked
        Bytes of a request, of one structure file, and of all files of a zip together once unpacked.
    files
        Files in a request, or in the zips of a batch.
    crystals
        Crystals in all files of a request; each makes about 0.1 MB of response.
    seconds
        Time for one file, or one request of several, from when a worker takes it up.
    memory
        Bytes of address space of a worker process.
    waiting
        Calls of workers under way or in the queue; further ones are turned away.
    patience
        Seconds that a call waits in the queue before it is turned away.
    head_seconds, body_seconds
        Time for the head of a request to arrive, and for its body.
    stall_seconds
        Time for which a client may leave a response unread.
    connections
        Connections at a time; further ones are turned away.
    """

    body: int = 16 * MEBIBYTE
    file: int = 2 * MEBIBYTE
    unpacked: int = 64 * MEBIBYTE
    files: int = 1000
    crystals: int = 100
    seconds: float = 20.0
    memory: int = 4096 * MEBIBYTE
    waiting: int = 200
    patience: float = 30.0
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    stall_seconds: float = 30.0
    connections: int = 500
