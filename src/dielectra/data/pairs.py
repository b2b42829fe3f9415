"""Records from a structure file and a file of its spectrum: CSV, or measured n and k of refractiveindex.info."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.data.outcomes import Outcome
from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.optics.measured import read_measured
from dielectra.spectrum import COMPONENTS, Spectrum, real_from_imaginary
from dielectra.structures import read_structure
from dielectra.symmetry import point_group_rotations, standard_form

STRUCTURES = (".cif", ".vasp", ".poscar", ".extxyz", ".xyz", ".json", ".jsonl")
UNIAXIAL, CUBIC = 75, 195
"""First space groups with two equal axes and with three."""


class Settings(NamedTuple):
    """Hold what files do not say: level, Lorentzian broadening (eV), photon energies (eV) and seed of the splits."""

    level: str
    broadening: float | None
    energies: FloatArray
    seed: int


def read_pairs(folder: str | Path, settings: Settings) -> Iterator[Outcome]:
    """Yield a record for every spectrum of a folder that has a structure file of the same name.

    ``NAME.csv`` has a header: ``energy_ev``, then ``eps1`` and ``eps2`` (or ``n`` and ``k``) for the isotropic average,
    or ``eps1_xx``, ``eps2_xx``, ``eps1_yy``, ... in the axes of the structure file; where missing, ``yy`` and ``zz``
    equal ``xx`` and off-diagonals are zero. ``eps1`` may be left out and follows by Kramers-Kronig.
    ``NAME.yml`` is read by :func:`measured_record`. Splits are by formula.

    Raises
    ------
    InputError
        If the folder is missing or holds no spectrum. A pair that cannot be used becomes an outcome with a problem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of structure files and spectra of the same name")
    files = sorted(folder.iterdir())
    spectra = [file for file in files if file.suffix.lower() in READERS]
    if not spectra:
        raise InputError(f"{folder}: holds no spectrum ({', '.join(READERS)})")
    structures: dict[str, list[Path]] = {}
    for file in files:
        if file.suffix.lower() in STRUCTURES:
            structures.setdefault(file.stem, []).append(file)
    for spectrum in spectra:
        found = structures.pop(spectrum.stem, [])
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            problem = f"{spectrum}: needs one structure file of the same name ({', '.join(STRUCTURES)}); found {names}"
            yield Outcome(str(spectrum), problem=problem)
            continue
        try:
            record = READERS[spectrum.suffix.lower()](spectrum, found[0], settings)
            yield Outcome(str(spectrum), (record,))
        except InputError as error:
            yield Outcome(str(spectrum), problem=f"{spectrum}: {error}")
    for file in (file for files in structures.values() for file in files):
        yield Outcome(str(file), problem=f"{file}: has no spectrum of the same name ({', '.join(READERS)})")


def measured_record(
    spectrum: str | Path, structure: str | Path, settings: Settings, extraordinary: str | Path | None = None
) -> Record:
    """Return the record of a crystal whose n and k were measured.

    Parameters
    ----------
    spectrum
        refractiveindex.info page with a table of n and k, or a CSV of them; the ordinary ray's if the crystal has one
        optic axis.
    structure
        Structure file.
    extraordinary
        Page of the extraordinary ray (field along the optic axis), needed for uniaxial crystals alone.

    Raises
    ------
    InputError
        If a file cannot be used, the level is not ``experiment``, the energies asked for leave the measured range, or
        the number of pages does not fit the crystal's symmetry; biaxial crystals need a CSV with components.
    """
    if settings.level != "experiment":
        raise InputError(f"measured n and k are of level experiment, not {settings.level}")
    form = standard_form(read_structure(structure))
    crystal, spacegroup = form.in_place, form.space_group
    ordinary = read_measured(spectrum).spectrum
    if spacegroup < UNIAXIAL:
        raise InputError(f"{structure}: space group {spacegroup} has three optical axes; give a CSV with xx, yy and zz")
    if (spacegroup < CUBIC) != (extraordinary is not None):
        rays = "an ordinary and an extraordinary page" if spacegroup < CUBIC else "one page, for all directions"
        raise InputError(f"{structure}: space group {spacegroup} needs {rays}")
    across = _resample(ordinary, settings.energies).tensor
    references = [ordinary.provenance["reference"]]
    if extraordinary is not None:
        page = read_measured(extraordinary).spectrum
        references.append(page.provenance["reference"])
        axis = _optic_axis(structure)
        along = _resample(page, settings.energies).tensor[0, 0]
        across = across + np.einsum("i,j,w->ijw", axis, axis, along - across[0, 0])
    provenance = {"source": "refractiveindex.info", "references": references}
    measured = Spectrum(settings.energies, across, settings.level, settings.broadening, provenance)
    split = split_of(crystal.formula, settings.seed)
    return Record(Path(spectrum).stem, crystal.formula, split, crystal, measured, {"spacegroup": spacegroup})


def _csv_record(spectrum: Path, structure: Path, settings: Settings) -> Record:
    form = standard_form(read_structure(structure))
    crystal, spacegroup = form.in_place, form.space_group
    energies, tensor = read_csv(spectrum)
    provenance = {"source": spectrum.name}
    full = Spectrum(energies, tensor, settings.level, settings.broadening, provenance)
    split = split_of(crystal.formula, settings.seed)
    resampled = _resample(full, settings.energies)
    return Record(spectrum.stem, crystal.formula, split, crystal, resampled, {"spacegroup": spacegroup})


def read_csv(path: str | Path) -> tuple[FloatArray, ComplexArray]:
    """Return energies ``(n_energies,)`` in eV and tensor ``(3, 3, n_energies)`` of a CSV in the form of `read_pairs`.

    Raises
    ------
    InputError
        If the header lacks a column or a value is not a number.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read as CSV ({error})") from error
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


def _resample(spectrum: Spectrum, energies: FloatArray) -> Spectrum:
    low, high = spectrum.energies[[0, -1]]
    if energies[0] < low - 1e-9 or energies[-1] > high + 1e-9:
        raise InputError(
            f"covers {low:.4g} to {high:.4g} eV, not {energies[0]:g} to {energies[-1]:g}; choose a range inside it "
            "with --energies START,STOP,N (one range for the whole data set)"
        )
    return spectrum.resample(energies)


def _optic_axis(structure: str | Path) -> FloatArray:
    """Return the unit vector of a uniaxial crystal's main axis in the Cartesian axes of its structure file.

    The squares of the point group's operations all keep that axis as it is, and turn the plane across it.
    """
    rotations = point_group_rotations(read_structure(structure))
    mean = np.mean([np.linalg.matrix_power(rotation, 2) for rotation in rotations], axis=0)
    eigenvalues, vectors = np.linalg.eigh((mean + mean.T) / 2)
    return np.asarray(vectors[:, np.argmax(eigenvalues)])


READERS: dict[str, Callable[[Path, Path, Settings], Record]] = {
    ".csv": _csv_record,
    ".yml": measured_record,
    ".yaml": measured_record,
}
