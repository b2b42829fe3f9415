"""Colour of a bulk surface, of a film, and of light inside a crystal: CIE 1931 2 degree observer, Lab and sRGB.

Reflectance or transmittance is evaluated every nanometre from 360 to 780 nm (1.59-3.44 eV), the dielectric function
interpolated linearly in energy, and summed with the colour matching functions (CIE 015:2018, section 7). Lab is taken
relative to the illuminant. For sRGB (IEC 61966-2-1) the white of the illuminant is adapted to D65 by the Bradford
transform, so that a perfect mirror is white under each; what lies outside the sRGB gamut is clipped by channel.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import absorption_coefficient, reflectivity
from dielectra.optics.onset import gap_error
from dielectra.optics.stack import Layer, material_index, stack_optics
from dielectra.optics.tables import read_table
from dielectra.spectrum import Spectrum
from dielectra.units import HC

Triple = tuple[float, float, float]

ILLUMINANTS = ("D65", "A", "E")
RGB_FROM_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""Linear sRGB from XYZ relative to D65 (IEC 61966-2-1)."""
SRGB_WHITE = np.linalg.solve(RGB_FROM_XYZ, np.ones(3))
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""Cone responses from XYZ (Lam 1985)."""
LAB_LINEAR_END = (6 / 29) ** 3
BODY_PATH = 1000.0
"""Path in nm of :func:`transmission_colour`, one micrometre."""
CM_PER_NM = 1e-7
COLOURLESS_CHROMA, PALE_CHROMA = 5.0, 30.0
BLACK_LIGHTNESS, DARK_LIGHTNESS, WHITE_LIGHTNESS = 10.0, 40.0, 85.0
HUES = (
    (45, "red"),
    (80, "orange"),
    (115, "yellow"),
    (180, "green"),
    (250, "blue-green"),
    (300, "blue"),
    (330, "violet"),
    (360, "red"),
)
"""Upper ends of hue angles in Lab, degrees, with their words."""


class Colour(NamedTuple):
    """One colour.

    Attributes
    ----------
    xyz
        CIE 1931 tristimulus values, Y = 1 for a perfect mirror or a perfectly transparent film.
    xyy
        Chromaticity x, y and luminance Y; the illuminant's chromaticity for black.
    lab
        CIE 1976 L*, a*, b* relative to the illuminant.
    srgb
        Gamma-encoded red, green and blue, 0 to 1, clipped to the gamut.
    hex
        The same as ``#rrggbb``.
    in_gamut
        False where clipping changed a channel by more than 0.002, half a step of 8 bit.
    illuminant
        ``D65``, ``A`` or ``E``.
    """

    xyz: Triple
    xyy: Triple
    lab: Triple
    srgb: Triple
    hex: str
    in_gamut: bool
    illuminant: str


def bulk_colour(spectrum: Spectrum, illuminant: str = "D65") -> Colour:
    """Return the colour of light reflected at normal incidence by a polished, infinitely thick crystal.

    Parameters
    ----------
    spectrum
        Its isotropic average counts; it must cover 1.59-3.44 eV.
    illuminant
        ``D65`` (daylight), ``A`` (incandescent lamp) or ``E`` (equal energy).

    Raises
    ------
    InputError
        If the illuminant is unknown or the spectrum does not cover the visible range.
    """
    index = material_index(spectrum, visible_energies())
    return colour_of(reflectivity(index**2), illuminant)


def film_colour(
    spectrum: Spectrum, thickness_nm: float, illuminant: str = "D65", edge_shift: float | None = None
) -> Colour:
    """Return the colour of light that passes a free-standing film at normal incidence, interference included.

    Parameters
    ----------
    thickness_nm
        Thickness of the film, nm, not negative.
    edge_shift
        Energy in eV by which the spectrum is moved up; by default :func:`gap_error`, so that films are not coloured by
        the gap error of PBE.

    Raises
    ------
    InputError
        As :func:`bulk_colour`, and if the thickness is negative.
    """
    film = stack_optics([Layer(_moved_index(spectrum, edge_shift), thickness_nm)], visible_energies())
    return colour_of(film.transmittance[0], illuminant)


def _moved_index(spectrum: Spectrum, edge_shift: float | None) -> ComplexArray:
    """Return the complex refractive index at the visible energies of a spectrum that is moved up by an energy."""
    shift = gap_error(spectrum) if edge_shift is None else edge_shift
    return material_index(spectrum, np.maximum(visible_energies() - shift, spectrum.energies[0]))


def transmission_colour(
    spectrum: Spectrum, path_nm: float = BODY_PATH, illuminant: str = "D65", edge_shift: float | None = None
) -> Colour:
    """Return the colour of light after a path in the crystal: absorption alone, no reflection, no interference.

    It is what the body of a crystal adds to the light, by Beer's law; a crystal that absorbs nothing has the white of
    the illuminant.

    Parameters
    ----------
    path_nm
        Length of the path, nm, not negative.
    edge_shift
        Energy in eV by which the absorption is moved up; by default :func:`gap_error`, so that crystals are not
        coloured by the gap error of PBE.

    Raises
    ------
    InputError
        As :func:`bulk_colour`, and if the path is negative or not finite.
    """
    if not 0 <= path_nm < np.inf:
        raise InputError(f"a path is a length in nm that is not negative; got {path_nm:g}")
    absorption = absorption_coefficient(visible_energies(), _moved_index(spectrum, edge_shift) ** 2)
    return colour_of(np.exp(-absorption * path_nm * CM_PER_NM), illuminant)


def colour_name(colour: Colour) -> str:
    """Return a word or two for the colour of light that passed something: ``colourless``, ``pale yellow``, ``black``.

    By lightness, chroma and hue angle in Lab: chroma below :data:`COLOURLESS_CHROMA` has no hue.
    """
    lightness, a, b = colour.lab
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a))) % 360
    if lightness < BLACK_LIGHTNESS:
        return "black"
    if chroma < COLOURLESS_CHROMA:
        return "colourless" if lightness > WHITE_LIGHTNESS else "grey"
    word = next(word for end, word in HUES if hue < end)
    return f"dark {word}" if lightness < DARK_LIGHTNESS else f"pale {word}" if chroma < PALE_CHROMA else word


def visible_energies() -> FloatArray:
    """Return the photon energies in eV of the wavelengths 360, 361, ... 780 nm, shape ``(421,)``."""
    return np.asarray(HC / read_table("cie1931.csv")[0])


def colour_of(values: ArrayLike, illuminant: str = "D65") -> Colour:
    """Return the colour of a reflectance or transmittance.

    Parameters
    ----------
    values
        Shape ``(421,)``, at 360, 361, ... 780 nm, 0 to 1.

    Raises
    ------
    InputError
        If the illuminant is unknown.
    """
    weights = _weights(illuminant)
    xyz, white = weights @ np.asarray(values, float), weights.sum(axis=1)
    encoded = _encode(_rgb_from_xyz(illuminant) @ xyz)
    clipped = np.clip(encoded, 0.0, 1.0)
    lit = xyz if xyz.sum() > 0 else white
    return Colour(
        xyz=_triple(xyz),
        xyy=_triple(np.array([lit[0] / lit.sum(), lit[1] / lit.sum(), xyz[1]])),
        lab=_lab(xyz / white),
        srgb=_triple(clipped),
        hex=_hex(clipped),
        in_gamut=bool(np.abs(encoded - clipped).max() <= 0.002),
        illuminant=illuminant,
    )


def hex_colours(values: FloatArray, illuminant: str = "D65") -> list[str]:
    """Return the colours of many reflectances or transmittances, shape ``(n, 421)``, as ``#rrggbb``."""
    encoded = _encode(values @ _weights(illuminant).T @ _rgb_from_xyz(illuminant).T)
    return [_hex(colour) for colour in np.clip(encoded, 0.0, 1.0)]


def _hex(colour: FloatArray) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)


def _rgb_from_xyz(illuminant: str) -> FloatArray:
    """Return the matrix of linear sRGB of XYZ whose white is that of the illuminant, adapted by Bradford."""
    white = _weights(illuminant).sum(axis=1)
    gains = (BRADFORD @ SRGB_WHITE) / (BRADFORD @ white)
    return np.asarray(RGB_FROM_XYZ @ np.linalg.solve(BRADFORD, gains[:, None] * BRADFORD))


@cache
def _weights(illuminant: str) -> FloatArray:
    """Return the colour matching functions times the illuminant, shape ``(3, 421)``, Y of the white being 1."""
    if illuminant not in ILLUMINANTS:
        raise InputError(f"unknown illuminant {illuminant!r}; allowed are {', '.join(ILLUMINANTS)}")
    table = read_table("cie1931.csv")
    power = {"D65": table[4], "A": table[5], "E": np.ones_like(table[4])}[illuminant]
    return np.asarray(table[1:4] * power / (table[2] @ power))


def _encode(linear: FloatArray) -> FloatArray:
    """Return gamma-encoded sRGB of linear values; below zero the linear part of the curve goes on."""
    powers = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, powers))


def _lab(relative: FloatArray) -> Triple:
    linear = relative * (29 / 6) ** 2 / 3 + 4 / 29
    x, y, z = np.where(relative > LAB_LINEAR_END, np.cbrt(relative), linear)
    return _triple(np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)]))


def _triple(values: FloatArray) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third
