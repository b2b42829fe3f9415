"""Say in a few lines what became of the structures of a scan."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dielectra.structures.entries import Refused

LONGEST_KIND = 80


def summarise(n_used: int, refused: Iterable[Refused]) -> str:
    """Return how many crystals were used and how many refused, with each kind of reason and its first place.

    Returns
    -------
    str
        ``243 crystals read, 57 refused:`` and a line such as ``  20 x has partially occupied sites, first in a.cif``.
    """
    places: dict[str, list[str]] = {}
    for one in refused:
        places.setdefault(kind_of(one), []).append(one.name)
    n_refused = sum(map(len, places.values()))
    head = f"{n_used} {'crystal' if n_used == 1 else 'crystals'} read, {n_refused} refused"
    ordered = sorted(places.items(), key=lambda item: -len(item[1]))
    lines = [f"  {len(names)} x {kind}, first in {names[0]}" for kind, names in ordered]
    return "\n".join([f"{head}:", *lines]) if lines else head


def kind_of(refused: Refused) -> str:
    """Return the reason without what differs from one structure to the next: names, numbers, advice."""
    reason = refused.reason
    for known in (refused.name, refused.file):
        reason = reason.removeprefix(f"{known}: ")
        reason = reason.removeprefix(known)
    reason = (
        re.sub(rf"^[,:\s]*{re.escape(refused.place)}[,:\s]*", "", reason) if refused.place else reason.lstrip(",: ")
    )
    reason = re.sub(r"\s*\([^()]*\)", "", reason.partition(";")[0])
    reason = re.sub(r"\b(atom|site|line|row|frame)s? \S+:?", r"\1", reason)
    return re.sub(r"'[^']*'|\d[\d.e+-]*", "...", reason).strip()[:LONGEST_KIND]
