"""How far a protocol is from a finer one."""

from __future__ import annotations

from pathlib import Path

from dielectra.abinitio.task import record_path
from dielectra.data.dataset import open_dataset
from dielectra.jobs.table import JobTable
from dielectra.spectrum import similarity


def compare_protocols(folder: Path, reference: Path) -> dict[str, dict[str, float]]:
    """Return SC by level of each material that both campaigns have computed, the second one being the reference."""
    names = [{job.id for job in JobTable(campaign).jobs("done")} for campaign in (folder, reference)]
    return {name: _agreement(record_path(folder, name), record_path(reference, name)) for name in names[0] & names[1]}


def _agreement(record: Path, reference: Path) -> dict[str, float]:
    spectra = [
        {found.spectrum.level: found.spectrum for found in open_dataset(path).records()} for path in (record, reference)
    ]
    return {
        level: float(similarity(spectrum.mean.imag, spectra[1][level].mean.imag, spectrum.energies))
        for level, spectrum in spectra[0].items()
        if level in spectra[1]
    }
