"""The verbs that train models and score them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from dielectra.cli.options import ConfigFile, DataSetName, Device, Json, Labels, Level, ModelName, Overrides, Run, Seed
from dielectra.terminal import print_json, print_table, progress_bar, stdout

if TYPE_CHECKING:
    from dielectra.models.model import ModelLike
    from dielectra.training.state import EpochReport


def train(
    dataset: DataSetName,
    /,
    *,
    level: Annotated[str, Parameter(help="Level of theory, or several with commas, learned together: ipa,rpa.")],
    run: Run,
    recipe: Annotated[
        str,
        Parameter(help="direct, pretrain, encoder or ensemble (ours), paper-direct or paper-pretrain (as published)."),
    ] = "direct",
    n: Labels = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model from scratch (direct learning).

    It learns the spectra of one level, or of several at once.
    """
    from dielectra.training.config import load_config
    from dielectra.training.ensembles import train_recipe

    settings = load_config(recipe, config, overrides or (), n=n, seed=seed)
    levels = level.split(",")
    with training_bar(f"{settings.recipe} {', '.join(levels)}", settings.epochs) as show:
        model = train_recipe(dataset, levels, settings, run, device=training_device(device), progress=show)
    plot_log(run)
    print_json(model.card.model_dump()) if as_json else print_trained(model, run)


def evaluate(
    model: ModelName,
    dataset: DataSetName,
    /,
    *,
    level: Level,
    split: Annotated[str, Parameter(help="train, validation or test.")] = "test",
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the scores.")] = None,
    as_json: Json = False,
) -> None:
    """Score a model against the reference spectra of a data set."""
    from dielectra.models.ensemble import load_predictor
    from dielectra.models.store import model_of
    from dielectra.training.evaluation import evaluate as evaluate_model

    result = evaluate_model(load_predictor(model_of(level, model)), dataset, level, split)
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
    if result.gaps is not None:
        rows.append(
            ("gap MAE direct / fundamental (eV)", f"{result.gaps.direct_mae:.3f} / {result.gaps.fundamental_mae:.3f}")
        )
    if result.metals is not None:
        found = result.metals
        rows.append(("metals not refused", f"{found.answered} of {found.metals}"))
        rows.append(("crystals with a gap refused", f"{found.refused} of {found.insulators}"))
    rows += [(f"baseline {key}", f"{value:.3f}") for key, value in result.baseline.items() if value is not None]
    rows += [
        (f"{name}: SC median ({group.n})", f"{group.sc_median:.3f}") for name, group in result.per_chemistry.items()
    ]
    rows += [
        (f"{size} atoms: SC median ({group.n})", f"{group.sc_median:.3f}") for size, group in result.per_n_atoms.items()
    ]
    print_table(f"{result.model} on {dataset}, {level}, {split}", ("quantity", "value"), rows)


def training_device(device: str) -> str:
    """Return the device to train on: of several GPUs that of this process."""
    from dielectra.models.device import choose_device
    from dielectra.training.workers import Workers

    return choose_device(device, Workers().gpu)


@contextmanager
def training_bar(title: str, epochs: int) -> Iterator[Callable[[int, int, EpochReport | None], None]]:
    """Show how far a training is; gives what the training calls after every epoch."""
    with progress_bar() as progress:
        task = progress.add_task(title, total=epochs)

        def show(epoch: int, epochs: int, report: EpochReport | None) -> None:
            if report is not None:
                progress.update(task, description=f"{title}  validation SC {report.validation_sc:.3f}")
            progress.update(task, completed=epoch, total=epochs)

        yield show


def plot_log(run: Path) -> None:
    """Draw the log of a training beside it; an ensemble has none of its own."""
    if (run / "log.csv").is_file():
        from dielectra.plots import plot_training_log, save_figure

        save_figure(plot_training_log(run / "log.csv"), run / "log.png")


def print_trained(model: ModelLike, run: Path) -> None:
    """Print where a model is, what it was trained on, and how well it does."""
    median = model.card.metrics["validation"]["sc_median"]
    stdout.print(f"{run}: {model.card.trained_on}; validation SC median {median:.3f}", highlight=False)
