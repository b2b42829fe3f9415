"""All experiments in one self-contained HTML page: tables, figures, commands, minutes."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from dielectra.experiments.frame import Experiment, Report
from dielectra.experiments.published import published_numbers
from dielectra.experiments.tables import markdown_table
from dielectra.files import write_whole
from dielectra.version import __version__

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-size: .9rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; }
img { max-width: 100%; } iframe { width: 100%; height: 50rem; border: 1px solid #ddd; }
code { background: #f4f4f4; padding: .1rem .3rem; overflow-wrap: anywhere; } section { margin-top: 3rem; }
.tables { overflow-x: auto; }
"""


def write_summary(path: Path, parts: Sequence[tuple[Experiment, Report, Path]]) -> Path:
    """Write one page with every experiment, each with its report and the folder of its files."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    first = parts[0][1]
    title = f"The paper's experiments on {html.escape(str(first['data']))}"
    contents = "".join(
        f'<li><a href="#{one.name}">{one.name}</a>: {html.escape(one.shows)}</li>' for one, _, _ in parts
    )
    sections = "".join(_section(renderer, *part) for part in parts)
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{title}</h1>\n"
        f"{renderer.render(_introduction([report for _, report, _ in parts]))}<ul>{contents}</ul>\n{sections}</html>\n"
    )
    return write_whole(path, page)


def _introduction(reports: Sequence[Report]) -> str:
    """Return as Markdown on what all this was run, and how it differs from the paper."""
    first, paper = reports[0], published_numbers()
    ours = first["ipa_as_rpa"]
    rows = [
        ["training materials with RPA spectra", str(first["n"]["train"]), str(paper["n_train"])],
        ["test materials with RPA spectra", str(first["n"]["test"]), str(paper["n_test"])],
        ["median SC, IPA taken as RPA", f"{ours['sc_median']:.3f}", f"{ours['published_sc_median']:.3f}"],
        ["median MSE, IPA taken as RPA", f"{ours['mse_median']:.3f}", f"{ours['published_mse_median']:.3f}"],
        ["code", str(first["engine"] or "not recorded"), "Quantum ESPRESSO, Yambo"],
    ]
    minutes = sum(report["minutes"] for report in reports)
    lines = [
        f"Data set `{first['data']}` ({first['data_digest']}), seeds {', '.join(map(str, first['seeds']))}"
        + (", quick run" if first["quick"] else "")
        + f", {minutes:.1f} minutes in all, dielectra {__version__}. "
        "Nothing was chosen on the test split.",
        "",
        *markdown_table(["", "here", "published"], rows),
        f"Published numbers: {paper['source']}.",
    ]
    return "\n".join(lines)


def _section(renderer: MarkdownIt, experiment: Experiment, report: Report, folder: Path) -> str:
    table = renderer.render((folder / "table.md").read_text(encoding="utf-8"))
    images = "".join(
        f'<p><img alt="{experiment.name}: {name}" src="data:image/png;base64,'
        f'{base64.b64encode((folder / f"{name}.png").read_bytes()).decode()}"></p>'
        for name in report["figures"]
    )
    texts = {name: (folder / f"{name}.html").read_text(encoding="utf-8") for name in report["pages"]}
    pages = "".join(
        f'<iframe title="{experiment.name}: {name}" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in texts.items()
    )
    return (
        f'<section id="{experiment.name}"><h2>{experiment.name}</h2><p>{html.escape(experiment.shows)}</p>'
        f'{images}{pages}<div class="tables">{table}</div></section>\n'
    )
