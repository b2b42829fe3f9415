from __future__ import annotations

import pytest

from dielectra.abinitio.cost import Cost, dataset_costs, summarise_costs
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.plots import plot_costs


def power_law(n: int = 24) -> list[Cost]:
    """Return costs of 0.01 V^1.5 k^0.5, a quarter of each in the ground state."""
    found = []
    for index in range(n):
        volume, kpoints = 30.0 + 7 * index, 16 * (1 + index * 7 % 5)
        seconds = 0.01 * volume**1.5 * kpoints**0.5
        found.append(Cost(f"m{index}", volume, kpoints, {"ground_state": seconds / 4, "response": 3 * seconds / 4}))
    return found


def test_growth_and_shares_are_found() -> None:
    costs = power_law()
    summary = summarise_costs(costs)
    assert summary["exponents"] == {"volume": 1.5, "kpoints": 0.5}
    assert summary["materials"] == 24
    median = summary["cpu_seconds"]["median"]
    assert median == pytest.approx(sorted(cost.total for cost in costs)[12], rel=0.2)
    assert summary["times_cheaper_than_paper"]["median"] == round(3600 * 7.8 / median, 0)
    assert set(summary["median_by_part"]) == {"ground_state", "response"}
    assert summarise_costs(costs[:9])["exponents"] is None
    with pytest.raises(InputError, match="no computed material"):
        summarise_costs([])


def test_every_record_of_the_ladder_notes_its_cost() -> None:
    costs = dataset_costs("datasets/ladder/part-0000.parquet")
    seconds = open_dataset("datasets/ladder/part-0000.parquet").properties("cpu_s")
    assert {cost.id: cost.total for cost in costs} == seconds
    assert min(cost.kpoints for cost in costs) >= 8


def test_figure_shows_parts_where_they_are_known() -> None:
    hours = {"median": 7.8}
    assert len(plot_costs(power_law(), hours).axes) == 3
    whole = [Cost(cost.id, cost.volume, cost.kpoints, {"total": cost.total}) for cost in power_law()]
    figure = plot_costs(whole, hours)
    assert len(figure.axes) == 2
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["paper, median", "median"]
    assert figure.axes[0].lines[1].get_ydata()[0] == 7.8 * 3600
