"""Figures as pages: one self-contained HTML file, nothing loaded from elsewhere."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "scatter.html"


def scatter_page(title: str, value_name: str, points: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> str:
    """Return a page with a scatter plot that says what each point is when the pointer is near.

    Parameters
    ----------
    value_name
        What the colour shows.
    points
        Each with ``x``, ``y``, ``value``, ``group`` and ``lines``, the text shown.
    groups
        Order in the legend, which shows and hides them; those without points are left out.
    """
    present = [group for group in groups if any(point["group"] == group for point in points)]
    data = {"valueName": value_name, "points": list(points), "groups": present}
    safe = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    page = TEMPLATE.read_text(encoding="utf-8")
    return page.replace("{{title}}", html.escape(title)).replace("{{data}}", safe)
