"""Turn files of others into a data set: one importer per form."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.data.outcomes import ImportReport, Outcome, write_dataset
from dielectra.data.pairs import Settings, measured_record, read_pairs
from dielectra.data.published import read_published
from dielectra.data.sources import FETCH_RECORD
from dielectra.errors import InputError
from dielectra.levels import check_level

FORMS = ("published", "pairs", "refractiveindex")
LARGEST_GRID = 20_001
DEFAULT_ENERGIES = np.linspace(0.0, 20.0, 401)
PUBLISHED_FORM = (
    "Published form of Grunert, Grossmann, Runge, Nat. Commun. 16, 8142 (2025): 2,001 points on 0 to 20 eV, diagonal "
    "components; Yambo's response is time-ordered (a small non-zero Im eps at 0 eV). The paper's filters and splits "
    "are applied."
)


def import_dataset(
    source: str | Path,
    output: str | Path,
    form: str = "published",
    *,
    level: str | None = None,
    broadening: float | None = None,
    energies: FloatArray | None = None,
    structure: str | Path | None = None,
    extraordinary: str | Path | None = None,
    seed: int = 0,
) -> ImportReport:
    """Write the records of a source as a new data set in ladder schema.

    Parameters
    ----------
    source
        ``published``: JSON files, archives or pickles of the paper's form (:mod:`dielectra.data.published`), or a
        folder of them. ``pairs``: a folder of structure files and spectra (:func:`dielectra.data.pairs.read_pairs`).
        ``refractiveindex``: one YAML page with `structure`.
    output
        New folder.
    level
        Level of the spectra of ``pairs``; measured ones are ``experiment``, published ones name theirs.
    broadening
        Lorentzian broadening in eV that ``pairs`` were computed with, None where there is none.
    energies
        Photon energies in eV of ``pairs`` and ``refractiveindex``; 401 from 0 to 20 eV by default.
    structure, extraordinary
        Structure file of a YAML page, and the page of the extraordinary ray of a uniaxial crystal.
    seed
        Seed of the splits by formula.

    Returns
    -------
    ImportReport
        Counts, with reasons for what was left out.

    Raises
    ------
    InputError
        If the form or an option does not fit, the source or output cannot be used, or nothing remains.
    """
    if form not in FORMS:
        raise InputError(f"unknown form {form!r}; allowed are {', '.join(FORMS)}")
    given = {"level": level, "broadening": broadening, "energies": energies}
    if form == "published":
        _refuse_options(form, given | {"structure": structure, "extraordinary": extraordinary})
        outcomes, note = read_published(source), _published_note(source)
    else:
        grid = DEFAULT_ENERGIES if energies is None else energies
        if form == "pairs":
            _refuse_options(form, {"structure": structure, "extraordinary": extraordinary})
            if level is None:
                raise InputError("pairs do not say their level; give one, such as level bse")
            outcomes = read_pairs(source, Settings(check_level(level), broadening, grid, seed))
            note = f"Imported from the folder {Path(source).name} of structure files and spectra; splits by formula."
        else:
            _refuse_options(form, {"level": level, "broadening": broadening})
            outcomes = _measured(source, structure, extraordinary, Settings("experiment", None, grid, seed))
            note = f"Measured n and k, from {Path(source).name} in the form of refractiveindex.info."
    return write_dataset(outcomes, output, note)


def energies_from(text: str) -> FloatArray:
    """Return the photon energies (eV) that a text such as ``0,20,401`` (start, stop, number) stands for.

    Raises
    ------
    InputError
        If it is of another form, or the energies are negative or not increasing.
    """
    try:
        start, stop, count = (float(part) for part in text.split(","))
        if not (0 <= start < stop < math.inf and 2 <= count <= LARGEST_GRID and count == int(count)):
            raise ValueError
    except ValueError:
        raise InputError(
            f"energies {text!r}: give START,STOP,N in eV, such as 0,20,401 (at most {LARGEST_GRID})"
        ) from None
    return np.linspace(start, stop, int(count))


def _measured(
    source: str | Path, structure: str | Path | None, extraordinary: str | Path | None, settings: Settings
) -> Iterator[Outcome]:
    if structure is None:
        raise InputError(f"{source}: a page of refractiveindex.info names no atoms; give the structure file as well")
    try:
        record = measured_record(source, structure, settings, extraordinary)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    yield Outcome(str(source), (record,))


def _refuse_options(form: str, options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(f"the form {form} takes no {', '.join(given)}; leave it out")


def _published_note(source: str | Path) -> str:
    """Return the card's first lines, with the licence and citation of what was fetched."""
    lines = [f"Imported from {Path(source).name}. {PUBLISHED_FORM}"]
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    if (folder / FETCH_RECORD).is_file():
        record = json.loads((folder / FETCH_RECORD).read_text(encoding="utf-8"))
        lines += [f"Licence: {record['licence']}.", f"Cite: {record['citation']}"]
    return "\n\n".join(lines)
