"""Metals told at little cost."""

from __future__ import annotations

import numpy as np
import pytest

from dielectra.abinitio.computation import RefusedError
from dielectra.crystal import make_crystal

pytest.importorskip("gpaw", reason="the engine needs the extra [abinitio]")
pytestmark = pytest.mark.filterwarnings("default")  # GPAW and ASE warn of their own deprecations

FACE_CENTRED = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def test_overlap_is_of_the_bands_that_electrons_fill() -> None:
    from dielectra.abinitio.metallic import overlap_of

    bands = np.array([[-5.0, 0.0, 3.0], [-4.0, 2.0, 2.5]])
    assert overlap_of(bands, 4) == 0.5
    assert overlap_of(bands, 2) == 4.0
    assert overlap_of(bands, 3) == -2.0  # half of the second band


@pytest.mark.slow
def test_aluminium_is_a_metal_and_magnesium_oxide_is_not() -> None:
    from dielectra.abinitio.metallic import find_metal

    aluminium = find_metal(make_crystal(4.05 * FACE_CENTRED, ["Al"], [0, 0, 0]))
    assert aluminium.gap < -5
    assert min(aluminium.kgrid) >= 2
    assert aluminium.cpu_seconds > 0
    oxide = make_crystal(4.212 * FACE_CENTRED, ["Mg", "O"], [0, 0, 0, 0.5, 0.5, 0.5])
    with pytest.raises(RefusedError, match="overlap by -"):
        find_metal(oxide)
