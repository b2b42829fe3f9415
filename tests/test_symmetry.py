from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dielectra.structures import Crystal
from dielectra.symmetry import standard_form_in_place, standardise


def test_the_standard_cell_in_place_spans_the_given_lattice(
    crystal: Crystal, disguise: Callable[[Crystal], Crystal]
) -> None:
    given = disguise(crystal)
    placed, _ = standard_form_in_place(given)
    multiples = given.cell @ np.linalg.inv(placed.cell)
    np.testing.assert_allclose(multiples, multiples.round(), atol=5e-3)
    standard = standardise(given)
    np.testing.assert_allclose(placed.cell @ placed.cell.T, standard.cell @ standard.cell.T, atol=1e-9)
    np.testing.assert_array_equal(placed.frac_coords, standard.frac_coords)
