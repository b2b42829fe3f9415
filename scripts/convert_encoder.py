"""Convert the pickled SevenNet checkpoints in the wheel of ``sevenn`` (MIT) to the safetensors that Dielectra ships.

Run once, in an environment of its own, with ``pip install torch sevenn safetensors``::

    python scripts/convert_encoder.py src/dielectra/models/encoder/weights

Every constant of the original layers (fan-in, activation gain, neighbour count, Clebsch-Gordan normalisation) is folded
into the matrices, so that the network in ``dielectra.models.encoder`` multiplies and adds, and nothing else. What only
energies and forces need is left out.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from importlib import metadata
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import torch
from e3nn.math import normalize2mom
from e3nn.o3 import Irreps, wigner_3j
from safetensors.torch import save
from sevenn.checkpoint import SevenNetCheckpoint
from sevenn.util import load_checkpoint
from torch import Tensor

ENCODERS = {"sevennet-0": "7net-0", "sevennet-l3i5": "7net-l3i5"}
REFERENCE = "Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024)"
GAIN = normalize2mom(torch.nn.functional.silu).cst


def multiplicities(irreps: Any) -> list[int]:
    """Return the number of channels of each degree of an e3nn ``Irreps`` without parity."""
    counts = [0] * (Irreps(irreps).lmax + 1)
    for count, irrep in Irreps(irreps):
        counts[irrep.l] += count
    return counts


def linear(state: dict[str, Tensor], name: str, before: list[int], after: list[int]) -> list[Tensor]:
    """Return the matrix of each degree of an equivariant linear layer, scaled by its fan-in."""
    flat, start, matrices = state[f"{name}.linear.weight"], 0, []
    for n_in, n_out in zip(before, after, strict=False):
        matrices.append(flat[start : start + n_in * n_out].reshape(n_in, n_out) / math.sqrt(n_in))
        start += n_in * n_out
    if start != len(flat):
        raise ValueError(f"{name}: {len(flat)} weights where {start} were expected")
    return matrices


def paths(before: list[int], degree: int, after: int) -> list[tuple[int, int, int]]:
    """Return the couplings (l of the atom, l of the edge, l of the message), in the order of the radial weights."""
    return [
        (first, second, third)
        for third in range(after + 1)
        for first, second in product(range(len(before)), range(degree + 1))
        if abs(first - second) <= third <= first + second
    ]


def convert(checkpoint: SevenNetCheckpoint) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and description of the part of a checkpoint that makes the features of the atoms."""
    config = checkpoint.config
    state = {name: value.detach() for name, value in checkpoint.build_model().state_dict().items()}
    channels = [multiplicities(irreps) for irreps in config["irreps_manual"]]
    edge_degree = config["lmax"]
    tensors = {
        "frequencies": state["edge_embedding.basis_function.coeffs"],
        "embedding": linear(state, "onehot_to_feature_x", [config["_number_of_species"]], channels[0])[0],
        "numbers": torch.tensor(config["_chemical_species_by_atomic_number"]),
    }
    for layer, (before, after) in enumerate(pairwise(channels)):
        gated = [after[0] + sum(after[1:]), *after[1:]]
        couplings = paths(before, edge_degree, len(after) - 1)
        middle = [
            sum(before[first] for first, _, third in couplings if third == degree) for degree in range(len(after))
        ]
        denominator = state[f"{layer}_convolution.denominator"]
        radial = [state[f"{layer}_convolution.weight_nn.layer{i}.weight"] for i in range(3)]
        matrices = {
            "connection": linear(state, f"{layer}_self_connection_intro", before, gated),
            "sender": linear(state, f"{layer}_self_interaction_1", before, before),
            "receiver": [m / denominator for m in linear(state, f"{layer}_self_interaction_2", middle, gated)],
            "radial": [w * (GAIN if i else 1.0) / math.sqrt(len(w)) for i, w in enumerate(radial)],
        }
        for kind, parts in matrices.items():
            tensors |= {f"layers.{layer}.{kind}.{i}": part for i, part in enumerate(parts)}
    for first, second, third in paths(channels[1], edge_degree, edge_degree):
        coupling = wigner_3j(first, second, third) * math.sqrt(2 * third + 1)
        tensors[f"coupling.{first}.{second}.{third}"] = coupling
    description = {"channels": channels, "degree": edge_degree, "cutoff": config["cutoff"], "gain": GAIN}
    envelope = dict(config["cutoff_function"])
    if envelope.pop("cutoff_function_name") == "XPLOR":
        description["envelope"] = {"kind": "xplor", "onset": envelope["cutoff_on"]}
    else:
        description["envelope"] = {"kind": "polynomial", "power": envelope["poly_cut_p_value"]}
    return {
        name: value.float().contiguous() if value.is_floating_point() else value for name, value in tensors.items()
    }, description


def main(folder: Path) -> None:
    """Write weights, card and licence of every encoder into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    distribution = metadata.distribution("sevenn")
    licence = next(path for path in distribution.files or [] if path.name == "LICENSE")
    (folder / "LICENSE").write_text(Path(str(licence.locate())).read_text(encoding="utf-8"), encoding="utf-8")
    for name, keyword in ENCODERS.items():
        checkpoint = load_checkpoint(keyword)
        pickled = Path(checkpoint.checkpoint_path)
        tensors, description = convert(checkpoint)
        payload = save(tensors)
        (folder / f"{name}.safetensors").write_bytes(payload)
        card = {
            "name": name,
            "source": f"{pickled.parent.name}/{pickled.name} in the wheel of sevenn {distribution.version} on PyPI",
            "source_sha256": hashlib.sha256(pickled.read_bytes()).hexdigest(),
            "weights_sha256": hashlib.sha256(payload).hexdigest(),
            "licence": "MIT, Copyright (c) 2024 Yutack Park; text in LICENSE",
            "reference": REFERENCE,
        }
        (folder / f"{name}.json").write_text(json.dumps(card | description, indent=1) + "\n", encoding="utf-8")
        print(name, len(payload), "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
