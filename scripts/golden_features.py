"""Store features that the package ``sevenn`` computes for ten crystals, as the reference of ``tests/test_encoder.py``.

Run in the environment of ``convert_encoder.py``::

    python scripts/golden_features.py tests/data/encoder.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sevenn.calculator import SevenNetCalculator

ENCODERS = {"sevennet-0": "7net-0", "sevennet-l3i5": "7net-l3i5"}


def crystals() -> dict[str, Atoms]:
    """Return ten crystals of different elements, bonds and symmetries, low ones among them."""
    quartz = crystal(
        ["Si", "O"],
        [(0.4697, 0, 0), (0.4135, 0.2669, 0.1191)],
        spacegroup=154,
        cellpar=[4.916, 4.916, 5.405, 90, 90, 120],
    )
    chalcopyrite = crystal(
        ["Cu", "In", "Se"],
        [(0, 0, 0), (0, 0, 0.5), (0.224, 0.25, 0.125)],
        spacegroup=122,
        cellpar=[5.78, 5.78, 11.62, 90, 90, 90],
        primitive_cell=True,
    )
    rutile = crystal(
        ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=[4.594, 4.594, 2.959, 90, 90, 90]
    )
    selenium = crystal(["Se"], [(0.225, 0, 1 / 3)], spacegroup=152, cellpar=[4.366, 4.366, 4.954, 90, 90, 120])
    wurtzite = bulk("ZnO", "wurtzite", a=3.25, c=5.207, u=0.382)
    low = Atoms(
        "NaBOSO",
        cell=[[5.1, 0.0, 0.0], [0.7, 4.6, 0.0], [-0.9, 0.5, 6.2]],
        scaled_positions=[
            [0.02, 0.05, 0.01],
            [0.53, 0.41, 0.27],
            [0.11, 0.52, 0.63],
            [0.64, 0.88, 0.72],
            [0.37, 0.13, 0.44],
        ],
        pbc=True,
    )
    return {
        "MgO": bulk("MgO", "rocksalt", a=4.212),
        "GaAs": bulk("GaAs", "zincblende", a=5.653),
        "CeO2": bulk("CeO2", "fluorite", a=5.411),
        "CsPbBr3": crystal(
            ["Cs", "Pb", "Br"],
            [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
            spacegroup=221,
            cellpar=[5.87, 5.87, 5.87, 90, 90, 90],
        ),
        "SiO2": quartz,
        "CuInSe2": chalcopyrite,
        "TiO2": rutile,
        "Se": selenium,
        "ZnO": wurtzite,
        "NaBSO2": low,
    }


def original_features(atoms: Atoms, calculator: SevenNetCalculator) -> list[NDArray[np.float32]]:
    """Return what the gates of all layers of the original network put out, each of shape ``(n_atoms, n_features)``."""
    layers: dict[str, NDArray[np.float32]] = {}

    def keep(module: torch.nn.Module, _inputs: Any, data: Any) -> None:
        layers[names[module]] = data["x"].detach().numpy().copy()

    names = {part: name for name, part in calculator.model.named_children() if name.endswith("equivariant_gate")}
    hooks = [module.register_forward_hook(keep) for module in names]
    calculator.calculate(atoms, properties=["energy"])
    for hook in hooks:
        hook.remove()
    return [layers[name] for name in sorted(layers)]


def main(path: Path) -> None:
    """Write the crystals, and the features of the first atom of each."""
    torch.set_num_threads(1)
    tensors = {}
    for name, atoms in crystals().items():
        tensors |= {
            f"{name}.cell": np.ascontiguousarray(atoms.cell),
            f"{name}.numbers": atoms.numbers.astype(np.int64),
            f"{name}.frac_coords": np.ascontiguousarray(atoms.get_scaled_positions(wrap=False)),
        }
    for encoder, keyword in ENCODERS.items():
        calculator = SevenNetCalculator(keyword, device="cpu")
        for name, atoms in crystals().items():
            features = np.concatenate([layer[0] for layer in original_features(atoms, calculator)])
            tensors[f"{name}.{encoder}"] = features.astype(np.float32)
    save_file(tensors, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
