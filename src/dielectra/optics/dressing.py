"""From a computed spectrum towards a measured one by two physical parameters: a shift of the gap, and a kernel.

Bands of semilocal functionals are too close by an amount that grows as screening gets weaker; electron and hole attract
each other. The first moves absorption up by ``shift / eps0`` with the static dielectric constant eps0, the second takes
it down again and sharpens its edge (:mod:`dielectra.optics.kernel`). A shift without a kernel makes insulators worse
than neither, so that there is none without the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.integrals import real_from_imaginary
from dielectra.optics.kernel import bootstrap, with_long_range_kernel
from dielectra.spectrum import Spectrum


class Dressing(BaseModel):
    """What dresses the spectra of a model.

    Attributes
    ----------
    base
        Name or folder of the model whose spectra are dressed.
    level
        Level of theory of these.
    shift
        Shift of the gap in eV times the static dielectric constant.
    kernel
        Strength of the long-range kernel in units of the bootstrap kernel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    level: str
    shift: float = Field(ge=0)
    kernel: float = Field(gt=0)


def dress(spectrum: Spectrum, dressing: Dressing, level: str = "experiment") -> Spectrum:
    """Return a spectrum shifted and then with the kernel; members are treated as their mean is."""
    shift = gap_shift(spectrum, dressing)
    tensor, *members = (shifted(spectrum.energies, one, shift) for one in (spectrum.tensor, *spectrum.members))
    moved = replace(spectrum, tensor=tensor, members=())
    strength = dressing.kernel * bootstrap(static_value(moved))
    tensor, *members = (with_long_range_kernel(one, strength) for one in (tensor, *members))
    return replace(spectrum, tensor=tensor, members=tuple(members), level=level)


def gap_shift(spectrum: Spectrum, dressing: Dressing) -> float:
    """Return by how much the gap of a spectrum is raised, eV."""
    return dressing.shift / static_value(spectrum)


def static_value(spectrum: Spectrum) -> float:
    """Return the dielectric constant at the lowest energy, isotropic average, but no less than 1.1."""
    return max(1.1, float(spectrum.mean[0].real))


def shifted(energies: FloatArray, tensor: ComplexArray, shift: float) -> ComplexArray:
    """Return a tensor ``(3, 3, n_energies)`` whose absorption lies higher by `shift` (eV), with the real part to it.

    Positions of electrons keep their matrix elements, so that Im eps moves as it is.
    """
    imaginary = np.array(
        [[np.interp(energies - shift, energies, row, left=0.0) for row in rows] for rows in tensor.imag]
    )
    constant = 1.0 - np.eye(3)[:, :, None]
    return np.asarray(real_from_imaginary(energies, imaginary) - constant + 1j * imaginary)
