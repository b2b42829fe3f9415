"""What a model predicts of one crystal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal
from dielectra.models.admission import Neighbour
from dielectra.optics.bands import Band, Calibration, band
from dielectra.optics.constants import static_or_none
from dielectra.optics.intervals import Interval, number_intervals
from dielectra.optics.quantities import QUANTITIES, tabulate
from dielectra.spectrum import Spectrum
from dielectra.symmetry import StandardForm


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted spectrum with the crystal it belongs to, and what limits its use.

    Attributes
    ----------
    given
        The crystal as it was given.
    form
        Its standard form, to which the network was applied.
    spectrum
        The dielectric tensor in the Cartesian axes of `given`. Its provenance names the model and repeats the warnings.
    warnings
        One sentence for each reason to doubt the spectrum.
    gap, gap_direct
        Predicted fundamental and direct gap at the level of the spectrum, eV; None where the model predicts none.
    quasiparticle_gap
        Predicted fundamental gap of quasiparticles, eV, whatever the level; None where the model predicts none.
    metal
        Whether the crystal is predicted to be a metal; None where the model does not say.
    in_domain
        Whether the crystal is like those the model was trained on; None where the model does not say.
    nearest
        The training crystals most like it, nearest first; empty where the model does not say.
    calibration
        What makes bands of stated coverage of the members of the spectrum; None for their range.
    doubted_level
        Whether the model's spectra at this level are poor, whatever the crystal.
    """

    given: Crystal
    form: StandardForm
    spectrum: Spectrum
    warnings: tuple[str, ...] = ()
    gap: float | None = None
    gap_direct: float | None = None
    quasiparticle_gap: float | None = None
    metal: bool | None = None
    in_domain: bool | None = None
    nearest: tuple[Neighbour, ...] = ()
    calibration: Calibration | None = None
    doubted_level: bool = False

    @property
    def crystal(self) -> Crystal:
        """Return the standardised primitive cell in the axes of the given cell, those of the spectrum."""
        return self.form.in_place

    @property
    def formula(self) -> str:
        """Return the reduced chemical formula."""
        return self.form.crystal.formula

    @property
    def model(self) -> str:
        """Return the name of the model."""
        return str(self.spectrum.provenance["model"])

    @property
    def eps_infinity(self) -> float | None:
        """Return the electronic dielectric constant, isotropic average; None where the grid begins above 0.1 eV."""
        return static_or_none(self.spectrum.energies, self.spectrum.mean)

    @cached_property
    def table(self) -> dict[str, FloatArray]:
        """Return all curves, computed once: see :func:`dielectra.optics.quantities.tabulate`."""
        return tabulate(self.spectrum)

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Return the intervals of gaps, eps_infinity and n at 589 nm, by their keys in documents."""
        return number_intervals(self.spectrum, self.calibration)

    @cached_property
    def bands(self) -> dict[str, Band]:
        """Return the bands by name of the quantity; empty without an ensemble."""
        found = {name: band(self.spectrum, name, self.calibration) for name in QUANTITIES}
        return {name: one for name, one in found.items() if one is not None}
