"""The figure that sums up the experiments: one material's spectra, and how many labels the climb needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from dielectra.plots.experiments import draw_panel
from dielectra.plots.learning import draw_curves
from dielectra.plots.style import LEVEL_COLOURS, style


def plot_overview(spectra: Mapping[str, Any], learning_curve: Mapping[str, Any]) -> Figure:
    """Draw the middle one of the spectra shown, and 1 - median SC on the test split against the number of labels.

    Parameters
    ----------
    spectra, learning_curve
        Reports of the experiments of these names.
    """
    panels, part = spectra["panels"], learning_curve["splits"]["test"]
    with style():
        figure = Figure(figsize=(9.6, 4.0))
        left, right = figure.subplots(1, 2)
        draw_panel(left, spectra["energies_ev"], panels[len(panels) // 2])
        fills = [Patch(color=LEVEL_COLOURS[x], alpha=0.3, label=f"{x.upper()}, computed") for x in ("ipa", "rpa")]
        left.legend(handles=[*fills, *left.get_lines()], fontsize=8)
        left.set_xlabel("photon energy (eV)")
        left.set_ylabel(r"$\varepsilon_2$")
        draw_curves(right, part, None, "sc_median", lambda values: 1 - np.asarray(values, float))
        right.set_ylabel("1 - median SC (lower is better)")
        title = f"from IPA to RPA: {part['n']} test materials, {len(learning_curve['seeds'])} seed(s)"
        right.set_title(title, loc="left", fontsize=8)
        right.legend(fontsize=7)
        return figure
