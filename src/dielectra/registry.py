"""Look up what a name stands for: rows of our own, and entry points of installed packages.

Only a registered name leads to an import, so that a name from a file of unknown origin can do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from dielectra.errors import InputError


class Registry(NamedTuple):
    """Name what can be looked up.

    Attributes
    ----------
    group
        Entry-point group in which other packages register theirs, such as ``dielectra.engines``.
    kind
        What messages call one: ``engine``.
    rows
        Our own, ``module:attribute`` by name; they cannot be replaced by an entry point.
    """

    group: str
    kind: str
    rows: Mapping[str, str]

    def names(self) -> list[str]:
        """Return the registered names: ours first, then those of other packages."""
        return list(self._entry_points())

    def load(self, name: str) -> Any:
        """Import and return what a name stands for.

        Raises
        ------
        InputError
            If the name is not registered, or an entry point of another package cannot be imported.
        """
        if name in self.rows:  # without a look through all installed packages
            return EntryPoint(name, self.rows[name], self.group).load()
        found = self._entry_points()
        if name not in found:
            raise InputError(f"unknown {self.kind} {name!r}; known are {', '.join(found)}")
        try:
            return found[name].load()
        except Exception as error:  # a package of others may fail in any way
            raise InputError(f"{self.kind} {name}: {found[name].value} cannot be loaded ({error})") from error

    def _entry_points(self) -> dict[str, EntryPoint]:
        ours = {name: EntryPoint(name, value, self.group) for name, value in self.rows.items()}
        return ours | {point.name: point for point in entry_points(group=self.group) if point.name not in ours}
