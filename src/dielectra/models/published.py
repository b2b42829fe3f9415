"""OptiMate as published: its sizes, and the translation of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dielectra.errors import InputError

TUNED_SIZES: dict[int, dict[str, Any]] = {
    100: {"node_widths": (96, 96, 96), "convolutions": ((192, 2),), "output_widths": (512, 512, 512)},
    300: {"node_widths": (96, 96, 96), "convolutions": ((384, 4),), "output_widths": (512, 512)},
    1000: {
        "node_widths": (96, 96, 96),
        "convolutions": ((192, 8), (96, 8), (96, 2)),
        "output_widths": (2048, 2048, 2048),
    },
    3000: {"node_widths": (48, 48, 48), "convolutions": ((384, 8),), "output_widths": (2048, 2048, 2048)},
    4610: {"node_widths": (96, 96), "convolutions": ((192, 8), (192, 2)), "output_widths": (2048, 2048, 2048)},
}
"""Options of OptiMate that the paper tuned for direct learning on each number of RPA spectra."""


def tuned_sizes(n_labels: int) -> dict[str, Any]:
    """Return the options that the paper tuned for the training-set size nearest to `n_labels` (on a log scale)."""
    nearest = min(TUNED_SIZES, key=lambda size: max(size / n_labels, n_labels / size))
    return TUNED_SIZES[nearest]


def convert_state_dict(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Translate a state dict of the authors' PyTorch-Geometric network into ours.

    Accepts the names of both published classes (``gat1`` and ``gat.module_0``), with or without the prefix ``gatnn.``.

    Raises
    ------
    InputError
        If a name belongs to neither.
    """
    converted = {"scale": torch.ones(published_length(published))}
    for name, value in published.items():
        parts = [part for part in name.removeprefix("gatnn.").split(".") if part != "module"]
        head = parts.pop(0)
        if head in ("gat1", "gat2"):
            parts.insert(0, str(int(head[3]) - 1))
            head = "gat"
        elif parts and parts[0].startswith("module_"):
            module = parts.pop(0)
            if head == "gat":
                parts.insert(0, module.removeprefix("module_"))
        if head not in ("mlp_init_node", "gat", "mlp_att", "mlp1"):
            raise InputError(f"state dict entry {name!r} is not part of OptiMate; give a published OptiMate state dict")
        converted[".".join([head, *parts])] = value
    return converted


def published_length(published: Mapping[str, Tensor]) -> int:
    """Return the number of energies a published state dict predicts: the length of its last bias.

    Raises
    ------
    InputError
        If there is no output perceptron in it.
    """
    biases = {
        name: value for name, value in published.items() if "mlp1" in name and ".lins." in name and "bias" in name
    }
    if not biases:
        raise InputError("the state dict has no output perceptron 'mlp1'; give a published OptiMate state dict")
    last = max(biases, key=lambda name: int(name.split(".lins.")[1].split(".")[0]))
    return len(biases[last])
