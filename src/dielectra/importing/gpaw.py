"""Import dielectric functions that GPAW wrote: ``df*.csv`` along any directions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dielectra.errors import InputError
from dielectra.importing.computations import (
    ComputationOptions,
    Curve,
    describer,
    make_outcome,
    read_crystal,
    read_folders,
    read_text,
    tensors_of,
)
from dielectra.importing.outcomes import Outcome
from dielectra.levels import LEVELS
from dielectra.symmetry import point_group_rotations

form = "gpaw"
FILES = re.compile(r"df.*\.csv$", re.IGNORECASE)
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
KERNELS = tuple(level for level in LEVELS if level != "experiment")


class Options(ComputationOptions):
    """What GPAW's files do not say.

    Attributes
    ----------
    broadening
        GPAW's ``eta`` in eV.
    """

    broadening: float | None = None


describe = describer("GPAW")


def read(source: Path, options: Options) -> Iterator[Outcome]:
    """Yield the records of a folder of GPAW's files, or of each subfolder.

    A computation holds the files of ``get_dielectric_function``. Their names end with the direction: ``df.csv`` and
    ``df_x.csv``, ``df_yz.csv`` (the diagonal between y and z), ``df_1_1_0.csv``. With five columns they hold ``ipa``
    and ``rpa``, or the kernel that the name holds (``df_alda_x.csv``). Those of the Bethe-Salpeter equation have three
    columns and ``bse`` in the name (``df_bse_z.csv``). The crystal is that of `structure`, or of the one ``.gpw`` file,
    in whose axes the directions are.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    return read_folders(source, FILES, lambda folder: _read_folder(folder, options), options.structure)


def _read_folder(folder: Path, options: Options) -> Outcome:
    curves, problems = [], []
    for path in (path for path in sorted(folder.iterdir()) if FILES.match(path.name)):
        try:
            curves += _curves(path, options.broadening)
        except InputError as error:
            problems.append(str(error))
    if not curves:
        problems = problems or ["holds no dielectric function of GPAW (df.csv, df_z.csv, ...)"]
        return Outcome(str(folder), problems=tuple(problems))
    structure = options.structure
    if structure is None:
        files = sorted(folder.glob("*.gpw"))
        if len(files) != 1:
            raise InputError(f"{folder}: holds {len(files)} .gpw files; give the structure file")
        structure = files[0]
    crystal = read_crystal(structure)
    spectra, missing = tensors_of(curves, point_group_rotations(crystal, symprec=1e-3))
    outcome = make_outcome(folder.resolve().name, crystal, spectra, {"engine": "GPAW"}, options)
    return Outcome(str(folder), outcome.records, (), (*problems, *missing, *outcome.problems))


def _curves(path: Path, broadening: float | None) -> list[Curve]:
    """Return the functions of one file."""
    kernel, direction = _name_parts(path)
    lines = read_text(path).lstrip("\ufeff").splitlines()
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: the file is empty")
    try:
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: not a dielectric function of GPAW ({error})") from error
    width = table.shape[1]
    if width == 5 and len(table) > 1:
        levels = ["ipa", kernel or "rpa"]
    elif width == 3 and kernel in ("bse", "ipa") and len(table) > 1:
        levels = [kernel]
    else:
        raise InputError(
            f"{path}: GPAW writes five columns (energy, Re, Im, Re, Im), or three and 'bse' in the name; found "
            f"{len(table)} lines of {width}"
        )
    functions = np.ascontiguousarray(table[:, 1:]).view(complex).T
    return [
        Curve(str(path), level, direction, table[:, 0], values, broadening)
        for level, values in zip(levels, functions, strict=True)
    ]


def _name_parts(path: Path) -> tuple[str | None, tuple[float, float, float]]:
    """Return the kernel and direction that a file's name holds; without one the direction is x."""
    words = re.findall(r"-?\d+|[a-z]+", path.stem[2:].lower())
    kernels = [word for word in words if word in KERNELS]
    if len(kernels) > 1:
        raise InputError(f"{path}: its name holds {' and '.join(kernels)}; keep one")
    rest = [word for word in words if word not in KERNELS]
    if len(rest) == 1 and re.fullmatch(r"[01]{3}", rest[0]):
        rest = list(rest[0])
    if len(rest) == 3 and all(re.fullmatch(r"-?\d+", word) for word in rest) and any(int(word) for word in rest):
        direction = tuple(float(word) for word in rest)
    elif not rest:
        direction = AXES["x"]
    elif len(rest) == 1 and re.fullmatch(r"[xyz]{1,3}", rest[0]) and len(set(rest[0])) == len(rest[0]):
        direction = tuple(np.sum([AXES[axis] for axis in rest[0]], axis=0).tolist())
    else:
        raise InputError(f"{path}: its name must end with a direction, such as df_x.csv, df_yz.csv or df_1_1_0.csv")
    return (kernels[0] if kernels else None), (direction[0], direction[1], direction[2])
