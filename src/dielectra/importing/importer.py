"""Importers: what each form of file offers, the options they share, and which are known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from dielectra.arrays import FloatArray
from dielectra.errors import InputError
from dielectra.importing.outcomes import Outcome
from dielectra.registry import Registry
from dielectra.spectrum import Spectrum

IMPORTERS = Registry(
    "dielectra.importers",
    "form",
    {
        "published": "dielectra.importing.published",
        "pairs": "dielectra.importing.pairs",
        "measured": "dielectra.importing.measured",
        "refractiveindex": "dielectra.importing.measured",
        "yambo": "dielectra.importing.yambo",
        "gpaw": "dielectra.importing.gpaw",
        "vasp": "dielectra.importing.vasp",
        "elk": "dielectra.importing.elk",
    },
)
"""Forms by name; a measured spectrum has two names, the older one being ``refractiveindex``."""

LARGEST_GRID = 20_001
DEFAULT_ENERGIES = np.linspace(0.0, 20.0, 401)
"""Photon energies in eV of an import that is not given others: those of the ladder data sets."""


class Importer(Protocol):
    """Read one form of file; a module with these names is an importer."""

    @property
    def form(self) -> str:
        """Return the name of the form."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802  (a class)
        """Return the class of its options, whose fields are those of ``data import``."""

    def read(self, source: Path, options: Any, /) -> Iterator[Outcome]:
        """Yield what becomes of each item of a source: records, or the reason why there are none.

        Raises
        ------
        InputError
            If the source as a whole cannot be used; an item that cannot becomes an outcome with a problem.
        """

    def describe(self, source: Path, options: Any, /) -> str:
        """Return the first lines of the data set's card."""


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
            f"energies {text!r}: give START,STOP,N in eV, such as 0,20,401 (at most {LARGEST_GRID}), or 'file'"
        ) from None
    return np.linspace(start, stop, int(count))


def _energies(value: Any) -> Any:
    return energies_from(value) if isinstance(value, str) and value != "file" else value


Energies = Annotated[FloatArray | Literal["file"], BeforeValidator(_energies)]
"""Photon energies in eV, or ``file``: each spectrum keeps its own."""


LARGEST_NEGATIVE = 0.1
"""Share of the largest absorption below which a negative one is an error of a computation, not of signs."""


LARGEST_BROADENING = 5.0
"""Lorentzian broadening in eV above which a number is of another unit."""

LOWEST_STATIC = 0.95
"""Real part at zero energy below which, down to zero, there is no dielectric function of electrons."""

STATIC = 0.3
"""Photon energy in eV up to which the real part is taken for that at zero energy."""


def _refuse_senseless(spectrum: Spectrum) -> None:
    """Raise InputError for what is no dielectric function of a crystal in eV: other signs, units or quantities."""
    if spectrum.broadening is not None and spectrum.broadening > LARGEST_BROADENING:
        raise InputError(f"has a broadening of {spectrum.broadening:g} eV; is it in another unit?")
    absorption = np.einsum("iiw->iw", spectrum.tensor).imag
    lowest = float(absorption.min())
    if lowest < 0 and lowest <= -LARGEST_NEGATIVE * float(absorption.max()):
        energy = spectrum.energies[np.unravel_index(absorption.argmin(), absorption.shape)[1]]
        raise InputError(
            f"has negative absorption (Im eps = {lowest:.3g} at {energy:.4g} eV): change its sign, or exchange real "
            "and imaginary part"
        )
    static = float(spectrum.mean.real[0])
    if spectrum.level != "experiment" and spectrum.energies[0] <= STATIC and 0 <= static < LOWEST_STATIC:
        raise InputError(
            f"has Re eps = {static:.3g} at {spectrum.energies[0]:g} eV, where that of electrons is 1 or more, or "
            "negative in metals; is it a susceptibility, which lacks the 1?"
        )


class ImportOptions(BaseModel):
    """Options of importers whose spectra are put on a grid and split by formula.

    Attributes
    ----------
    energies
        Photon energies in eV of the records.
    seed
        Seed of the splits by formula.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    energies: Energies = DEFAULT_ENERGIES
    seed: int = 0

    def on_grid(self, spectrum: Spectrum) -> Spectrum:
        """Return a spectrum at the wanted energies, between points of its file by straight lines.

        Raises
        ------
        InputError
            If the spectrum does not reach over them, or is no dielectric function of a crystal.
        """
        _refuse_senseless(spectrum)
        if isinstance(self.energies, str):
            return spectrum
        low, high = spectrum.energies[[0, -1]]
        if self.energies[0] < low - 1e-9 or self.energies[-1] > high + 1e-9:
            raise InputError(
                f"covers {low:.4g} to {high:.4g} eV, not {self.energies[0]:g} to {self.energies[-1]:g}; choose a range "
                "inside it with --energies START,STOP,N (one range for the whole data set), or --energies file"
            )
        return spectrum.resample(self.energies)

    def window(self, low: float, high: float) -> FloatArray | None:
        """Return the wanted energies that lie in a range; None where each spectrum keeps its own.

        What a measurement does not cover is missing in its record, neither zero nor extrapolated.

        Raises
        ------
        InputError
            If fewer than two lie in it.
        """
        if isinstance(self.energies, str):
            return None
        inside = self.energies[(self.energies >= low - 1e-9) & (self.energies <= high + 1e-9)]
        if len(inside) < 2:
            wanted = f"{self.energies[0]:g} to {self.energies[-1]:g}"
            raise InputError(
                f"covers {low:.4g} to {high:.4g} eV, where fewer than two of the energies from {wanted} eV lie; choose "
                "others by --energies START,STOP,N, or --energies file"
            )
        return inside


def load_importer(form: str) -> Importer:
    """Return the importer of a form.

    Raises
    ------
    InputError
        If the form is unknown, or what another package registered for it is no importer.
    """
    importer: Importer = IMPORTERS.load(form)
    missing = [part for part in ("form", "Options", "read", "describe") if not hasattr(importer, part)]
    if missing:
        raise InputError(f"the form {form!r} lacks {', '.join(missing)} of an importer")
    return importer


def make_options(importer: Importer, given: Mapping[str, Any]) -> BaseModel:
    """Return an importer's options.

    Raises
    ------
    InputError
        If it takes no option of a name, one that it needs is missing, or a value does not fit.
    """
    fields = importer.Options.model_fields
    foreign = [name for name in given if name not in fields]
    if foreign:
        wrong, allowed = ", ".join(foreign), ", ".join(fields) or "none"
        raise InputError(f"the form {importer.form} takes no {wrong}; leave it out (its options: {allowed})")
    try:
        return importer.Options.model_validate(dict(given))
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
        raise InputError(f"options of the form {importer.form}: {reasons}") from error
