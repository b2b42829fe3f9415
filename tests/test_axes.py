"""Photon-energy axes of figures."""

from __future__ import annotations

import numpy as np
import pytest

from dielectra.plots.axes import SMALLEST_GAP, shown_limits, upper_ticks
from dielectra.units import EV, NM, PER_CM, THZ, UM, Unit, from_energies, to_energies


@pytest.mark.parametrize(
    ("unit", "other", "limits"),
    [
        (EV, NM, (0.0, 20.0)),
        (EV, NM, (1.2, 4.0)),
        (NM, EV, (200.0, 2000.0)),
        (UM, EV, (0.3, 20.0)),
        (PER_CM, UM, (0.0, 50000.0)),
        (THZ, UM, (100.0, 900.0)),
    ],
)
def test_upper_ticks_are_round_stand_apart_and_are_where_they_say(
    unit: Unit, other: Unit, limits: tuple[float, float]
) -> None:
    positions, labels = upper_ticks(unit, other, limits)
    assert len(labels) >= 3
    assert np.diff(positions).min() >= SMALLEST_GAP * (limits[1] - limits[0])
    np.testing.assert_allclose(from_energies(to_energies([float(x) for x in labels], other), unit), positions)
    assert limits[0] <= min(positions) <= max(positions) <= limits[1]


def test_an_axis_in_ev_shows_all_and_one_of_wavelengths_what_fits() -> None:
    grids = [np.linspace(0, 20, 401), np.linspace(0.5, 6, 12)]
    assert shown_limits("ev", grids) == (0.0, 20.0)
    assert shown_limits("nm", grids) == (200.0, 2000.0)
    assert shown_limits("nm", [np.linspace(2.0, 3.0, 3)]) == pytest.approx((413.28, 619.92), abs=0.01)
    assert shown_limits("nm", grids, "400:800") == (400.0, 800.0)
