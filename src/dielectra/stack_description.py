"""Descriptions of layer stacks in YAML: materials, layers, substrate and the light on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from dielectra.errors import InputError
from dielectra.settings import read_yaml, validate, with_overrides


def _complex(value: Any) -> Any:
    """Take a complex number also as a list of real and imaginary part."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int | float) for part in value):
        return complex(*value)
    return value


def _several(value: Any) -> Any:
    """Take one number where several may stand."""
    return (value,) if isinstance(value, int | float) else value


Number = Annotated[complex, BeforeValidator(_complex)]
Angle = Annotated[float, Field(ge=0, lt=90)]


class MaterialDescription(BaseModel):
    """Name a material in exactly one way.

    ``structure``: a crystal file, whose spectrum is predicted. ``data``: a CSV or refractiveindex.info file, or a
    formula or page of the shipped measurements. ``index``: n, or n + i k as ``1.5+0.1j`` or ``[1.5, 0.1]``. ``eps``:
    dielectric constant, likewise. File names are relative to the description's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    structure: str | None = None
    data: str | None = None
    index: Number | None = None
    eps: Number | None = None

    @field_validator("index", "eps")
    @classmethod
    def _refuse_gain(cls, value: complex | None) -> complex | None:
        if value is not None and (value.imag < 0 or value == 0):
            raise ValueError(f"{value} amplifies or vanishes; give a number with an imaginary part of at least 0")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> MaterialDescription:
        ways = ("structure", "data", "index", "eps")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(ways)}; got {', '.join(given) or 'none'}")
        return self

    @property
    def label(self) -> str:
        """Return the material in a few words."""
        if self.structure is not None:
            return Path(self.structure).stem
        if self.data is not None:
            return self.data
        name, value = ("n", self.index) if self.index is not None else ("eps", self.eps)
        return f"{name} = {value.real:g}" + (f" + {value.imag:g}i" if value.imag else "") if value is not None else ""


class LayerDescription(MaterialDescription):
    """Describe one layer; ``coherent: false`` for one so thick or uneven that its two faces do not interfere."""

    thickness_nm: float = Field(gt=0)
    coherent: bool = True


class SubstrateDescription(MaterialDescription):
    """Describe what carries the layers: without end, or with a thickness as an incoherent plate with air behind."""

    thickness_nm: float | None = Field(None, gt=0)


class EnergyRange(BaseModel):
    """Describe photon energies in eV, evenly spaced, both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(1.2, ge=0)
    stop: float = Field(4.0, gt=0)
    n: int = Field(281, ge=2, le=20001)

    @model_validator(mode="after")
    def _increasing(self) -> EnergyRange:
        if self.stop <= self.start:
            raise ValueError(f"stop ({self.stop:g}) must exceed start ({self.start:g})")
        return self


class AxisDescription(BaseModel):
    """Describe the axis in any unit: ``{unit: nm, range: "400:800", step: 2}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["ev", "nm", "um", "cm-1", "thz"] = "ev"
    range: str
    step: float | None = Field(None, gt=0)


class StackDescription(BaseModel):
    """Describe a stack and the light on it.

    ``layers`` are listed from the side of the light on, ``incidence`` is the refractive index of the medium it comes
    from, ``angles`` are in degrees from the normal. ``axis`` replaces ``energies_ev`` where it is given. ``level`` and
    ``model`` say how structures are predicted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[LayerDescription, ...]
    substrate: SubstrateDescription = SubstrateDescription(index=1.0)
    incidence: float = Field(1.0, gt=0)
    angles: Annotated[tuple[Angle, ...], BeforeValidator(_several), Field(min_length=1)] = (0.0,)
    polarisation: Literal["s", "p", "unpolarised"] = "unpolarised"
    energies_ev: EnergyRange = EnergyRange()
    axis: AxisDescription | None = None
    level: str = "rpa"
    model: str | None = None


def read_stack(path: str | Path, overrides: Sequence[str] = ()) -> StackDescription:
    """Read the description of a stack.

    Parameters
    ----------
    path
        YAML file with the keys of :class:`StackDescription`.
    overrides
        Entries such as ``polarisation=p`` or ``energies_ev.stop=6``.

    Raises
    ------
    InputError
        If the file cannot be read, an option is unknown, or a value not allowed; names the dotted option.
    """
    try:
        return validate(StackDescription, with_overrides(read_yaml(path), overrides))
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None
