"""Write predictions to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dielectra.files import whole_file
from dielectra.optics.constants import optical_constants
from dielectra.prediction import Prediction

COLUMNS = ("eps1", "eps2", "n", "k", "absorption", "reflectivity", "loss")


def write_csv(prediction: Prediction, path: str | Path) -> Path:
    """Write the isotropic optical constants of a prediction as CSV, one row per photon energy.

    The header names units; comment lines say formula, level and model. The file appears whole or not at all.
    """
    spectrum = prediction.spectrum
    constants = optical_constants(spectrum)
    table = np.column_stack([spectrum.energies, *(getattr(constants, name) for name in COLUMNS)])
    model = spectrum.provenance["model"]
    comment = f"# {prediction.crystal.formula}, level {spectrum.level}, model {model}, isotropic average"
    header = f"{comment}\nenergy_ev,eps1,eps2,n,k,absorption_per_cm,reflectivity,loss"
    with whole_file(path) as temporary:
        np.savetxt(temporary, table, fmt="%.6g", delimiter=",", header=header, comments="")
    return Path(path)
