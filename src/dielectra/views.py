"""What the rooms above lend to a spectrum: functions bound by name, imported on first use.

A spectrum shows itself in a notebook and gives n, k and plots by code that stands above it and imports it. The
``__init__`` of the package, which knows all rooms, binds that code here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

_HOMES: dict[str, str] = {}


def bind(homes: Mapping[str, str]) -> None:
    """Bind names to functions, each given as ``module:function``."""
    _HOMES.update(homes)


@cache
def view(name: str) -> Callable[..., Any]:
    """Import and return the function bound to a name."""
    module, _, function = _HOMES[name].partition(":")
    bound: Callable[..., Any] = getattr(import_module(module), function)
    return bound
