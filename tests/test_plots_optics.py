"""Figures of derived optics show the numbers they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dielectra.optics import (
    Layer,
    bulk_colour,
    fit_oscillators,
    load_measured,
    optical_constants,
    oscillator_eps,
    stack_optics,
)
from dielectra.optics.colour import colour_of
from dielectra.plots import plot_colours, plot_measured, plot_oscillators, plot_stack, save_figure
from dielectra.spectrum import Spectrum, isotropic_spectrum

GRID = np.linspace(0, 20, 401)


@pytest.fixture(scope="module")
def spectrum() -> Spectrum:
    return isotropic_spectrum(GRID, 25 * np.exp(-((GRID - 4) ** 2) / 2), "rpa")


def test_a_stack_has_a_curve_per_angle_and_quantity(spectrum: Spectrum, tmp_path: Path) -> None:
    optics = stack_optics([Layer(spectrum, 40)], np.linspace(1, 4, 31), [0, 60])
    figure = plot_stack(optics)
    drawn = [[line.get_ydata() for line in axes.get_lines()] for axes in figure.axes[:3]]
    for curves, expected in zip(drawn, (optics.reflectance, optics.transmittance, optics.absorptance), strict=True):
        np.testing.assert_array_equal(curves, expected)
    assert figure.axes[2].get_legend() is not None
    assert save_figure(figure, tmp_path / "stack.svg").stat().st_size > 1000
    assert plot_stack(stack_optics([], [1.0, 2.0])).axes[2].get_legend() is None


def test_swatches_have_the_colours(spectrum: Spectrum) -> None:
    colours = [bulk_colour(spectrum), colour_of(np.arange(421) == 172)]
    figure = plot_colours([("bulk", colours[0]), ("laser", colours[1])])
    for axes, colour in zip(figure.axes, colours, strict=True):
        assert axes.get_facecolor()[:3] == pytest.approx(colour.srgb)
        assert ("(clipped)" in axes.get_xlabel()) is not colour.in_gamut
    assert len(plot_colours([("one", colours[0])]).axes) == 1


def test_a_fit_is_drawn_over_its_spectrum(spectrum: Spectrum) -> None:
    model = fit_oscillators(spectrum, 3)
    lines = plot_oscillators(spectrum, model).axes[0].get_lines()
    np.testing.assert_array_equal(lines[0].get_ydata(), spectrum.mean.real)
    np.testing.assert_array_equal(lines[3].get_ydata(), oscillator_eps(model, GRID[1:]).imag)


def test_measurements_are_drawn_over_a_prediction(spectrum: Spectrum) -> None:
    measured = load_measured("Si")[:2]
    panels = plot_measured(spectrum, measured).axes
    for axes, name in zip(panels, ("n", "k"), strict=True):
        curves = [line.get_ydata() for line in axes.get_lines()]
        expected = [spectrum, *(entry.spectrum for entry in measured)]
        assert len(curves) == 3
        for curve, source in zip(curves, expected, strict=True):
            np.testing.assert_array_equal(curve, getattr(optical_constants(source), name))
    labels = [text.get_text() for text in panels[1].get_legend().get_texts()]
    assert labels == ["RPA", "Aspnes, bulk crystal, iso", "Franta-10K, bulk crystal, iso"]
