"""Engines: the codes that compute spectra, what each offers, and which are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from dielectra.abinitio.computation import Computation
from dielectra.abinitio.protocol import NamedProtocol
from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.registry import Registry

ENGINES = Registry(
    "dielectra.engines",
    "engine",
    {
        "gpaw": "dielectra.abinitio.gpaw",
        "gpaw-lrc": "dielectra.abinitio.gpaw_lrc",
        "gpaw-bse": "dielectra.abinitio.gpaw_bse",
        "yambo": "dielectra.abinitio.yambo",
    },
)


class Engine(Protocol):
    """Compute the spectra of a crystal; a module with these names is an engine."""

    @property
    def levels(self) -> Sequence[str]:
        """Return the levels it can compute; a protocol may compute fewer."""

    @property
    def protocols(self) -> Mapping[str, NamedProtocol]:
        """Return its own named settings, by name; all it can be run by, but for the values in them."""

    @property
    def default_protocol(self) -> NamedProtocol:
        """Return the one of them that is followed unless another is named."""

    def require(self) -> None:
        """Check that it can run here.

        Raises
        ------
        InputError
            If it cannot; the message names what is missing.
        """

    def version(self) -> str:
        """Return what computes, with its version."""

    def compute(self, crystal: Crystal, protocol: Any, magnetic_moment: float, log: Path | None, /) -> Computation:
        """Compute one crystal.

        Parameters
        ----------
        protocol
            One of its protocols, or one of their type with other values.
        magnetic_moment
            Total moment of the cell in Bohr magnetons, where known.
        log
            File for what the code prints; discarded when None.

        Raises
        ------
        RefusedError
            If the crystal is not one the protocol applies to.
        ComputationError
            If a computation was begun and failed.
        """


def load_engine(name: str, trusted: Sequence[str] = ()) -> Engine:
    """Return an engine that can run here.

    Parameters
    ----------
    name
        A registered name, or one of the `trusted`.
    trusted
        Importable modules that the user named as engines on the command line or in a call. The name in a campaign's
        table alone has nothing imported.

    Raises
    ------
    InputError
        If there is no such engine, it lacks something an engine has, or it cannot run here.
    """
    if name in ENGINES.names() or name not in trusted:
        try:
            engine = ENGINES.load(name)
        except InputError as error:
            raise InputError(f"{error}; an importable module of your own is given by --engine, to every run") from error
    else:
        try:
            engine = import_module(name)
        except (ImportError, ValueError) as error:
            known = ", ".join(ENGINES.names())
            raise InputError(
                f"engine {name!r}: known are {known}, and no such module can be imported ({error})"
            ) from error
    parts = ("levels", "protocols", "default_protocol", "require", "version", "compute")
    missing = [part for part in parts if not hasattr(engine, part)]
    if missing:
        raise InputError(f"engine {name!r} lacks {', '.join(missing)}; an engine has {', '.join(parts)}")
    engine.require()
    loaded: Engine = engine
    return loaded


def choose_protocol(engine: Engine, name: str, protocol: str | NamedProtocol | None = None) -> NamedProtocol:
    """Return the protocol an engine shall follow: its own of a name, its default, or the one given.

    Raises
    ------
    InputError
        If the engine, called `name` in the message, has no protocol of that name or type.
    """
    if protocol is None:
        return engine.default_protocol
    if isinstance(protocol, str) and protocol in engine.protocols:
        return engine.protocols[protocol]
    if isinstance(protocol, str) or type(protocol) not in {type(known) for known in engine.protocols.values()}:
        wanted = protocol if isinstance(protocol, str) else protocol.name
        raise InputError(
            f"the engine {name} has no protocol {wanted!r}; its protocols are {', '.join(engine.protocols)}"
        )
    return protocol


def read_protocol(engine: Engine, settings: Mapping[str, Any]) -> NamedProtocol:
    """Return the protocol that a campaign's table holds as plain data.

    Raises
    ------
    InputError
        If its settings are not ones of this engine.
    """
    known = engine.protocols.get(str(settings.get("name")), engine.default_protocol)
    try:
        return type(known).model_validate(dict(settings))
    except ValidationError as error:
        raise InputError(f"protocol {settings.get('name')!r}: {error}") from error
