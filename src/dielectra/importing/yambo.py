"""Import finished computations of Yambo: each level of its response files becomes a record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
from dielectra.importing.yambo_files import OtherMomentumError, Response, parse_response
from dielectra.symmetry import point_group_rotations

form = "yambo"
Options = ComputationOptions
FILES = re.compile(r"o[-.].*\.?eps_q|epsilon_")
"""Names of Yambo's responses, and those of the paper's archive."""

OWN = 1.0
"""Rank of a level that a file is about, above that of its columns without local fields."""

describe = describer("Yambo")


def read(source: Path, options: ComputationOptions) -> Iterator[Outcome]:
    """Yield the records of a folder of Yambo's files, or of each subfolder.

    A computation holds Yambo's ``o-*.eps_q1_*`` files, which may be gzipped, and, unless `structure` is given, one
    input of pw.x (``*.in``), in whose axes the spectra are. Independent particles, RPA, ALDA and BSE are levels of
    their own; of several responses of one level along one direction that of the largest block counts.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    return read_folders(source, FILES, lambda folder: _read_folder(folder, options), options.structure)


def _read_folder(folder: Path, options: ComputationOptions) -> Outcome:
    responses: dict[str, Response] = {}
    problems, filtered = [], []
    for path in (path for path in sorted(folder.iterdir()) if FILES.match(path.name)):
        try:
            responses[str(path)] = parse_response(read_text(path), str(path))
        except OtherMomentumError:
            filtered.append("response at a finite q")
        except InputError as error:
            problems.append(str(error))
    curves = []
    for where, response in responses.items():
        if response.quasiparticles and "ipa" in response.functions:
            filtered.append("independent particles of corrected energies, not of the functional")
        curves += curves_of(where, response)
    if not curves:
        problems = problems or ["holds no output of Yambo (o-*.eps_q1_*)"]
        return Outcome(str(folder), filtered=tuple(filtered), problems=tuple(problems))
    crystal = read_crystal(_pw_input_of(folder) if options.structure is None else options.structure)
    spectra, missing = tensors_of(curves, point_group_rotations(crystal, symprec=1e-3))
    versions = {response.version for response in responses.values()}
    provenance = {"engine": f"Yambo {', '.join(sorted(versions))}"}
    outcome = make_outcome(folder.resolve().name, crystal, spectra, provenance, options)
    return Outcome(str(folder), outcome.records, tuple(filtered), (*problems, *missing, *outcome.problems))


def curves_of(where: str, response: Response) -> list[Curve]:
    """Return the functions of a response; `where` names its file."""
    own = next(iter(response.functions))
    return [
        Curve(
            where,
            level,
            response.direction,
            response.energies,
            values,
            response.broadening,
            (OWN if level == own else 0.0, float(response.block), float(own != "bse")),
        )
        for level, values in response.functions.items()
        if not (level == "ipa" and response.quasiparticles)
    ]


def _pw_input_of(folder: Path) -> Path:
    files = [path for path in sorted(folder.glob("*.in")) if re.search(r"ATOMIC_POSITIONS", read_text(path), re.I)]
    if not files:
        raise InputError(f"{folder}: holds no input of pw.x (*.in); give it or a structure file")
    return files[-1]
