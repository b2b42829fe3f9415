"""The crystals of the shipped data sets are found by formula and by element, and tell how well they are predicted."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from dielectra.elements import table_position
from dielectra.errors import InputError
from dielectra.web import catalogue


@pytest.mark.parametrize("query", ["SrTiO3", "O3TiSr", "TiO3Sr", "Sr2Ti2O6"])
def test_a_formula_is_found_in_any_order(query: str) -> None:
    first = catalogue.search(query, 5).crystals[0]
    assert first.formula == "SrTiO3"
    assert first.space_group_symbol == "P m -3 m"


def test_the_same_composition_comes_first_then_the_same_elements() -> None:
    found = catalogue.search("MgF2", 200)
    formulas = [one.formula for one in found.crystals]
    assert found.total == len(formulas) > 2
    assert formulas[0] == "MgF2"
    assert all({"Mg", "F"} <= set(catalogue.find(one.id).species) for one in found.crystals)
    sizes = [len(set(catalogue.find(one.id).species)) for one in found.crystals]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("query", ["Mg-F", "Mg F", "F, Mg"])
def test_elements_may_be_separated(query: str) -> None:
    assert catalogue.search(query, 1).total == catalogue.search("MgF", 1).total > 0


@pytest.mark.parametrize("query", ["Qq", "mgo", "", "-", "()", "Mg((", "42"])
def test_what_is_no_formula_is_refused(query: str) -> None:
    with pytest.raises(InputError, match="GaN"):
        catalogue.search(query, 5)


def test_a_crystal_is_opened_by_its_id() -> None:
    crystal = catalogue.find("tb-ZnO-wurtzite")
    assert (crystal.formula, crystal.space_group, sorted(crystal.species)) == ("ZnO", 186, ["O", "O", "Zn", "Zn"])
    assert np.linalg.det(crystal.lattice) == pytest.approx(3.25**2 * 5.207 * np.sqrt(3) / 2, rel=1e-4)
    with pytest.raises(InputError, match="no crystal 'nothing'"):
        catalogue.find("nothing")


def test_crystals_alike_are_none_of_the_training_and_share_elements() -> None:
    found = catalogue.alike("CaGaN", near=["tb-ZnO-wurtzite", "nothing"])
    assert set(found.elements) <= {"Ca", "Ga", "N"}
    assert found.total >= len(found.crystals) > 0
    assert all(not one.training for one in found.crystals)
    assert found.median_similarity is not None
    assert 0.5 < found.median_similarity < 1
    assert [one.id for one in found.nearest] == ["tb-ZnO-wurtzite"]
    assert catalogue.alike("U").total == 0


def test_every_element_has_its_place_and_counts() -> None:
    entries = catalogue.elements({"ipa": [8, 12], "rpa": [12]})
    assert len({(one.row, one.column) for one in entries}) == len(entries) == 103
    known = {one.symbol: one for one in entries}
    assert known["Mg"].levels == ["ipa", "rpa"]
    assert known["O"].levels == ["ipa"]
    assert known["U"].levels == []
    assert known["O"].crystals > known["O"].training > 100
    assert (known["Mg"].row, known["Mg"].column) == table_position(12)
    assert (known["La"].row, known["Lu"].row, known["Lr"].row, known["Hf"].column) == (8, 6, 7, 4)


@pytest.mark.slow
def test_the_routes_answer_what_the_functions_do(address: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:
        found = client.get("/api/crystals", params={"query": "NGa", "limit": 3}).json()
        assert found == catalogue.search("GaN", 3).model_dump(exclude_none=True)
        name = found["crystals"][0]["id"]
        assert client.get(f"/api/crystals/{name}").json() == catalogue.find(name).plain()
        assert client.get("/api/crystals", params={"query": "Qq"}).status_code == 422
        assert client.get("/api/crystals/nothing").status_code == 422
        near = client.get("/api/alike", params={"formula": "MgO", "near": name}).json()["nearest"]
        assert [one["id"] for one in near] == [name]
        magnesium = next(one for one in client.get("/api/elements").json() if one["symbol"] == "Mg")
        assert magnesium["levels"] == ["ipa", "rpa", "lrc"]
