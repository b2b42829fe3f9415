"""Read a user's finished Yambo or GPAW computation as records."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from dielectra.abinitio.computation import ENERGIES
from dielectra.abinitio.directions import Direction, independent_directions, tensor_from_directions
from dielectra.abinitio.espresso import read_pw_input
from dielectra.abinitio.yambo_files import Response, parse_outputs, parse_response
from dielectra.arrays import ComplexArray
from dielectra.crystal import Crystal
from dielectra.data.outcomes import ImportReport, Outcome, write_dataset
from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.spectrum import Spectrum
from dielectra.structures import read_structure
from dielectra.symmetry import point_group_rotations, standard_form

COMPUTATIONS = {"yambo": r"(o-.*\.eps|epsilon_)", "gpaw": r"df.*\.csv$"}
"""Forms of finished computations, and the pattern of the files that hold their responses."""

GPAW_DIRECTIONS: dict[str, Direction] = {
    "x": (1, 0, 0),
    "y": (0, 1, 0),
    "z": (0, 0, 1),
    "yz": (0, 1, 1),
    "xz": (1, 0, 1),
    "xy": (1, 1, 0),
}


def read_yambo(folder: str | Path, structure: str | Path | None = None, name: str | None = None) -> list[Record]:
    """Read a folder of Yambo's ``o-*.eps*`` files (``-o c -k hartree``), one per direction, as IPA and RPA records.

    Parameters
    ----------
    folder
        Holds the outputs and, unless `structure` is given, one input of pw.x (``*.in``). Outputs may be gzipped; of
        several along one direction that of the largest response block counts.
    structure
        Input of pw.x or structure file, in whose axes the spectra are.
    name
        Material id; that of the folder by default.

    Raises
    ------
    InputError
        If files are missing or cannot be read, a direction that the crystal's symmetry asks for is missing, or the
        responses differ in damping.
    """
    folder = _existing(folder)
    paths = [path for path in sorted(folder.iterdir()) if re.match(COMPUTATIONS["yambo"], path.name)]
    if not paths:
        raise InputError(f"{folder}: holds no output of Yambo (o-*.eps*)")
    responses = [parse_response(read_text(path), str(path)) for path in paths]
    crystal = read_crystal(_pw_input_of(folder) if structure is None else Path(structure))
    broadening = {response.broadening for response in responses}
    if len(broadening) > 1:
        raise InputError(f"{folder}: its responses have different damping; keep those of one")
    rotations = point_group_rotations(crystal, symprec=1e-3)
    try:
        tensors = parse_outputs(responses, rotations)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return _records(crystal, tensors, broadening.pop(), name or folder.resolve().name, _yambo_source(responses))


def read_gpaw(
    folder: str | Path, structure: str | Path | None = None, broadening: float | None = None, name: str | None = None
) -> list[Record]:
    """Read GPAW's ``df*.csv`` files (``get_dielectric_function``) as IPA and RPA records.

    Parameters
    ----------
    folder
        Holds ``df.csv`` (along x), or ``df_x.csv``, ``df_z.csv``, ``df_xy.csv`` and so on, as many as the crystal's
        symmetry asks for; and, unless `structure` is given, one ``.gpw`` file.
    structure
        ``.gpw`` or structure file, in whose axes the spectra are.
    broadening
        GPAW's ``eta`` in eV, which its files do not tell.
    name
        Material id; that of the folder by default.

    Raises
    ------
    InputError
        If files are missing or cannot be read, a needed direction is missing, or a spectrum ends below 20 eV.
    """
    folder = _existing(folder)
    curves = {_gpaw_direction(path): _gpaw_columns(path) for path in sorted(folder.glob("df*.csv"))}
    if not curves:
        raise InputError(f"{folder}: holds no dielectric function of GPAW (df.csv, df_z.csv, ...)")
    if structure is None:
        files = sorted(folder.glob("*.gpw"))
        if len(files) != 1:
            raise InputError(f"{folder}: holds {len(files)} .gpw files; give the structure file")
        structure = files[0]
    crystal = read_crystal(Path(structure))
    rotations = point_group_rotations(crystal, symprec=1e-3)
    missing = [direction for direction in independent_directions(rotations) if direction not in curves]
    if missing:
        wanted = ", ".join(f"df_{label}.csv" for label, value in GPAW_DIRECTIONS.items() if value in missing)
        raise InputError(f"{folder}: lacks {wanted}; the crystal's symmetry asks for these directions")
    rows = np.array(list(curves.values()))
    tensors = {
        level: tensor_from_directions(list(curves), rows[:, index], rotations)
        for index, level in enumerate(("ipa", "rpa"))
    }
    return _records(crystal, tensors, broadening, name or folder.resolve().name, "GPAW")


def import_finished(
    source: str | Path,
    output: str | Path,
    form: str,
    structure: str | Path | None = None,
    broadening: float | None = None,
    seed: int = 0,
) -> ImportReport:
    """Write a finished computation, or all those in the subfolders of a folder, as a new data set in ladder schema.

    Parameters
    ----------
    form
        ``yambo`` (:func:`read_yambo`) or ``gpaw`` (:func:`read_gpaw`).
    structure
        Structure of the one computation.
    broadening
        GPAW's ``eta`` in eV; Yambo's files tell it.
    seed
        Seed of the splits by formula.

    Returns
    -------
    ImportReport
        Counts, with reasons for what could not be used.

    Raises
    ------
    InputError
        If the form or an option does not fit, or nothing could be read.
    """
    if form not in COMPUTATIONS:
        raise InputError(f"unknown form {form!r} of a computation; allowed are {', '.join(COMPUTATIONS)}")
    if form == "yambo" and broadening is not None:
        raise InputError("the form yambo takes no broadening: its files tell the damping; leave it out")
    folder = _existing(source)
    whole = any(path.is_file() and re.match(COMPUTATIONS[form], path.name) for path in folder.iterdir())
    folders = [folder] if whole else [path for path in sorted(folder.iterdir()) if path.is_dir()]
    if structure is not None and not whole:
        raise InputError(f"{folder}: one structure for the computations of {len(folders)} folders; keep one in each")
    outcomes = [_outcome(path, form, structure, broadening, seed) for path in folders]
    if whole and outcomes[0].problem:
        raise InputError(outcomes[0].problem)
    note = f"Finished {form} computations, imported from {folder.resolve().name}; splits by formula."
    return write_dataset(outcomes, output, note)


def _outcome(folder: Path, form: str, structure: str | Path | None, broadening: float | None, seed: int) -> Outcome:
    try:
        records = read_yambo(folder, structure) if form == "yambo" else read_gpaw(folder, structure, broadening)
    except InputError as error:
        return Outcome(str(folder), problem=str(error))
    return Outcome(str(folder), tuple(replace(record, split=split_of(record.formula, seed)) for record in records))


def read_crystal(path: Path) -> Crystal:
    """Read a crystal from an input of pw.x (``*.in``, ``*.pwi``) or any structure file.

    Raises
    ------
    InputError
        If the file is missing or holds no crystal.
    """
    if path.suffix in (".in", ".pwi"):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        return read_pw_input(path.read_text(), str(path))
    return read_structure(path)


def _records(
    crystal: Crystal,
    tensors: Mapping[str, ComplexArray],
    broadening: float | None,
    name: str,
    source: str,
) -> list[Record]:
    form = standard_form(crystal)
    primitive, formula = form.in_place, form.crystal.formula
    spectra = [Spectrum(ENERGIES, tensor, level, broadening, {"engine": source}) for level, tensor in tensors.items()]
    return [
        Record(name, formula, split_of(formula), primitive, spectrum, {"spacegroup": form.space_group})
        for spectrum in spectra
    ]


def _yambo_source(responses: list[Response]) -> str:
    return f"Yambo {responses[0].version}"


def _existing(folder: str | Path) -> Path:
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder")
    return Path(folder)


def read_text(path: Path) -> str:
    """Return the text of a file that may be gzipped."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode(errors="replace")


def _pw_input_of(folder: Path) -> Path:
    files = [path for path in sorted(folder.glob("*.in")) if re.search(r"ATOMIC_POSITIONS", path.read_text(), re.I)]
    if not files:
        raise InputError(f"{folder}: holds no input of pw.x (*.in); give it or a structure file")
    return files[-1]


def _gpaw_direction(path: Path) -> Direction:
    label = path.stem.removeprefix("df").strip("_-.").lower() or "x"
    if label not in GPAW_DIRECTIONS:
        raise InputError(f"{path}: its name must end with a direction: {', '.join(GPAW_DIRECTIONS)}, as in df_xy.csv")
    return GPAW_DIRECTIONS[label]


def _gpaw_columns(path: Path) -> ComplexArray:
    """Return the function without and with local fields on the energies of a record, shape ``(2, 401)``."""
    try:
        table = np.loadtxt(path, delimiter=",", ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: not a dielectric function of GPAW ({error})") from error
    if table.shape[1] != 5:
        raise InputError(f"{path}: GPAW writes five columns (energy, Re, Im, Re, Im); found {table.shape[1]}")
    if table[0, 0] > ENERGIES[0] or table[-1, 0] < ENERGIES[-1]:
        raise InputError(f"{path}: spans {table[0, 0]:g}-{table[-1, 0]:g} eV; a record needs 0-20 eV")
    functions = table[:, [1, 3]] + 1j * table[:, [2, 4]]
    return np.array([np.interp(ENERGIES, table[:, 0], column) for column in functions.T])
