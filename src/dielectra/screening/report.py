"""A page about the result of a screening: counts, distributions, reasons, the best crystals."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.files import write_whole
from dielectra.jobs.table import JobTable
from dielectra.screening.query import columns_of, query
from dielectra.screening.task import Settings
from dielectra.version import __version__

PAGE = "report.html"
BEST = 20
BINS = 40
REASONS = 10
LABELS = {
    "gap_ev": "gap (eV)",
    "eps_infinity": "electronic dielectric constant",
    "slme": "SLME",
    "birefringence": "birefringence at 589 nm",
}
SHOWN = ("id", "formula", "space_group", "gap_ev", "gap_direct_ev", "eps_infinity", "slme", "birefringence", "colour")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-size: .85rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
td.text, th.text { text-align: left; }
img { max-width: 100%; } .wide { overflow-x: auto; }
.swatch { display: inline-block; width: 1em; height: 1em; border: 1px solid #888; vertical-align: -.15em; }
"""


def write_report(result: str | Path, where: str | None = None) -> Path:
    """Write the page into the folder of a result; return its path.

    Parameters
    ----------
    where
        SQL condition that the best crystals fulfil; by default that they are no metals and inside the model's domain,
        as far as the model says so.
    """
    settings = Settings.model_validate(JobTable(result).settings())
    counts = summary(result)
    condition = where or "metal IS NOT TRUE AND in_domain IS NOT FALSE"
    best = query(result, _best(result, condition)).documents()
    facts = [
        f"{counts['crystals']} crystals, {counts['predicted']} predicted, {counts['refused']} not{_doubtful(result)}",
        f"model {settings.model} at the level {settings.level}, dielectra {__version__}",
        f"pool: {', '.join(settings.pool)}",
        f"SLME of a film of {settings.thickness_nm:g} nm; colour of the bulk under D65",
    ]
    page = (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Screening</title>\n'
        f"<style>{STYLE}</style>\n<h1>Screening</h1>\n{_list(facts)}"
        f"{_figure(result)}<h2>The best {len(best)} by SLME</h2>\n<p>where {html.escape(condition)}</p>\n"
        f"{_table(best)}{_reasons(result)}</html>\n"
    )
    return write_whole(Path(result) / PAGE, page)


def summary(result: str | Path) -> dict[str, int]:
    """Return the numbers of crystals of a result, of those predicted, and of those that are not."""
    ((total, refused),) = query(result, "SELECT count(*), count(reason) FROM crystals").rows
    return {"crystals": total, "predicted": total - refused, "refused": refused}


def _doubtful(result: str | Path) -> str:
    """Return how many crystals are to be doubted, as far as the model says so, as the end of a sentence."""
    ((metals, unlike),) = query(
        result, "SELECT count(*) FILTER (metal), count(*) FILTER (NOT in_domain) FROM crystals"
    ).rows
    return "".join(
        f"; {n} {what}" for n, what in ((metals, "taken for metals"), (unlike, "unlike the training crystals")) if n
    )


def _best(result: str | Path, condition: str) -> str:
    shown = [*SHOWN, *(name for name in columns_of(result) if name.startswith("n_") and name.endswith("nm"))]
    return (
        f"SELECT {', '.join(shown)} FROM crystals WHERE reason IS NULL AND ({condition}) "  # noqa: S608  (only reads)
        f"ORDER BY slme DESC NULLS LAST, id LIMIT {BEST}"
    )


def _histogram(result: str | Path, column: str) -> tuple[FloatArray, Sequence[int]] | None:
    """Return edges and counts of a column between its 0.5th and 99.5th percentile; None where all are alike."""
    ends = f"SELECT quantile_cont({column}, 0.005), quantile_cont({column}, 0.995) FROM crystals"  # noqa: S608
    ((low, high),) = query(result, ends).rows
    if low is None or not high > low:
        return None
    width = (high - low) / BINS
    bins = (
        f"SELECT least(floor(({column} - {low}) / {width}), {BINS - 1})::INT AS bin, count(*) FROM crystals "  # noqa: S608
        f"WHERE {column} BETWEEN {low} AND {high} GROUP BY bin"
    )
    found = dict(query(result, bins).rows)
    return np.linspace(low, low + BINS * width, BINS + 1), [found.get(index, 0) for index in range(BINS)]


def _figure(result: str | Path) -> str:
    from dielectra.plots import plot_distributions
    from dielectra.plots.style import figure_bytes

    labels = LABELS | {
        name: f"refractive index at {name[2:-2].replace('_', '.')} nm"
        for name in columns_of(result)
        if name.startswith("n_") and name.endswith("nm")
    }
    histograms = {label: found for column, label in labels.items() if (found := _histogram(result, column))}
    if not histograms:
        return ""
    picture = base64.b64encode(figure_bytes(plot_distributions(histograms))).decode()
    return f'<p><img alt="Distributions: {", ".join(histograms)}" src="data:image/png;base64,{picture}"></p>\n'


def _reasons(result: str | Path) -> str:
    """Return the number of crystals that were not predicted, with the first reasons."""
    rows = query(result, f"SELECT reason FROM crystals WHERE reason IS NOT NULL LIMIT {REASONS}").rows  # noqa: S608
    if not rows:
        return ""
    ((n_refused,),) = query(result, "SELECT count(reason) FROM crystals").rows
    title = f"<h2>Not predicted: {n_refused}</h2>\n"
    if n_refused > len(rows):
        title += f"<p>The first {len(rows)}; all are rows of the result with their reason.</p>\n"
    return title + _list([reason for (reason,) in rows])


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(text)}' for text in texts)}</ul>\n"


def _table(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "<p>none</p>\n"
    heads = "".join(f"<th{_class(value)}>{html.escape(name)}" for name, value in rows[0].items())
    lines = "".join(f"<tr>{''.join(_cell(name, value) for name, value in row.items())}\n" for row in rows)
    return f'<div class="wide"><table><tr>{heads}\n{lines}</table></div>\n'


def _class(value: Any) -> str:
    return ' class="text"' if isinstance(value, str) else ""


def _cell(name: str, value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else html.escape(str(value))
    if name == "colour" and text:
        text = f'<span class="swatch" style="background:{text}"></span> {text}'
    return f"<td{_class(value)}>{text}"
