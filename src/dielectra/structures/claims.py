"""Compare the atoms of a cell with what its file says of them elsewhere: formula, formula units, density, volume."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from dielectra.crystal import ISOTOPES, Crystal
from dielectra.errors import InputError
from dielectra.structures.cif_items import Block

FORMULA = ("_chemical_formula_sum", "_chemical_formula_moiety_sum", "_chemical_formula_analytical")
FREE_FORMULA = ("_chemical_formula_moiety", "_chemical_formula_structural", "_chemical_formula_iupac")
WEIGHT = ("_chemical_formula_weight",)
FORMULA_UNITS = ("_cell_formula_units_z",)
DENSITY = ("_exptl_crystal_density_diffrn", "_exptl_crystal_density_meas")
VOLUME = ("_cell_volume",)
REDUCED_FORMULA = ("chemical_formula_reduced", "formula_pretty")
AMOUNT_TOLERANCE = 0.02
VOLUME_TOLERANCE = 0.01
DENSITY_TOLERANCE = 0.1
ATOMS = re.compile(r"([A-Z][a-z]?)(\d{1,6}(?:\.\d{0,9})?)?")
SYMBOL = re.compile(r"[A-Z][a-z]?")
WORD = re.compile(r"[a-z]{2}")
FORMULA_PART = re.compile(f"(?:{ATOMS.pattern})+")
DALTON_PER_CUBIC_ANGSTROM = 1.66053906660
"""Grams per cubic centimetre in a dalton per cubic angstrom (CODATA 2018)."""


class Claims(NamedTuple):
    """What a file says of its cell, None where it says nothing.

    ``formula`` counts atoms of each chemical symbol in a formula unit, ``units`` formula units in the cell. Whether any
    formula has hydrogen, in however free a form, is ``hydrogen``. The ``weight`` of a formula unit is in dalton,
    ``density`` in grams per cubic centimetre, ``volume`` in cubic angstrom, ``n_sites`` counts the atoms of the cell.
    """

    formula: dict[str, float] | None
    hydrogen: bool
    units: float | None
    weight: float | None
    density: float | None
    volume: float | None
    n_sites: float | None = None


def read_claims(block: Block) -> Claims:
    """Return what a block says of its atoms besides its sites.

    Raises
    ------
    InputError
        If one of its numbers is none.
    """
    formula = _parse(block.value(*FORMULA))
    hydrogen = "H" in (formula or ()) or any(_has_hydrogen(block.value(tag)) for tag in FREE_FORMULA)
    units, weight, density, volume = (block.number(*tags) or None for tags in (FORMULA_UNITS, WEIGHT, DENSITY, VOLUME))
    return Claims(formula, hydrogen, units, weight, density, volume)


def claims_of_document(value: Mapping[str, Any]) -> Claims:
    """Return what a document of OPTIMADE or of the Materials Project says of its structure besides its sites."""
    inner = value.get("attributes")
    entries = {**value, **inner} if isinstance(inner, Mapping) else value
    formula = next((entries[key] for key in REDUCED_FORMULA if isinstance(entries.get(key), str)), "")
    is_summary = isinstance(entries.get("formula_pretty"), str)  # elsewhere a density may be any
    density, volume = (_positive(entries.get(key)) if is_summary else None for key in ("density", "volume"))
    amounts = _parse(formula)
    return Claims(amounts, "H" in (amounts or ()), None, None, density, volume, _positive(entries.get("nsites")))


def compared(crystal: Crystal, claims: Claims, where: str) -> Crystal:
    """Return a crystal with doubts where its file says other things of it.

    Raises
    ------
    InputError
        If an element of the formula has no site.
    """
    refuse_missing_elements(claims, frozenset(crystal.numbers.tolist()), where)
    doubts = tuple(contradictions(claims, crystal))
    return replace(crystal, warnings=(*crystal.warnings, *doubts)) if doubts else crystal


def refuse_missing_elements(claims: Claims, numbers: frozenset[int], where: str) -> None:
    """Raise InputError where an element of the formula has no site."""
    from ase.data import chemical_symbols

    claimed = set(claims.formula or ()) | ({"H"} if claims.hydrogen else set())
    missing = sorted(claimed - {chemical_symbols[number] for number in numbers})
    formula = f"its formula {_text(claims.formula)}".rstrip()
    if missing == ["H"]:
        raise InputError(f"{where}: {formula} has hydrogen, but no site is hydrogen; add the hydrogens")
    if missing:
        raise InputError(
            f"{where}: {formula} has {', '.join(missing)}, but no such site is given; "
            "complete the sites or mend the formula"
        )


def contradictions(claims: Claims, crystal: Crystal) -> Iterator[str]:
    """Yield a sentence for everything that the atoms of the cell contradict."""
    if not any(claims):
        return
    symbols, sites = _count(crystal), formula_of(crystal)
    if claims.formula:
        units = [symbols.get(symbol, 0) / amount for symbol, amount in claims.formula.items()]
        typical = median(units)
        surplus = set(symbols) - set(claims.formula)
        if surplus or max(units) > typical * (1 + AMOUNT_TOLERANCE) or min(units) < typical * (1 - AMOUNT_TOLERANCE):
            yield f"the sites make {sites} in the cell, which is not the given formula {_text(claims.formula)}"
        elif claims.units and abs(typical - claims.units) > AMOUNT_TOLERANCE * claims.units:
            yield (
                f"the sites make {typical:.3g} formula units {_text(claims.formula)} in the cell, "
                f"the file says Z = {claims.units:g}"
            )
    density = mass_density(crystal)
    mass = density * crystal.volume / DALTON_PER_CUBIC_ANGSTROM
    if claims.weight and claims.units and abs(mass / claims.units / claims.weight - 1) > DENSITY_TOLERANCE:
        yield (
            f"the cell of {sites} weighs {mass:.4g} dalton, the file says {claims.units:g} formula units of "
            f"{claims.weight:g}"
        )
    if claims.density and abs(density - claims.density) > DENSITY_TOLERANCE * claims.density:
        yield f"the cell of {sites} has a density of {density:.3g} g/cm3, the file says {claims.density:g}"
    if claims.n_sites and claims.n_sites != crystal.n_atoms:
        yield f"the cell has {crystal.n_atoms} atoms, the file says {claims.n_sites:g}"
    if claims.volume and abs(crystal.volume - claims.volume) > VOLUME_TOLERANCE * claims.volume:
        yield f"the cell has a volume of {crystal.volume:.4g} cubic angstrom, the file says {claims.volume:g}"


def formula_of(crystal: Crystal) -> str:
    """Return what the cell holds, as ``Na4 Cl4``."""
    return _text(_count(crystal))


def mass_density(crystal: Crystal) -> float:
    """Return the mass density in grams per cubic centimetre."""
    from ase.data import atomic_masses

    return float(atomic_masses[crystal.numbers].sum() * DALTON_PER_CUBIC_ANGSTROM / crystal.volume)


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < np.inf else None


def _count(crystal: Crystal) -> Counter[str]:
    from ase.data import chemical_symbols

    return Counter(chemical_symbols[number] for number in crystal.numbers.tolist())


def _parse(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula such as ``H2 Mg O2``; None where it is written in a freer way."""
    from ase.data import atomic_numbers

    parts = text[:500].replace("'", "").strip("() ").replace(",", " ").split()
    found: dict[str, float] = {}
    for part in parts:
        if not FORMULA_PART.fullmatch(part):
            return None
        for symbol, amount in ATOMS.findall(part):
            symbol = "H" if symbol in ISOTOPES else symbol
            if symbol not in atomic_numbers:
                return None
            found[symbol] = found.get(symbol, 0.0) + float(amount or 1)
    return {symbol: amount for symbol, amount in found.items() if amount > 0} or None


def _has_hydrogen(text: str) -> bool:
    """Return whether a formula of free form, such as ``Mg 2+, 2(O H 1-)``, names hydrogen; prose does not."""
    if not text:
        return False
    from ase.data import atomic_numbers

    found = set(SYMBOL.findall(text[:500]))
    is_formula = found <= atomic_numbers.keys() | ISOTOPES.keys() and not WORD.search(text[:500])
    return is_formula and not found.isdisjoint(("H", *ISOTOPES))


def _text(amounts: dict[str, float] | Counter[str] | None) -> str:
    return " ".join(f"{symbol}{'' if amount == 1 else f'{amount:g}'}" for symbol, amount in (amounts or {}).items())
