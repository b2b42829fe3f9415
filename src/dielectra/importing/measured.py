"""Import measured n and k: files of refractiveindex.info or CSV tables, with the structure of the crystal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dielectra.data.schema import Record
from dielectra.data.splits import split_of
from dielectra.errors import InputError
from dielectra.importing.importer import ImportOptions
from dielectra.importing.outcomes import Outcome
from dielectra.optics.measured import read_measured
from dielectra.spectrum import Spectrum
from dielectra.structures import read_structure
from dielectra.symmetry import standard_form

form = "measured"
FIRST_UNIAXIAL = 75
"""First space group with two equal axes."""


class Options(ImportOptions):
    """What a table of n and k does not say.

    Attributes
    ----------
    structure
        Structure file of the crystal.
    extraordinary
        Page of the extraordinary ray of a uniaxial crystal.
    """

    structure: Path | None = None
    extraordinary: Path | None = None


def describe(source: Path, options: Options) -> str:  # noqa: ARG001  (every importer is given both)
    """Return the first lines of the card."""
    return f"Measured n and k, from {source.name}."


def read(source: Path, options: Options) -> Iterator[Outcome]:
    """Yield the record of one page.

    Raises
    ------
    InputError
        If there is no structure, or :func:`measured_record` fails.
    """
    if options.structure is None:
        raise InputError(f"{source}: n and k name no atoms; give the structure file as well")
    try:
        record = measured_record(source, options.structure, options, options.extraordinary)
        yield Outcome(str(source), (record,), warnings=tuple(record.spectrum.provenance.get("warnings", ())))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def measured_record(
    spectrum: str | Path, structure: str | Path, options: ImportOptions, extraordinary: str | Path | None = None
) -> Record:
    """Return the record of a crystal whose n and k were measured.

    It covers those of the wanted energies at which all pages are known; the others are missing.

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
        If a file cannot be used, fewer than two of the wanted energies were measured, or the number of pages does not
        fit the crystal's symmetry; biaxial crystals need a CSV with components.
    """
    crystal_form = standard_form(read_structure(structure))
    number, formula = crystal_form.space_group, crystal_form.crystal.formula
    if number < FIRST_UNIAXIAL:
        raise InputError(f"{structure}: space group {number} has three optical axes; give a CSV with xx, yy and zz")
    if crystal_form.cubic == (extraordinary is not None):
        rays = "one page, for all directions" if crystal_form.cubic else "an ordinary and an extraordinary page"
        raise InputError(f"{structure}: space group {number} needs {rays}")
    pages = [read_measured(page) for page in (spectrum, extraordinary) if page is not None]
    low = max(page.spectrum.energies[0] for page in pages)
    high = min(page.spectrum.energies[-1] for page in pages)
    energies = options.window(low, high)
    if energies is None:
        own = pages[0].spectrum.energies
        energies = own[(own >= low) & (own <= high)]
    across, *others = [page.spectrum.resample(energies) for page in pages]
    tensor = across.tensor
    for along in others:
        difference = along.tensor[0, 0] - across.tensor[0, 0]
        optic_axis = crystal_form.to_given_axes(np.diag([0.0, 0.0, 1.0]))  # as a projector
        tensor = tensor + optic_axis[:, :, None] * difference
    provenance = {"source": Path(spectrum).name, "references": [page.reference for page in pages]}
    doubts = [doubt for page in pages for doubt in page.warnings]
    measured = Spectrum(
        across.energies, tensor, "experiment", None, provenance | ({"warnings": doubts} if doubts else {})
    )
    properties = {"spacegroup": number}
    split = split_of(formula, options.seed)
    return Record(Path(spectrum).stem, formula, split, crystal_form.in_place, measured, properties)
