"""Ordinary and extraordinary refractive index, birefringence and dichroism of a crystal.

M. Born and E. Wolf, *Principles of Optics*, 7th ed. (Cambridge, 1999), chapter 15.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.errors import InputError
from dielectra.optics.constants import refractive_index
from dielectra.spectrum import Spectrum

TOLERANCE = 0.01


class Anisotropy(NamedTuple):
    """The optics of a crystal along its principal axes.

    Attributes
    ----------
    kind
        ``isotropic``, ``uniaxial`` or ``biaxial``.
    energies
        Photon energies, shape ``(n_energies,)``, eV.
    axes
        Principal directions as rows, Cartesian unit vectors, shape ``(3, 3)``. The third is the optic axis of a
        uniaxial crystal; those of a biaxial one are sorted by n at the lowest energy (alpha, beta, gamma).
    indices
        Complex refractive indices n + i k along these axes, shape ``(3, n_energies)``.
    axes_turn
        Largest off-diagonal element of the tensor in these axes, relative to the largest of ``|eps - 1|``. Zero but for
        noise where symmetry fixes the axes; in monoclinic and triclinic crystals they turn with photon energy, and a
        value above 0.1 says that fixed axes are a poor picture.
    """

    kind: str
    energies: FloatArray
    axes: FloatArray
    indices: ComplexArray
    axes_turn: float

    @property
    def ordinary(self) -> ComplexArray:
        """Return the complex index of the ordinary wave, shape ``(n_energies,)``; the only one of an isotropic crystal.

        Raises
        ------
        InputError
            If the crystal is biaxial.
        """
        self._refuse_biaxial()
        return np.asarray(self.indices[:2].mean(axis=0))

    @property
    def extraordinary(self) -> ComplexArray:
        """Return the complex index for a field along the optic axis, shape ``(n_energies,)``; errors as `ordinary`."""
        self._refuse_biaxial()
        return np.asarray(self.indices[2])

    @property
    def birefringence(self) -> FloatArray:
        """Return n_e - n_o, or n_gamma - n_alpha of a biaxial crystal, shape ``(n_energies,)``."""
        return self._difference().real

    @property
    def dichroism(self) -> FloatArray:
        """Return k_e - k_o, or k_gamma - k_alpha of a biaxial crystal, shape ``(n_energies,)``."""
        return self._difference().imag

    @property
    def optic_axis(self) -> FloatArray | None:
        """Return the optic axis of a uniaxial crystal, a Cartesian unit vector, else None."""
        return self.axes[2] if self.kind == "uniaxial" else None

    @property
    def optic_angle(self) -> float | None:
        """Return the angle 2V in degrees between the optic axes of a biaxial crystal at the lowest energy, else None.

        It is halved by the gamma axis: ``tan^2 V = (1/n_a^2 - 1/n_b^2) / (1/n_b^2 - 1/n_c^2)``.
        """
        if self.kind != "biaxial":
            return None
        alpha, beta, gamma = 1.0 / self.indices[:, 0].real ** 2
        return float(2 * np.degrees(np.arctan2(np.sqrt(alpha - beta), np.sqrt(beta - gamma))))

    def _difference(self) -> ComplexArray:
        first = self.indices[0] if self.kind == "biaxial" else self.ordinary
        return np.asarray(self.indices[2] - first)

    def _refuse_biaxial(self) -> None:
        if self.kind == "biaxial":
            raise InputError("a biaxial crystal has no ordinary wave; use the three principal indices instead")


def principal_indices(spectrum: Spectrum, tolerance: float = TOLERANCE) -> Anisotropy:
    """Return the principal indices of a crystal and whether it is isotropic, uniaxial or biaxial.

    The principal axes are those of the sum over energies of the squared traceless part of the tensor, real and
    imaginary. Two axes count as equal where their functions differ nowhere by more than `tolerance` times the largest
    ``|eps - 1|``.

    Raises
    ------
    InputError
        If the tolerance is not between 0 and 1.
    """
    if not 0 < tolerance < 1:
        raise InputError(f"the tolerance is a fraction between 0 and 1; got {tolerance}")
    traceless = spectrum.tensor - np.eye(3)[:, :, None] * spectrum.mean
    axes = _principal_axes(np.einsum("ikw,jkw->ij", traceless, traceless.conj()).real)
    principal = np.einsum("ai,ijw,bj->abw", axes, spectrum.tensor, axes)
    functions = np.einsum("aaw->aw", principal)
    scale = max(float(np.abs(functions - 1).max()), 1e-12)
    turn = float(np.abs(principal[[1, 0, 0], [2, 2, 1]]).max()) / scale
    # Difference between the two axes other than each one.
    differences = np.abs(functions[[1, 2, 0]] - functions[[2, 0, 1]]).max(axis=1) / scale
    alike = differences <= tolerance
    if alike.all():
        kind, order = "isotropic", np.arange(3)
    elif alike.any():
        kind, special = "uniaxial", int(differences.argmin())
        order = np.array([(special + 1) % 3, (special + 2) % 3, special])
    else:
        kind, order = "biaxial", np.argsort(refractive_index(functions[:, 0]).real)
    return Anisotropy(kind, spectrum.energies, axes[order], refractive_index(functions[order]), turn)


def _principal_axes(matrix: FloatArray) -> FloatArray:
    """Return the eigenvectors as rows, largest element positive; the Cartesian axes of a diagonal matrix."""
    off_diagonal = np.abs(matrix - np.diag(np.diag(matrix))).max()
    if off_diagonal <= 1e-6 * np.abs(matrix).max():
        return np.eye(3)
    axes = np.linalg.eigh(matrix)[1].T
    largest = axes[np.arange(3), np.abs(axes).argmax(axis=1)]
    return np.asarray(axes * np.sign(largest)[:, None])
