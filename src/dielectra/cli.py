"""The command line: verbs that parse, call and print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from cyclopts import App, CycloptsError, Parameter

from dielectra import __version__
from dielectra.errors import InputError
from dielectra.terminal import (
    print_error,
    print_json,
    print_predictions,
    print_table,
    progress_bar,
    short,
    stderr,
    stdout,
)

if TYPE_CHECKING:
    from dielectra.models.store import ModelCard
    from dielectra.prediction import Prediction
    from dielectra.structures import Crystal
    from dielectra.training.config import TrainingConfig
    from dielectra.training.loop import EpochReport

BAD_INPUT = 2

app = App(
    name="dielectra",
    help="Predict, train and climb: frequency-dependent dielectric functions of crystals at a chosen level of theory.",
    version=f"dielectra {__version__}",
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
data_app = App(name="data", help="List and describe data sets.")
models_app = App(name="models", help="List, describe and cite models.")
campaign_app = App(name="campaign", help="Run, watch and export many ab initio computations.")
app.command(data_app)
app.command(models_app)
app.command(campaign_app)

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on stdout.")]
Level = Annotated[str, Parameter(help="Level of theory: ipa, rpa, bse or experiment.")]
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


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; exit with 0 on success, 2 on bad input."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except (InputError, CycloptsError) as error:
        print_error(str(error))
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        stderr.print("interrupted; the same command goes on from the last saved state")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(0)


@app.command
def predict(
    files: Annotated[list[Path], Parameter(help="Structure files: CIF, POSCAR, extxyz, JSON lines.", negative=())],
    /,
    *,
    level: Level = "rpa",
    model: Annotated[str | None, Parameter(help="Shipped model or folder of your own; overrides --level.")] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, Parameter(help="Folder for one CSV file per crystal.")] = None,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for a figure of the spectra.")] = None,
) -> None:
    """Predict the dielectric function of crystals from their structure files.

    Files that cannot be used are reported on stderr; the others are answered all the same and the exit code is 2.
    """
    from dielectra.export import write_csv
    from dielectra.models.store import default_model, load_model
    from dielectra.prediction import describe

    loaded = load_model(model or default_model(level))
    names, crystals, problems = _read_all(files)
    predictions, names, refused = _predict_each(names, crystals, loaded)
    problems += refused
    if csv is not None:
        for name, prediction in zip(names, predictions, strict=True):
            write_csv(prediction, csv / f"{_file_stem(name)}.csv")
    if plot is not None and predictions:
        from dielectra.plots import plot_predictions, save_figure

        save_figure(plot_predictions([(p.crystal.formula, p.spectrum) for p in predictions]), plot)
    if as_json:
        print_json([describe(p, name) for name, p in zip(names, predictions, strict=True)])
    else:
        print_predictions(names, predictions)
    if problems:
        raise InputError("\n".join(problems))


@app.command
def train(
    dataset: str,
    /,
    *,
    level: Level,
    run: Run,
    recipe: Annotated[
        str, Parameter(help="direct or pretrain (ours), paper-direct or paper-pretrain (as published).")
    ] = "direct",
    n: Annotated[int | None, Parameter(help="Number of labels to draw; all by default.")] = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model from scratch on the spectra of one level (direct learning)."""
    from dielectra.training.config import load_config

    settings = load_config(recipe, config, overrides or (), n=n, seed=seed)
    _train(dataset, level, settings, run, None, device, as_json)


@app.command
def climb(
    dataset: str,
    /,
    *,
    to: Annotated[str, Parameter(help="Level of theory to climb to.")],
    from_: Annotated[str, Parameter(name="--from", help="Model of a lower level: a shipped name or a folder.")],
    run: Run,
    recipe: Annotated[str, Parameter(help="climb (ours) or paper-climb (as published).")] = "climb",
    n: Annotated[int | None, Parameter(help="Number of labels to draw; all by default.")] = None,
    seed: Seed = 0,
    config: ConfigFile = None,
    overrides: Overrides = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Carry a model to a higher level with few spectra of that level (transfer learning)."""
    from dielectra.training.config import load_config

    settings = load_config(recipe, config, overrides or (), n=n, seed=seed)
    _train(dataset, to, settings, run, from_, device, as_json)


@app.command
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
    from dielectra.models.store import load_model
    from dielectra.training.evaluation import evaluate as evaluate_model

    result = evaluate_model(load_model(model), dataset, level, split)
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
    rows += [(f"baseline {key}", f"{value:.3f}") for key, value in result.baseline.items() if value is not None]
    rows += [
        (f"{size} atoms: SC median ({group.n})", f"{group.sc_median:.3f}") for size, group in result.per_n_atoms.items()
    ]
    print_table(f"{result.model} on {dataset}, {level}, {split}", ("quantity", "value"), rows)


@app.command
def reproduce(
    experiment: Annotated[str, Parameter(help="Experiment of the paper: learning-curve or spectra.")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder for table, figure and trained models.")],
    data: Annotated[str, Parameter(help="Data set: name, folder or file.")] = "ladder",
    quick: Annotated[bool, Parameter(negative=(), help="One seed and few sizes: minutes, not an hour.")] = False,
    seeds: Annotated[int | None, Parameter(help="Number of seeds.")] = None,
    as_json: Json = False,
) -> None:
    """Run an experiment of the paper on a data set; an interrupted one goes on where it stopped."""
    from dielectra.experiments import run_experiment

    with progress_bar() as progress:
        report = run_experiment(experiment, data, output, quick, seeds, progress)
    if as_json:
        print_json(report)
    else:
        stdout.print((output / "table.md").read_text(encoding="utf-8"), markup=False, highlight=False)
        stderr.print(f"table, figure and data are in {output}", highlight=False)


@app.command
def compute(
    files: Annotated[list[Path], Parameter(help="Structure files: CIF, POSCAR, extxyz, JSON lines.", negative=())],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder of the campaign.")],
    engine: Annotated[str, Parameter(help="Code that computes: gpaw.")] = "gpaw",
    protocol: Annotated[str, Parameter(help="Named settings: ladder-1 or ladder-1-fine.")] = "ladder-1",
    shuffle: Annotated[int | None, Parameter(help="Seed of a random order; that of the files by default.")] = None,
    skip: Annotated[str | None, Parameter(help="Data set whose materials are left out.")] = None,
    create_only: Annotated[bool, Parameter(negative=(), help="Make the campaign and do not run it.")] = False,
    check_convergence: Annotated[
        bool, Parameter(negative=(), help="Compute by ladder-1-fine too, and print the SC between both.")
    ] = False,
    workers: Workers = 1,
    time_limit: TimeLimit = 4.0,
    memory_limit: MemoryLimit = 8.0,
    as_json: Json = False,
) -> None:
    """Compute the IPA and RPA dielectric tensors of crystals ab initio; an interrupted run goes on where it stopped."""
    from dielectra.abinitio.campaign import create_campaign
    from dielectra.abinitio.convergence import compare_protocols
    from dielectra.abinitio.materials import read_materials
    from dielectra.abinitio.protocol import get_protocol
    from dielectra.data.store import material_ids

    present = material_ids(skip) if skip else set()
    materials = [material for material in read_materials(files, shuffle) if material.id not in present]
    settings = {output: get_protocol(protocol)}
    if check_convergence:
        settings[output / "convergence"] = get_protocol("ladder-1-fine")
    for folder, chosen in settings.items():
        _, n_new = create_campaign(folder, materials, engine, chosen)
        note = f"{folder}: {n_new} new of {len(materials)} materials, {chosen.name}"
        stderr.print(note, markup=False, highlight=False, soft_wrap=True)
        if not create_only:
            _run_campaign(folder, workers, time_limit, memory_limit)
    if create_only:
        return _show_status(output, as_json)
    _show_computed(output, compare_protocols(*settings) if check_convergence else {}, as_json)
    return None


@campaign_app.command(name="run")
def run_campaign(
    campaign: Path,
    /,
    *,
    workers: Workers = 1,
    time_limit: TimeLimit = 4.0,
    memory_limit: MemoryLimit = 8.0,
    attempts: Annotated[int, Parameter(help="How often a computation whose process dies is tried.")] = 3,
    retry: Annotated[bool, Parameter(negative=(), help="Try failed computations again.")] = False,
    as_json: Json = False,
) -> None:
    """Compute what waits; may be killed and started again at any time, and run several times at once."""
    from dielectra.abinitio.jobs import JobTable

    if retry:
        JobTable(campaign).retry(["failed"])
    _run_campaign(campaign, workers, time_limit, memory_limit, attempts)
    _show_status(campaign, as_json)


@campaign_app.command(name="status")
def campaign_status(campaign: Path, /, *, as_json: Json = False) -> None:
    """Print counts, cost, rate, time left, and why a material was not computed."""
    _show_status(campaign, as_json)


@campaign_app.command(name="export")
def export_campaign(
    campaign: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder of the data set; parts are added.")],
    as_json: Json = False,
) -> None:
    """Write finished records as further Parquet parts of a data set; existing parts stay as they are."""
    from dielectra.abinitio.campaign import export_campaign as export

    parts = [str(part) for part in export(campaign, output)]
    print_json(parts) if as_json else stdout.print("\n".join(parts) or "nothing new", markup=False, highlight=False)


@data_app.command(name="list")
def list_data(*, as_json: Json = False) -> None:
    """List the data sets found by name."""
    from dielectra.data.store import list_datasets

    print_json(list_datasets()) if as_json else stdout.print("\n".join(list_datasets()) or "none")


@data_app.command(name="info")
def describe_data(
    dataset: str,
    /,
    *,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for histograms.")] = None,
    as_json: Json = False,
) -> None:
    """Summarise a data set: counts by level and split, elements, cell sizes, gaps, similarity between levels."""
    from dielectra.data.summary import summarise

    summary = summarise(dataset)
    if plot is not None:
        from dielectra.plots import plot_summary, save_figure

        save_figure(plot_summary(summary), plot)
    if as_json:
        print_json(summary)
        return
    rows = [(key, short(value)) for key, value in summary.items() if key != "histograms"]
    print_table(f"data set {dataset}", ("quantity", "value"), rows)
    for title, histogram in summary["histograms"].items():
        bars = [
            (label, f"{count:5d} {'█' * round(40 * count / max(1, *histogram.values()))}")
            for label, count in histogram.items()
        ]
        print_table(title, ("bin", "materials"), bars)


@models_app.command(name="list")
def list_models(*, as_json: Json = False) -> None:
    """List the shipped models."""
    cards = _shipped_cards()
    if as_json:
        keys = {"name", "level", "architecture", "trained_on", "metrics"}
        print_json([card.model_dump(include=keys) for card in cards])
        return
    rows = [(card.name, card.level, card.architecture, card.trained_on, _scores(card)) for card in cards]
    print_table("models", ("name", "level", "architecture", "trained on", "median SC"), rows)


@models_app.command(name="info")
def describe_model(model: str, /, *, as_json: Json = False) -> None:
    """Show the card of a model."""
    from dielectra.models.store import model_folder, read_card

    card = read_card(model_folder(model))
    if as_json:
        print_json(card.model_dump())
    else:
        print_table(card.name, ("entry", "value"), [(key, short(value)) for key, value in card.model_dump().items()])


@models_app.command(name="cite")
def cite_model(model: str = "ladder-rpa", /, *, as_json: Json = False) -> None:
    """Print what to cite when a model is used."""
    from dielectra.models.citation import citations

    entries = citations(model)
    print_json(entries) if as_json else stdout.print("\n\n".join(entries), markup=False, highlight=False)


def _train(
    dataset: str, level: str, config: TrainingConfig, run: Path, start: str | None, device: str, as_json: bool
) -> None:
    import torch

    from dielectra.training.recipes import train_model
    from dielectra.training.workers import Workers

    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        device = Workers().gpu
    elif device == "auto":
        device = "cpu"
    with progress_bar() as progress:
        task = progress.add_task(f"{config.recipe} {level}", total=config.epochs)

        def show(epoch: int, epochs: int, report: EpochReport | None) -> None:
            text = f"{config.recipe} {level}"
            if report is not None:
                text += f"  validation SC {report.validation_sc:.3f}"
                progress.update(task, description=text)
            progress.update(task, completed=epoch, total=epochs)

        model = train_model(dataset, level, config, run, start, device=device, progress=show)
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


def _run_campaign(folder: Path, workers: int, hours: float, gigabytes: float, attempts: int = 3) -> None:
    from dielectra.abinitio.campaign import run_campaign as run
    from dielectra.abinitio.jobs import JobTable
    from dielectra.abinitio.worker import Limits

    limits = Limits(max(1, round(3600 * hours)), round(gigabytes * 2**30))
    with progress_bar() as progress:
        task = progress.add_task(str(folder), total=None)

        def show(counts: dict[str, int]) -> None:
            ended = sum(counts[state] for state in ("done", "refused", "failed"))
            progress.update(task, completed=ended, total=sum(counts.values()), description=f"{folder}: computed")

        show(JobTable(folder).counts())
        run(folder, workers, limits, attempts, show)


def _show_status(folder: Path, as_json: bool) -> None:
    from dielectra.abinitio.campaign import status

    report = status(folder)
    if as_json:
        return print_json(report)
    rows = [(key, short(value)) for key, value in report.items() if key != "not_computed"]
    print_table(f"campaign {folder}", ("quantity", "value"), rows)
    missing = [(entry["id"], entry["formula"], entry["state"], entry["reason"]) for entry in report["not_computed"]]
    if missing:
        print_table("not computed", ("material", "formula", "state", "reason"), missing)
    return None


def _show_computed(folder: Path, convergence: dict[str, dict[str, float]], as_json: bool) -> None:
    """Print one line per computed material and level; a material that could not be computed makes the exit code 2."""
    from dielectra.abinitio.campaign import computed, status

    materials = computed(folder)
    missing = status(folder)["not_computed"]
    for entry in materials:
        entry["convergence_sc"] = convergence.get(entry["id"])
    if as_json:
        print_json(materials)
    else:
        heads = ("material", "formula", "gap (eV)", "static eps IPA", "static eps RPA", "CPU s", "SC to fine IPA, RPA")
        print_table("computed", heads, [_computed_row(entry) for entry in materials])
    if missing:
        raise InputError("\n".join(f"{entry['id']}: {entry['reason']}" for entry in missing))


def _computed_row(entry: dict[str, Any]) -> tuple[str, ...]:
    static = [f"{entry['static_eps'][level]:.2f}" for level in ("ipa", "rpa")]
    agreement = entry["convergence_sc"] or {}
    scores = ", ".join(f"{agreement[level]:.3f}" for level in ("ipa", "rpa") if level in agreement)
    gap, seconds = f"{entry['gap_direct_ev']:.2f}", f"{entry['cpu_seconds']:.0f}"
    return entry["id"], entry["formula"], gap, *static, seconds, scores or "-"


def _read_all(files: Sequence[Path]) -> tuple[list[str], list[Crystal], list[str]]:
    from dielectra.structures import read_structures

    names, crystals, problems = [], [], []
    for file in files:
        try:
            found = read_structures(file)
        except InputError as error:
            problems.append(str(error))
            continue
        names += [str(file) if len(found) == 1 else f"{file}#{index}" for index in range(len(found))]
        crystals += found
    return names, crystals, problems


def _predict_each(
    names: Sequence[str], crystals: Sequence[Crystal], model: Any
) -> tuple[list[Prediction], list[str], list[str]]:
    """Predict all crystals at once; where one is refused, find it and answer the others."""
    from dielectra.prediction import predict_many

    if not crystals:
        return [], [], []
    try:
        return predict_many(crystals, model=model), list(names), []
    except InputError as error:
        if len(crystals) == 1:
            return [], [], [f"{names[0]}: {error}"]
    middle = len(crystals) // 2
    first = _predict_each(names[:middle], crystals[:middle], model)
    second = _predict_each(names[middle:], crystals[middle:], model)
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _scores(card: ModelCard) -> str:
    return ", ".join(f"{split} {scores['sc_median']:.3f}" for split, scores in card.metrics.items())


def _shipped_cards() -> list[ModelCard]:
    from dielectra.models.store import model_folder, read_card, shipped_models

    return [read_card(model_folder(name)) for name in shipped_models()]


def _file_stem(name: str) -> str:
    path, _, index = name.partition("#")
    return Path(path).stem + (f"-{index}" if index else "")
