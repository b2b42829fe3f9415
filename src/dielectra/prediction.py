"""From a crystal to its spectrum: the one function behind Python API, command line and web page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dielectra.crystal import VACUUM_GAP, Crystal, widest_empty_layer
from dielectra.errors import InputError
from dielectra.graph import batch_graphs, build_graph
from dielectra.optics.constants import optical_constants
from dielectra.spectrum import Spectrum, isotropic_spectrum
from dielectra.structures import Refused, read_structure, scan
from dielectra.symmetry import standard_form

if TYPE_CHECKING:
    from dielectra.models.store import Model

BATCH = 64
MAXIMUM_ATOMS = 500
REPORTED_COMPONENTS = ("xx", "yy", "zz", "mean")
REPORTED_SPECTRA = {
    "eps1": "eps1",
    "eps2": "eps2",
    "n": "n",
    "k": "k",
    "absorption_per_cm": "absorption",
    "reflectivity": "reflectivity",
    "loss": "loss",
}


class Prediction(NamedTuple):
    """Hold a predicted spectrum, the standardised crystal it belongs to, and what a user should know about it."""

    crystal: Crystal
    spectrum: Spectrum
    warnings: list[str]


class Answers(NamedTuple):
    """Hold the predictions of every crystal of some files under their names, and a sentence per problem."""

    names: list[str]
    predictions: list[Prediction]
    problems: list[str]


def predict(structure: Any, level: str = "rpa", model: Model | str | None = None) -> Spectrum:
    """Predict the dielectric function of a crystal.

    Parameters
    ----------
    structure
        Path of a structure file, ``ase.Atoms``, pymatgen ``Structure`` or :class:`~dielectra.crystal.Crystal`.
    level
        Level of theory of the shipped model: ``ipa`` or ``rpa``.
    model
        A loaded model, a name or a folder; overrides `level`.

    Returns
    -------
    Spectrum
        On the model's energies (0-20 eV). The model predicts the isotropic average of Im eps; Re eps follows by
        Kramers-Kronig. What a user should know is in ``provenance["warnings"]``.

    Raises
    ------
    InputError
        If the structure cannot be read or holds an element that the model cannot represent.
    """
    return predict_many([read_structure(structure)], level, model)[0].spectrum


def predict_many(crystals: Sequence[Crystal], level: str = "rpa", model: Model | str | None = None) -> list[Prediction]:
    """Predict the dielectric functions of many crystals in batches; arguments as for :func:`predict`."""
    import torch

    from dielectra.models.store import Model, default_model, load_model

    loaded = model if isinstance(model, Model) else load_model(model or default_model(level))
    forms = [standard_form(crystal) for crystal in crystals]
    cells = [form.crystal for form in forms]
    for cell in cells:
        _refuse_unsupported(cell, loaded)
    graphs = [build_graph(cell, loaded.network.cutoff) for cell in cells]
    device = next(loaded.network.parameters()).device
    rows: list[Any] = []
    with torch.inference_mode():
        for start in range(0, len(graphs), BATCH):
            batch = batch_graphs(graphs[start : start + BATCH]).to(device)
            rows.extend(loaded.network(batch).cpu().numpy())
    predictions = []
    for given, form, graph, row in zip(crystals, forms, graphs, rows, strict=True):
        cell, isolated = form.crystal, len(np.unique(graph.target)) < form.crystal.n_atoms
        notes = _warnings(given, cell, loaded, isolated, form.cubic)
        provenance = {"model": loaded.card.name, "trained_on": loaded.card.trained_on, "warnings": notes}
        eps2 = np.maximum(row.astype(float), 0.0)
        spectrum = isotropic_spectrum(loaded.grid, eps2, loaded.card.level, loaded.card.broadening, provenance)
        predictions.append(Prediction(cell, spectrum, notes))
    return predictions


def predict_files(files: Sequence[tuple[str, Path]], model: Model, maximum: int | None = None) -> Answers:
    """Predict every crystal of structure files; what cannot be used is told, and the rest is answered all the same.

    Parameters
    ----------
    files
        The name by which each file is reported, and its path. A crystal of several in a file is called ``name#index``.
    maximum
        Number of crystals above which nothing is predicted.

    Raises
    ------
    InputError
        If there are more crystals than that.
    """
    names, crystals, problems = [], [], []
    for entry in scan(files):
        if isinstance(entry, Refused):
            problems.append(entry.reason)
        else:
            names.append(entry.name)
            crystals.append(entry.crystal)
    if maximum is not None and len(crystals) > maximum:
        raise InputError(f"{len(crystals)} crystals; up to {maximum} are answered at a time")
    answers = _predict_each(names, crystals, model)
    return answers._replace(problems=problems + answers.problems)


def _predict_each(names: list[str], crystals: list[Crystal], model: Model) -> Answers:
    """Predict all crystals at once; where one is refused, find it and answer the others."""
    if not crystals:
        return Answers([], [], [])
    try:
        return Answers(names, predict_many(crystals, model=model), [])
    except InputError as error:
        if len(crystals) == 1:
            return Answers([], [], [f"{names[0]}: {error}"])
    middle = len(crystals) // 2
    first = _predict_each(names[:middle], crystals[:middle], model)
    second = _predict_each(names[middle:], crystals[middle:], model)
    return Answers(first.names + second.names, first.predictions + second.predictions, first.problems + second.problems)


def _refuse_unsupported(crystal: Crystal, model: Model) -> None:
    from ase.data import chemical_symbols

    from dielectra.models.optimate import supported_elements

    unknown = sorted(crystal.elements - supported_elements())
    if unknown:
        names = ", ".join(chemical_symbols[number] for number in unknown)
        raise InputError(
            f"{crystal.formula}: model {model.card.name} has no features for {names}; "
            "it covers the main-group elements H to Xe"
        )
    if crystal.n_atoms > MAXIMUM_ATOMS:
        raise InputError(
            f"{crystal.formula}: {crystal.n_atoms} atoms in the primitive cell; the model was trained on small unit "
            f"cells and answers up to {MAXIMUM_ATOMS}"
        )


def _warnings(given: Crystal, crystal: Crystal, model: Model, isolated: bool, cubic: bool) -> list[str]:
    from ase.data import chemical_symbols

    notes = []
    unseen = sorted(crystal.elements - set(model.card.elements))
    if unseen:
        names = ", ".join(chemical_symbols[number] for number in unseen)
        notes.append(f"{names} not among the elements the model was trained on; the spectrum is an extrapolation")
    gap = widest_empty_layer(given)
    if gap > VACUUM_GAP:
        notes.append(
            f"empty layer of {gap:.1f} angstrom: the dielectric function of a slab or molecule in vacuum "
            "depends on the cell size; the model describes bulk crystals"
        )
    if isolated:
        notes.append(
            f"an atom has no neighbour within {model.network.cutoff:g} angstrom; the model sees it as isolated"
        )
    if not cubic:
        notes.append("not cubic: the model predicts the isotropic average, so that xx, yy and zz are equal")
    return notes


def describe(prediction: Prediction, file: str) -> dict[str, Any]:
    """Return a prediction as plain data with the keys of ``dielectra predict --json``.

    Spectra are objects keyed by ``xx``, ``yy``, ``zz`` and ``mean``; ``static_eps`` belongs to the mean.
    """
    spectrum = prediction.spectrum
    constants = {name: optical_constants(spectrum, name) for name in REPORTED_COMPONENTS}
    report: dict[str, Any] = {
        "file": file,
        "formula": prediction.crystal.formula,
        "level": spectrum.level,
        "model": spectrum.provenance["model"],
        "energy_ev": _plain(spectrum.energies),
    }
    for key, field in REPORTED_SPECTRA.items():
        report[key] = {name: _plain(getattr(values, field)) for name, values in constants.items()}
    return report | {"static_eps": constants["mean"].static_eps, "warnings": prediction.warnings}


def _plain(values: NDArray[np.float64]) -> list[float]:
    """Return numbers rounded to seven significant digits, the precision of the network."""
    with np.errstate(divide="ignore"):
        exponents = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    factors = 10.0 ** (6 - exponents)
    rounded: list[float] = (np.round(values * factors) / factors).tolist()
    return rounded
