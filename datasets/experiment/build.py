"""Build this data set from the measured n and k that ship with the package: python datasets/experiment/build.py POOL.

POOL is the file of the paper's structures; the split of a formula that it holds is kept. Prints what was chosen and why
the other compounds were left out. README.md states the rules.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.data.schema import Record
from dielectra.data.splits import sorted_formula, split_of_new
from dielectra.data.store import write_part
from dielectra.optics.measured import MeasuredSpectrum, load_measured, measured_formulas
from dielectra.spectrum import Spectrum
from dielectra.structures import read_structure
from dielectra.symmetry import StandardForm, standard_form

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ladder-2"))

from pool import TEXTBOOK, read_lines  # noqa: E402
from textbook import measured_crystals  # noqa: E402

ENERGIES = np.linspace(0.0, 20.0, 401)
LOWEST = 0.5  # eV; below, lattice vibrations absorb
SHORTEST = 1.0  # eV
TRANSPARENT = 0.01  # k below which a crystal counts as transparent
FIRST_UNIAXIAL = 75
KINDS = ("bulk crystal", "film", "flake", "model fitted to experiment")  # the first are preferred
LEFT_OUT = {
    "main/Si/nk/Franta-10K.yml": "measured at 10 K",
    "main/ZnO/nk/Querry.yml": "pressed pellet, whose n of 1.6 is that of powder and air",
}
ONE_POLYMORPH = {"main/MgF2/nk/Franta.yml": 136, "main/SrF2/nk/Rodriguez-de Marcos.yml": 225}
"""Space groups of pages that state none, of compounds with one polymorph."""

MEANS = {
    "main/MgF2/nk/Franta.yml": "polycrystalline film: the mean over directions stands for each",
    "main/LaAlO3/nk/Chernova.yml": "twinned crystal, nearly cubic: one function stands for all directions",
}
"""Pages of crystals with one optic axis that hold one function for all directions, and why."""


class NoRecordError(Exception):
    """A compound that gets no record, with the reason."""


def record_of(formula: str, structures: dict[str, StandardForm]) -> Record:
    """Return the record of a compound.

    Raises
    ------
    NoRecordError
        If no polymorph has both a structure and curves along all of its axes.
    """
    pages = [page for page in load_measured(formula) if page.source not in LEFT_OUT]
    forms = {name: form for name, form in structures.items() if same_compound(form.crystal.formula, formula)}
    reasons = [f"only {page.source}: {LEFT_OUT[page.source]}" for page in load_measured(formula)] if not pages else []
    for name, form in forms.items():
        own = [page for page in pages if form.space_group in (page.space_group, ONE_POLYMORPH.get(page.source))]
        if own:
            try:
                return join(name, form, choose(form, own))
            except NoRecordError as reason:
                reasons.append(str(reason))
    if not forms:
        reasons.append("no structure among the textbook crystals")
    raise NoRecordError("; ".join(reasons) or "the polymorph that was measured is not known or has no structure")


def same_compound(formula: str, other: str) -> bool:
    """Return whether two formulas are of one compound."""
    return sorted_formula(formula) == sorted_formula(other)


def choose(form: StandardForm, pages: list[MeasuredSpectrum]) -> dict[str, MeasuredSpectrum]:
    """Return the preferred page by axis: ``iso`` alone, or ``o`` and ``e``."""
    best = {axis: min(of_axis, key=rank) for axis in {p.axis for p in pages} if (of_axis := on_axis(pages, axis))}
    if form.cubic:
        wanted = ("iso",)
    elif form.space_group >= FIRST_UNIAXIAL:
        wanted = ("iso",) if "iso" in best and best["iso"].source in MEANS else ("o", "e")
    else:
        raise NoRecordError("three optical axes, whose pages are not those of the crystal's axes")
    missing = [axis for axis in wanted if axis not in best]
    if missing:
        raise NoRecordError(f"nothing measured along {' and '.join(missing)} (only {', '.join(sorted(best))})")
    return {axis: best[axis] for axis in wanted}


def on_axis(pages: list[MeasuredSpectrum], axis: str) -> list[MeasuredSpectrum]:
    """Return the pages of an axis; those that are means over directions where a crystal has them."""
    found = [page for page in pages if page.axis == axis]
    return [page for page in found if page.source in MEANS] or found


def rank(page: MeasuredSpectrum) -> tuple[int, bool, float, int]:
    """Return what orders pages: kind, whether k was measured, width of the window, year."""
    energies = page.spectrum.energies
    width = min(energies[-1], ENERGIES[-1]) - max(energies[0], LOWEST)
    year = max(map(int, re.findall(r"\b(?:19|20)\d\d\b", page.reference)), default=0)
    return KINDS.index(page.kind), not has_k(page), -round(float(width), 2), -year


def has_k(page: MeasuredSpectrum) -> bool:
    """Return whether a page holds k at all; one that is zero throughout was assumed, not measured."""
    return bool(page.spectrum.mean.imag.max() > 0)


def join(name: str, form: StandardForm, pages: dict[str, MeasuredSpectrum]) -> Record:
    """Return the record of a crystal from the page of each axis, on the energies that all of them cover."""
    low = max(LOWEST, *(page.spectrum.energies[0] for page in pages.values()))
    high = min(ENERGIES[-1], *(page.spectrum.energies[-1] for page in pages.values()))
    if not all(map(has_k, pages.values())):
        high = min(high, end_of_transparency(list(pages.values())))
    inside = ENERGIES[(low - 1e-9 < ENERGIES) & (high + 1e-9 > ENERGIES)]
    if len(inside) < 2 or inside[-1] - inside[0] < SHORTEST - 1e-9:
        raise NoRecordError(f"less than {SHORTEST:g} eV with n and k along all axes")
    functions = [page.spectrum.resample(inside).mean for page in pages.values()]
    diagonal = [functions[0], functions[0], functions[-1]]  # the optic axis of a standard cell is z
    tensor = np.einsum("ij,jw->ijw", np.eye(3), diagonal)
    provenance = {
        axis: {"page": page.source, "kind": page.kind, "reference": page.reference, "comments": page.comments}
        for axis, page in pages.items()
    }
    notes = [MEANS[page.source] for page in pages.values() if page.source in MEANS]
    provenance |= {"note": notes[0]} if notes else {}
    properties = {
        "spacegroup": form.space_group,
        "protocol": "measured-1",
        "source": TEXTBOOK[0],
        "licence": TEXTBOOK[1],
    }
    spectrum = Spectrum(inside, tensor, "experiment", None, provenance)
    crystal = form.crystal
    return Record(name.replace("tb-", "exp-"), crystal.formula, None, crystal, spectrum, properties)


def end_of_transparency(pages: list[MeasuredSpectrum]) -> float:
    """Return the photon energy in eV from which on a crystal absorbs, by the axes of which k is known."""
    edges = [edge for page in filter(has_k, pages) if (edge := first_absorbed(page)) is not None]
    if not edges:
        raise NoRecordError("k was not measured along any axis")
    return min(edges)


def first_absorbed(page: MeasuredSpectrum) -> float | None:
    """Return the lowest photon energy in eV, lattice vibrations apart, at which k is not small."""
    energies: FloatArray = page.spectrum.energies
    absorbed = energies[(np.sqrt(page.spectrum.mean).imag > TRANSPARENT) & (energies >= LOWEST)]
    return float(absorbed[0]) if len(absorbed) else None


def records(pool: str) -> Iterator[Record]:
    """Yield the record of every compound that gets one; print what was chosen, and the reasons against the others."""
    structures = {name: standard_form(read_structure(atoms)) for name, atoms in measured_crystals()}
    lines = [line for line in read_lines(pool) if line["split"]]
    published = {sorted_formula("".join(line["species"])): line["split"] for line in lines}
    for formula in measured_formulas():
        try:
            record = record_of(formula, structures)
        except NoRecordError as reason:
            print(f"| {formula} | {reason} |")  # noqa: T201
            continue
        split = split_of_new(formula, is_measured=True)
        split = split if split == "experiment-test" else published.get(sorted_formula(formula), split)
        energies = record.spectrum.energies
        axes = {axis: entry for axis, entry in record.spectrum.provenance.items() if axis != "note"}
        pages = ", ".join(dict.fromkeys(f"{entry['page']} ({entry['kind']})" for entry in axes.values()))
        print(f"| {record.id} | {split} | {energies[0]:.2f}-{energies[-1]:.2f} | {pages} |")  # noqa: T201
        yield replace(record, split=split)


if __name__ == "__main__":
    metadata = {"engine": "measured", "licence": "CC0 (refractiveindex.info database)"}
    write_part(list(records(sys.argv[1])), HERE / "part-0000.parquet", metadata, ENERGIES)
