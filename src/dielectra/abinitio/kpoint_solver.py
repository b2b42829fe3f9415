"""Lowest Bloch states of one k-point at a fixed density, from a good start, with few applications of the Hamiltonian.

Locally optimal block preconditioned conjugate gradients (Knyazev, SIAM J. Sci. Comput. 23, 517 (2001)) with GPAW's
preconditioner. What Hamiltonian and overlap make of a function is kept and combined with it, so that a step applies
them to the residuals of those bands alone that have not converged. GPAW's Davidson solver applies the Hamiltonian
twice to all bands for each correction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, eigh

from dielectra.arrays import ComplexArray, FloatArray, IntArray

SHARE_OF_A_BAND = 0.5
"""A band rests while its squared residual is below this share of the target, divided among the bands."""

MOST_STEPS = 60

ORTHONORMALITY = 1e-5
"""Largest element by which the overlap of solved states may differ from one."""

PROVED = 2.0
"""Largest share of the target that squared residuals may have where they are worked out anew."""


class Block(NamedTuple):
    """Functions and what Hamiltonian and overlap make of them, each of shape ``(n_functions, n_plane_waves)``."""

    functions: ComplexArray
    hamiltonian: ComplexArray
    overlap: ComplexArray

    def combine(self, coefficients: ComplexArray) -> Block:
        """Return linear combinations; coefficients of shape ``(n_functions, n_combinations)``."""
        return Block(*(coefficients.T @ part for part in self))


class Solution(NamedTuple):
    """Lowest states of a k-point.

    Attributes
    ----------
    energies
        In hartree, ascending, shape ``(n_bands,)``.
    functions
        Orthonormal, shape ``(n_bands, n_plane_waves)``.
    error
        Sum of the squared residuals of the bands that were to converge, in square hartree.
    """

    energies: FloatArray
    functions: ComplexArray
    error: float


class KPoint:
    """The Kohn-Sham problem of one k-point of a GPAW calculation with plane waves.

    Parameters
    ----------
    states
        GPAW's wave functions of the k-point.
    apply
        Applies kinetic energy and local potential: takes GPAW's arrays of waves and of the result.
    potential
        GPAW's potential, which has the nonlocal part.
    precondition
        Takes GPAW's arrays of states, of residuals and of the result.

    Attributes
    ----------
    volume_element
        Norm of a plane wave with coefficient one.
    kinetic
        Kinetic energies of the plane waves in hartree, shape ``(n_plane_waves,)``.
    projectors
        Shape ``(n_projectors, n_plane_waves)``.
    overlap_corrections, hamiltonian_corrections
        PAW corrections between projectors, shape ``(n_projectors, n_projectors)``.
    """

    def __init__(
        self, states: Any, apply: Callable[..., Any], potential: Any, precondition: Callable[..., Any]
    ) -> None:
        self._description = states.psit_nX.desc
        self._apply = apply
        self._precondition = precondition
        self.volume_element = float(states.psit_nX.dv)
        self.kinetic: FloatArray = self._description.ekin_G
        layout = states.P_ani.layout
        unit = layout.empty((layout.size,))
        unit.matrix.data[:] = np.eye(layout.size)
        self.projectors = self._array(np.zeros((layout.size, len(self.kinetic)), complex))
        states.pt_aiX.add_to(self.projectors, unit)
        self.projectors = self.projectors.data
        product = unit.new()
        unit.block_diag_multiply(states.setups.get_overlap_corrections(layout.atomdist, states.xp), out_ani=product)
        self.overlap_corrections = product.matrix.data.copy()
        potential.deltaH(unit, product, states.spin)
        self.hamiltonian_corrections = product.matrix.data.copy()

    def block(self, functions: ComplexArray) -> Block:
        """Apply the Hamiltonian and the overlap to functions."""
        waves = self._array(functions)
        result = waves.new()
        self._apply(waves, out=result)
        projections = self._projections(functions)
        return Block(
            waves.data,
            result.data + projections @ self.hamiltonian_corrections @ self.projectors,
            waves.data + projections @ self.overlap_corrections @ self.projectors,
        )

    def positions(self, shape: tuple[int, ...]) -> IntArray:
        """Return the positions of the plane waves in the flattened Fourier grid."""
        positions: IntArray = self._description.indices(shape)
        return positions

    def paw_corrections(self, functions: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the PAW corrections of overlap and Hamiltonian, each of shape ``(n_functions, n_functions)``."""
        projections = self._projections(functions)
        overlap, hamiltonian = (
            projections.conj() @ (projections @ corrections).T
            for corrections in (self.overlap_corrections, self.hamiltonian_corrections)
        )
        return overlap, hamiltonian

    def precondition(self, functions: ComplexArray, residuals: ComplexArray) -> ComplexArray:
        """Return corrections of states from their residuals."""
        result = self._array(np.empty_like(residuals))
        self._precondition(self._array(functions), self._array(residuals), result)
        corrections: ComplexArray = result.data
        return corrections

    def solve(self, start: ComplexArray, n_converged: int, target: float) -> Solution:
        """Return as many of the lowest states as the start has, the first `n_converged` of them on target.

        Parameters
        ----------
        start
            Linearly independent functions, shape ``(n_bands, n_plane_waves)``.
        target
            Sum of the squared residuals of the first states, in square hartree.

        Raises
        ------
        ArithmeticError
            If the states do not converge, or are not what Hamiltonian and overlap, applied anew, say they are.
        """
        for with_directions in (True, False):
            found = self._iterate(start, n_converged, target, with_directions)
            flaw = self._flaw(found, n_converged, target)
            if flaw is None:
                return found
        raise ArithmeticError(f"the bands of a k-point {flaw}")

    def _flaw(self, found: Solution, n_converged: int, target: float) -> str | None:
        """Say what is wrong with states by the Hamiltonian and the overlap, applied anew.

        Combined over many steps, what was kept of both drifts where the functions depend on each other nearly; a state
        can then appear twice.
        """
        if found.error > target:
            return f"did not converge in {MOST_STEPS} steps: squared residuals {found.error:.1e}, aim {target:.1e}"
        block = self.block(found.functions)
        overlap = self._products(block.functions, block.overlap)
        if np.abs(overlap - np.eye(len(overlap))).max() > ORTHONORMALITY:
            return "lost their orthogonality"
        _, squares = self._residuals(block, found.energies)
        if (error := float(squares[:n_converged].sum())) > PROVED * target:
            return f"drifted from the Hamiltonian: squared residuals {error:.1e}, aim {target:.1e}"
        return None

    def _iterate(self, start: ComplexArray, n_converged: int, target: float, with_directions: bool) -> Solution:
        """Return the states after as many steps as the target needs, with the directions of the steps before or not."""
        n_bands = len(start)
        block = self.block(start)
        energies, coefficients = self._lowest(block, n_bands)
        block, directions = block.combine(coefficients), None
        for _ in range(MOST_STEPS):
            residuals, squares = self._residuals(block, energies)
            error = float(squares[:n_converged].sum())
            if error <= target:
                break
            active = squares > SHARE_OF_A_BAND * target / n_converged
            corrections = self._independent(block, self.precondition(block.functions[active], residuals[active]))
            parts = [block, self.block(corrections), *([directions] if directions else [])]
            try:
                energies, coefficients = self._lowest(_stack(parts), n_bands)
            except LinAlgError:  # directions of the steps before depend on the rest
                parts = parts[:2]
                energies, coefficients = self._lowest(_stack(parts), n_bands)
            new = _stack(parts[1:]).combine(coefficients[n_bands:])
            block = _sum(block.combine(coefficients[:n_bands]), new)
            if with_directions:
                directions = self._scaled(Block(*(part[active] for part in new)))
        return Solution(energies, block.functions, error)

    def _projections(self, functions: ComplexArray) -> ComplexArray:
        """Return the products of projectors and functions, shape ``(n_functions, n_projectors)``."""
        products: ComplexArray = functions @ self.projectors.conj().T * self.volume_element
        return products

    def _array(self, functions: ComplexArray) -> Any:
        """Return functions as an array of GPAW's plane waves."""
        array = self._description.empty((len(functions),))
        array.data[:] = functions
        return array

    def _lowest(self, block: Block, n_states: int) -> tuple[FloatArray, ComplexArray]:
        """Return energies and coefficients of the lowest states within a block."""
        hamiltonian = self._products(block.functions, block.hamiltonian)
        overlap = self._products(block.functions, block.overlap)
        energies, coefficients = eigh(hamiltonian, overlap, subset_by_index=[0, n_states - 1])
        return energies, coefficients

    def _products(self, first: ComplexArray, second: ComplexArray) -> ComplexArray:
        """Return the inner products of functions, shape ``(n_first, n_second)``."""
        products: ComplexArray = first.conj() @ second.T * self.volume_element
        return products

    def _residuals(self, block: Block, energies: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """Return the residuals of states and their squared norms."""
        residuals = block.hamiltonian - energies[:, None] * block.overlap
        return residuals, self._norms(residuals) ** 2

    def _norms(self, functions: ComplexArray) -> FloatArray:
        return np.asarray(np.linalg.norm(functions, axis=1) * np.sqrt(self.volume_element))

    def _independent(self, block: Block, corrections: ComplexArray) -> ComplexArray:
        """Return corrections without their part in a block of orthonormal states, at norm one."""
        corrections = corrections - self._products(block.overlap, corrections).T @ block.functions
        return np.asarray(corrections / self._norms(corrections)[:, None])

    def _scaled(self, block: Block) -> Block:
        """Return a block whose functions have norm one."""
        norms = self._norms(block.functions)[:, None]
        return Block(*(part / norms for part in block))


def _stack(blocks: list[Block]) -> Block:
    return Block(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _sum(first: Block, second: Block) -> Block:
    return Block(*(one + other for one, other in zip(first, second, strict=True)))
