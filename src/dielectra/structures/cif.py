"""Read the crystals of a CIF: what the file says is compared with itself before anything is believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from dielectra.arrays import FloatArray
from dielectra.crystal import Crystal, cell_of_parameters, make_crystal
from dielectra.errors import InputError
from dielectra.structures.cif_blocks import parse_blocks
from dielectra.structures.cif_items import Block
from dielectra.structures.cif_sites import Site, coincide, fill_cell, read_sites, refuse_without_sites
from dielectra.structures.cif_symmetry import Symmetry, stated_symmetry
from dielectra.structures.claims import (
    Claims,
    contradictions,
    formula_of,
    mass_density,
    read_claims,
    refuse_missing_elements,
)
from dielectra.structures.content import Content
from dielectra.structures.entries import Found
from dielectra.structures.operations import Operations

LENGTHS = tuple(f"_cell_length_{axis}" for axis in "abc")
ANGLES = tuple(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma"))
MAGNETIC = ("_parent_propagation_vector", "_magnetic_propagation_vector")
SITES = ("_atom_site_label", "_atom_site_fract_x", "_atom_site_cartn_x", "_atom_site_type_symbol")


def read_cif(content: Content) -> Iterator[Found]:
    """Give the crystal of every block that has a cell or atoms, or what is wrong with it.

    Raises
    ------
    InputError
        If the text is no CIF or none of its blocks has a cell or atoms; the message starts with the file's name.
    """
    name, some = content.name, False
    blocks = parse_blocks(content.text, name)
    first = list(islice(blocks, 2))
    for parsed in chain(first, blocks):
        place = f"block {parsed.name}" if not isinstance(parsed, InputError) else ""
        try:
            if isinstance(parsed, InputError):
                raise parsed
            block = Block(parsed, name if len(first) == 1 else f"{name}, {place}")
            if any(tag in block for tag in (LENGTHS[0], *SITES)):
                some = True
                yield Found(_crystal(block), place)
        except InputError as error:
            some = True
            yield Found(error, place)
    if not some:
        raise InputError(f"{name}: holds no structure; a CIF needs _cell_length_a and an _atom_site loop")


def _crystal(block: Block) -> Crystal:
    refuse_without_sites(block)
    cell = _cell(block)
    claims = read_claims(block)
    sites, doubts = read_sites(block, frozenset(claims.formula or ()), cell)
    refuse_missing_elements(claims, frozenset(site.number for site in sites), block.name)
    symmetry = stated_symmetry(block, cell)
    outcomes = [(setting.name, _filled(sites, setting.operations, cell, block.name)) for setting in symmetry.settings]
    made = {name: outcome for name, outcome in outcomes if isinstance(outcome, Crystal)}
    if not made:
        raise next(outcome for _, outcome in outcomes if isinstance(outcome, InputError))
    chosen, decisions = _only(made, symmetry, claims, block.name)
    if len(made) < len(outcomes):
        decisions.append(f"of the settings that the file allows only {' and '.join(made)} keeps the atoms apart")
    notes = [*doubts, *symmetry.warnings, *decisions, *contradictions(claims, chosen), *_ignored_moments(block)]
    return replace(chosen, warnings=tuple(notes)) if notes else chosen


def _ignored_moments(block: Block) -> list[str]:
    """Return a sentence where atoms have magnetic moments or an order of them, on which nothing here depends."""
    components = [part.partition("(")[0] for tag in block.tags("_atom_site_moment_") for part in block.column(tag)]
    if not (block.tags(*MAGNETIC) or any(set(part) & set("123456789") for part in components)):
        return []
    return ["its magnetic moments are ignored; the crystal is taken without spin order"]


def _cell(block: Block) -> FloatArray:
    """Return the lattice vectors; a missing length or angle is never replaced by a default."""
    values = {}
    for tag in (*LENGTHS, *ANGLES):
        found = block.number(tag)
        if found is None:
            raise InputError(f"{block.name}: has no {tag}; a cell needs three lengths and three angles")
        values[tag] = found
    return cell_of_parameters([values[tag] for tag in LENGTHS], [values[tag] for tag in ANGLES], block.name)


def _filled(sites: list[Site], operations: Operations, cell: FloatArray, where: str) -> Crystal | InputError:
    try:
        return make_crystal(cell, *fill_cell(sites, operations, cell, where), where)
    except InputError as error:
        return error


def _only(made: dict[str, Crystal], symmetry: Symmetry, claims: Claims, where: str) -> tuple[Crystal, list[str]]:
    """Return the crystal that the settings of a file agree on, and sentences on how it was decided.

    Raises
    ------
    InputError
        If the settings make different crystals and nothing in the file decides between them.
    """
    first, *others = made.values()
    same = all(_same_arrangement(first, other) for other in others)
    if symmetry.contradiction:
        if same:
            return first, [f"{symmetry.contradiction}; the sites are the same crystal in each"]
        raise InputError(f"{where}: {symmetry.contradiction}, and they make different crystals; mend the file")
    if same:
        return first, []
    fitting = {name: crystal for name, crystal in made.items() if not any(contradictions(claims, crystal))}
    if len(fitting) == 1 and (claims.formula or claims.density):
        name, crystal = next(iter(fitting.items()))
        return crystal, [f"the setting {name} of the space group is taken for the formula and density of the file"]
    options = "; ".join(
        f"{name} makes {formula_of(crystal)} of {mass_density(crystal):.3g} g/cm3" for name, crystal in made.items()
    )
    raise InputError(
        f"{where}: does not say which setting of its space group is meant: {options}; write its name in full"
    )


def _same_arrangement(one: Crystal, other: Crystal) -> bool:
    """Return whether two crystals in one cell have the same atoms at the same places."""
    if one.n_atoms != other.n_atoms:
        return False
    return all(
        (coincide(position, other.frac_coords, one.cell) & (other.numbers == number)).any()
        for number, position in zip(one.numbers, one.frac_coords, strict=True)
    )
