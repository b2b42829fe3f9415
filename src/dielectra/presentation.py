"""What a spectrum shows of itself in a notebook: one line, a small figure with its facts, plots, tables.

The methods of :class:`~dielectra.Spectrum` call these functions; optics and plots are imported on first use.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dielectra.errors import InputError
from dielectra.files import write_whole
from dielectra.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dielectra.optics.intervals import Interval

CARD_SIZE = (4.4, 2.5)
CARD_WIDTH = 440


class Facts(NamedTuple):
    """What is worth knowing of a spectrum at a glance.

    Attributes
    ----------
    formula, level, model
        Empty where unknown.
    eps_infinity
        Electronic dielectric constant; None for a spectrum that does not begin near 0 eV.
    gap
        Gap, eV; None where it is unknown and cannot be estimated.
    gap_source
        Where the gap comes from.
    n_589
        Refractive index at 589 nm; None where the spectrum does not reach there.
    intervals
        Of ``gap_ev``, ``eps_infinity`` and ``n_589nm``, by these names, where there are some.
    coverage
        Share of the energies at which a band holds the true curve; None where bands are the range of the members.
    confidence
        ``high``, ``medium`` or ``low``; empty where unknown.
    warnings
        Reasons to doubt the spectrum.
    """

    formula: str
    level: str
    model: str
    eps_infinity: float | None
    gap: float | None
    gap_source: str
    n_589: float | None
    intervals: Mapping[str, Interval]
    coverage: float | None
    confidence: str
    warnings: tuple[str, ...]


def collect_facts(spectrum: Spectrum) -> Facts:
    """Return what is known of a spectrum; a gap that is not in its provenance is estimated from the absorption."""
    from dielectra.optics.bands import known_calibration
    from dielectra.optics.constants import static_or_none
    from dielectra.optics.intervals import number_intervals
    from dielectra.optics.onset import gap_or_none
    from dielectra.optics.quantities import sodium_index

    known = spectrum.provenance
    gap = gap_or_none(spectrum)
    source = "predicted" if known.get("gap_ev") is not None else "estimated from the absorption"
    calibration = known_calibration(spectrum)
    return Facts(
        formula=str(known.get("formula", "")),
        level=spectrum.level,
        model=str(known.get("model") or known.get("reference") or ""),
        eps_infinity=static_or_none(spectrum.energies, spectrum.mean),
        gap=gap,
        gap_source="" if gap is None else source,
        n_589=sodium_index(spectrum),
        intervals=number_intervals(spectrum, calibration),
        coverage=None if calibration is None else calibration.coverage,
        confidence=str(known.get("confidence") or ""),
        warnings=tuple(str(note) for note in known.get("warnings", ())),
    )


def one_line(spectrum: Spectrum) -> str:
    """Return a spectrum as one line of text."""
    known, energies = spectrum.provenance, spectrum.energies
    words = [str(known["formula"])] if known.get("formula") else []
    words += [spectrum.level, f"{energies[0]:g}-{energies[-1]:g} eV, {len(energies)} points"]
    if energies[0] <= 0.1:
        words.append(f"eps_infinity {spectrum.mean[0].real:.2f}")
    words += [str(known["model"])] if known.get("model") else []
    words += [f"{len(spectrum.members)} members"] if spectrum.members else []
    notes = len(known.get("warnings", ()))
    words += [f"{notes} warning{'s' if notes > 1 else ''}"] if notes else []
    return f"Spectrum({', '.join(words)})"


def as_html(spectrum: Spectrum) -> str:
    """Return a spectrum as a small figure above a line of facts, with its warnings, for a notebook."""
    facts = collect_facts(spectrum)
    gap = _with_interval(facts.gap, facts.intervals.get("gap_ev"))
    items = {
        "level": facts.level.upper(),
        "model": facts.model,
        "ε<sub>∞</sub>": _with_interval(facts.eps_infinity, facts.intervals.get("eps_infinity")),
        "n (589 nm)": _with_interval(facts.n_589, facts.intervals.get("n_589nm")),
        "gap": gap and f"{gap} eV, {facts.gap_source}",
        "range": f"{spectrum.energies[0]:g}–{spectrum.energies[-1]:g} eV",  # noqa: RUF001
        "band": _about_band(spectrum, facts),
        "confidence": facts.confidence,
    }
    shown = " · ".join(f"{name}&nbsp;<b>{_escape(text)}</b>" for name, text in items.items() if text)
    notes = "".join(f'<div style="color:#b45309">⚠ {_escape(note)}</div>' for note in facts.warnings)
    picture = b64encode(as_png(spectrum)).decode()
    title = f'<div style="font-weight:600">{_subscripts(facts.formula)}</div>' if facts.formula else ""
    return (
        f'<div style="max-width:{CARD_WIDTH}px;font-size:13px;line-height:1.5">{title}'
        f'<img alt="{_escape(one_line(spectrum))}" src="data:image/png;base64,{picture}" '
        f'style="width:100%;background:#fff"><div>{shown}</div>{notes}</div>'
    )


def _with_interval(value: float | None, interval: Interval | None) -> str:
    """Return a number with the ends of its interval where it has one: ``1.80 (1.62-1.98)``."""
    if value is None:
        return ""
    return f"{value:.2f}" + ("" if interval is None else f" ({interval.lower:.2f}–{interval.upper:.2f})")  # noqa: RUF001


def _about_band(spectrum: Spectrum, facts: Facts) -> str:
    if len(spectrum.members) < 2:
        return ""
    if facts.coverage is None:
        return f"range of {len(spectrum.members)} models"
    return f"{facts.coverage:.0%} of the curve lie inside"


@lru_cache(maxsize=8)  # a notebook asks for HTML and PNG of each value shown
def as_png(spectrum: Spectrum) -> bytes:
    """Return a small figure of real and imaginary part as the bytes of a PNG file."""
    from dielectra.plots.style import figure_bytes

    return figure_bytes(draw(spectrum, size=CARD_SIZE))


def draw(
    spectrum: Spectrum,
    quantity: str = "eps",
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
    components: Sequence[Any] | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """Return a figure of one quantity; parameters as for :func:`~dielectra.plots.spectra.plot_quantity`."""
    from dielectra.plots.spectra import plot_quantity

    name = str(spectrum.provenance.get("formula", ""))
    chosen = {} if size is None else {"size": size}
    return plot_quantity([(name, spectrum)], quantity, unit, limits, components, **chosen)


def to_dataframe(
    spectrum: Spectrum,
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
    step: float | None = None,
    components: Sequence[str] | None = None,
) -> Any:
    """Return all quantities as a pandas table whose index is the axis; see :func:`~dielectra.optics.tabulate`.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    from dielectra.optics.quantities import tabulate

    try:
        import pandas
    except ImportError as error:
        raise InputError("to_dataframe needs pandas: pip install pandas; or use to_csv") from error
    columns = tabulate(spectrum, unit, limits, step, components)
    return pandas.DataFrame(columns).set_index(next(iter(columns)))


def to_csv(
    spectrum: Spectrum,
    path: str | Path,
    unit: str = "ev",
    limits: tuple[float, float] | str | None = None,
    step: float | None = None,
    components: Sequence[str] | None = None,
) -> Path:
    """Write all quantities as CSV below a comment that says what they are; the file appears whole or not at all."""
    from dielectra.optics.quantities import csv_text, tabulate

    return write_whole(path, csv_text(title(spectrum), tabulate(spectrum, unit, limits, step, components)))


def title(spectrum: Spectrum) -> str:
    """Return formula, level and model or reference, as the first line of files has them."""
    known = spectrum.provenance
    source = f"model {known['model']}" if known.get("model") else str(known.get("reference", ""))
    return ", ".join(word for word in (str(known.get("formula", "")), f"level {spectrum.level}", source) if word)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _subscripts(formula: str) -> str:
    """Return a formula with its numbers as subscripts."""
    return re.sub(r"(\d+)", r"<sub>\1</sub>", _escape(formula))
