"""Import finished computations of VASP: ``vasprun.xml`` or ``OUTCAR``, with every response that they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dielectra.errors import InputError
from dielectra.files import understanding
from dielectra.importing.computations import ComputationOptions, describer, make_outcome
from dielectra.importing.outcar import read_outcar
from dielectra.importing.outcomes import Outcome
from dielectra.importing.vasprun import read_vasprun
from dielectra.structures import read_structure

form = "vasp"
Options = ComputationOptions
VASPRUN = re.compile(r"vasprun.*\.xml(\.gz)?$", re.IGNORECASE)
OUTCAR = re.compile(r"OUTCAR.*", re.IGNORECASE)

describe = describer("VASP")


def read(source: Path, options: ComputationOptions) -> Iterator[Outcome]:
    """Yield the records of a file of VASP, of the files in a folder, or of all folders below it.

    A folder's ``vasprun.xml`` is read, else its ``OUTCAR``. LOPTICS gives ``ipa``, ALGO = CHI ``ipa`` and ``rpa``,
    ALGO = BSE ``bse``. Of several responses of one level the density-density one counts, else the last.

    Raises
    ------
    InputError
        If there is no such file or folder, or it holds no file of VASP.
    """
    files = _files(source)
    if options.structure is not None and len(files) > 1:
        raise InputError(f"{source}: one structure for {len(files)} computations; leave it out, VASP's files hold it")
    for path in files:
        try:
            with understanding(path, "an output of VASP"):
                outcome = _outcome(path, source, options)
            yield outcome
        except InputError as error:
            yield Outcome(str(path), problems=(str(error).removeprefix(f"{path}: "),))


def _files(source: Path) -> list[Path]:
    """Return one file of each computation."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder")
    found = []
    for folder in [source, *(path for path in sorted(source.rglob("*")) if path.is_dir())]:
        names = sorted(path for path in folder.iterdir() if path.is_file())
        runs = [path for path in names if VASPRUN.match(path.name)]
        found += runs or [path for path in names if OUTCAR.match(path.name)]
    if not found:
        raise InputError(f"{source}: holds no vasprun.xml and no OUTCAR")
    return found


def _outcome(path: Path, source: Path, options: ComputationOptions) -> Outcome:
    run = read_outcar(path) if OUTCAR.match(path.name) else read_vasprun(path)
    crystal = run.crystal if options.structure is None else read_structure(options.structure)
    if crystal is None:
        raise InputError("does not hold its crystal whole; give the structure file")
    outcome = make_outcome(_name(path, source), crystal, run.spectra, {"engine": f"VASP {run.version}"}, options)
    reasons = (*run.problems, *outcome.problems)
    if not outcome.records and not reasons:
        reasons = ("holds no frequency-dependent dielectric function; was LOPTICS, ALGO = CHI or ALGO = BSE set?",)
    return Outcome(str(path), outcome.records, run.left_out, reasons, run.warnings if outcome.records else ())


def _name(path: Path, source: Path) -> str:
    """Return the material's id: the folder's name, followed by what a file's name has beyond VASP's."""
    root = source if source.is_dir() else source.parent
    folders = path.parent.relative_to(root).parts or (root.resolve().name,)
    more = re.sub(r"^(vasprun|OUTCAR)|\.xml|\.gz", "", path.name, flags=re.IGNORECASE).strip("._-")
    return "_".join([*folders, *([more] if more else [])])
