"""The verbs that list and describe data sets and models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from dielectra.cli.options import DataSetName, Json, ModelName
from dielectra.terminal import print_json, print_periodic_table, print_table, short, stdout

if TYPE_CHECKING:
    from dielectra.models.card import ModelCard

data_app = App(name="data", help="List, describe, download, import and export data sets.")
models_app = App(name="models", help="List, describe and cite models.")


@data_app.command(name="list")
def list_data(*, as_json: Json = False) -> None:
    """List the data sets found by name."""
    from dielectra.data.store import list_datasets

    print_json(list_datasets()) if as_json else stdout.print("\n".join(list_datasets()) or "none")


@data_app.command(name="info")
def describe_data(
    dataset: DataSetName,
    /,
    *,
    plot: Annotated[Path | None, Parameter(help="PNG, PDF or SVG file for histograms and the census.")] = None,
    floors: Annotated[bool, Parameter(help="Compare the census with what the ladder aims at.")] = False,
    as_json: Json = False,
) -> None:
    """Summarise a data set: counts by level and split, elements, chemistry classes, cell sizes, gaps, similarity."""
    from dielectra.data.summary import summarise

    summary = summarise(dataset, floors)
    if plot is not None:
        from dielectra.plots import plot_summary, save_figure

        save_figure(plot_summary(summary), plot)
    if as_json:
        print_json(summary)
        return
    rows = [(key, short(value)) for key, value in summary.items() if key not in ("census", "histograms")]
    print_table(f"data set {dataset}", ("quantity", "value"), rows)
    _print_census(summary["census"])
    for title, histogram in summary["histograms"].items():
        bars = [
            (label, f"{count:5d} {'█' * round(40 * count / max(1, *histogram.values()))}")
            for label, count in histogram.items()
        ]
        print_table(title, ("bin", "materials"), bars)


def _print_census(census: Mapping[str, Any]) -> None:
    counted = {**census["splits"], "metals (no spectrum)": census["metals"]}
    splits = [*dict.fromkeys(split for counts in counted.values() for split in counts)]
    rows = [(kind, *(str(counts.get(split, 0)) for split in splits)) for kind, counts in counted.items()]
    print_table("materials", ("level", *splits), rows)
    print_periodic_table("training materials with each element", census["training_elements"])
    classes = [(name, *map(str, counts.values())) for name, counts in census["classes"].items()]
    print_table("chemistry classes; a material may be in several", ("class", "materials", "training"), classes)
    if "floors" in census:
        compared = [(floor["name"], str(floor["found"]), str(floor["floor"])) for floor in census["floors"]]
        print_table("floors of the ladder", ("what", "found", "floor"), compared)


@data_app.command(name="check")
def check_data(dataset: DataSetName, /, *, as_json: Json = False) -> None:
    """Check every record: passivity, sum rule, Kramers-Kronig, symmetry of tensor and cell, metals without spectra.

    Lists what is flagged and ends with exit code 0: a flagged record may be right. A damaged data set ends with 2.
    """
    from dielectra.data.checks import CHECKS, check_dataset

    report = check_dataset(dataset)
    if as_json:
        return print_json(report)
    counts = {check.name: sum(entry["check"] == check.name for entry in report["flagged"]) for check in CHECKS}
    rows = [(check.name, check.meaning, f"{check.limit:g}", str(counts[check.name])) for check in CHECKS]
    title = f"{dataset}: {report['records']} records of {report['materials']} materials, {report['metals']} metals"
    print_table(title, ("check", "measured", "limit", "flagged"), rows)
    if report["flagged"]:
        found = [
            (e["id"], e["formula"], e["level"], e["check"], f"{e['value']:.3g}", e["note"]) for e in report["flagged"]
        ]
        print_table("flagged", ("material", "formula", "level", "check", "value", "note"), found)
    return None


@models_app.command(name="list")
def list_models(*folders: Path, as_json: Json = False) -> None:
    """List the shipped models, and those in given folders."""
    cards = [*_shipped_cards(), *_cards_in(folders)]
    if as_json:
        print_json([card.summary() for card in cards])
        return
    rows = [
        (card.name, ", ".join(card.target.levels), card.architecture, card.trained_on, _scores(card)) for card in cards
    ]
    print_table("models", ("name", "level", "architecture", "trained on", "median SC"), rows)


@models_app.command(name="info")
def describe_model(model: ModelName, /, *, as_json: Json = False) -> None:
    """Show the card of a model."""
    from dielectra.models.card import read_card
    from dielectra.models.store import model_folder

    card = read_card(model_folder(model))
    if as_json:
        print_json(card.model_dump())
    else:
        print_table(card.name, ("entry", "value"), [(key, short(value)) for key, value in card.model_dump().items()])


@models_app.command(name="cite")
def cite_model(model: str = "ladder-ensemble", /, *, as_json: Json = False) -> None:
    """Print what to cite when a model is used."""
    from dielectra.models.citation import citations

    entries = citations(model)
    print_json(entries) if as_json else stdout.print("\n\n".join(entries), markup=False, highlight=False)


@models_app.command(name="combine")
def combine_models(
    *models: Annotated[str, Parameter(help="Models of one target: names or folders.")],
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="New folder for the ensemble.")],
    as_json: Json = False,
) -> None:
    """Make one model of several with the same target: an ensemble, whose members give bands."""
    from dielectra.files import new_folder
    from dielectra.models.ensemble import combine, save_ensemble
    from dielectra.models.store import load_model

    new_folder(output)
    ensemble = combine([load_model(model) for model in models], output.resolve().name)
    save_ensemble(ensemble, output)
    if as_json:
        print_json(ensemble.card.model_dump())
    else:
        stdout.print(f"{output}: {ensemble.card.trained_on}", highlight=False)


def _cards_in(folders: tuple[Path, ...]) -> list[ModelCard]:
    from dielectra.errors import InputError
    from dielectra.models.card import CARD, read_card

    found = []
    for folder in folders:
        cards = sorted(path.parent for pattern in (CARD, f"*/{CARD}") for path in folder.glob(pattern))
        if not cards:
            raise InputError(f"{folder}: holds no model; give a model's folder or one that holds such folders")
        found += [read_card(path) for path in cards]
    return found


def _scores(card: ModelCard) -> str:
    return ", ".join(
        f"{split} {scores['sc_median']:.3f}" for split, scores in card.metrics.items() if "sc_median" in scores
    )


def _shipped_cards() -> list[ModelCard]:
    from dielectra.models.card import read_card
    from dielectra.models.store import model_folder, shipped_models

    return [read_card(model_folder(name)) for name in shipped_models()]
