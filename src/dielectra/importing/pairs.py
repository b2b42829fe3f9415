"""Import pairs: a structure file and a file of its spectrum, CSV or measured n and k of refractiveindex.info."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.files import read_text, reading, understanding
from dielectra.importing.importer import ImportOptions
from dielectra.importing.measured import measured_record
from dielectra.importing.outcomes import Outcome
from dielectra.levels import check_level
from dielectra.spectrum import COMPONENTS, Spectrum, real_from_imaginary
from dielectra.structures import read_structure
from dielectra.symmetry import standard_form

form = "pairs"
STRUCTURES = (".cif", ".vasp", ".poscar", ".extxyz", ".xyz", ".json", ".jsonl")
SPECTRA = (".csv", ".yml", ".yaml")


class Options(ImportOptions):
    """What files of pairs do not say.

    Attributes
    ----------
    level
        Level of theory of all spectra.
    broadening
        Lorentzian broadening in eV that they were computed with, None where there is none.
    """

    level: str
    broadening: float | None = None


def describe(source: Path, options: Options) -> str:  # noqa: ARG001  (every importer is given both)
    """Return the first lines of the card."""
    return f"Imported from the folder {source.name} of structure files and spectra; splits by formula."


def read(source: Path, options: Options) -> Iterator[Outcome]:
    """Yield a record for every spectrum of a folder that has a structure file of the same name.

    ``NAME.csv`` has a header: ``energy_ev``, then ``eps1`` and ``eps2`` (or ``n`` and ``k``) for the isotropic average,
    or ``eps1_xx``, ``eps2_xx``, ``eps1_yy``, ... in the axes of the structure file; where missing, ``yy`` and ``zz``
    equal ``xx`` and off-diagonals are zero. ``eps1`` may be left out and follows by Kramers-Kronig.
    ``NAME.yml`` is read by :func:`dielectra.importing.measured.measured_record`. Splits are by formula.

    Raises
    ------
    InputError
        If the folder is missing or holds no spectrum, or the level is unknown.
    """
    check_level(options.level)
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; give a folder of structure files and spectra of the same name")
    files = sorted(source.iterdir())
    spectra = [file for file in files if file.suffix.lower() in SPECTRA]
    if not spectra:
        raise InputError(f"{source}: holds no spectrum ({', '.join(SPECTRA)})")
    structures: dict[str, list[Path]] = {}
    for file in files:
        if file.suffix.lower() in STRUCTURES:
            structures.setdefault(file.stem, []).append(file)
    for spectrum in spectra:
        found = structures.pop(spectrum.stem, [])
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            problem = f"needs one structure file of the same name ({', '.join(STRUCTURES)}); found {names}"
            yield Outcome(str(spectrum), problems=(problem,))
            continue
        try:
            with understanding(spectrum, "a spectrum"):
                record = _record(spectrum, found[0], options)
            yield Outcome(str(spectrum), (record,), warnings=tuple(record.spectrum.provenance.get("warnings", ())))
        except InputError as error:
            yield Outcome(str(spectrum), problems=(str(error),))
    for file in (file for files in structures.values() for file in files):
        yield Outcome(str(file), problems=(f"has no spectrum of the same name ({', '.join(SPECTRA)})",))


def _record(spectrum: Path, structure: Path, options: Options) -> Record:
    if spectrum.suffix.lower() != ".csv":
        if options.level != "experiment":
            raise InputError(f"measured n and k are of level experiment, not {options.level}")
        return measured_record(spectrum, structure, options)
    crystal_form = standard_form(read_structure(structure))
    crystal = crystal_form.in_place
    energies, tensor = read_csv(spectrum)
    full = Spectrum(energies, tensor, options.level, options.broadening, {"source": spectrum.name})
    split = split_of(crystal.formula, options.seed)
    properties = {"spacegroup": crystal_form.space_group}
    return Record(spectrum.stem, crystal.formula, split, crystal, options.on_grid(full), properties)


def read_csv(path: str | Path) -> tuple[FloatArray, ComplexArray]:
    """Return energies ``(n_energies,)`` in eV and tensor ``(3, 3, n_energies)`` of a CSV in the form of `read_pairs`.

    Raises
    ------
    InputError
        If the header lacks a column or a value is not a number.
    """
    text = read_text(path)
    with reading(path):
        rows = list(csv.reader(line for line in text.splitlines() if line.strip() and not line.startswith("#")))
    names = [name.strip().lower() for name in rows[0]] if rows else []
    try:
        table = np.array([[float(value) for value in row] for row in rows[1:]]).reshape(len(rows) - 1, len(names))
    except ValueError as error:
        raise InputError(f"needs a header and lines of as many numbers ({error}); its header is {names}") from None
    columns = dict(zip(names, table.T, strict=True))
    if "energy_ev" not in columns:
        raise InputError(f"lacks the column energy_ev; it has {', '.join(names) or 'none'}")
    energies = columns["energy_ev"]
    if len(energies) < 2 or energies[0] < 0 or np.any(np.diff(energies) <= 0):
        raise InputError("energy_ev must be increasing and not negative, in at least two lines")
    tensor = np.zeros((3, 3, len(energies)), complex)
    for name, (i, j) in COMPONENTS.items():
        values = _component(columns, name)
        tensor[i, j] = tensor[j, i] = values if values is not None else _component(columns, "xx") if i == j else 0.0
    return energies, tensor


def _component(columns: Mapping[str, FloatArray], name: str) -> ComplexArray | None:
    """Return a component from its own columns, a diagonal one also from those of the isotropic average."""
    if f"eps2_{name}" in columns:
        ending = f"_{name}"
    elif name[0] != name[1] or (name != "xx" and "eps2_xx" in columns):
        return None
    else:
        ending = ""
    if not ending and "eps2" not in columns and {"n", "k"} <= columns.keys():
        return np.asarray((columns["n"] + 1j * columns["k"]) ** 2)
    if f"eps2{ending}" not in columns:
        raise InputError(f"lacks the column eps2 (or eps2_xx, or n and k); it has {', '.join(columns)}")
    eps2 = columns[f"eps2{ending}"]
    eps1 = columns.get(f"eps1{ending}")
    if eps1 is None:
        constant = 0.0 if name[0] == name[1] else 1.0  # off the diagonal the vacuum's part is zero
        eps1 = real_from_imaginary(columns["energy_ev"], eps2) - constant
    return np.asarray(eps1 + 1j * eps2)
