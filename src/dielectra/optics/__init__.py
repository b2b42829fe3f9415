"""Optical quantities as pure functions of a :class:`~dielectra.Spectrum`."""

from dielectra.optics.constants import (
    OpticalConstants,
    absorption_coefficient,
    energy_loss,
    optical_constants,
    reflectivity,
    refractive_index,
    static_dielectric_constant,
)

__all__ = [
    "OpticalConstants",
    "absorption_coefficient",
    "energy_loss",
    "optical_constants",
    "reflectivity",
    "refractive_index",
    "static_dielectric_constant",
]
