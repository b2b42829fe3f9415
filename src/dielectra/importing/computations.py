"""What importers of finished computations share: folders of them, curves along directions, records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.arrays import ComplexArray, FloatArray
from dielectra.crystal import Crystal
from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.directions import missing_directions, tensor_from_directions
from dielectra.errors import InputError
from dielectra.files import read_bytes, understanding
from dielectra.importing.importer import ImportOptions
from dielectra.importing.outcomes import Outcome
from dielectra.levels import check_level
from dielectra.parsing import unpack_gzip
from dielectra.spectrum import Spectrum
from dielectra.structures import read_structure
from dielectra.structures.espresso import read_pw_input
from dielectra.symmetry import standard_form

ASYMMETRY = 0.1
"""Share of the largest susceptibility by which responses may differ from the crystal's symmetry: coarse k-points."""


class ComputationOptions(ImportOptions):
    """Options of finished computations.

    Attributes
    ----------
    structure
        Structure of the one computation, where its folder does not hold it.
    """

    structure: Path | None = None


def describer(code: str) -> Callable[[Path, ImportOptions], str]:
    """Return the ``describe`` of the importer of a code's finished computations."""

    def describe(source: Path, options: ImportOptions) -> str:  # noqa: ARG001  (every importer is given both)
        """Return the first lines of the card."""
        return f"Finished computations of {code}, imported from {source.resolve().name}; splits by formula."

    return describe


class Curve(NamedTuple):
    """A macroscopic dielectric function along one direction at one level.

    Attributes
    ----------
    where
        File that holds it.
    direction
        Cartesian direction of the field, of any length.
    energies, values
        Photon energies in eV and the complex function, shape ``(n_energies,)``.
    broadening
        Lorentzian broadening in eV, None where the file does not say.
    rank
        Of two curves along one direction at one level that of the higher rank counts; of one rank neither can.
    """

    where: str
    level: str
    direction: tuple[float, float, float]
    energies: FloatArray
    values: ComplexArray
    broadening: float | None = None
    rank: tuple[float, ...] = ()


def read_folders(
    source: Path, pattern: re.Pattern[str], read: Callable[[Path], Outcome], structure: Path | None
) -> Iterator[Outcome]:
    """Yield what becomes of a folder with one computation, or of each subfolder with one.

    Parameters
    ----------
    pattern
        Matches the names of the files that hold responses.

    Raises
    ------
    InputError
        If there is no such folder, or one structure is given for several computations.
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    whole = any(path.is_file() and pattern.match(path.name) for path in source.iterdir())
    folders = [source] if whole else [path for path in sorted(source.iterdir()) if path.is_dir()]
    if not folders:
        raise InputError(
            f"{source}: holds neither a response, whose name is of the form {pattern.pattern}, nor folders"
        )
    if structure is not None and not whole:
        raise InputError(f"{source}: one structure for the computations of {len(folders)} folders; keep one in each")
    for folder in folders:
        try:
            with understanding(folder, "a computation"):
                outcome = read(folder)
            yield outcome
        except InputError as error:
            yield Outcome(str(folder), problems=(str(error).removeprefix(f"{folder}: "),))


def tensors_of(curves: Sequence[Curve], rotations: FloatArray) -> tuple[list[Spectrum], list[str]]:
    """Return the spectrum of each level, from curves along directions that fix it, and why a level has none.

    Parameters
    ----------
    rotations
        Cartesian point group of the crystal, shape ``(n, 3, 3)``.
    """
    spectra, problems = [], []
    for level in dict.fromkeys(curve.level for curve in curves):
        try:
            spectra.append(_tensor([curve for curve in curves if curve.level == level], level, rotations))
        except InputError as error:
            problems.append(str(error))
    return spectra, problems


def make_outcome(
    name: str, crystal: Crystal, spectra: Sequence[Spectrum], provenance: Mapping[str, str], options: ImportOptions
) -> Outcome:
    """Return the records of one crystal, all in the axes of its file; a spectrum that cannot be used is a problem."""
    crystal_form = standard_form(crystal)
    formula = crystal_form.crystal.formula
    records, problems = [], []
    for spectrum in spectra:
        try:
            on_grid = options.on_grid(spectrum)
        except InputError as error:
            problems.append(f"level {spectrum.level} {error}")
            continue
        tensor, level, broadening = on_grid.tensor, spectrum.level, spectrum.broadening
        with_source = Spectrum(on_grid.energies, tensor, level, broadening, {**spectrum.provenance, **provenance})
        properties = {"spacegroup": crystal_form.space_group}
        split = split_of(formula, options.seed)
        records.append(Record(name, formula, split, crystal_form.in_place, with_source, properties))
    return Outcome(name, tuple(records), problems=tuple(problems))


def read_crystal(path: Path) -> Crystal:
    """Read a crystal from an input of pw.x (``*.in``, ``*.pwi``) or any structure file.

    Raises
    ------
    InputError
        If the file is missing or holds no crystal.
    """
    if path.suffix in (".in", ".pwi"):
        return read_pw_input(read_text(path), str(path))
    return read_structure(path)


def read_text(path: Path) -> str:
    """Return the text of a file that may be gzipped.

    Raises
    ------
    InputError
        If it cannot be read, or is larger than a text file may be.
    """
    content = read_bytes(path)
    return (unpack_gzip(content, path) if path.suffix == ".gz" else content).decode(errors="replace")


def _refuse_damaged(curve: Curve) -> None:
    """Raise InputError, by the name of its file, for a curve whose energies or values are none."""
    where = f"level {curve.level}: {Path(curve.where).name}"
    finite = np.isfinite(curve.energies) & np.isfinite(curve.values)
    if not finite.all():
        raise InputError(f"{where} holds values that are not finite, the first in its line {int(finite.argmin()) + 1}")
    steps = np.diff(curve.energies)
    if len(steps) == 0 or curve.energies[0] < 0 or steps.min() <= 0:
        place = (
            f"after {curve.energies[int(steps.argmin())]:g} eV" if len(steps) and steps.min() <= 0 else "at its start"
        )
        raise InputError(f"{where} has photon energies that do not increase from 0 eV or more ({place})")


def _tensor(curves: Sequence[Curve], level: str, rotations: FloatArray) -> Spectrum:
    check_level(level)
    for curve in curves:
        _refuse_damaged(curve)
    chosen: dict[tuple[float, ...], Curve] = {}
    for curve in sorted(curves, key=lambda curve: curve.rank):
        key = _axis(curve.direction)
        other = chosen.get(key)
        if other is not None and other.rank == curve.rank and not _equal(other, curve):
            names = f"{Path(other.where).name} and {Path(curve.where).name}"
            raise InputError(f"level {level}: {names} are both along {_text(key)} and differ; keep the one that counts")
        chosen[key] = curve
    present = list(chosen.values())
    missing = missing_directions(list(chosen), rotations)
    if missing:
        raise InputError(
            f"level {level}: no response along {', '.join(map(_text, missing))}; the crystal's symmetry asks for these "
            "directions of q -> 0"
        )
    first = present[0]
    if len({curve.broadening for curve in present}) > 1:
        raise InputError(f"level {level}: its responses have different damping; keep those of one")
    if any(not np.array_equal(curve.energies, first.energies) for curve in present):
        raise InputError(f"level {level}: its responses have different photon energies; keep those of one run")
    tensor = tensor_from_directions(list(chosen), np.array([curve.values for curve in present]), rotations)
    _refuse_other_symmetry(tensor, present)
    return Spectrum(first.energies, tensor, level, first.broadening)


def _refuse_other_symmetry(tensor: ComplexArray, curves: Sequence[Curve]) -> None:
    """Raise InputError where no tensor of the crystal's symmetry gives what was read along the directions."""
    largest = max(float(np.abs(curve.values - 1).max()) for curve in curves)
    for curve in curves:
        axis = np.array(curve.direction) / np.linalg.norm(curve.direction)
        error = float(np.abs(np.einsum("i,ijw,j->w", axis, tensor, axis) - curve.values).max())
        if error > ASYMMETRY * largest:
            place = f"{Path(curve.where).name}, along {_text(_axis(curve.direction))}"
            raise InputError(
                f"level {curve.level}: {place}, is {error / largest:.0%} off what the crystal's symmetry makes of all "
                "directions; is it of this crystal, in these axes?"
            )


def _axis(direction: tuple[float, float, float]) -> tuple[float, ...]:
    """Return a direction whatever its length and sign, since the tensor sees neither."""
    vector = np.array(direction) / np.abs(direction).max()
    vector = vector * np.sign(vector[np.flatnonzero(np.abs(vector) > 1e-6)[0]])
    return tuple((np.round(vector, 6) + 0.0).tolist())


def _equal(one: Curve, other: Curve) -> bool:
    return np.array_equal(one.energies, other.energies) and np.array_equal(one.values, other.values)


def _text(direction: Sequence[float]) -> str:
    return " ".join(f"{component:g}" for component in direction)
