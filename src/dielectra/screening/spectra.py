"""Spectra of a result as bytes: the independent components of Im eps in half precision, every 0.1 eV, compressed.

What is kept still has what the broadening of the data puts below the gap. Cubic splines through the points, a third of
the broadening apart, give it back; the real part follows by Kramers-Kronig; then the tail below the gap is taken off.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.grids import describe_energies, parse_energies
from dielectra.optics.onset import transparent_below
from dielectra.spectrum import COMPONENTS, Spectrum
from dielectra.symmetry import StandardForm
from dielectra.target import Target

SPACING = 0.1
"""Distance in eV of the energies that are kept."""

SAME = 2e-3
"""Difference of two components, relative to the largest value, below which they are kept as one."""

NOTHING = 255
HEAD = len(COMPONENTS)


class Kept(NamedTuple):
    """What is the same for all spectra of a result: energies (eV), level of theory, broadening (eV)."""

    energies: FloatArray
    level: str
    broadening: float | None

    def metadata(self) -> dict[str, str]:
        """Return the entries of a shard's metadata."""
        broadening = {} if self.broadening is None else {"broadening_eV": f"{self.broadening:g}"}
        return {"energies_eV": describe_energies(self.energies), "level": self.level, **broadening}


def encode(spectrum: Spectrum, form: StandardForm) -> bytes:
    """Return a spectrum as bytes, turned from the standard axes into those of the given cell."""
    step = _step(spectrum.energies)
    imaginary = form.to_given_axes(spectrum.tensor.imag[:, :, ::step])
    components = [imaginary[place] for place in COMPONENTS.values()]
    tolerance = SAME * float(np.abs(imaginary).max())
    kept: list[FloatArray] = []
    head = bytearray()
    for values in components:
        same = next((index for index, other in enumerate(kept) if np.abs(other - values).max() <= tolerance), None)
        if same is None and np.abs(values).max() <= tolerance:
            head.append(NOTHING)
            continue
        if same is None:
            same = len(kept)
            kept.append(values)
        head.append(same)
    halves = np.array(kept, "<f2").reshape(-1)
    planes = halves.view(np.uint8).reshape(-1, 2).T  # high and low bytes apart: the former change slowly
    return bytes(head) + zlib.compress(planes.tobytes(), 9)


def decode(payload: bytes, energies: FloatArray, level: str, broadening: float | None) -> Spectrum:
    """Return the spectrum that bytes stand for, on the photon energies of its model (eV).

    Raises
    ------
    InputError
        If they are damaged.
    """
    from scipy.interpolate import CubicSpline

    step = _step(energies)
    points = energies[::step]
    try:
        head, planes = payload[:HEAD], np.frombuffer(zlib.decompress(payload[HEAD:]), np.uint8)
        kept = planes.reshape(2, -1).T.copy().view("<f2").astype(float).reshape(-1, len(points))
        rows = [np.zeros(len(points)) if index == NOTHING else kept[index] for index in head]
    except (zlib.error, ValueError, IndexError) as error:
        raise InputError(f"a spectrum of the result is damaged ({error}); screen its crystals again") from error
    smooth = CubicSpline(points, np.array(rows), axis=1)(energies) if step > 1 else np.array(rows)
    target = Target(levels=(level,), rank=2, energies=tuple(energies.tolist()), broadening=broadening)
    return target.spectra(smooth[None, None])[level]


def _step(energies: FloatArray) -> int:
    """Return the number of points of the model's grid for one that is kept; the last point is kept too."""
    spacing = float(energies[1] - energies[0])
    step = max(1, round(SPACING / spacing))
    regular = np.allclose(np.diff(energies), spacing)
    return step if regular and (len(energies) - 1) % step == 0 else 1


def kept_of(metadata: dict[bytes, bytes]) -> Kept:
    """Return what the metadata of a shard say about its spectra."""
    text = {key.decode(): value.decode() for key, value in metadata.items() if key != b"ARROW:schema"}
    broadening = text.get("broadening_eV")
    return Kept(parse_energies(text["energies_eV"]), text["level"], None if broadening is None else float(broadening))


def read_spectra(result: str | Path, ids: list[str]) -> dict[str, Spectrum]:
    """Return spectra of a result by the ids of the crystals, in the axes of their given cells.

    Raises
    ------
    InputError
        If the result keeps no spectra, or holds none of an id.
    """
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    from dielectra.screening.shards import shards_of

    found: dict[str, Spectrum] = {}
    for shard in shards_of(result):
        data = ds.dataset(shard)
        if "spectrum" not in data.schema.names:
            raise InputError(f"{result}: keeps no spectra; screen with --spectra")
        wanted = ["id", "spectrum", "gap_ev", "gap_direct_ev"]
        table = data.to_table(columns=wanted, filter=pc.field("id").isin(ids))
        kept = kept_of(data.schema.metadata or {})
        for row in table.to_pylist():
            if row["spectrum"] is not None:
                spectrum = decode(row["spectrum"], *kept)
                predicted = row["gap_ev"] is not None  # else the direct gap is estimated, and nothing was taken off
                found[row["id"]] = transparent_below(spectrum, row["gap_direct_ev"]) if predicted else spectrum
    missing = [name for name in ids if name not in found]
    if missing:
        raise InputError(f"{result}: holds no spectrum of {', '.join(missing[:5])}")
    return found
