"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from dielectra.levels import LEVELS
from dielectra.units import UNITS, AxisOptions


def shown_default(value: Any) -> Any:
    """Return the default as the help shows it; None, which it leaves out, for flags and where there is none."""
    return None if value in (None, False, (), "") else str(value)


WRITING = Group("Output", sort_key=2)
AXIS = Group("Axis of tables, files and figures", sort_key=3)
PROPERTY_OPTIONS = Group("Options of derived properties", sort_key=4)

DataSetName = Annotated[str, Parameter(help="Data set: a name of `data list`, a folder of parts, or one part.")]
ModelName = Annotated[str, Parameter(help="Model: a name of `models list`, or a folder of your own.")]
CampaignFolder = Annotated[Path, Parameter(help="Folder of the campaign.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on stdout.")]
Level = Annotated[str, Parameter(help=f"Level of theory: {', '.join(LEVELS)}.")]
Labels = Annotated[int | None, Parameter(help="Number of labels to draw; all by default.")]
Seed = Annotated[int, Parameter(help="Seed of the label subset, the initial weights and the batch order.")]
Run = Annotated[Path, Parameter(name=["--output", "-o"], help="Folder for the model, its log and its resumable state.")]
Device = Annotated[str, Parameter(help="cpu, cuda, or auto: the GPU where there is one.")]
ConfigFile = Annotated[Path | None, Parameter(name="--config", help="YAML file of training options.")]
Overrides = Annotated[
    list[str] | None,
    Parameter(name="--set", negative=(), help="Training option, e.g. learning_rate=1e-4; may be repeated."),
]


Workers = Annotated[int, Parameter(help="Computations at a time, one core each.")]
TimeLimit = Annotated[float, Parameter(help="CPU hours that one computation may take.")]
MemoryLimit = Annotated[float, Parameter(help="GiB of memory that one computation may take.")]


@Parameter(name="*", group=AXIS)
@dataclass(frozen=True)
class AxisChoice:
    """Where spectra are shown: the axis of tables, files and figures."""

    unit: Annotated[str, Parameter(name="--unit", help=f"Unit of the axis: {', '.join(UNITS)}.")] = "ev"
    limits: Annotated[
        str | None, Parameter(name="--range", help="Ends of the axis in that unit, for instance 400:800.")
    ] = None
    step: Annotated[
        float | None, Parameter(name="--step", help="Distance of points in that unit; by default those of the model.")
    ] = None

    @property
    def options(self) -> AxisOptions:
        """Return the choice, checked."""
        return AxisOptions(self.unit, self.limits, self.step)
