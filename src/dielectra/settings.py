"""Settings from YAML files and dotted overrides, checked by frozen pydantic models."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from dielectra.errors import InputError
from dielectra.files import read_text
from dielectra.parsing import parse_yaml

Settings = TypeVar("Settings", bound=BaseModel)


def validate(model: type[Settings], entries: Mapping[str, Any], within: str = "") -> Settings:
    """Return the settings that entries describe.

    Parameters
    ----------
    within
        Name of the option whose value the entries are, for messages.

    Raises
    ------
    InputError
        If an option is unknown or a value not allowed; names the dotted option and the nearest known one.
    """
    try:
        return model.model_validate(entries)
    except ValidationError as error:
        raise InputError("; ".join(_explain(model, dict(problem), within) for problem in error.errors())) from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of option: value pairs.

    Raises
    ------
    InputError
        If it cannot be read or holds something else.
    """
    content = parse_yaml(read_text(path), path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold option: value pairs")
    return content


def with_overrides(entries: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return entries changed by overrides such as ``learning_rate=1e-4`` or ``network.output_widths=[512,512]``.

    Raises
    ------
    InputError
        If an override does not read ``option=value``.
    """
    for override in overrides:
        entries = merge(entries, _parse_override(override))
    return dict(entries)


def merge(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` updated, nested options one by one."""
    merged = dict(base)
    for key, value in update.items():
        known = merged.get(key)
        known = known.model_dump() if isinstance(known, BaseModel) else known
        merged[key] = merge(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def _parse_override(override: str) -> dict[str, Any]:
    name, separator, text = override.partition("=")
    if not separator or not name:
        raise InputError(f"override {override!r} must read option=value, such as learning_rate=1e-4")
    value = parse_yaml(text, f"override {override!r}")
    nested: Any = value
    for part in reversed(name.split(".")):
        nested = {part: nested}
    return dict(nested)


def _explain(model: type[BaseModel], problem: Mapping[str, Any], within: str) -> str:
    path = ".".join(str(part) for part in ([within] if within else []) + list(problem["loc"]))
    if problem["type"] == "value_error":
        return f"option {path}: {problem['ctx']['error']}" if path else str(problem["ctx"]["error"])
    if problem["type"] == "missing":
        return f"option {path} is missing"
    if problem["type"] != "extra_forbidden":
        return f"option {path} = {problem['input']!r}: {problem['msg']}"
    *parents, last = problem["loc"]
    for part in parents:
        model = _nested_model(model, part)
    near = difflib.get_close_matches(str(last), model.model_fields, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(model.model_fields)}"
    return f"unknown option {path}; {hint}"


def _nested_model(model: type[BaseModel], part: str | int) -> type[BaseModel]:
    """Return the model of a field, or of its items; an index into a list leads nowhere new."""
    if isinstance(part, int):
        return model
    annotation = model.model_fields[part].annotation
    candidates = [annotation, *get_args(annotation)]
    return next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel))
