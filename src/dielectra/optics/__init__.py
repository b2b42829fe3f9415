"""Optical quantities as pure functions of a :class:`~dielectra.Spectrum`."""

from dielectra.optics.anisotropy import Anisotropy, principal_indices
from dielectra.optics.colour import Colour, bulk_colour, colour_name, film_colour, transmission_colour
from dielectra.optics.constants import (
    absorption_coefficient,
    energy_loss,
    optical_constants,
    reflectivity,
    refractive_index,
    static_dielectric_constant,
)
from dielectra.optics.figures_of_merit import Plasmon, abbe_number, penn_gap, plasmon, visible_index
from dielectra.optics.measured import MeasuredSpectrum, load_measured, read_measured
from dielectra.optics.meep import meep_susceptibilities
from dielectra.optics.onset import estimate_gap
from dielectra.optics.oscillators import Oscillators, describe_oscillators, fit_oscillators, oscillator_eps
from dielectra.optics.solar import SolarEfficiency, solar_efficiency
from dielectra.optics.stack import Layer, StackAmplitudes, StackOptics, stack_amplitudes, stack_optics
from dielectra.spectrum import OpticalConstants

__all__ = [
    "Anisotropy",
    "Colour",
    "Layer",
    "MeasuredSpectrum",
    "OpticalConstants",
    "Oscillators",
    "Plasmon",
    "SolarEfficiency",
    "StackAmplitudes",
    "StackOptics",
    "abbe_number",
    "absorption_coefficient",
    "bulk_colour",
    "colour_name",
    "describe_oscillators",
    "energy_loss",
    "estimate_gap",
    "film_colour",
    "fit_oscillators",
    "load_measured",
    "meep_susceptibilities",
    "optical_constants",
    "oscillator_eps",
    "penn_gap",
    "plasmon",
    "principal_indices",
    "read_measured",
    "reflectivity",
    "refractive_index",
    "solar_efficiency",
    "stack_amplitudes",
    "stack_optics",
    "static_dielectric_constant",
    "transmission_colour",
    "visible_index",
]
