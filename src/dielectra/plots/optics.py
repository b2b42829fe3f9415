"""Figures of derived optics: film stacks, colours, oscillator fits, measured against predicted spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dielectra.optics.constants import optical_constants
from dielectra.plots.axes import set_energy_axis
from dielectra.plots.style import BLACK, BLUE, CYCLE, LEVEL_COLOURS, RED, Drawing, style
from dielectra.units import from_energies

if TYPE_CHECKING:
    from dielectra.optics.colour import Colour
    from dielectra.optics.measured import MeasuredSpectrum
    from dielectra.optics.oscillators import Oscillators
    from dielectra.optics.stack import StackOptics
    from dielectra.spectrum import Spectrum

LEAST_ABSORPTANCE = 0.005
"""Layers that absorb nowhere more than this are left out of the figure."""


def plot_stack(
    optics: StackOptics,
    unit: str = "ev",
    layers: Sequence[str] = (),
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> Figure:
    """Draw reflectance, transmittance and absorptance, one curve per angle of incidence.

    Parameters
    ----------
    unit
        Unit of the axis.
    layers
        Names of the layers: at a single angle the absorptance is shown as the sum of their parts.
    bands
        By name of the fraction the lower and upper ends of its interval, shape ``(n_angles, n_energies)``.
    """
    with style():
        figure = Drawing(figsize=(9.0, 3.2))
        panels = figure.subplots(1, 3, sharey=True)
        points = from_energies(optics.energies, unit)
        ends = float(points.min()), float(points.max())
        named = {
            "reflectance": optics.reflectance,
            "transmittance": optics.transmittance,
            "absorptance": optics.absorptance,
        }
        for axes, (name, values) in zip(panels, named.items(), strict=True):
            lower, upper = (values, values) if not bands else np.array(bands[name])
            for position, (angle, curve) in enumerate(zip(optics.angles, values, strict=True)):
                colour = CYCLE[position % len(CYCLE)]
                axes.plot(points, curve, color=colour, label=f"{angle:g}°")
                if bands:
                    axes.fill_between(points, lower[position], upper[position], color=colour, alpha=0.15, linewidth=0)
            axes.set_title(name, loc="left", fontsize=9)
            axes.set_ylim(0, 1)
            set_energy_axis(axes, unit, ends)
        panels[0].set_ylabel("fraction of the incident power")
        parts = [(name, part[0]) for name, part in zip(layers, optics.layer_absorptance, strict=False)]
        parts = [(name, part) for name, part in parts if part.max() > LEAST_ABSORPTANCE]
        if len(optics.angles) > 1:
            panels[-1].legend(title="angle of incidence", fontsize=8, title_fontsize=8)
        elif parts:
            colours = [CYCLE[1:][position % (len(CYCLE) - 1)] for position in range(len(parts))]
            names, curves = zip(*parts, strict=True)
            panels[-1].stackplot(points, *curves, labels=names, colors=colours, alpha=0.4)
            handles, labels = panels[-1].get_legend_handles_labels()
            panels[-1].legend(handles[1:], labels[1:], fontsize=8)
        return figure


def plot_colours(named: Sequence[tuple[str, Colour]]) -> Figure:
    """Draw swatches of colours with their names, hexadecimal codes and Lab values."""
    with style():
        figure = Drawing(figsize=(1.7 * max(2, len(named)), 2.1))
        for axes, (name, colour) in zip(np.atleast_1d(figure.subplots(1, len(named))), named, strict=True):
            axes.set_facecolor(colour.srgb)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(name, fontsize=9)
            lightness, a, b = colour.lab
            note = f"{colour.hex}{'' if colour.in_gamut else ' (clipped)'}\nL* {lightness:.0f}, a* {a:.0f}, b* {b:.0f}"
            axes.set_xlabel(note, fontsize=8)
        return figure


def plot_oscillators(spectrum: Spectrum, oscillators: Oscillators) -> Figure:
    """Draw a spectrum (isotropic average) and the oscillators fitted to it."""
    from dielectra.optics.oscillators import oscillator_eps

    with style():
        figure = Drawing(figsize=(5.0, 3.4))
        axes = figure.subplots()
        energies = spectrum.energies[spectrum.energies > 0]
        fitted = oscillator_eps(oscillators, energies)
        for part, colour, name in (("real", RED, "1"), ("imag", BLUE, "2")):
            label = rf"$\varepsilon_{name}$"
            axes.plot(spectrum.energies, getattr(spectrum.mean, part), color=colour, alpha=0.35, linewidth=4)
            axes.plot(energies, getattr(fitted, part), color=colour, label=label)
        axes.set_title(
            f"{len(oscillators.energies)} poles, relative error {oscillators.rms_error:.3f} (broad: spectrum)",
            loc="left",
            fontsize=9,
        )
        set_energy_axis(axes, "ev", (float(spectrum.energies[0]), float(spectrum.energies[-1])))
        axes.legend()
        return figure


def plot_measured(predicted: Spectrum, measured: Sequence[MeasuredSpectrum]) -> Figure:
    """Draw n and k of a prediction and of measurements of the same crystal."""
    with style():
        figure = Drawing(figsize=(7.5, 3.2))
        panels = figure.subplots(1, 2, sharex=True)
        constants = optical_constants(predicted)
        colour = LEVEL_COLOURS[predicted.level]
        for axes, name in zip(panels, ("n", "k"), strict=True):
            axes.plot(predicted.energies, getattr(constants, name), color=colour, label=predicted.level.upper())
            for position, entry in enumerate(measured):
                values = getattr(optical_constants(entry.spectrum), name)
                shade = BLACK if len(measured) == 1 else CYCLE[(position + 1) % len(CYCLE)]
                label = f"{entry.source.rsplit('/', 1)[-1].removesuffix('.yml')}, {entry.kind}, {entry.axis}"
                axes.plot(entry.spectrum.energies, values, color=shade, linestyle="--", linewidth=1.1, label=label)
            axes.set_ylabel(name)
            axes.set_ylim(bottom=0)
            set_energy_axis(axes, "ev", (0.0, min(20.0, float(predicted.energies[-1]))))
        panels[1].legend(fontsize=7)
        return figure
