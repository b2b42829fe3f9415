"""The verb that climbs to a higher level of theory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from dielectra.cli.options import ConfigFile, DataSetName, Device, Json, Labels, Overrides, Run, Seed
from dielectra.cli.training import plot_log, print_trained, training_bar, training_device
from dielectra.errors import InputError
from dielectra.terminal import print_json, print_note, print_table

if TYPE_CHECKING:
    from dielectra.training.climbing import Plan

MEASURED = "experiment"


def climb(
    dataset: DataSetName,
    /,
    *,
    to: Annotated[str, Parameter(help="Level of theory to climb to.")],
    from_: Annotated[
        str | None,
        Parameter(name="--from", help="Model of a lower level to carry on: a shipped name or a folder."),
    ] = None,
    run: Run,
    strategy: Annotated[
        Literal["joint", "finetune", "direct", "dress"] | None,
        Parameter(
            help="joint: together with the lower levels of the data set; finetune: carry the model of --from on; "
            "direct: the labels alone; dress: two physical parameters on top of the model of --from, for measured "
            "spectra. By default joint, with --from finetune, to experiment dress."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        Parameter(help="Other settings than the strategy's own, for instance paper-climb (as published) with --from."),
    ] = None,
    n: Labels = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Climb to a higher level with few spectra of that level.

    First says which labels there are; in the end compares the model, on labels of the validation split, with the
    spectra of the level below and with direct learning.
    """
    if strategy == "dress" or (strategy is None and to == MEASURED):
        _dress(dataset, to, from_, run, as_json)
        return
    from dielectra.training.climbing import RECIPES, choose_strategy, plan_climb
    from dielectra.training.climbing import climb as train_and_judge
    from dielectra.training.config import load_config

    chosen = choose_strategy(strategy, from_)
    settings = load_config(recipe or RECIPES[chosen], config, overrides or (), n=n, seed=seed)
    plan = plan_climb(dataset, to, chosen, settings, from_)
    for line in describe(plan):
        print_note(line)
    with training_bar(f"{settings.recipe} {', '.join([*plan.lower, to])}", settings.epochs) as show:
        model, verdict = train_and_judge(dataset, plan, settings, run, training_device(device), show)
    plot_log(run)
    if as_json:
        print_json(model.card.model_dump() | {"climb": {"plan": plan.model_dump(), "verdict": verdict.model_dump()}})
        return
    print_trained(model, run)
    print_note(verdict.says)


def describe(plan: Plan) -> list[str]:
    """Return lines about what a climb has to learn from."""
    counts = ", ".join(f"{n} {split}" for split, n in plan.labels.items())
    lines = [
        f"strategy {plan.strategy}" + (f" from {plan.start}" if plan.start else ""),
        f"{plan.level} labels: {counts}; {plan.used} used; {plan.missing} crystals of the data set have none",
    ]
    if plan.lower:
        lines.append("learned together: " + ", ".join(f"{n} spectra at {level}" for level, n in plan.lower.items()))
    shared = "an unknown number" if plan.shared_formulas is None else str(plan.shared_formulas)
    if plan.lower or plan.start:
        lines.append(f"of the formulas of the {plan.held_out} validation labels, training below has seen {shared}")
    known = [
        f"{words} {value:.3f}"
        for words, value in (
            ("spectrum of the level below, taken as it is,", plan.baseline["lower_level"]),
            ("mean training spectrum", plan.baseline["mean_spectrum"]),
        )
        if value is not None
    ]
    return [*lines, f"median SC to beat on these: {', '.join(known)}"] if known else lines


def _dress(dataset: str, to: str, start: str | None, run: Path, as_json: bool) -> None:
    from dielectra.training.dressing import climb_to_measured

    if start is None:
        raise InputError("strategy dress needs the model whose spectra are dressed; give one with --from")
    model, found = climb_to_measured(dataset, start, run, to)
    for reason in found.refused:
        print_note(reason)
    if as_json:
        climb = found.model_dump(mode="json") | {"helps": found.helps}
        print_json(model.card.model_dump(mode="json") | {"climb": climb})
        return
    rows = [
        (one.formula, "yes" if one.unseen else "", *(f"{value:.3f}" for value in (*one.base, *one.dressed)))
        for one in found.compounds
    ]
    medians = [
        (name, "", *(f"{value:.3f}" for kind in ("base", "dressed") for value in found.medians(kind, unseen)))
        for name, unseen in (("median", False), ("median, unseen", True))
    ]
    heads = ("compound", "unseen", "n, base", "k, base", "n, dressed", "k, dressed")
    print_table("RMSE to measured n and k, each compound by parameters of the others", heads, [*rows, *medians])
    words = "helps" if found.helps else "does not help"
    print_note(f"{run}: shift {found.dressing.shift:g} eV / eps0, kernel {found.dressing.kernel:g}; the climb {words}")
