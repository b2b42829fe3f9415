"""The verbs that train models and score them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from dielectra.cli.options import ConfigFile, Device, Json, Level, Overrides, Run, Seed
from dielectra.terminal import print_json, print_table, progress_bar, stdout

if TYPE_CHECKING:
    from dielectra.models.model import ModelLike
    from dielectra.training.config import TrainingConfig
    from dielectra.training.state import EpochReport


def train(
    dataset: str,
    /,
    *,
    level: Annotated[str, Parameter(help="Level of theory, or several with commas, learned together: ipa,rpa.")],
    run: Run,
    recipe: Annotated[
        str,
        Parameter(help="direct, pretrain, encoder or ensemble (ours), paper-direct or paper-pretrain (as published)."),
    ] = "direct",
    n: Annotated[int | None, Parameter(help="Number of labels to draw; all by default.")] = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model from scratch on the spectra of one level (direct learning), or of several at once."""
    from dielectra.training.config import load_config

    settings = load_config(recipe, config, overrides or (), n=n, seed=seed)
    _train(dataset, level.split(","), settings, run, None, device, as_json)


def climb(
    dataset: str,
    /,
    *,
    to: Annotated[str, Parameter(help="Level of theory to climb to.")],
    from_: Annotated[
        str | None,
        Parameter(name="--from", help="Model of a lower level to carry on: a shipped name or a folder."),
    ] = None,
    run: Run,
    recipe: Annotated[
        str | None,
        Parameter(help="climb (ours) or paper-climb (as published) with --from; encoder or ensemble without."),
    ] = None,
    n: Annotated[int | None, Parameter(help="Number of labels to draw; all by default.")] = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Carry a model to a higher level with few spectra of that level (transfer learning).

    Without --from, a head on a frozen encoder learns the level together with all lower ones of the data set.
    """
    from dielectra.data.dataset import open_dataset
    from dielectra.levels import levels_below
    from dielectra.training.config import load_config

    settings = load_config(recipe or ("climb" if from_ else "encoder"), config, overrides or (), n=n, seed=seed)
    below = [] if from_ else [level for level in open_dataset(dataset).levels if level in levels_below(to)]
    _train(dataset, [*below, to], settings, run, from_, device, as_json)


def evaluate(
    model: str,
    dataset: str,
    /,
    *,
    level: Level,
    split: Annotated[str, Parameter(help="train, validation or test.")] = "test",
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the scores.")] = None,
    as_json: Json = False,
) -> None:
    """Score a model against the reference spectra of a data set."""
    from dielectra.models.ensemble import load_predictor
    from dielectra.training.evaluation import evaluate as evaluate_model

    result = evaluate_model(load_predictor(model), dataset, level, split)
    if plot is not None:
        from dielectra.plots import plot_evaluation, save_figure

        save_figure(plot_evaluation(result), plot)
    if as_json:
        print_json(result.model_dump())
        return
    rows = [
        ("materials", str(result.n)),
        ("SC median / mean", f"{result.sc_median:.3f} / {result.sc_mean:.3f}"),
        ("SC 10 % / 90 % quantile", f"{result.sc_quantiles['0.1']:.3f} / {result.sc_quantiles['0.9']:.3f}"),
        ("MAE median", f"{result.mae_median:.3f}"),
        ("MSE median", f"{result.mse_median:.3f}"),
    ]
    if result.tensor is not None:
        rows.append(("tensor SC median / mean", f"{result.tensor.sc_median:.3f} / {result.tensor.sc_mean:.3f}"))
    if result.band is not None:
        rows.append(("band coverage / half-width", f"{result.band.coverage:.3f} / {result.band.width:.3f}"))
    rows.append(
        ("roughness predicted / reference", f"{result.roughness.predicted:.4f} / {result.roughness.reference:.4f}")
    )
    rows += [(f"baseline {key}", f"{value:.3f}") for key, value in result.baseline.items() if value is not None]
    rows += [
        (f"{size} atoms: SC median ({group.n})", f"{group.sc_median:.3f}") for size, group in result.per_n_atoms.items()
    ]
    print_table(f"{result.model} on {dataset}, {level}, {split}", ("quantity", "value"), rows)


def _train(
    dataset: str, levels: list[str], config: TrainingConfig, run: Path, start: str | None, device: str, as_json: bool
) -> None:
    import torch

    from dielectra.training.ensembles import train_ensemble
    from dielectra.training.recipes import train_model
    from dielectra.training.workers import Workers

    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        device = Workers().gpu
    elif device == "auto":
        device = "cpu"
    with progress_bar() as progress:
        title = f"{config.recipe} {', '.join(levels)}"
        task = progress.add_task(title, total=config.epochs)

        def show(epoch: int, epochs: int, report: EpochReport | None) -> None:
            text = title
            if report is not None:
                text += f"  validation SC {report.validation_sc:.3f}"
                progress.update(task, description=text)
            progress.update(task, completed=epoch, total=epochs)

        model: ModelLike
        if config.members and start is None:
            model = train_ensemble(dataset, levels, config, run, device=device, progress=show)
        else:
            model = train_model(dataset, levels, config, run, start, device=device, progress=show)
    if (run / "log.csv").is_file():
        from dielectra.plots import plot_training_log, save_figure

        save_figure(plot_training_log(run / "log.csv"), run / "log.png")
    if as_json:
        print_json(model.card.model_dump())
    else:
        metrics = model.card.metrics["validation"]
        stdout.print(
            f"{run}: {model.card.trained_on}; validation SC median {metrics['sc_median']:.3f}", highlight=False
        )
