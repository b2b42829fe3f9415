"""Optical quantities as pure functions of a :class:`~dielectra.Spectrum`."""

from dielectra.optics.colour import Colour, bulk_colour, film_colour
from dielectra.optics.constants import (
    OpticalConstants,
    absorption_coefficient,
    energy_loss,
    optical_constants,
    reflectivity,
    refractive_index,
    static_dielectric_constant,
)
from dielectra.optics.measured import MeasuredSpectrum, load_measured, read_measured
from dielectra.optics.onset import estimate_gap
from dielectra.optics.solar import SolarEfficiency, solar_efficiency
from dielectra.optics.stack import Layer, StackOptics, stack_optics

__all__ = [
    "Colour",
    "Layer",
    "MeasuredSpectrum",
    "OpticalConstants",
    "SolarEfficiency",
    "StackOptics",
    "absorption_coefficient",
    "bulk_colour",
    "energy_loss",
    "estimate_gap",
    "film_colour",
    "load_measured",
    "optical_constants",
    "read_measured",
    "reflectivity",
    "refractive_index",
    "solar_efficiency",
    "stack_optics",
    "static_dielectric_constant",
]
