"""What to cite when a model or its architecture is used."""

from __future__ import annotations

from pathlib import Path

from dielectra.models.card import read_card
from dielectra.models.interface import NETWORKS
from dielectra.models.optimate import METHOD
from dielectra.models.store import model_folder

SOFTWARE = "Dielectra {version}: {name}, {architecture} trained on {trained_on} (levels {levels}). Weights {licence}."
STRUCTURES = (
    "J. Schmidt et al., Improving machine-learning models in materials science through large datasets, "
    "Mater. Today Phys. 48, 101560 (2024) (Alexandria, CC-BY-4.0)."
)


def citations(model: str | Path) -> list[str]:
    """Return references for a model: itself, the method, the architecture, the source of its structures.

    Raises
    ------
    InputError
        If there is no such model.
    """
    card = read_card(model_folder(model))
    software = SOFTWARE.format(
        version=card.dielectra_version,
        name=card.name,
        architecture=card.architecture,
        trained_on=card.trained_on,
        levels=", ".join(card.level_history),
        licence=card.licence,
    )
    networks = [NETWORKS.load(architecture) for architecture in card.architecture.split(", ")]
    references = (entry for network in networks for entry in network.references)
    return [software, *dict.fromkeys([METHOD, *references]), STRUCTURES]
