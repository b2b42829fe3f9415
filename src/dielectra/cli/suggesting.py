"""The verb that says which crystals to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dielectra.cli.options import Json, Seed
from dielectra.terminal import print_json, print_note, print_table


def suggest(
    pool: Annotated[list[Path], Parameter(help="Structure files, folders or archives to choose from.", negative=())],
    /,
    *,
    n: Annotated[int, Parameter(help="Number of crystals to choose.")],
    data: Annotated[
        str | None, Parameter(help="Data set that is labelled already: nothing like it is chosen, its costs are used.")
    ] = None,
    model: Annotated[
        str | None, Parameter(help="Ensemble whose disagreement tells which labels promise most, e.g. ladder-ensemble.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Say which crystals of a pool to label next.

    Diverse ones first, then those that promise most for their cost.
    """
    from dielectra.training.suggestion import suggest as choose

    ensemble = None
    if model is not None:
        from dielectra.models.ensemble import load_predictor

        ensemble = load_predictor(model)
    found = choose([str(path) for path in pool], n, data, ensemble, seed)
    for reason in found.refused:
        print_note(reason)
    if as_json:
        print_json(found.model_dump())
        return
    rows = [
        (
            one.file,
            one.formula,
            str(one.n_alike),
            "" if one.disagreement is None else f"{one.disagreement:.3f}",
            "" if one.cpu_s is None else f"{one.cpu_s:.0f}",
        )
        for one in found.suggestions
    ]
    title = f"{n} of {found.pool} crystals to label next"
    print_table(title, ("file", "formula", "stands for", "disagreement", "CPU s"), rows)
