"""What to cite when a model or its architecture is used."""

from __future__ import annotations

from pathlib import Path

from dielectra.models.store import model_folder, read_card

SOFTWARE = "Dielectra {version}: {name}, OptiMate trained on {trained_on} (levels {levels}). Weights {licence}."
METHOD = (
    "M. Grunert, M. Grossmann, E. Runge, Machine learning climbs the Jacob's Ladder of optoelectronic properties, "
    "Nat. Commun. 16, 8142 (2025)."
)
ARCHITECTURE = (
    "M. Grunert, M. Grossmann, E. Runge, Deep learning of spectra: "
    "Predicting the dielectric function of semiconductors, Phys. Rev. Mater. 8, L122201 (2024)."
)
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
        trained_on=card.trained_on,
        levels=", ".join(card.level_history),
        licence=card.licence,
    )
    return [software, METHOD, ARCHITECTURE, STRUCTURES]
